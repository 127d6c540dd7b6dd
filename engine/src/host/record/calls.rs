//! Calls of other actions that a guest makes.

use super::{Record, Refusal, Stop};
use crate::host::Caps;
use crate::types::{Code, Usage};

impl Record {
    /// Counts one more call of another action; none if the call may make no more.
    ///
    /// # Errors
    ///
    /// The stop that ends the guest, if the arguments pass the limit on output.
    pub(in crate::host) fn one_more_call(&self, arguments: usize) -> Result<bool, Stop> {
        let mut state = self.lock();
        if state.calls >= Caps::ACTIONS {
            return Ok(false);
        }
        state.calls += 1;
        self.count_told(&mut state, arguments)?;
        Ok(true)
    }

    /// Writes down that a call of another action was refused.
    pub(in crate::host) fn deny_action(
        &self,
        code: Code,
        name: &str,
        reason: String,
        hint: String,
    ) {
        self.deny(Refusal {
            code,
            interface: super::super::actions::INTERFACE,
            operation: "call",
            target: name,
            reason,
            hint,
        });
    }

    /// Counts what another action used for the guest, beside its fuel and memory.
    pub(in crate::host) fn count_used(&self, usage: &Usage, handed: u64) {
        let mut state = self.lock();
        // It got no more than there was left.
        state.told = state.told.saturating_add(handed);
        drop(state);
        self.fs_operations
            .fetch_add(usage.fs_operations, std::sync::atomic::Ordering::Relaxed);
    }
}
