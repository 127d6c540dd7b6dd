use std::num::NonZeroUsize;

use wasmtime::{
    Config, Enabled, InstanceAllocationStrategy, OperatorCost, PoolingAllocationConfig, Strategy,
    WasmBacktraceDetails, WasmFeatures,
};

use super::pool::{self, Pool, TABLES};
use crate::host::Caps;

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

/// How much of a guest's stack stays with its place.
const STACK_KEPT: usize = 16 << 10;
/// How much of each table stays with its place.
const TABLE_KEPT: usize = 64 << 10;

/// The same for instances that have their places in a pool. What is compiled for the one runs with the other.
pub(super) fn pooled(deterministic: bool, pool: Pool) -> Config {
    let (one, all) = (pool.instances(), pool.all());
    // They take no room of their own.
    let core_instances = u32::try_from(Caps::INSTANCES).unwrap_or(u32::MAX);
    let scan = if pool::may_scan() {
        Enabled::Auto
    } else {
        Enabled::No
    };
    let mut places = PoolingAllocationConfig::new();
    places
        .total_component_instances(all)
        .total_core_instances(all.saturating_mul(core_instances))
        .total_memories(all)
        .max_memories_per_component(one)
        .total_tables(all.saturating_mul(TABLES))
        .max_tables_per_component(one.saturating_mul(TABLES))
        .total_stacks(all)
        .table_elements(Caps::TABLE_ELEMENTS)
        .max_unused_warm_slots(all)
        .linear_memory_keep_resident(pool.kept())
        .table_keep_resident(TABLE_KEPT)
        .async_stack_keep_resident(STACK_KEPT)
        .pagemap_scan(scan);
    let mut config = config(deterministic);
    config.allocation_strategy(InstanceAllocationStrategy::Pooling(places));
    config
}
