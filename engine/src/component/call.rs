use std::pin::pin;

use wasmtime::component::Val;
use wasmtime_wasi::I32Exit;

use super::bulk::{self, Came};
use super::describe::is_command;
use super::instance::Instance;
use super::supervise::Stopped;
use super::trap;
use super::value::{Given, Item, NoJson, encode_item, encode_until};
use crate::guard::Target;
use crate::host::{Caps, Stop};
use crate::types::{Budget, Fault, FaultKind, Json, Phase, Usage, WitType};

/// What came back from a call.
#[derive(Debug)]
pub(crate) struct Returned {
    /// The result, or the payload of the error case; `None` if there is neither.
    pub(crate) value: Option<Json>,
    /// The exit code of a command.
    pub(crate) exit_code: Option<i32>,
    /// Why there is no value.
    pub(crate) fault: Option<Fault>,
    pub(crate) usage: Usage,
}

/// What a guest that returned gave back.
enum Ended {
    Value(Option<Val>),
    Bulk(Came),
}

impl Instance {
    /// Calls what the permit was for, and gives the instance up: a guest never runs twice.
    ///
    /// # Cancellation
    ///
    /// Dropping the future stops the guest at its next yield, within milliseconds.
    pub(crate) async fn call(mut self) -> Returned {
        let ended = self.run().await;
        let usage = self.usage();
        match ended {
            Ok((value, exit_code)) => Returned {
                value,
                exit_code,
                fault: None,
                usage,
            },
            Err(fault) => {
                let fault = fault.at(Phase::Call);
                let mut value = None;
                let mut exit_code = None;
                if let FaultKind::GuestError { value: payload } = fault.kind() {
                    value = Some(payload.clone());
                } else if let FaultKind::GuestExit { code } = fault.kind() {
                    exit_code = Some(*code);
                }
                Returned {
                    value,
                    exit_code,
                    fault: Some(fault),
                    usage,
                }
            }
        }
    }

    async fn run(&mut self) -> Result<(Option<Json>, Option<i32>), Fault> {
        let missing = || {
            Fault::new(FaultKind::Bug {
                at: "an export that was described",
            })
        };
        let compiled = self.compiled.clone();
        let descriptor = compiled.describe();
        let position = match self.permitted.target {
            Target::Function(position) => position,
            Target::Command => descriptor
                .functions()
                .iter()
                .position(|function| {
                    function.name == "run" && function.interface.as_deref().is_some_and(is_command)
                })
                .ok_or_else(missing)?,
        };
        let function = descriptor.functions().get(position).ok_or_else(missing)?;
        let export = compiled.export(position).ok_or_else(missing)?;
        let linked = self.linked.as_ref().ok_or_else(missing)?;
        let callee = linked
            .get_func(&mut self.store, export)
            .ok_or_else(missing)?;

        let (called, in_bulk) = match self.arguments.given() {
            Given::Bulk(items, gives) => {
                let call = pin!(bulk::call(&mut self.store, callee, items, *gives));
                let ended = self.supervisor.watch(call).await;
                (ended.map(|came| came.map(Ended::Bulk)), true)
            }
            Given::Values(values) => {
                let mut results = vec![Val::Bool(false); usize::from(function.result.is_some())];
                let ended = {
                    let call = pin!(callee.call_async(&mut self.store, values, &mut results));
                    self.supervisor.watch(call).await
                };
                let ended = ended.map(|done| done.map(|()| Ended::Value(results.pop())));
                (ended, false)
            }
        };
        let command = self.permitted.target == Target::Command;
        match called {
            Err(stopped) => Err(self.stopped(stopped)),
            Ok(Err(error)) => match error.downcast_ref::<I32Exit>() {
                Some(I32Exit(0)) if command => Ok((None, Some(0))),
                Some(I32Exit(code)) if command => {
                    Err(Fault::new(FaultKind::GuestExit { code: *code }))
                }
                Some(I32Exit(code)) => Err(Fault::new(FaultKind::Trapped {
                    reason: format!("it exited with code {code} before the function returned"),
                })),
                None => Err(self.failed(function.result.as_ref(), in_bulk, &error)),
            },
            Ok(Ok(Ended::Value(Some(Val::Result(Err(_)))))) if command => {
                Err(Fault::new(FaultKind::GuestExit { code: 1 }))
            }
            Ok(Ok(_)) if command => Ok((None, Some(0))),
            Ok(Ok(Ended::Bulk(came))) => self.came(came).map(|value| (value, None)),
            Ok(Ok(Ended::Value(value))) => match (value, function.result.as_ref()) {
                (Some(value), Some(ty)) => self.value(&value, ty).map(|value| (value, None)),
                _ => Ok((None, None)),
            },
        }
    }

    /// Takes what came in bulk.
    fn came(&self, came: Came) -> Result<Option<Json>, Fault> {
        match came {
            Came::Value(None) => Ok(None),
            Came::Value(Some(item)) => self.written(encode_item(&item, self.most())).map(Some),
            Came::Absent => Ok(Some(Json::null())),
            Came::Error(text) => {
                let value = self.written(encode_item(&Item::Text(text), self.most()))?;
                Err(Fault::new(FaultKind::GuestError { value }))
            }
        }
    }

    /// The fault of a call that did not return.
    fn failed(&self, result: Option<&WitType>, in_bulk: bool, error: &wasmtime::Error) -> Fault {
        let fault = trap::fault(self, error);
        // Bytes and text count one by one towards this bound, so a result that passes it certainly
        // passes a smaller output limit: the smaller limit is the one to name.
        let output = self.record.output_left().get();
        let certain = result
            .and_then(|ty| least_length(ty, in_bulk))
            .is_some_and(|least| least > output);
        if fault.budget() == Some(Budget::HostData) && fault.backtrace().is_empty() && certain {
            return self.too_long();
        }
        fault
    }

    /// Takes a result apart: the error case of a top-level `result` is the call's failure.
    fn value(&self, value: &Val, ty: &WitType) -> Result<Option<Json>, Fault> {
        match (value, ty) {
            (Val::Result(Ok(payload)), WitType::Result { ok, .. }) => {
                self.payload(payload.as_deref(), ok.as_deref())
            }
            (Val::Result(Err(payload)), WitType::Result { err, .. }) => {
                let value = self
                    .payload(payload.as_deref(), err.as_deref())?
                    .unwrap_or_else(Json::null);
                Err(Fault::new(FaultKind::GuestError { value }))
            }
            _ => self.payload(Some(value), Some(ty)),
        }
    }

    fn payload(&self, value: Option<&Val>, ty: Option<&WitType>) -> Result<Option<Json>, Fault> {
        let (Some(value), Some(ty)) = (value, ty) else {
            return Ok(None);
        };
        // The guest chose how much there is to write, so its time goes on.
        let text = encode_until(value, ty, self.most(), || self.supervisor.overdue());
        self.written(text).map(Some)
    }

    /// The most bytes that a result may have.
    fn most(&self) -> usize {
        usize::try_from(self.record.output_left().get()).unwrap_or(usize::MAX)
    }

    /// Takes the text of a result, or tells why there is none.
    fn written(&self, text: Result<String, NoJson<Stopped>>) -> Result<Json, Fault> {
        match text {
            Ok(text) => match self.supervisor.overdue() {
                None => Ok(Json::made(text)),
                Some(stopped) => Err(self.stopped(stopped)),
            },
            Err(NoJson::TooLong) => Err(self.too_long()),
            Err(NoJson::WrongType) => Err(Fault::new(FaultKind::Bug {
                at: "the encoding of a result",
            })),
            Err(NoJson::Stopped(stopped)) => Err(self.stopped(stopped)),
        }
    }

    fn too_long(&self) -> Fault {
        let limit = self.permitted.limits.output().get();
        self.exhausted(Stop {
            budget: Budget::Output,
            used: limit + 1,
            limit,
        })
    }
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "of other types nothing is certain"
)]
/// For a result of bytes or text that moved too much to the host: the least that its JSON would have.
fn least_length(ty: &WitType, in_bulk: bool) -> Option<u64> {
    // 40 bytes are charged for an element that crosses alone.
    let element = if in_bulk { 1 } else { 40 };
    match ty {
        WitType::String => Some(Caps::HOST_DATA.get()),
        // Base64 makes four characters of three bytes.
        WitType::List(inner) if **inner == WitType::U8 => {
            Some(Caps::HOST_DATA.get() / element / 3 * 4)
        }
        WitType::Result { ok: Some(ok), .. } => least_length(ok, in_bulk),
        WitType::Option(inner) => least_length(inner, in_bulk),
        _ => None,
    }
}
