//! Actions that another action calls.

use std::collections::{BTreeMap, BTreeSet};
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::capability::Capability;
use super::engine::{Engine, Inner, LookedUp};
use super::request::{Call, CallTarget, Outermost, Redeem};
use super::run::Run;
use crate::component::{Actions, Answer, Compiled, Left, MOST_DEEP, Stdin};
use crate::event::Emitter;
use crate::guard::{Grants, Layer};
use crate::types::{
    Bytes, Code, Decision, Declared, Denial, Descriptor, Effect, Fault, FaultKind,
    FunctionManifest, Json, Status, Usage, Verdict, Via, is_capability, text,
};

/// The interface through which guests call actions.
const INTERFACE: &str = "engine:host/actions";
/// The most questions that actions leave on the way of one outermost call, so that a guest does not fill the desk.
const MOST_QUESTIONS: u32 = 4;
/// What is not to be trusted comes from elsewhere, or from who knows where.
const UNTRUSTED: &str = "untrusted";

/// The components whose functions guests may call. Of one name there can be several, that are configured as capabilities.
#[derive(Debug, Default)]
pub(super) struct Offered {
    by_name: BTreeMap<String, Compiled>,
    by_digest: BTreeMap<String, Compiled>,
}

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
    /// Why, and by whose verdict, the caller ends with what it called.
    killed: Option<(Fault, Verdict)>,
}

/// The call of a guest that may call others, without what it is about.
pub(super) fn outline(shape: &Descriptor, call: &Call) -> Option<Call> {
    shape.imports_any(INTERFACE).then(|| Call {
        target: CallTarget::Command {
            args: Vec::new(),
            stdin: Stdin::Empty,
        },
        principal: call.principal.clone(),
        via: Via::Called,
        own: call.own.clone(),
        step: call.step.clone(),
        labels: call.labels.clone(),
        inner: call.inner.clone(),
        // A plan wants its step approved, not what the step does on its way.
        approvers: None,
        tally: call.tally.clone(),
        approval: call.approval.map(|approval| match approval {
            Redeem::Token(token) | Redeem::Offered(token) => Redeem::Offered(token),
            Redeem::Answered => Redeem::Answered,
        }),
        misspelt: None,
        cancel: call.cancel.clone(),
        forward: None,
        depth: call.depth + 1,
        outermost: Some(call.outermost.clone().unwrap_or_else(|| {
            Arc::new(Outermost {
                own: call.own.clone(),
                inner: call.inner.clone(),
                questions: AtomicU32::new(0),
            })
        })),
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

    /// Why the caller has to end, and by whose verdict.
    pub(super) fn killed(&self) -> Option<(Fault, Verdict)> {
        self.given().killed.take()
    }

    async fn run(&self, name: &str, arguments: String, left: Left) -> Answer {
        let (call, found) = match self.prepared(name, arguments, left) {
            Ok(prepared) => prepared,
            Err(fault) => {
                return Answer {
                    result: Err(fault),
                    usage: Usage::default(),
                    handed: Bytes::ZERO,
                    ends: false,
                };
            }
        };
        let inner = self.engine.inner();
        let component = found.component.describe().name();
        let run = Run::inside(inner, component, &call, &self.emitter);
        let mut outcome = run.go(&found.component, Box::new(call)).await;
        let usage = *outcome.usage();
        // Its result is in events, too.
        let result = Bytes::of_len(outcome.value().as_str().len());
        let handed = outcome.handed.plus(result).unwrap_or(outcome.handed);
        let kills = outcome
            .verdict()
            .is_some_and(|verdict| verdict.decision == Decision::Kill)
            && outcome.status() == Status::Denied;
        let mut given = self.given();
        given.labels.extend(found.labels);
        let result = match outcome.fault.take() {
            None => Ok(outcome
                .has_value()
                .then(|| outcome.value().as_str().to_owned())),
            Some(fault) => {
                if fault.question().is_some()
                    && let Some(outermost) = &self.call.outermost
                {
                    outermost.questions.fetch_add(1, Ordering::Relaxed);
                }
                given.confided.extend(fault.confided().iter().cloned());
                Err(fault)
            }
        };
        let mut ends = false;
        if kills && let (Err(fault), Some(verdict)) = (&result, outcome.verdict.take()) {
            ends = true;
            let denials = if let FaultKind::Denied(denials) = fault.kind() {
                denials.clone()
            } else {
                Vec::new()
            };
            given.killed = Some((Fault::new(FaultKind::Denied(denials)), verdict));
        }
        Answer {
            result,
            usage,
            handed,
            ends,
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
        let asked = self.call.outermost.as_ref();
        if asked.is_some_and(|asked| asked.questions.load(Ordering::Relaxed) >= MOST_QUESTIONS) {
            return Err(refused(
                Code::LimitCalls,
                name,
                format!("{MOST_QUESTIONS} actions wait for an answer already"),
                "answer them with `engine approvals`, and call again",
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
        call.own.grants = self
            .call
            .outermost
            .as_ref()
            .and_then(|outermost| within(most, outermost));
        let limits = call.inner.limits.unwrap_or(*inner.policy.limits());
        call.inner = Layer {
            grants: None,
            limits: Some(limits.at_most(
                Some(left.fuel),
                Some(left.memory),
                left.wall,
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
            return self.engine.look_up(&offered.by_digest, name, None);
        }
        let (component, function) = name.split_once('.').unwrap_or((name, ""));
        self.engine
            .look_up(&offered.by_name, component, Some(function))
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
fn within(most: Option<&Grants>, outermost: &Outermost) -> Option<Grants> {
    let Outermost { own, inner, .. } = outermost;
    let layers = [most, own.grants.as_ref(), inner.grants.as_ref()];
    let shared = layers.into_iter().flatten().fold(None, |shared, layer| {
        Some(match shared {
            None => layer.clone(),
            Some(outer) => Grants::shared_with(&outer, layer),
        })
    });
    match &inner.keep {
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
    /// with the same name the later one takes the place of the earlier, but where a configured capability is pinned to it.
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
        let shape = component.describe();
        let digest = shape.digest().to_string();
        offered.by_digest.insert(digest, component.clone());
        offered
            .by_name
            .insert(shape.name().to_owned(), component.clone());
    }
}

/// What the results of a function are to be treated as, by what it declares and what the operator says of it.
pub(super) fn labels_of(
    shape: &Descriptor,
    position: usize,
    configured: Option<&Capability>,
) -> BTreeSet<String> {
    let mut labels = configured.map_or_else(BTreeSet::new, |configured| configured.labels.clone());
    let declared = shape.about(position).map(FunctionManifest::declared);
    let trusted = declared.is_some_and(|declared| !declared.effects.contains(&Effect::Network));
    if !trusted {
        labels.insert(UNTRUSTED.to_owned());
    }
    labels
}

impl Engine {
    /// What the results of the actions that a component may call are to be treated as.
    pub(super) fn labels_of_called(
        &self,
        shape: &Descriptor,
        components: &BTreeMap<String, Compiled>,
    ) -> BTreeSet<String> {
        let inner = self.inner();
        let mut labels = BTreeSet::new();
        let mut known = BTreeSet::new();
        let mut next = inner.may_call(shape);
        while let Some(name) = next.pop() {
            if !known.insert(name.clone()) {
                continue;
            }
            let configured = inner.capabilities.get(&name);
            let found = match configured {
                Some(configured) => components
                    .values()
                    .find(|component| component.describe().digest() == configured.digest)
                    .map(|component| (component, configured.function.as_str())),
                None => name
                    .split_once('.')
                    .and_then(|(component, function)| Some((components.get(component)?, function))),
            };
            match found {
                Some((component, function)) => {
                    let shape = component.describe();
                    next.extend(inner.may_call(shape));
                    if let Ok(position) = shape.find(function) {
                        let configured = configured
                            .or_else(|| inner.capability_of(shape, position).ok().flatten());
                        labels.extend(labels_of(shape, position, configured));
                    }
                }
                // What is not here yet may be offered later.
                None => {
                    labels.insert(UNTRUSTED.to_owned());
                    labels.extend(configured.iter().flat_map(|one| one.labels.iter().cloned()));
                }
            }
        }
        labels
    }
}

impl Inner {
    /// The actions that a component may at most be granted.
    fn may_call(&self, shape: &Descriptor) -> Vec<String> {
        if !shape.imports_any(INTERFACE) {
            return Vec::new();
        }
        match shape.manifest() {
            Some(manifest) => manifest.asks.actions.iter().cloned().collect(),
            // Who calls it may grant any.
            None => self.capabilities.keys().cloned().collect(),
        }
    }
}
