//! Actions of other capabilities, which a guest calls through the guard.

use std::fmt;
use std::pin::Pin;

use tokio::sync::oneshot;
use wasmtime::StoreContextMut;
use wasmtime::component::Linker;

use super::HostView;
use super::told::bindings::engine::host::actions::Failure;
use crate::types::{Bytes, Code, Denial, Fault, FaultKind, Fuel, Usage, text};

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
    pub(crate) output: Bytes,
}

/// What came of a call.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The result as JSON, if there is one, or why there is none.
    pub(crate) result: Result<Option<String>, Fault>,
    pub(crate) usage: Usage,
    /// What it handed out, besides its result.
    pub(crate) handed: Bytes,
}

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
    let shown = text::line(name, 256);
    let Some(actions) = host.actions.clone().filter(|actions| actions.grants(name)) else {
        let reason = "the action was not granted".to_owned();
        let hint = format!(
            "configure its component with `engine add FILE`, and grant it with `--allow-action {shown}`; a manifest of the \
             caller has to ask for it"
        );
        return Ok(Err(refused(
            &record,
            Code::DeniedGrant,
            name,
            reason,
            &hint,
        )));
    };
    record.allow(INTERFACE, "call", name);
    let left = Left {
        fuel: Fuel::new(fuel),
        memory,
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
    } = told.await?;
    record.count_used(&usage, handed.get());
    // What was used before this call, and what it used, is the guest's.
    store.set_fuel(fuel.saturating_sub(usage.fuel))?;
    store.data_mut().used_meanwhile(usage.memory_peak);
    Ok(result.map_err(|fault| {
        if fault.status() == crate::types::Status::Denied || fault.code() == Code::LimitCalls {
            let denial = denial(&fault);
            record.deny_action(denial.code, name, denial.reason, denial.hint);
        }
        failure(&fault)
    }))
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

/// What a guest is told of a fault: nothing that is for people alone.
fn failure(fault: &Fault) -> Failure {
    let payload = if let FaultKind::GuestError { value } = fault.kind() {
        Some(value.as_str().to_owned())
    } else {
        None
    };
    Failure {
        code: fault.code().as_str().to_owned(),
        message: text::line(&fault.to_string(), MESSAGE),
        payload,
    }
}
