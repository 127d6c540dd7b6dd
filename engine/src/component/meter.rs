use wasmtime::ResourceLimiter;

use crate::host::{Caps, Stop};
use crate::types::{Budget, Bytes};

/// Sums the memories and tables of one store, and refuses what passes the limit.
///
/// wasmtime's own limits count each memory by itself, so a component with many memories would have
/// many times its limit.
#[derive(Debug)]
pub(super) struct Meter {
    limit: u64,
    held: u64,
    peak: u64,
    refused: Option<Stop>,
}

/// What an element of a table costs the host.
const TABLE_ELEMENT: u64 = size_of::<usize>() as u64;

impl Meter {
    pub(super) fn new(limit: Bytes) -> Self {
        Self {
            limit: limit.get(),
            held: 0,
            peak: 0,
            refused: None,
        }
    }

    /// The most that was held at once.
    pub(super) fn peak(&self) -> Bytes {
        Bytes::new(self.peak)
    }

    /// How much more may be held.
    pub(super) fn left(&self) -> Bytes {
        Bytes::new(self.limit.saturating_sub(self.held))
    }

    /// Counts what somebody else held for the guest at the same time, and holds no more.
    pub(super) fn meanwhile(&mut self, held: Bytes) {
        self.peak = self.peak.max(self.held.saturating_add(held.get()));
    }

    /// The first growth that was refused.
    pub(super) fn refused(&self) -> Option<Stop> {
        self.refused
    }

    /// Says yes to growth within the limit. A guest sees a refusal as `-1`, and may go on.
    fn grow(&mut self, more: u64) -> bool {
        let wanted = self.held.saturating_add(more);
        if wanted > self.limit {
            self.refused.get_or_insert(Stop {
                budget: Budget::Memory,
                used: wanted,
                limit: self.limit,
            });
            return false;
        }
        self.held = wanted;
        self.peak = self.peak.max(wanted);
        true
    }
}

impl ResourceLimiter for Meter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if maximum.is_some_and(|most| desired > most && (most as u64) < self.limit) {
            // Over the memory's own maximum: the guest's affair, and nothing is counted.
            return Ok(false);
        }
        Ok(self.grow(desired.saturating_sub(current) as u64))
    }

    fn table_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> wasmtime::Result<bool> {
        if maximum.is_some_and(|most| desired > most) {
            return Ok(false);
        }
        let more = (desired.saturating_sub(current) as u64).saturating_mul(TABLE_ELEMENT);
        // A place in a pool has no larger tables, and a guest does not see whether it has one.
        Ok(self.grow(more) && desired <= Caps::TABLE_ELEMENTS)
    }

    fn instances(&self) -> usize {
        Caps::INSTANCES
    }

    fn tables(&self) -> usize {
        Caps::INSTANCES
    }

    fn memories(&self) -> usize {
        Caps::INSTANCES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memories_and_tables_are_counted_together() {
        let mut meter = Meter::new(Bytes::mib(8));
        assert!(meter.memory_growing(0, 5 << 20, None).unwrap());
        assert!(!meter.memory_growing(0, 5 << 20, None).unwrap());
        assert!(
            meter.table_growing(0, 1 << 18, None).unwrap(),
            "2 MiB of table fit beside 5 MiB of memory"
        );
        assert!(!meter.table_growing(1 << 18, 1 << 20, None).unwrap());
        assert_eq!(meter.peak(), Bytes::mib(7));
        let stop = meter.refused().unwrap();
        assert_eq!((stop.used, stop.limit), (10 << 20, 8 << 20));
    }

    #[test]
    fn growth_over_a_memorys_own_maximum_is_not_the_limits_doing() {
        let mut meter = Meter::new(Bytes::mib(8));
        assert!(!meter.memory_growing(0, 2 << 20, Some(1 << 20)).unwrap());
        assert_eq!((meter.peak(), meter.refused()), (Bytes::ZERO, None));
    }
}
