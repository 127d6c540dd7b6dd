//! Bare wasmtime: the same configuration and limits, nothing else.

use std::num::NonZeroUsize;

use wasmtime::component::{
    Component, ComponentExportIndex, InstancePre, Linker, ResourceTable, Val,
};
use wasmtime::{
    Config, Engine, OperatorCost, Store, StoreLimits, StoreLimitsBuilder, WasmBacktraceDetails,
    WasmFeatures,
};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

/// One component, linked once, called on a fresh store each time.
pub(crate) struct Bare {
    linked: InstancePre<State>,
    function: ComponentExportIndex,
}

struct State {
    wasi: WasiCtx,
    table: ResourceTable,
    limits: StoreLimits,
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

impl Bare {
    /// `interface` and `function` name the export.
    pub(crate) fn load(bytes: &[u8], interface: &str, function: &str) -> Self {
        let mut cost = OperatorCost::new();
        cost.variable.memory_grow_per_page = 100;
        let mut config = Config::new();
        config
            .consume_fuel(true)
            .operator_cost(cost)
            .concurrency_support(false)
            .max_wasm_stack(512 << 10)
            .async_stack_size(2 << 20)
            .async_stack_zeroing(true)
            .wasm_backtrace_max_frames(NonZeroUsize::new(20))
            .wasm_backtrace_details(WasmBacktraceDetails::Disable)
            .native_unwind_info(false)
            .wasm_features(WasmFeatures::MULTI_MEMORY, true);
        let engine = Engine::new(&config).unwrap();
        let component = Component::from_binary(&engine, bytes).unwrap();
        let mut linker = Linker::new(&engine);
        wasmtime_wasi::p2::add_to_linker_async(&mut linker).unwrap();
        let interface = component.get_export_index(None, interface).unwrap();
        Self {
            function: component
                .get_export_index(Some(&interface), function)
                .unwrap(),
            linked: linker.instantiate_pre(&component).unwrap(),
        }
    }

    /// A fresh store and instance, one call with dynamic values.
    pub(crate) async fn call(&self, arguments: &[Val]) -> Val {
        let state = State {
            wasi: WasiCtx::builder().build(),
            table: ResourceTable::new(),
            limits: StoreLimitsBuilder::new().memory_size(128 << 20).build(),
        };
        let mut store = Store::new(self.linked.engine(), state);
        store.limiter(|state| &mut state.limits);
        store.set_fuel(10_000_000_000).unwrap();
        store.fuel_async_yield_interval(Some(1_000_000)).unwrap();
        let instance = self.linked.instantiate_async(&mut store).await.unwrap();
        let function = instance.get_func(&mut store, self.function).unwrap();
        let mut results = [Val::Bool(false)];
        function
            .call_async(&mut store, arguments, &mut results)
            .await
            .unwrap();
        let [result] = results;
        result
    }
}
