use std::path::PathBuf;
use std::sync::Arc;

use super::clock::SystemClock;
use super::request::Call;
use super::run::Run;
use crate::component::{Compiled, Runtime, Source};
use crate::event::Sink;
use crate::guard::{Grants, Policy};
use crate::types::{Clock, Fault, FaultKind, Json, Limits, Outcome, Phase};

/// What the operator of an engine decides: the outermost layer of every call.
///
/// Defaults: the limits of [`Limits`], no grants, no home.
#[derive(Clone, Debug, Default)]
pub struct Config(Policy);

impl Config {
    /// Starts from the defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The most that any call may use.
    #[must_use]
    pub fn limits(mut self, most: Limits) -> Self {
        self.0 = self.0.limited_to(most);
        self
    }

    /// The most that any call may be given; a call that asks for nothing gets all of it.
    ///
    /// Without this layer a call gets what it asks for itself.
    #[must_use]
    pub fn grants(mut self, most: Grants) -> Self {
        self.0 = self.0.grants(most);
        self
    }

    /// A directory or file of the engine's own state, such as a journal. No grant may touch it. There can be
    /// several.
    #[must_use]
    pub fn home(mut self, home: impl Into<PathBuf>) -> Self {
        self.0 = self.0.home(home);
        self
    }
}

/// Collects what an engine needs.
#[derive(Default)]
pub struct EngineBuilder {
    config: Config,
    sinks: Vec<Arc<dyn Sink>>,
    clock: Option<Arc<dyn Clock>>,
}

impl std::fmt::Debug for EngineBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("EngineBuilder")
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl EngineBuilder {
    /// What the operator decides.
    #[must_use]
    pub fn config(mut self, config: Config) -> Self {
        self.config = config;
        self
    }

    /// Adds a listener. Every sink gets every event.
    #[must_use]
    pub fn sink(mut self, sink: impl Sink + 'static) -> Self {
        self.sinks.push(Arc::new(sink));
        self
    }

    /// Adds a listener that others hold, too.
    #[must_use]
    pub fn shared_sink(mut self, sink: Arc<dyn Sink>) -> Self {
        self.sinks.push(sink);
        self
    }

    /// Reads time from somewhere else, for tests. Deadlines of a guest that waits in a host call
    /// follow the machine's clock all the same.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Makes the engine.
    ///
    /// # Errors
    ///
    /// A fault with the code `E-INVALID-CONFIG` if a grant touches the engine's home.
    pub fn build(self) -> Result<Engine, Fault> {
        let EngineBuilder {
            config: Config(policy),
            sinks,
            clock,
        } = self;
        policy.check()?;
        Ok(Engine(Arc::new(Inner {
            runtime: Runtime::new()?,
            policy,
            sinks: sinks.into(),
            clock: clock.unwrap_or_else(|| Arc::new(SystemClock::new())),
        })))
    }
}

/// Loads components and calls them, any number at the same time.
///
/// Cheap to clone; clones share everything. Its futures run on a tokio runtime with time enabled.
///
/// # Example
///
/// ```
/// use engine::{Call, Engine, Source};
/// use serde_json::json;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let engine = Engine::builder().build()?;
/// # let bytes = wat::parse_str(r#"(component
/// #     (core module $m (func (export "add") (param i32 i32) (result i32)
/// #         (i32.add (local.get 0) (local.get 1))))
/// #     (core instance $i (instantiate $m))
/// #     (func (export "add") (param "a" u32) (param "b" u32) (result u32)
/// #         (canon lift (core func $i "add"))))"#)?;
/// let sums = engine.load(Source::bytes("sums", bytes)?).await?;
/// let outcome = engine.call(&sums, "add", json!({ "a": 2, "b": 3 })).await?;
/// assert_eq!(outcome.value().as_str(), "5");
///
/// let fault = engine.call(&sums, "add", json!({ "a": 2, "b": -3 })).await.unwrap_err();
/// assert_eq!(fault.to_string(), "at `/b`: expected u32 (0 to 4294967295), found -3");
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Engine(Arc<Inner>);

pub(super) struct Inner {
    runtime: Runtime,
    pub(super) policy: Policy,
    pub(super) sinks: Arc<[Arc<dyn Sink>]>,
    pub(super) clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine")
            .field("policy", &self.0.policy)
            .finish_non_exhaustive()
    }
}

impl Engine {
    /// Starts from the defaults: every limit on, no grants, nobody listening.
    #[must_use]
    pub fn builder() -> EngineBuilder {
        EngineBuilder::default()
    }

    /// Checks, compiles, describes and links a component, on a thread of its own.
    ///
    /// # Errors
    ///
    /// Faults with the codes `E-INVALID-COMPONENT` and `E-LIMIT-COMPILE`.
    ///
    /// # Cancellation
    ///
    /// Dropping the future leaves a compilation that has begun to its end; its result is dropped.
    pub async fn load(&self, source: Source) -> Result<Compiled, Fault> {
        let inner = self.0.clone();
        tokio::task::spawn_blocking(move || inner.runtime.compile(&source))
            .await
            .unwrap_or_else(|panicked| {
                Err(Fault::new(FaultKind::Bug { at: "the compiler" })
                    .at(Phase::Load)
                    .caused_by(panicked))
            })
    }

    /// Does what [`load`](Engine::load) does on the calling thread, without an asynchronous runtime.
    ///
    /// # Errors
    ///
    /// Those of [`load`](Engine::load).
    pub fn load_blocking(&self, source: &Source) -> Result<Compiled, Fault> {
        self.0.runtime.compile(source)
    }

    /// Calls a function on a fresh instance and returns its value.
    ///
    /// The same as [`run`](Engine::run) for callers who want a value or a reason.
    ///
    /// # Errors
    ///
    /// Whatever kept the call from returning a value, the guest's own error case included
    /// ([`FaultKind::GuestError`]).
    ///
    /// # Cancellation
    ///
    /// Dropping the future stops the guest at its next yield, within milliseconds, and the call and
    /// the run end as cancelled for every sink.
    pub async fn call(
        &self,
        component: &Compiled,
        function: &str,
        arguments: impl Into<Json>,
    ) -> Result<Outcome, Fault> {
        self.run(component, Call::function(function, arguments))
            .await
            .into_result()
    }

    /// Runs a call on a fresh instance and tells everything that came of it.
    ///
    /// # Cancellation
    ///
    /// As for [`call`](Engine::call).
    pub async fn run(&self, component: &Compiled, call: Call) -> Outcome {
        Run::begin(&self.0, component.describe().name(), &call)
            .go(component, call)
            .await
    }

    /// Loads a component and runs a call on it, as one run with one outcome.
    ///
    /// # Cancellation
    ///
    /// As for [`load`](Engine::load) and [`call`](Engine::call).
    pub async fn run_source(&self, source: Source, call: Call) -> Outcome {
        let run = Run::begin(&self.0, source.name(), &call);
        let digest = source.digest();
        let loaded = tokio::select! {
            loaded = self.load(source) => loaded,
            () = call.cancel.asked() => Err(Fault::new(FaultKind::Cancelled).at(Phase::Load)),
        };
        match loaded {
            Ok(component) => run.go(&component, call).await,
            Err(fault) => run.refuse(Some(digest), fault),
        }
    }

    /// Records a run that could not even load its component, so that it has events and an outcome like
    /// any other.
    #[must_use]
    pub fn refuse(&self, component: &str, call: &Call, fault: Fault) -> Outcome {
        Run::begin(&self.0, component, call).refuse(None, fault)
    }
}
