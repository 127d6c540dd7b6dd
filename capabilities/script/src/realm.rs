//! The realm that a script runs in: what is there, what is not, and what stands still.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use boa_engine::builtins::promise::{OperationType, PromiseState};
use boa_engine::context::{ContextBuilder, HostHooks};
use boa_engine::module::{Module, ModuleLoader, ModuleRequest, Referrer};
use boa_engine::object::builtins::JsPromise;
use boa_engine::property::{Attribute, PropertyDescriptor};
use boa_engine::realm::Realm;
use boa_engine::{
    Context, JsNativeError, JsObject, JsResult, JsString, JsValue, NativeFunction, js_string,
};

use crate::console::{self, Console};
use crate::jobs::{self, Jobs, Stopped};
use crate::json::{self, Keys};
use crate::modules::Library;
use crate::{nesting, require};

/// The most calls inside one another, those through built-in functions counted twice.
pub(crate) const MOST_CALLS: usize = 400;
/// The most values on the stack of the virtual machine.
const MOST_VALUES: usize = 100_000;
/// The lines of an exception's stack.
const MOST_LINES: usize = 20;
/// The most bytes of one buffer.
const MOST_BUFFER: u64 = 32 << 20;
/// How much the memory may grow between two searches for unused buffers. Less costs fuel where buffers are in use.
const GROWTH: usize = 2 << 20;
/// What `Math.random` begins with.
const SEED: u64 = 0x5eed;

/// A realm, and what it tells.
pub(crate) struct Made {
    pub(crate) context: Context,
    pub(crate) hooks: Rc<Hooks>,
}

/// Makes a realm in which nothing ran yet.
///
/// # Errors
///
/// Where the engine has not what it should have.
pub(crate) fn make(
    console: &Console,
    library: Library,
    input: Option<&serde_json::Value>,
) -> JsResult<Made> {
    let hooks = Rc::new(Hooks::default());
    let clock = Rc::new(Stopped::default());
    let mut context = ContextBuilder::new()
        .host_hooks(hooks.clone())
        .clock(clock.clone())
        .job_executor(Rc::new(Jobs::new(clock)))
        .module_loader(Rc::new(NoModules))
        .build()?;
    let limits = context.runtime_limits_mut();
    limits.set_recursion_limit(MOST_CALLS);
    limits.set_stack_size_limit(MOST_VALUES);
    limits.set_backtrace_limit(MOST_LINES);

    let global = context.global_object();
    // Nobody else could wake who waits for such memory.
    for name in ["SharedArrayBuffer", "Atomics"] {
        global.delete_property_or_throw(js_string!(name), &mut context)?;
    }
    let keys = Keys::of(&mut context)?;
    context.insert_data(keys);
    json::install(&mut context)?;
    stop_chance(&global, &mut context)?;
    let input = match input {
        Some(input) => json::of(input, &mut context),
        None => JsValue::undefined(),
    };
    let attributes = Attribute::WRITABLE | Attribute::CONFIGURABLE;
    context.register_global_property(js_string!("input"), input, attributes)?;
    console::install(console, &mut context)?;
    jobs::install(&mut context)?;
    require::install(library, &mut context)?;
    Ok(Made { context, hooks })
}

/// The state of `Math.random`.
struct Chance(Cell<u64>);

fn stop_chance(global: &JsObject, context: &mut Context) -> JsResult<()> {
    context.insert_data(Chance(Cell::new(SEED)));
    let math = global.get(js_string!("Math"), context)?;
    let math = math
        .as_object()
        .ok_or_else(|| JsNativeError::typ().with_message("there is no `Math`"))?;
    let random = NativeFunction::from_fn_ptr(random).to_js_function(context.realm());
    let property = PropertyDescriptor::builder()
        .value(random)
        .writable(true)
        .enumerable(false)
        .configurable(true);
    math.define_property_or_throw(js_string!("random"), property, context)?;
    Ok(())
}

/// The next number of a row that is always the same (SplitMix64).
fn random(_: &JsValue, _: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let Some(Chance(state)) = context.get_data::<Chance>() else {
        return Ok(JsValue::undefined());
    };
    state.set(state.get().wrapping_add(0x9e37_79b9_7f4a_7c15));
    let mut mixed = state.get();
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^= mixed >> 31;
    // A double has 53 bits.
    Ok(JsValue::from((mixed >> 11) as f64 / (1_u64 << 53) as f64))
}

/// There are no ES modules, so that `import()` says what there is.
struct NoModules;

impl ModuleLoader for NoModules {
    async fn load_imported_module(
        self: Rc<Self>,
        _: Referrer,
        _: ModuleRequest,
        _: &RefCell<&mut Context>,
    ) -> JsResult<Module> {
        Err(JsNativeError::typ()
            .with_message("`import()` is not supported: use `require`")
            .into())
    }
}

/// What the engine asks its host.
#[derive(Default)]
pub(crate) struct Hooks {
    /// Promises that were rejected while nobody listened.
    rejected: RefCell<Vec<JsObject>>,
    /// How large the memory was when buffers were last looked for.
    memory: Cell<usize>,
}

impl Hooks {
    /// What a promise was rejected with that still nobody listens to.
    pub(crate) fn unhandled(&self) -> Option<JsValue> {
        let promise = self.rejected.borrow().first().cloned()?;
        match JsPromise::from_object(promise).ok()?.state() {
            PromiseState::Rejected(reason) => Some(reason),
            PromiseState::Pending | PromiseState::Fulfilled(_) => None,
        }
    }
}

impl HostHooks for Hooks {
    fn promise_rejection_tracker(
        &self,
        promise: &JsObject<boa_engine::builtins::promise::Promise>,
        operation: OperationType,
        _: &mut Context,
    ) {
        let promise = promise.clone().upcast();
        let mut rejected = self.rejected.borrow_mut();
        match operation {
            OperationType::Reject => rejected.push(promise),
            OperationType::Handle => {
                rejected.retain(|other| !JsObject::equals(other, &promise));
            }
        }
    }

    fn ensure_can_compile_strings(
        &self,
        _: Realm,
        parameters: &[JsString],
        body: &JsString,
        _: bool,
        _: &mut Context,
    ) -> JsResult<()> {
        for text in parameters.iter().chain([body]) {
            nesting::check(&text.to_std_string_lossy())
                .map_err(|why| JsNativeError::syntax().with_message(why))?;
        }
        Ok(())
    }

    fn local_timezone_offset_seconds(&self, _: i64) -> i32 {
        0
    }

    /// Comes before every buffer: the garbage collector does not know how large they are.
    fn max_buffer_size(&self, _: &mut Context) -> u64 {
        if memory() > self.memory.get().saturating_add(GROWTH) {
            boa_engine::gc::force_collect();
            self.memory.set(memory());
        }
        MOST_BUFFER
    }
}

/// How large the memory of this instance is; elsewhere it is not asked.
fn memory() -> usize {
    #[cfg(target_arch = "wasm32")]
    {
        core::arch::wasm32::memory_size(0) << 16
    }
    #[cfg(not(target_arch = "wasm32"))]
    {
        0
    }
}
