//! Workflows: plans that are checked, driven, steered and taken up again, on real guests.

mod checked;
mod driven;
mod steered;
