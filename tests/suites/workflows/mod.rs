//! Workflows: plans that are checked, driven, steered and taken up again, on real guests.
#![expect(
    clippy::panic,
    clippy::indexing_slicing,
    clippy::wildcard_enum_match_arm,
    reason = "a test stops at the first surprise"
)]

mod checked;
mod driven;
mod steered;
