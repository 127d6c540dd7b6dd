//! Gives the guest a stack of 8 MiB in its memory. How deep its calls go is bounded by the engine's own stack of
//! 512 KiB, and by what this crate looks after itself; the one in memory must never be the first to end, as it
//! ends in a trap that says nothing of stacks.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_FAMILY").is_ok_and(|family| family.contains("wasm")) {
        println!("cargo::rustc-link-arg=-zstack-size=8388608");
        // The profile says so, too; it is not heard for a package with an `opt-level` of its own.
        println!("cargo::rustc-link-arg=--strip-all");
    }
}
