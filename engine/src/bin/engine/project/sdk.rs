//! The SDK for capabilities in Rust, which a new project gets a copy of: it needs nothing but public crates then.

macro_rules! sources {
    ($($path:literal),* $(,)?) => {
        &[$(($path, include_str!(concat!("../../../../../guest-sdk/", $path)))),*]
    };
}

/// Every file of `guest-sdk`; a test compares a new project with the directory.
pub(super) const SOURCES: &[(&str, &str)] = sources![
    "Cargo.toml",
    "macros/Cargo.toml",
    "macros/src/lib.rs",
    "manifest/Cargo.toml",
    "manifest/src/lib.rs",
    "manifest/src/problem.rs",
    "manifest/src/tags.rs",
    "manifest/src/tests.rs",
    "src/actions.rs",
    "src/artifacts.rs",
    "src/lib.rs",
    "src/log.rs",
    "src/progress.rs",
    "wit/host.wit",
];

/// What lies beside the SDK: the values that its `Cargo.toml` files inherit, and its licences.
pub(super) const BESIDE: &[(&str, &str)] = &[
    ("Cargo.toml", include_str!("templates/rust/vendor.toml")),
    (
        "LICENSE-APACHE",
        include_str!("../../../../../LICENSE-APACHE"),
    ),
    ("LICENSE-MIT", include_str!("../../../../../LICENSE-MIT")),
];
