//! What a script left to do for later: jobs of promises, and timers on a clock that nobody waits for.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, VecDeque};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context as Task, Poll, Waker};

use boa_engine::context::Clock;
use boa_engine::context::time::JsInstant;
use boa_engine::job::{Job, JobExecutor};
use boa_engine::object::builtins::JsFunction;
use boa_engine::{
    Context, JsArgs as _, JsNativeError, JsResult, JsValue, NativeFunction, js_string,
};

/// The last millisecond that a `Date` knows.
const END_OF_TIME: u64 = 8_640_000_000_000_000;
/// The longest wait of a timer, as in browsers: 2^31 - 1 milliseconds.
const LONGEST_WAIT: f64 = 2_147_483_647.0;

/// A clock that moves only when a timer is next.
#[derive(Debug, Default)]
pub(crate) struct Stopped(Cell<u64>);

impl Stopped {
    fn move_to(&self, at_ms: u64) {
        self.0.set(self.0.get().max(at_ms).min(END_OF_TIME));
    }
}

impl Clock for Stopped {
    fn now(&self) -> JsInstant {
        let now = self.0.get();
        let rest = u32::try_from(now % 1000).unwrap_or_default();
        JsInstant::new(now / 1000, rest.saturating_mul(1_000_000))
    }

    fn system_time_millis(&self) -> i64 {
        i64::try_from(self.0.get()).unwrap_or(i64::MAX)
    }
}

struct Timer {
    function: JsFunction,
    arguments: Vec<JsValue>,
    /// How long after a call the next one comes, for `setInterval`.
    again_ms: Option<u64>,
}

/// What is left to do.
pub(crate) struct Jobs {
    clock: Rc<Stopped>,
    ready: RefCell<VecDeque<Job>>,
    /// By the time they are due and their number.
    timers: RefCell<BTreeMap<(u64, u32), Timer>>,
    numbers: Cell<u32>,
}

impl Jobs {
    pub(crate) fn new(clock: Rc<Stopped>) -> Self {
        Self {
            clock,
            ready: RefCell::default(),
            timers: RefCell::default(),
            numbers: Cell::new(0),
        }
    }

    fn start(&self, timer: Timer, number: u32, wait_ms: u64) {
        let due = self.clock.0.get().saturating_add(wait_ms);
        self.timers.borrow_mut().insert((due, number), timer);
    }

    fn stop(&self, number: u32) {
        self.timers
            .borrow_mut()
            .retain(|(_, other), _| *other != number);
    }

    /// Does what is ready, what becomes ready by that, and so on.
    fn run_ready(&self, context: &mut Context) -> JsResult<()> {
        loop {
            let job = self.ready.borrow_mut().pop_front();
            let Some(job) = job else {
                context.clear_kept_objects();
                return Ok(());
            };
            match job {
                Job::PromiseJob(job) => job.call(context)?,
                Job::GenericJob(job) => job.call(context)?,
                Job::AsyncJob(job) => {
                    let context = RefCell::new(&mut *context);
                    let future = pin!(job.call(&context));
                    // Nothing in this realm waits for the outside: what is not done at once never is.
                    match future.poll(&mut Task::from_waker(Waker::noop())) {
                        Poll::Ready(done) => done?,
                        Poll::Pending => {
                            return Err(JsNativeError::error()
                                .with_message("it waits for what cannot happen here")
                                .into());
                        }
                    }
                }
                // Timers are kept apart, and what cleans up after objects may be left out.
                _ => JsValue::undefined(),
            };
        }
    }
}

impl JobExecutor for Jobs {
    fn enqueue_job(self: Rc<Self>, job: Job, _: &mut Context) {
        self.ready.borrow_mut().push_back(job);
    }

    /// Does everything, the timers as well, until nothing is left.
    fn run_jobs(self: Rc<Self>, context: &mut Context) -> JsResult<()> {
        loop {
            self.run_ready(context)?;
            let next = self.timers.borrow_mut().pop_first();
            let Some(((due, number), timer)) = next else {
                return Ok(());
            };
            self.clock.move_to(due);
            let (function, arguments) = (timer.function.clone(), timer.arguments.clone());
            // Before the call, so that it can stop its own timer.
            if let Some(wait) = timer.again_ms {
                self.start(timer, number, wait);
            }
            function.call(&JsValue::undefined(), &arguments, context)?;
        }
    }
}

/// Puts the functions for timers into the realm.
pub(crate) fn install(context: &mut Context) -> JsResult<()> {
    let functions = [
        ("setTimeout", NativeFunction::from_fn_ptr(set_timeout)),
        ("setInterval", NativeFunction::from_fn_ptr(set_interval)),
        ("setImmediate", NativeFunction::from_fn_ptr(set_immediate)),
        ("clearTimeout", NativeFunction::from_fn_ptr(clear)),
        ("clearInterval", NativeFunction::from_fn_ptr(clear)),
        ("clearImmediate", NativeFunction::from_fn_ptr(clear)),
        ("queueMicrotask", NativeFunction::from_fn_ptr(queue)),
    ];
    for (name, function) in functions {
        context.register_global_builtin_callable(js_string!(name), 1, function)?;
    }
    Ok(())
}

fn set_timeout(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let wait = wait(args, context)?;
    let timer = Timer {
        function: callback("setTimeout", args)?,
        arguments: args.get(2..).unwrap_or_default().to_vec(),
        again_ms: None,
    };
    Ok(set(timer, wait, context))
}

fn set_interval(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    // One at least, so that the clock moves.
    let wait = wait(args, context)?.max(1);
    let timer = Timer {
        function: callback("setInterval", args)?,
        arguments: args.get(2..).unwrap_or_default().to_vec(),
        again_ms: Some(wait),
    };
    Ok(set(timer, wait, context))
}

fn set_immediate(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let timer = Timer {
        function: callback("setImmediate", args)?,
        arguments: args.get(1..).unwrap_or_default().to_vec(),
        again_ms: None,
    };
    Ok(set(timer, 0, context))
}

/// The second argument, as whole milliseconds.
fn wait(args: &[JsValue], context: &mut Context) -> JsResult<u64> {
    let wait = args.get_or_undefined(1).to_number(context)?;
    // What is no number is no wait.
    let wait = if wait.is_nan() { 0.0 } else { wait };
    Ok(wait.clamp(0.0, LONGEST_WAIT) as u64)
}

/// Starts a timer and returns its number.
fn set(timer: Timer, wait_ms: u64, context: &mut Context) -> JsValue {
    let Some(jobs) = context.downcast_job_executor::<Jobs>() else {
        return JsValue::undefined();
    };
    let number = jobs.numbers.get().saturating_add(1);
    jobs.numbers.set(number);
    jobs.start(timer, number, wait_ms);
    number.into()
}

fn clear(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let number = args.get_or_undefined(0).as_number();
    if let (Some(number), Some(jobs)) = (number, context.downcast_job_executor::<Jobs>())
        && (1.0..=f64::from(u32::MAX)).contains(&number)
    {
        jobs.stop(number as u32);
    }
    Ok(JsValue::undefined())
}

fn queue(_: &JsValue, args: &[JsValue], context: &mut Context) -> JsResult<JsValue> {
    let function = callback("queueMicrotask", args)?;
    let job = move |context: &mut Context| function.call(&JsValue::undefined(), &[], context);
    context.enqueue_job(Job::PromiseJob(boa_engine::job::PromiseJob::new(job)));
    Ok(JsValue::undefined())
}

fn callback(name: &str, args: &[JsValue]) -> JsResult<JsFunction> {
    args.get_or_undefined(0).as_function().ok_or_else(|| {
        JsNativeError::typ()
            .with_message(format!("the first argument of `{name}` is no function"))
            .into()
    })
}
