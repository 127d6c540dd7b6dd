//! Actions that another action calls.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::engine::{Engine, Inner, LookedUp};
use super::request::{Call, CallTarget};
use super::run::Run;
use crate::component::{Actions, Answer, Compiled, Left, MOST_DEEP, Stdin};
use crate::event::Emitter;
use crate::guard::{Grants, Layer};
use crate::types::{
    Bytes, Code, Declared, Denial, Descriptor, Fault, FaultKind, FunctionManifest, Json, Usage,
    is_capability, text,
};

/// The interface through which guests call actions.
const INTERFACE: &str = "engine:host/actions";
/// The most things to try that are kept for whoever asked for the outermost call.
const MOST_CONFIDED: usize = 16;

/// Calls actions for the guest of one call: for the same principal, in the same step, within the same bounds.
#[derive(Debug)]
pub(super) struct Nested {
    engine: Engine,
    /// The caller's own call, without what it is about.
    call: Call,
    declared: Option<Declared>,
    granted: BTreeSet<String>,
    emitter: Arc<Emitter>,
    given: Mutex<Given>,
}

/// What other actions gave so far.
#[derive(Debug, Default)]
struct Given {
    labels: BTreeSet<String>,
    confided: Vec<String>,
}

/// The call of a guest that may call others, without what it is about.
pub(super) fn outline(shape: &Descriptor, call: &Call) -> Option<Call> {
    shape.imports_any(INTERFACE).then(|| Call {
        target: CallTarget::Command {
            args: Vec::new(),
            stdin: Stdin::Empty,
        },
        principal: call.principal.clone(),
        via: call.via,
        own: call.own.clone(),
        step: call.step.clone(),
        labels: call.labels.clone(),
        inner: call.inner.clone(),
        // A plan wants its step approved, not what the step does on its way.
        approvers: None,
        tally: call.tally.clone(),
        approval: call.approval,
        misspelt: None,
        cancel: call.cancel.clone(),
        forward: None,
        depth: call.depth + 1,
    })
}

impl Nested {
    /// `None` if nothing was granted.
    pub(super) fn new(
        engine: Engine,
        call: Option<Call>,
        declared: Option<Declared>,
        granted: &BTreeSet<String>,
        emitter: Arc<Emitter>,
    ) -> Option<Arc<Self>> {
        if granted.is_empty() {
            return None;
        }
        Some(Arc::new(Self {
            engine,
            call: call?,
            declared,
            granted: granted.clone(),
            emitter,
            given: Mutex::default(),
        }))
    }

    /// What to try, for whoever asked for the outermost call alone.
    pub(super) fn confided(&self) -> Vec<String> {
        std::mem::take(&mut self.given().confided)
    }

    async fn run(&self, name: &str, arguments: String, left: Left) -> Answer {
        let (call, found) = match self.prepared(name, arguments, left) {
            Ok(prepared) => prepared,
            Err(fault) => {
                return Answer {
                    result: Err(fault),
                    usage: Usage::default(),
                    handed: Bytes::ZERO,
                };
            }
        };
        let inner = self.engine.inner();
        let component = found.component.describe().name();
        let run = Run::inside(inner, component, &call, &self.emitter);
        let mut outcome = run.go(&found.component, call).await;
        let (usage, handed) = (*outcome.usage(), outcome.handed);
        let mut given = self.given();
        given.labels.extend(found.labels);
        let result = match outcome.fault.take() {
            None => Ok(outcome
                .has_value()
                .then(|| outcome.value().as_str().to_owned())),
            Some(fault) => {
                let room = MOST_CONFIDED.saturating_sub(given.confided.len());
                let confided = fault.confided().iter().take(room);
                given.confided.extend(confided.cloned());
                Err(fault)
            }
        };
        Answer {
            result,
            usage,
            handed,
        }
    }

    /// The call that a guest asks for, and what it is about.
    fn prepared(
        &self,
        name: &str,
        arguments: String,
        left: Left,
    ) -> Result<(Call, LookedUp), Fault> {
        if self.call.depth > MOST_DEEP {
            return Err(refused(
                Code::LimitCalls,
                name,
                format!("actions call each other at most {MOST_DEEP} deep"),
                "",
            ));
        }
        let inner = self.engine.inner();
        let found = self.found(name)?;
        let shape = found.component.describe();
        if let Some(own) = &self.declared {
            let callee = shape.about(found.position).map(FunctionManifest::declared);
            if let Some(reason) = beyond(own, callee.as_ref()) {
                return Err(refused(
                    Code::DeniedGrant,
                    name,
                    reason,
                    "the caller's manifest has to declare what it does by way of others",
                ));
            }
        }
        let arguments = Json::from_text(arguments).map_err(|error| Fault::arguments(&error))?;
        let target = match (&found.name, shape.functions().get(found.position)) {
            (Some(name), _) => CallTarget::Capability {
                name: name.clone(),
                arguments,
            },
            (None, Some(function)) => CallTarget::Function {
                name: function.full_name(),
                arguments,
            },
            (None, None) => {
                return Err(Fault::new(FaultKind::Bug {
                    at: "the position of a function",
                }));
            }
        };
        let mut call = self.call.clone();
        call.target = target;
        call.labels.extend(self.given().labels.iter().cloned());
        let capability = found
            .name
            .as_ref()
            .and_then(|name| inner.capabilities.get(name));
        let most = capability
            .and_then(|capability| capability.layer.grants.as_ref())
            .or_else(|| inner.policy.most());
        let grants = within(most, &call);
        call.own.grants = grants;
        let limits = call.inner.limits.unwrap_or(*inner.policy.limits());
        call.inner = Layer {
            grants: None,
            limits: Some(limits.at_most(
                Some(left.fuel),
                Some(left.memory),
                None,
                Some(left.output),
            )),
            keep: None,
        };
        Ok((call, found))
    }

    fn found(&self, name: &str) -> Result<LookedUp, Fault> {
        let inner = self.engine.inner();
        let offered = inner.offered.read().unwrap_or_else(PoisonError::into_inner);
        if inner.capabilities.contains_key(name) || is_capability(name) {
            return self.engine.look_up(&offered, name, None);
        }
        let (component, function) = name.split_once('.').unwrap_or((name, ""));
        self.engine.look_up(&offered, component, Some(function))
    }

    fn given(&self) -> MutexGuard<'_, Given> {
        // Whoever panicked left a state that is still whole.
        self.given.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Actions for Nested {
    fn grants(&self, name: &str) -> bool {
        self.granted.contains(name)
    }

    fn call<'a>(
        &'a self,
        name: &'a str,
        arguments: String,
        left: Left,
    ) -> Pin<Box<dyn Future<Output = Answer> + Send + 'a>> {
        Box::pin(self.run(name, arguments, left))
    }
}

/// What an action is given when another one calls it: what the operator gives it, as far as whoever asked for the
/// outermost call, and its step, go.
fn within(most: Option<&Grants>, call: &Call) -> Option<Grants> {
    let layers = [most, call.own.grants.as_ref(), call.inner.grants.as_ref()];
    let shared = layers.into_iter().flatten().fold(None, |shared, layer| {
        Some(match shared {
            None => layer.clone(),
            Some(outer) => Grants::shared_with(&outer, layer),
        })
    });
    match &call.inner.keep {
        Some(keep) => shared.map(|shared| shared.kept(keep)),
        None => shared,
    }
}

/// How an action goes beyond what its caller declares; `None` if it does not.
fn beyond(own: &Declared, callee: Option<&Declared>) -> Option<String> {
    let Some(callee) = callee else {
        return Some("it does not declare what it does, and its caller does".to_owned());
    };
    let more: Vec<&str> = callee
        .effects
        .difference(&own.effects)
        .map(|effect| effect.as_str())
        .collect();
    if !more.is_empty() {
        return Some(format!(
            "it declares `{}`, and its caller does not",
            more.join("`, `")
        ));
    }
    if own.pure && !callee.pure {
        return Some("its caller is pure, and it is not".to_owned());
    }
    (own.idempotent && !callee.idempotent)
        .then(|| "its caller is idempotent, and it is not".to_owned())
}

fn refused(code: Code, name: &str, reason: String, hint: &str) -> Fault {
    Fault::new(FaultKind::Denied(vec![Denial {
        code,
        interface: INTERFACE.to_owned(),
        operation: "call".to_owned(),
        target: text::line(name, 256),
        reason,
        hint: hint.to_owned(),
        count: 1,
    }]))
}

impl Engine {
    /// Lets guests call the functions of a component, by the names under which it is configured, or by its own name and
    /// the function's with a `.` between them, such as `text.search`.
    ///
    /// Nothing is allowed by it: each action has to be granted to its caller
    /// ([`GrantsBuilder::action`](crate::data::GrantsBuilder::action)), and each call passes the guard. Of two components
    /// with the same name the later one takes the place of the earlier.
    ///
    /// # Example
    ///
    /// ```no_run
    /// # async fn demo() -> Result<(), engine::Fault> {
    /// use engine::{Config, Engine, Grants, Source};
    /// use serde_json::json;
    ///
    /// let grants = Grants::builder().action("text.search").build()?;
    /// let engine = Engine::builder().config(Config::new().grants(grants)).build()?;
    /// engine.offer(&engine.load(Source::file("text.wasm")?).await?);
    /// let report = engine.load(Source::file("report.wasm")?).await?;
    /// engine.call(&report, "write", json!({})).await?;
    /// # Ok(()) }
    /// ```
    pub fn offer(&self, component: &Compiled) {
        let mut offered = self
            .inner()
            .offered
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        let name = component.describe().name().to_owned();
        offered.insert(name, component.clone());
    }
}

impl Inner {
    /// What the results of the actions that a component may call are to be treated as.
    pub(super) fn labels_of_called(
        &self,
        shape: &Descriptor,
        components: &BTreeMap<String, Compiled>,
    ) -> BTreeSet<String> {
        let mut labels = BTreeSet::new();
        let mut known = BTreeSet::new();
        let mut next = self.may_call(shape);
        while let Some(name) = next.pop() {
            if !known.insert(name.clone()) {
                continue;
            }
            let configured = self.capabilities.get(&name);
            let component = match configured {
                Some(configured) => {
                    labels.extend(configured.labels.iter().cloned());
                    components
                        .values()
                        .find(|component| component.describe().digest() == configured.digest)
                }
                None => name
                    .split_once('.')
                    .and_then(|(component, _)| components.get(component)),
            };
            if let Some(component) = component {
                next.extend(self.may_call(component.describe()));
            }
        }
        labels
    }

    /// The actions that a component may at most be granted.
    fn may_call(&self, shape: &Descriptor) -> Vec<String> {
        if !shape.imports_any(INTERFACE) {
            return Vec::new();
        }
        match shape.manifest() {
            Some(manifest) => manifest.asks.actions.iter().cloned().collect(),
            None => {
                let own = self.capabilities.values();
                let own = own.filter(|capability| capability.digest == shape.digest());
                let layers = own.filter_map(|capability| capability.layer.grants.as_ref());
                let all = layers.chain(self.policy.most());
                all.flat_map(|grants| grants.actions().iter().cloned())
                    .collect()
            }
        }
    }
}
