use std::collections::{BTreeMap, BTreeSet};
#[cfg(feature = "guard-cedar")]
use std::sync::{Arc, Mutex, PoisonError, RwLock};
#[cfg(not(feature = "guard-cedar"))]
use std::sync::{Arc, RwLock};

use super::builder::EngineBuilder;
use super::capability::Capability;
use super::nested::{Offered, labels_of};
use super::request::Call;
use super::run::Run;
use crate::component::{Cancel, Compiled, Runtime, Source};
use crate::event::Sink;
use crate::guard::{ApprovalDesk, Approver, Current, Explanation, Policies, Policy};
#[cfg(feature = "guard-cedar")]
use crate::guard::{Known, Named};
#[cfg(feature = "guard-cedar")]
use crate::types::Digest;
use crate::types::{
    Bytes, Clock, Descriptor, Fault, FaultKind, Json, Limits, Outcome, Phase, text,
};

/// The largest component that a caller's own thread loads, if its code is kept.
const AT_ONCE: Bytes = Bytes::mib(4);

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
    pub(super) runtime: Runtime,
    pub(super) policy: Policy,
    pub(super) policies: Arc<Current>,
    pub(super) capabilities: BTreeMap<String, Capability>,
    pub(super) desk: Option<ApprovalDesk>,
    pub(super) approver: Option<Arc<dyn Approver>>,
    /// Policies and components that were found to fit each other.
    #[cfg(feature = "guard-cedar")]
    pub(super) fitting: Mutex<BTreeSet<(Digest, Digest)>>,
    /// What policies call the functions of the components that were loaded: they can speak of one while another is
    /// called.
    #[cfg(feature = "guard-cedar")]
    pub(super) loaded: Mutex<BTreeMap<Digest, Vec<Named>>>,
    /// The components whose functions guests may call.
    pub(super) offered: RwLock<Offered>,
    pub(super) sinks: Arc<[Arc<dyn Sink>]>,
    pub(super) clock: Arc<dyn Clock>,
}

impl Inner {
    /// Takes a component whose code is kept.
    fn kept(&self, source: &Source) -> Option<Compiled> {
        let compiled = self.runtime.kept(source)?;
        #[cfg(feature = "guard-cedar")]
        self.remember(compiled.describe());
        Some(compiled)
    }

    fn compile(&self, source: &Source, cancel: &Cancel) -> Result<Compiled, Fault> {
        let compiled = self.runtime.compile(source, cancel)?;
        #[cfg(feature = "guard-cedar")]
        self.remember(compiled.describe());
        Ok(compiled)
    }

    /// Remembers what policies call the functions of a component.
    #[cfg(feature = "guard-cedar")]
    fn remember(&self, shape: &Descriptor) {
        /// The most components that are remembered.
        const MOST: usize = 1024;
        let names = (0..shape.functions().len())
            .filter_map(|position| {
                Some(Named {
                    action: shape.action(position)?,
                    component: shape.name().to_owned(),
                })
            })
            .collect();
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if loaded.len() < MOST {
            loaded.insert(shape.digest(), names);
        }
    }

    /// Checks once that the policies in force fit a component.
    #[cfg(feature = "guard-cedar")]
    pub(super) fn fit(&self, policies: &Policies, shape: &Descriptor) -> Result<(), Fault> {
        /// The most pairs that are remembered.
        const MOST: usize = 4096;
        if policies.cedar().is_none() {
            return Ok(());
        }
        let pair = (policies.digest(), shape.digest());
        let fitting = || self.fitting.lock().unwrap_or_else(PoisonError::into_inner);
        if fitting().contains(&pair) {
            return Ok(());
        }
        let mut known = Known::all(shape);
        let mut named = Vec::new();
        for capability in self.capabilities.values() {
            if capability.digest == shape.digest() {
                let position = shape.find(&capability.function)?;
                known.push(Known::named(&capability.name, shape, position));
            } else {
                named.push(Named {
                    action: capability.name.clone(),
                    component: capability.component.clone(),
                });
            }
        }
        let loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        let others = loaded.iter().filter(|(digest, _)| **digest != pair.1);
        named.extend(others.flat_map(|(_, names)| names.iter().cloned()));
        drop(loaded);
        policies.fit(&known, &named)?;
        let mut fitting = fitting();
        if fitting.len() >= MOST {
            fitting.clear();
        }
        fitting.insert(pair);
        Ok(())
    }

    /// The capability that a function is configured as.
    ///
    /// # Errors
    ///
    /// A fault with the code `E-INVALID-CONFIG` if it is several: then only a name says what it may do.
    pub(super) fn capability_of(
        &self,
        shape: &Descriptor,
        position: usize,
    ) -> Result<Option<&Capability>, Fault> {
        let mut found = self.capabilities.values().filter(|capability| {
            capability.digest == shape.digest()
                && shape.find(&capability.function).ok() == Some(position)
        });
        match (found.next(), found.next()) {
            (Some(one), Some(other)) => Err(Fault::config(format!(
                "the function is configured as `{}` and as `{}`",
                one.name, other.name
            ))
            .hint("call it by one of these names")),
            (found, _) => Ok(found),
        }
    }

    /// The limits of calls of a configured capability, or of others.
    fn limits(&self, capability: Option<&Capability>) -> Limits {
        let all = *self.policy.limits();
        match capability.and_then(|capability| capability.layer.limits) {
            Some(own) => all.narrowed_by(&own),
            None => all,
        }
    }

    /// The fault of a name that nobody configured.
    pub(super) fn no_capability(&self, name: &str) -> Fault {
        Fault::unknown_capability(name, self.capabilities.keys().map(String::as_str))
    }
}

/// Cancels when it is dropped.
struct CancelOnDrop(Cancel);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// A function that a plan calls.
pub(crate) struct LookedUp {
    pub(crate) component: Compiled,
    /// The function's position in the component's descriptor.
    pub(crate) position: usize,
    /// The configured name, if it has one.
    pub(crate) name: Option<String>,
    /// What policies call it.
    pub(crate) action: String,
    /// The most that a call may use.
    pub(crate) limits: Limits,
    /// What its results are to be treated as.
    pub(crate) labels: BTreeSet<String>,
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

    /// Puts other policies in force, all at once. Permits of the old ones are stale from then on.
    pub fn replace_policies(&self, policies: Policies) {
        self.0.policies.replace(policies);
    }

    /// Checks, compiles, describes and links a component, on a thread of its own.
    ///
    /// Policies speak of a component by its name, and an engine takes any number of the same name: what a
    /// policy says of one of them it says of all. Give what is to be told apart names of its own.
    ///
    /// # Errors
    ///
    /// Faults with the codes `E-INVALID-COMPONENT` and `E-LIMIT-COMPILE`.
    ///
    /// # Cancellation
    ///
    /// Dropping the future ends a compiler that runs in a process of its own, within a fraction of a second. A
    /// compilation in this process goes on to its end; its result is dropped.
    pub async fn load(&self, source: Source) -> Result<Compiled, Fault> {
        let inner = self.0.clone();
        let cancel = Cancel::new();
        let _ends_with_this = CancelOnDrop(cancel.clone());
        tokio::task::spawn_blocking(move || inner.compile(&source, &cancel))
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
        self.0.compile(source, &Cancel::new())
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
            .go(component, Box::new(call))
            .await
    }

    /// Loads a component and runs a call on it, as one run with one outcome.
    ///
    /// # Cancellation
    ///
    /// As for [`load`](Engine::load) and [`call`](Engine::call). A component of at most 4 MiB whose code is kept is loaded by
    /// the calling thread, within milliseconds.
    pub async fn run_source(&self, source: Source, call: Call) -> Outcome {
        let run = Run::begin(&self.0, source.name(), &call);
        let digest = source.digest();
        // What is kept is there sooner than a thread.
        let kept = (source.size() <= AT_ONCE).then(|| self.0.kept(&source));
        let loaded = match kept.flatten() {
            Some(component) => Ok(component),
            None => tokio::select! {
                loaded = self.load(source) => loaded,
                () = call.cancel.asked() => Err(Fault::new(FaultKind::Cancelled).at(Phase::Load)),
            },
        };
        match loaded {
            Ok(component) => run.go(&component, Box::new(call)).await,
            Err(fault) => run.refuse(Some(digest), fault),
        }
    }

    /// Says what the guard would decide about a call, why, and the smallest change that would allow it.
    /// Nothing runs and no event is sent.
    ///
    /// # Errors
    ///
    /// Whatever keeps the call from being judged: a function that is not there, arguments that do not fit,
    /// grants that no outer layer gives.
    pub async fn explain(&self, component: &Compiled, call: Call) -> Result<Explanation, Fault> {
        Run::silent(&self.0, component.describe().name())
            .explain(component, call)
            .await
    }

    pub(super) fn of(inner: Arc<Inner>) -> Self {
        Self(inner)
    }

    pub(super) fn inner(&self) -> &Arc<Inner> {
        &self.0
    }

    /// The listeners, for whoever tells events besides those of runs.
    pub(crate) fn sinks(&self) -> Arc<[Arc<dyn Sink>]> {
        self.0.sinks.clone()
    }

    pub(crate) fn clock(&self) -> Arc<dyn Clock> {
        self.0.clock.clone()
    }

    pub(crate) fn desk(&self) -> Option<&ApprovalDesk> {
        self.0.desk.as_ref()
    }

    pub(crate) fn policies(&self) -> Policies {
        self.0.policies.get()
    }

    /// Finds a function by what a plan calls it: a configured name, or a component with a function.
    ///
    /// # Errors
    ///
    /// Faults with the codes `E-UNKNOWN-CAPABILITY`, `E-INVALID-FUNCTION` and `E-INVALID-CONFIG`.
    pub(crate) fn look_up(
        &self,
        components: &BTreeMap<String, Compiled>,
        capability: &str,
        function: Option<&str>,
    ) -> Result<LookedUp, Fault> {
        if let Some(configured) = self.0.capabilities.get(capability) {
            if function.is_some() {
                return Err(Fault::new(FaultKind::NoFunction {
                    component: capability.to_owned(),
                    function: text::line(function.unwrap_or_default(), 200),
                })
                .hint("a configured capability is one function: leave `function` out"));
            }
            let component = components
                .values()
                .find(|component| component.describe().digest() == configured.digest)
                .ok_or_else(|| match components.get(&configured.component) {
                    Some(other) => Fault::new(FaultKind::Pinned {
                        name: capability.to_owned(),
                        pinned: configured.digest,
                        found: other.describe().digest(),
                    })
                    .hint(
                        "if the change is wanted, look at it with `engine diff`, and lock it anew",
                    ),
                    None => self
                        .0
                        .no_capability(capability)
                        .hint("its component is not loaded"),
                })?;
            let position = component.describe().find(&configured.function)?;
            let called = self.labels_of_called(component.describe(), components);
            let mut found = self.looked_up(component, position, Some(configured));
            found.labels.extend(called);
            return Ok(found);
        }
        let Some(component) = components.get(capability) else {
            let known = components.keys().chain(self.0.capabilities.keys());
            return Err(Fault::unknown_capability(
                capability,
                known.map(String::as_str),
            ));
        };
        let shape = component.describe();
        let Some(function) = function else {
            let names: Vec<String> = shape
                .functions()
                .iter()
                .take(20)
                .map(|function| format!("`{}`", function.name))
                .collect();
            return Err(Fault::new(FaultKind::NoFunction {
                component: capability.to_owned(),
                function: String::new(),
            })
            .hint(format!("say which `function`: {}", names.join(", "))));
        };
        let position = shape.find(function)?;
        let configured = self.0.capability_of(shape, position)?;
        let mut found = self.looked_up(component, position, configured);
        found
            .labels
            .extend(self.labels_of_called(shape, components));
        Ok(found)
    }

    fn looked_up(
        &self,
        component: &Compiled,
        position: usize,
        configured: Option<&Capability>,
    ) -> LookedUp {
        let shape = component.describe();
        LookedUp {
            component: component.clone(),
            position,
            name: configured.map(|configured| configured.name.clone()),
            action: configured.map_or_else(
                || shape.action(position).unwrap_or_default(),
                |configured| configured.name.clone(),
            ),
            limits: self.0.limits(configured),
            labels: labels_of(shape, position, configured),
        }
    }

    /// The names of all configured capabilities.
    pub(crate) fn capability_names(&self) -> impl Iterator<Item = &str> {
        self.0.capabilities.keys().map(String::as_str)
    }

    /// Records a run that could not even load its component, so that it has events and an outcome like
    /// any other.
    #[must_use]
    pub fn refuse(&self, component: &str, call: &Call, fault: Fault) -> Outcome {
        Run::begin(&self.0, component, call).refuse(None, fault)
    }
}
