//! What a call costs, against bare wasmtime with the same component and settings in the same run.
//!
//! `cargo xtask bench details` builds the capabilities and runs this. See `benches/README.md`.
#![expect(
    clippy::unwrap_used,
    reason = "a measurement stops at the first surprise"
)]
#![expect(
    clippy::print_stdout,
    reason = "latencies are printed beside what criterion prints"
)]

mod bare;
mod calls;
mod events;
mod guard;
mod workflow;

use criterion::Criterion;

fn main() {
    let mut criterion = Criterion::default().sample_size(100).configure_from_args();
    calls::define(&mut criterion);
    events::define(&mut criterion);
    guard::share();
    workflow::define();
    criterion.final_summary();
}
