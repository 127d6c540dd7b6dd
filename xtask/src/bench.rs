use crate::shell::{self, build_guests, cargo, ensure_guest_target};

/// `cargo xtask bench`: measures against bare wasmtime, in the same run.
pub(crate) fn run(filters: &[&str]) -> anyhow::Result<()> {
    ensure_guest_target()?;
    let capabilities = build_guests("capabilities")?;
    let mut bench = cargo(&["bench", "--locked", "--package", "engine-benches", "--"]);
    shell::run(
        bench
            .args(filters)
            .env("ENGINE_BENCH_GUESTS", &capabilities),
    )
}
