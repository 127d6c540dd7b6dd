use std::num::NonZeroUsize;

use wasmtime::{Config, OperatorCost, Strategy, WasmBacktraceDetails, WasmFeatures};

/// How much of the stack a guest may use; the host functions it calls get at least 1 MiB more.
pub(super) const GUEST_STACK: usize = 512 << 10;
const WHOLE_STACK: usize = 2 << 20;

/// Fuel for each page of memory that is asked for: the kernel clears it, and that takes time.
pub(super) const FUEL_PER_PAGE: u8 = 100;

/// Fuel between two looks at the clock, about a tenth of a millisecond.
pub(super) const FUEL_BETWEEN_YIELDS: u64 = 1_000_000;

/// Frames of a guest's stack in a report.
const FRAMES: NonZeroUsize = NonZeroUsize::new(20).unwrap();

/// What stays off. None of it is needed by what today's toolchains make for WASI 0.2, and each is code
/// that an attacker could look for mistakes in. Multi-memory stays on: with it off, wasmtime 48 panics
/// on valid components.
const OFF: WasmFeatures = WasmFeatures::THREADS
    .union(WasmFeatures::SHARED_EVERYTHING_THREADS)
    .union(WasmFeatures::MEMORY64)
    .union(WasmFeatures::GC)
    .union(WasmFeatures::EXCEPTIONS)
    .union(WasmFeatures::LEGACY_EXCEPTIONS)
    .union(WasmFeatures::FUNCTION_REFERENCES)
    .union(WasmFeatures::TAIL_CALL)
    .union(WasmFeatures::RELAXED_SIMD)
    .union(WasmFeatures::STACK_SWITCHING)
    .union(WasmFeatures::CUSTOM_PAGE_SIZES)
    .union(WasmFeatures::WIDE_ARITHMETIC)
    .union(WasmFeatures::CM_ASYNC)
    .union(WasmFeatures::CM_ASYNC_STACKFUL)
    .union(WasmFeatures::CM_ERROR_CONTEXT)
    .union(WasmFeatures::CM_MAP)
    .union(WasmFeatures::CM_FIXED_LENGTH_LISTS)
    .union(WasmFeatures::CM_GC)
    .union(WasmFeatures::CM_THREADING);

/// The configuration under which guests are compiled and run.
///
/// Two runs can differ in the bits of a NaN alone: threads and relaxed SIMD, which could differ in more, are off. So a
/// deterministic engine has one NaN, and pays for it after every operation on floating-point numbers.
pub(super) fn config(deterministic: bool) -> Config {
    let mut cost = OperatorCost::new();
    cost.variable.memory_grow_per_page = FUEL_PER_PAGE;

    let mut config = Config::new();
    config
        .strategy(Strategy::Cranelift)
        .consume_fuel(true)
        .operator_cost(cost)
        .cranelift_nan_canonicalization(deterministic)
        .epoch_interruption(false)
        .concurrency_support(false)
        .max_wasm_stack(GUEST_STACK)
        .async_stack_size(WHOLE_STACK)
        .async_stack_zeroing(true)
        .wasm_backtrace_max_frames(Some(FRAMES))
        // Debug information is read by `symbols` within bounds, not by wasmtime without any.
        .wasm_backtrace_details(WasmBacktraceDetails::Disable)
        .native_unwind_info(false)
        .wasm_features(WasmFeatures::MULTI_MEMORY, true)
        .wasm_features(OFF, false);
    config
}
