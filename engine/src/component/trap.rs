//! From an error of wasmtime to a fault with a code: which limit, which denial, which trap.

use wasmtime::component::ResourceTableError;
use wasmtime::{PoolConcurrencyLimitError, Trap, WasmBacktrace};
use wasmtime_wasi::I32Exit;

use super::instance::Instance;
use super::link::NotGranted;
use super::supervise::Stopped;
use super::symbols;
use crate::host::{Caps, Stop};
use crate::types::{Budget, Fault, FaultKind, text};

/// Explains why a guest ended before its time.
pub(super) fn fault(instance: &Instance, error: &wasmtime::Error) -> Fault {
    if let Some(denied) = error.downcast_ref::<NotGranted>() {
        return Fault::new(FaultKind::DeniedImport {
            interface: denied.interface.clone(),
            function: denied.function.clone(),
        })
        .hint("the engine grants the interfaces of WASI 0.2; other imports cannot be granted")
        .with_backtrace(frames(instance, error));
    }
    if let Some(I32Exit(code)) = error.downcast_ref() {
        return Fault::new(FaultKind::Trapped {
            reason: format!("an initialiser exited with code {code}"),
        });
    }
    if error.downcast_ref::<PoolConcurrencyLimitError>().is_some() {
        // Places are counted before an instance takes one, so this is rare.
        return Fault::new(FaultKind::Busy {
            instances: instance.compiled.room(),
            waiting: 0,
        })
        .hint("try again later");
    }
    if let Some(stop) = stop(instance, error) {
        return instance
            .exhausted(stop)
            .with_backtrace(frames(instance, error));
    }
    if let Some(cause) = error.chain().find_map(refused) {
        // The machine refused the engine something, memory for example; the guest did nothing wrong.
        let fault = Fault::system("a request to the operating system");
        let fault = if cause.kind() == std::io::ErrorKind::OutOfMemory {
            fault.hint(
                "fewer instances at once may fit, or more maps of memory (`sysctl vm.max_map_count`)",
            )
        } else {
            fault
        };
        return fault.caused_by(cause);
    }
    let reason = match error.downcast_ref::<Trap>() {
        Some(trap) => trap.to_string(),
        None => error.root_cause().to_string(),
    };
    let reason = reason.strip_prefix("wasm trap: ").unwrap_or(&reason);
    Fault::new(FaultKind::Trapped {
        reason: text::line(reason, 1024),
    })
    .with_backtrace(frames(instance, error))
}

/// What the operating system said, if it is that.
fn refused(cause: &(dyn std::error::Error + 'static)) -> Option<std::io::Error> {
    let number = match cause.downcast_ref::<std::io::Error>() {
        Some(error) => error.raw_os_error()?,
        // What maps memory tells it so.
        None => cause.downcast_ref::<rustix::io::Errno>()?.raw_os_error(),
    };
    Some(std::io::Error::from_raw_os_error(number))
}

/// The limit behind an error, if there is one.
fn stop(instance: &Instance, error: &wasmtime::Error) -> Option<Stop> {
    if let Some(stop) = error.downcast_ref::<Stop>() {
        return Some(*stop);
    }
    if error.downcast_ref::<Trap>() == Some(&Trap::OutOfFuel) {
        let limit = instance.permitted.limits.fuel().get();
        return Some(Stop {
            budget: Budget::Fuel,
            used: limit,
            limit,
        });
    }
    if matches!(error.downcast_ref(), Some(ResourceTableError::Full)) {
        return Some(full(Budget::Handles, Caps::HOST_OBJECTS as u64));
    }
    // These have no type of their own outside wasmtime. A test for each keeps the words in step.
    let cause = error.root_cause().to_string();
    if cause.contains("store handle limit exceeded") {
        return Some(full(Budget::Handles, Caps::HANDLES as u64));
    }
    if cause.contains("fuel allocated for hostcalls has been exhausted") {
        return Some(full(Budget::HostData, Caps::HOST_DATA.get()));
    }
    if cause.starts_with("resource limit exceeded: ") {
        return Some(full(Budget::Instances, Caps::INSTANCES as u64));
    }
    // A guest that was refused memory and then gave up: the refusal is the reason.
    instance.store.data().meter.refused()
}

fn full(budget: Budget, limit: u64) -> Stop {
    Stop {
        budget,
        used: limit + 1,
        limit,
    }
}

fn frames(instance: &Instance, error: &wasmtime::Error) -> Vec<crate::types::Frame> {
    error
        .downcast_ref::<WasmBacktrace>()
        .map(|backtrace| {
            symbols::frames(
                &instance.compiled,
                backtrace.frames(),
                instance.supervisor.clock(),
            )
        })
        .unwrap_or_default()
}

impl Instance {
    /// The fault of a guest that was stopped from outside.
    pub(super) fn stopped(&self, stopped: Stopped) -> Fault {
        match stopped {
            Stopped::Cancelled => Fault::new(FaultKind::Cancelled),
            Stopped::Deadline => {
                let millis =
                    |time: std::time::Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
                self.exhausted(Stop {
                    budget: Budget::Time,
                    used: millis(self.supervisor.elapsed()),
                    limit: millis(self.permitted.limits.wall().get()),
                })
            }
        }
    }

    /// The fault of a guest that reached a limit, with the flag that raises it.
    pub(super) fn exhausted(&self, stop: Stop) -> Fault {
        self.record.reach(&stop);
        let Stop {
            budget,
            used,
            limit,
        } = stop;
        let fault = Fault::new(FaultKind::Exhausted {
            budget,
            used,
            limit,
        });
        match budget {
            Budget::Fuel => {
                fault.hint("raise it with `--fuel N`, or find out why the guest computes so long")
            }
            Budget::Memory => fault.hint(format!(
                "raise it with `--memory SIZE`; the guest asked for {used} bytes in all"
            )),
            Budget::Time => fault.hint("raise it with `--timeout DURATION`"),
            Budget::Output => fault.hint("raise it with `--max-output SIZE`"),
            Budget::Instances
            | Budget::Handles
            | Budget::Files
            | Budget::HostCalls
            | Budget::HostData => {
                fault.hint("this limit is the same for every guest; use less at once")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::ErrorKind;

    use super::*;

    #[test]
    fn what_the_machine_refuses_is_told_from_what_a_guest_did() {
        let mapped = wasmtime::Error::from(rustix::io::Errno::NOMEM).context("no map");
        let opened = wasmtime::Error::from(std::io::Error::from_raw_os_error(24));
        let said = |error: &wasmtime::Error| error.chain().find_map(refused);
        assert_eq!(said(&mapped).unwrap().kind(), ErrorKind::OutOfMemory);
        assert_eq!(said(&opened).unwrap().raw_os_error(), Some(24));
        let own = std::io::Error::new(ErrorKind::OutOfMemory, "words of a guest");
        assert!(said(&wasmtime::Error::from(own)).is_none());
        assert!(said(&wasmtime::Error::from(Trap::OutOfFuel)).is_none());
    }
}
