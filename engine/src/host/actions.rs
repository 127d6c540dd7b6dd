//! Actions of other capabilities, which a guest calls through the guard.

use std::fmt;
use std::pin::Pin;

use tokio::sync::oneshot;
use wasmtime::StoreContextMut;
use wasmtime::component::Linker;

use super::HostView;
use super::told::bindings::engine::host::actions::Failure;
use crate::types::{
    Bytes, Code, Denial, Fault, FaultKind, Fuel, Status, Usage, WallTime, is_action, text,
};

/// The interface, without its version.
pub(super) const INTERFACE: &str = "engine:host/actions";
/// The interface as components import it.
pub(super) const VERSIONED: &str = "engine:host/actions@0.1.0";
/// The most of a message that a guest is told.
const MESSAGE: usize = 1 << 10;

/// Calls actions for a guest.
pub(crate) trait Actions: Send + Sync + fmt::Debug {
    /// Whether the caller was granted this action.
    fn grants(&self, name: &str) -> bool;

    /// Calls it, within what the caller has left.
    fn call<'a>(
        &'a self,
        name: &'a str,
        arguments: String,
        left: Left,
    ) -> Pin<Box<dyn Future<Output = Answer> + Send + 'a>>;
}

/// What a caller has left.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Left {
    pub(crate) fuel: Fuel,
    pub(crate) memory: Bytes,
    /// A little less than the caller has, so that what was called ends, and is counted, before its caller is stopped.
    pub(crate) wall: Option<WallTime>,
    pub(crate) output: Bytes,
}

/// What came of a call.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The result as JSON, if there is one, or why there is none.
    pub(crate) result: Result<Option<String>, Fault>,
    pub(crate) usage: Usage,
    /// What it handed out, its result included.
    pub(crate) handed: Bytes,
    /// Whether the caller ends with it.
    pub(crate) ends: bool,
}

/// The error by which a guest ends that called what ends its workflow.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("an action that it called ends its workflow")]
struct Ends;

pub(super) fn add_to_linker<T: HostView>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    linker.instance(VERSIONED)?.func_wrap_async(
        "call",
        |store, (name, arguments): (String, String)| {
            Box::new(async move { Ok((call(store, &name, arguments).await?,)) })
        },
    )
}

async fn call<T: HostView>(
    mut store: StoreContextMut<'_, T>,
    name: &str,
    arguments: String,
) -> wasmtime::Result<Result<Option<String>, Failure>> {
    let fuel = store.get_fuel()?;
    let view = store.data_mut();
    let memory = view.memory_left();
    let host = view.host();
    let record = host.record.clone();
    if !record.one_more_call(arguments.len())? {
        let reason = format!("the call has made {} calls", super::Caps::ACTIONS);
        return Ok(Err(refused(&record, Code::LimitCalls, name, reason, "")));
    }
    let Some(actions) = host.actions.clone().filter(|actions| actions.grants(name)) else {
        let reason = "the action was not granted".to_owned();
        // What is no name is in nothing that people copy.
        let flag = if is_action(name) {
            format!("grant it with `--allow-action {name}`")
        } else {
            "it is not the name of an action".to_owned()
        };
        let hint = format!(
            "{flag}; its component has to be configured (`engine add FILE`), and a manifest of the caller has to ask for it"
        );
        return Ok(Err(refused(
            &record,
            Code::DeniedGrant,
            name,
            reason,
            &hint,
        )));
    };
    // What it wrote before comes before what is told of the call.
    record.flush();
    let left = Left {
        fuel: Fuel::new(fuel),
        memory,
        wall: host.aside.left().map(|left| {
            WallTime::millis(u64::try_from(left.as_millis()).unwrap_or(u64::MAX).max(1))
        }),
        output: record.output_left(),
    };
    let (tell, told) = oneshot::channel();
    let (owned, aside) = (name.to_owned(), host.aside.clone());
    aside.begin(Box::pin(async move {
        let answer = actions.call(&owned, arguments, left).await;
        // A caller that is gone needs no answer.
        tell.send(answer).ok();
    }));
    let Answer {
        result,
        usage,
        handed,
        ends,
    } = told.await?;
    record.count_used(&usage, handed.get());
    // What was used before this call, and what it used, is the guest's.
    store.set_fuel(fuel.saturating_sub(usage.fuel))?;
    store.data_mut().used_meanwhile(usage.memory_peak);
    if let Err(fault) = &result
        && (fault.status() == Status::Denied || fault.code() == Code::LimitCalls)
    {
        let denial = denial(fault);
        record.deny_action(denial.code, name, denial.reason, denial.hint);
    } else {
        record.allow(INTERFACE, "call", name);
    }
    if ends {
        return Err(wasmtime::Error::new(Ends));
    }
    Ok(result.map_err(|fault| failure(&fault)))
}

/// Why the guard refused an action, in one denial.
fn denial(fault: &Fault) -> Denial {
    let first = if let FaultKind::Denied(denials) = fault.kind() {
        denials.first().cloned()
    } else {
        None
    };
    first.unwrap_or_else(|| Denial {
        code: fault.code(),
        interface: String::new(),
        operation: String::new(),
        target: String::new(),
        reason: text::line(&fault.to_string(), MESSAGE),
        hint: fault.hints().join("; "),
        count: 1,
    })
}

fn refused(record: &super::Record, code: Code, name: &str, reason: String, hint: &str) -> Failure {
    let failure = Failure {
        code: code.as_str().to_owned(),
        message: format!("`{}`: {reason}", text::line(name, 256)),
        payload: None,
    };
    record.deny_action(code, name, reason, hint.to_owned());
    failure
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "of kinds to come nothing is told but their kind"
)]
/// What a guest is told of a fault: what is its own affair in words, and of everything else the kind alone. Paths of the host,
/// who may approve and which policies there are is for people.
fn failure(fault: &Fault) -> Failure {
    let mut payload = None;
    let message = match fault.kind() {
        FaultKind::GuestError { value } => {
            payload = Some(value.as_str().to_owned());
            "the action returned its error case".to_owned()
        }
        FaultKind::Argument { .. }
        | FaultKind::ArgumentSyntax { .. }
        | FaultKind::NoFunction { .. }
        | FaultKind::AmbiguousFunction { .. }
        | FaultKind::Uncallable { .. }
        | FaultKind::UnknownCapability { .. }
        | FaultKind::Exhausted { .. }
        | FaultKind::Trapped { .. } => text::line(&fault.to_string(), MESSAGE),
        FaultKind::Denied(denials) => match denials.as_slice() {
            [own] if own.interface == INTERFACE => text::line(&own.reason, MESSAGE),
            _ => "the action is denied".to_owned(),
        },
        _ => match fault.status() {
            Status::Denied => "the action is denied",
            Status::Cancelled => "the action was cancelled",
            Status::Limit => "the action reached a limit",
            Status::Error | Status::Trap => "the action failed",
            Status::Invalid => "the action cannot be called",
            Status::Ok | Status::Uncertain | Status::Internal => "the engine failed",
        }
        .to_owned(),
    };
    Failure {
        code: fault.code().as_str().to_owned(),
        message,
        payload,
    }
}
