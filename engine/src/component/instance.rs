use std::pin::pin;
use std::sync::Arc;

use wasmtime::component::Instance as Linked;
use wasmtime::{CallHook, Store};

use super::compile::Compiled;
use super::config::FUEL_BETWEEN_YIELDS;
use super::meter::Meter;
use super::pool::Place;
use super::supervise::{Cancel, Supervisor};
use super::trap;
use super::value::Arguments;
use crate::guard::{Current, Permit, Permitted};
use crate::host::{Actions, Caps, Host, HostView, Record, Stop, Streams};
use crate::types::{Budget, Bytes, Clock, Fault, FaultKind, Phase, Usage};

/// What a store holds: the host's part, and the meter.
pub(super) struct Guest {
    host: Host,
    pub(super) meter: Meter,
    host_calls: u64,
}

impl HostView for Guest {
    fn host(&mut self) -> &mut Host {
        &mut self.host
    }

    fn memory_left(&self) -> Bytes {
        self.meter.left()
    }

    fn used_meanwhile(&mut self, peak: Bytes) {
        self.meter.meanwhile(peak);
    }
}

/// What a call needs besides its permit.
#[derive(Debug)]
pub(crate) struct Context {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) cancel: Cancel,
    pub(crate) record: Arc<Record>,
    pub(crate) policies: Arc<Current>,
    /// Who calls other actions for the guest; `None` if it may call none.
    pub(crate) actions: Option<Arc<dyn Actions>>,
    /// Room for the instance.
    pub(crate) place: Place,
}

/// A component that was started and can be called once.
pub(crate) struct Instance {
    pub(super) compiled: Compiled,
    pub(super) permitted: Box<Permitted>,
    pub(super) store: Store<Guest>,
    pub(super) linked: Option<Linked>,
    pub(super) supervisor: Supervisor,
    pub(super) record: Arc<Record>,
    pub(super) arguments: Arguments,
    /// Given back after the store, which comes before it here.
    #[expect(dead_code, reason = "held until the instance is gone")]
    place: Place,
}

impl std::fmt::Debug for Instance {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Instance")
            .field("compiled", &self.compiled)
            .field("permitted", &self.permitted)
            .finish_non_exhaustive()
    }
}

/// A start that failed, with what it had used.
#[derive(Debug)]
pub(crate) struct FailedStart {
    pub(crate) fault: Fault,
    pub(crate) usage: Usage,
}

impl From<Fault> for FailedStart {
    fn from(fault: Fault) -> Self {
        Self {
            fault,
            usage: Usage::default(),
        }
    }
}

impl Instance {
    /// Starts `compiled` with exactly what `permit` grants, ready to be called with `arguments`, in its
    /// `place`.
    ///
    /// The component's own initialisers run here and count against the permit's fuel, memory and wall
    /// time.
    ///
    /// # Errors
    ///
    /// [`FaultKind::Stale`] if the permit was decided for other bytes, other arguments or under other
    /// policies; whatever stops an initialiser.
    ///
    /// # Cancellation
    ///
    /// Dropping the future stops the guest at its next yield, within milliseconds.
    pub(crate) async fn start(
        compiled: &Compiled,
        permit: Permit,
        arguments: Arguments,
        streams: Streams,
        context: Context,
    ) -> Result<Instance, FailedStart> {
        let Context {
            clock,
            cancel,
            record,
            policies,
            actions,
            place,
        } = context;
        // What was decided about is told from what is here, not from what anybody remembers of it.
        let permitted = permit
            .spend(
                compiled.source().digest(),
                arguments.digest(),
                policies.get().digest(),
            )
            .map_err(|fault| fault.at(Phase::Start))?;
        // Opening the grants is the engine's work, not the guest's, so the clock starts after it.
        let deterministic = compiled.deterministic();
        let host = Host::new(
            &permitted.grants,
            streams,
            record.clone(),
            actions,
            deterministic,
        )
        .map_err(|fault| fault.at(Phase::Start))?;
        let supervisor = Supervisor::new(
            clock,
            cancel,
            record.clone(),
            host.aside(),
            permitted.limits.wall(),
        );
        let mut instance = Instance {
            store: store(compiled, host, &permitted)?,
            compiled: compiled.clone(),
            permitted,
            linked: None,
            supervisor,
            record,
            arguments,
            place,
        };
        let Instance {
            store,
            supervisor,
            linked,
            ..
        } = &mut instance;
        let started = {
            let starting = pin!(compiled.linked().instantiate_async(&mut *store));
            supervisor.watch(starting).await
        };
        match started {
            Ok(Ok(started)) => {
                *linked = Some(started);
                Ok(instance)
            }
            Ok(Err(error)) => {
                let fault = trap::fault(&instance, &error).at(Phase::Start);
                Err(FailedStart {
                    usage: instance.usage(),
                    fault,
                })
            }
            Err(stopped) => {
                let fault = instance.stopped(stopped).at(Phase::Start);
                Err(FailedStart {
                    usage: instance.usage(),
                    fault,
                })
            }
        }
    }

    /// What was used so far.
    pub(crate) fn usage(&self) -> Usage {
        let budget = self.permitted.limits.fuel().get();
        Usage {
            // Fuel is on in every store, so there is always an amount left.
            fuel: budget.saturating_sub(self.store.get_fuel().unwrap_or(budget)),
            memory_peak: self.store.data().meter.peak(),
            wall: self.supervisor.elapsed(),
            cpu: self.supervisor.cpu(),
            ..Usage::default()
        }
    }
}

/// A store with every limit armed before the first instruction of the guest.
fn store(compiled: &Compiled, host: Host, permitted: &Permitted) -> Result<Store<Guest>, Fault> {
    let guest = Guest {
        host,
        meter: Meter::new(permitted.limits.memory()),
        host_calls: 0,
    };
    let mut store = Store::new(compiled.linked().engine(), guest);
    store.limiter(|guest| &mut guest.meter);
    store.set_hostcall_fuel(usize::try_from(Caps::HOST_DATA.get()).unwrap_or(usize::MAX));
    store.set_max_component_handles(Caps::HANDLES);
    store.call_hook(|mut guest, hook| match hook {
        CallHook::CallingHost => {
            let guest = guest.data_mut();
            guest.host_calls += 1;
            if guest.host_calls > Caps::HOST_CALLS {
                return Err(Stop {
                    budget: Budget::HostCalls,
                    used: guest.host_calls,
                    limit: Caps::HOST_CALLS,
                }
                .into());
            }
            Ok(())
        }
        CallHook::CallingWasm | CallHook::ReturningFromWasm | CallHook::ReturningFromHost => Ok(()),
    });
    store
        .set_fuel(permitted.limits.fuel().get())
        .and_then(|()| store.fuel_async_yield_interval(Some(FUEL_BETWEEN_YIELDS)))
        .map_err(|error| {
            Fault::new(FaultKind::Bug {
                at: "the fuel of a store",
            })
            .caused_by(super::compile::Opaque::from(error))
        })?;
    Ok(store)
}
