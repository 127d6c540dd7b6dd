//! wasmtime without the engine, on the same component: what there is to compare with.

use wasmtime::component::{
    Component, ComponentExportIndex, ComponentNamedList, InstancePre, Lift, Linker, Lower,
    ResourceTable, Val,
};
use wasmtime::{
    Config, Enabled, Engine, InstanceAllocationStrategy, OperatorCost, PoolingAllocationConfig,
    Store,
};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};

/// The fuel of a bare call: as much as a call of the engine has.
const FUEL: u64 = 10_000_000_000;

/// How wasmtime is set up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Setting {
    /// As well as anybody would: pooling, resident slots, PAGEMAP_SCAN where the kernel has it, no support for concurrency,
    /// fuel, a WASI context that asks for no random numbers.
    Tuned,
    /// The same without fuel: no limit at all.
    Limitless,
    /// What `Config::new()` and the default pool give.
    DefaultPool,
}

impl Setting {
    fn config(self, instances: u32) -> Config {
        let mut config = Config::new();
        let mut pool = PoolingAllocationConfig::default();
        match self {
            Setting::Tuned | Setting::Limitless => {
                pool.total_component_instances(instances)
                    .total_core_instances(instances.saturating_mul(8))
                    .total_memories(instances)
                    .total_tables(instances.saturating_mul(4))
                    .total_stacks(instances)
                    .linear_memory_keep_resident(1 << 20)
                    .table_keep_resident(1 << 16)
                    .async_stack_keep_resident(32 << 10)
                    .max_unused_warm_slots(instances)
                    .pagemap_scan(Enabled::Auto);
                config.concurrency_support(false);
            }
            Setting::DefaultPool => {}
        }
        if self == Setting::Tuned {
            // Growth of memory costs what it costs in the engine.
            let mut cost = OperatorCost::new();
            cost.variable.memory_grow_per_page = 100;
            config.consume_fuel(true).operator_cost(cost);
        }
        config.allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
        config
    }

    fn wasi(self) -> WasiCtx {
        let mut wasi = WasiCtx::builder();
        match self {
            Setting::Tuned | Setting::Limitless => {
                wasi.insecure_random_seed(7);
            }
            Setting::DefaultPool => {}
        }
        wasi.build()
    }
}

/// A component that was compiled and linked once, and is called on a fresh store and instance each time.
pub(crate) struct Bare {
    setting: Setting,
    linked: InstancePre<State>,
}

pub(crate) struct State {
    wasi: WasiCtx,
    table: ResourceTable,
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView {
            ctx: &mut self.wasi,
            table: &mut self.table,
        }
    }
}

/// How the host's functions are linked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ways {
    Blocking,
    Asynchronous,
}

impl Bare {
    /// With room for eight instances at a time, for calls that block.
    pub(crate) fn load(setting: Setting, bytes: &[u8]) -> Self {
        Self::sized(setting, bytes, 8, Ways::Blocking)
    }

    pub(crate) fn sized(setting: Setting, bytes: &[u8], instances: u32, ways: Ways) -> Self {
        let engine = Engine::new(&setting.config(instances)).unwrap();
        let component = Component::from_binary(&engine, bytes).unwrap();
        let mut linker = Linker::new(&engine);
        match ways {
            Ways::Blocking => wasmtime_wasi::p2::add_to_linker_sync(&mut linker).unwrap(),
            Ways::Asynchronous => wasmtime_wasi::p2::add_to_linker_async(&mut linker).unwrap(),
        }
        // What only the engine offers is not called here.
        linker.define_unknown_imports_as_traps(&component).unwrap();
        let linked = linker.instantiate_pre(&component).unwrap();
        Self { setting, linked }
    }

    /// Where an exported function is.
    pub(crate) fn find(&self, interface: &str, function: &str) -> ComponentExportIndex {
        let component = self.linked.component();
        let interface = component.get_export_index(None, interface).unwrap();
        component
            .get_export_index(Some(&interface), function)
            .unwrap()
    }

    fn store(&self) -> Store<State> {
        let state = State {
            wasi: self.setting.wasi(),
            table: ResourceTable::new(),
        };
        let mut store = Store::new(self.linked.engine(), state);
        // A list of bytes as values counts forty times its size.
        store.set_hostcall_fuel(1 << 30);
        if self.setting == Setting::Tuned {
            store.set_fuel(FUEL).unwrap();
        }
        store
    }

    /// A fresh store and instance, and one call with types that were known when this was compiled.
    pub(crate) fn call<P, R>(&self, function: &ComponentExportIndex, parameters: P) -> R
    where
        P: ComponentNamedList + Lower,
        R: Lift + 'static,
        (R,): ComponentNamedList + Lift,
    {
        let mut store = self.store();
        let instance = self.linked.instantiate(&mut store).unwrap();
        let function = instance
            .get_typed_func::<P, (R,)>(&mut store, function)
            .unwrap();
        function.call(&mut store, parameters).unwrap().0
    }

    /// The same with dynamic values.
    pub(crate) fn call_values(&self, function: &ComponentExportIndex, values: &[Val]) -> Val {
        let mut store = self.store();
        let instance = self.linked.instantiate(&mut store).unwrap();
        let function = instance.get_func(&mut store, function).unwrap();
        let mut results = [Val::Bool(false)];
        function.call(&mut store, values, &mut results).unwrap();
        let [result] = results;
        result
    }

    /// The same as [`call`](Self::call), without blocking the thread.
    pub(crate) async fn wait<P, R>(&self, function: &ComponentExportIndex, parameters: P) -> R
    where
        P: ComponentNamedList + Lower + Send + Sync,
        R: Lift + Send + Sync + 'static,
        (R,): ComponentNamedList + Lift,
    {
        let mut store = self.store();
        let instance = self.linked.instantiate_async(&mut store).await.unwrap();
        let function = instance
            .get_typed_func::<P, (R,)>(&mut store, function)
            .unwrap();
        function.call_async(&mut store, parameters).await.unwrap().0
    }
}
