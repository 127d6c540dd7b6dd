use serde::ser::SerializeStruct;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{Bytes, Fuel, WallTime};

/// What one call may use.
///
/// Every limit is always on. Defaults: fuel 10,000,000,000, memory 128 MiB, wall time 30 s,
/// output 1 MiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    fuel: Fuel,
    memory: Bytes,
    wall: WallTime,
    output: Bytes,
}

impl Limits {
    /// The longest wall time that can be asked for, 24 hours.
    pub const LONGEST: WallTime = WallTime::secs(24 * 3600);

    /// Starts from the defaults.
    #[must_use]
    pub fn builder() -> LimitsBuilder {
        LimitsBuilder(Limits::default())
    }

    /// Starts from these limits.
    #[must_use]
    pub fn edit(&self) -> LimitsBuilder {
        LimitsBuilder(*self)
    }

    /// Units of computation, counted from the first initialiser to the end of the call.
    #[must_use]
    pub fn fuel(&self) -> Fuel {
        self.fuel
    }

    /// The most memory the guest may hold at once, summed over its linear memories and tables.
    #[must_use]
    pub fn memory(&self) -> Bytes {
        self.memory
    }

    /// Real time from instantiation to the end of the call.
    #[must_use]
    pub fn wall(&self) -> WallTime {
        self.wall
    }

    /// What the guest may hand out: standard output, standard error and the result value, summed.
    #[must_use]
    pub fn output(&self) -> Bytes {
        self.output
    }

    /// The smaller of each limit: narrowing never raises one.
    #[must_use]
    pub fn narrowed_by(&self, other: &Limits) -> Limits {
        Limits {
            fuel: self.fuel.min(other.fuel),
            memory: self.memory.min(other.memory),
            wall: self.wall.min(other.wall),
            output: self.output.min(other.output),
        }
    }

    /// Narrowed by the limits that are given.
    pub(crate) fn at_most(
        &self,
        fuel: Option<Fuel>,
        memory: Option<Bytes>,
        wall: Option<WallTime>,
        output: Option<Bytes>,
    ) -> Limits {
        self.narrowed_by(&Limits {
            fuel: fuel.unwrap_or(self.fuel),
            memory: memory.unwrap_or(self.memory),
            wall: wall.unwrap_or(self.wall),
            output: output.unwrap_or(self.output),
        })
    }
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            fuel: Fuel::new(10_000_000_000),
            memory: Bytes::mib(128),
            wall: WallTime::secs(30),
            output: Bytes::mib(1),
        }
    }
}

impl Serialize for Limits {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Limits {
            fuel,
            memory,
            wall,
            output,
        } = self;
        let mut limits = serializer.serialize_struct("Limits", 4)?;
        limits.serialize_field("fuel", fuel)?;
        limits.serialize_field("memory_bytes", memory)?;
        limits.serialize_field("wall_ms", &wall.get().as_millis())?;
        limits.serialize_field("output_bytes", output)?;
        limits.end()
    }
}

impl<'de> Deserialize<'de> for Limits {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Written {
            fuel: Fuel,
            memory_bytes: Bytes,
            wall_ms: u64,
            output_bytes: Bytes,
        }
        let written = Written::deserialize(deserializer)?;
        Ok(Limits {
            fuel: written.fuel,
            memory: written.memory_bytes,
            wall: WallTime::millis(written.wall_ms),
            output: written.output_bytes,
        })
    }
}

/// Sets limits, and refuses the ones that make no sense instead of changing them.
///
/// # Example
///
/// ```
/// use engine::{Bytes, Limits};
///
/// let limits = Limits::builder().memory(Bytes::mib(16)).build()?;
/// assert_eq!(limits.memory().to_string(), "16MiB");
///
/// let error = Limits::builder().memory(Bytes::new(10)).build().unwrap_err();
/// assert_eq!(error.to_string(), "a memory limit of 10B is below the smallest, 64KiB");
/// # Ok::<(), engine::LimitsError>(())
/// ```
#[derive(Clone, Debug)]
pub struct LimitsBuilder(Limits);

impl LimitsBuilder {
    /// Units of computation. Default: 10,000,000,000.
    #[must_use]
    pub fn fuel(mut self, most: Fuel) -> Self {
        self.0.fuel = most;
        self
    }

    /// The most memory the guest may hold at once, summed over its memories and tables.
    /// Default: 128 MiB.
    #[must_use]
    pub fn memory(mut self, most: Bytes) -> Self {
        self.0.memory = most;
        self
    }

    /// Real time from instantiation to the end of the call. Default: 30 s.
    #[must_use]
    pub fn wall(mut self, longest: WallTime) -> Self {
        self.0.wall = longest;
        self
    }

    /// Standard output, standard error and result value, summed. Default: 1 MiB.
    #[must_use]
    pub fn output(mut self, most: Bytes) -> Self {
        self.0.output = most;
        self
    }

    /// Checks every limit.
    ///
    /// # Errors
    ///
    /// - [`LimitsError::UnderOnePage`] if the memory limit is below [`Bytes::PAGE`].
    /// - [`LimitsError::NoFuel`] if there is no fuel at all.
    /// - [`LimitsError::WallTime`] if the wall time is zero or above [`Limits::LONGEST`].
    pub fn build(self) -> Result<Limits, LimitsError> {
        let limits = self.0;
        if limits.memory < Bytes::PAGE {
            return Err(LimitsError::UnderOnePage {
                asked: limits.memory,
            });
        }
        if limits.fuel == Fuel::new(0) {
            return Err(LimitsError::NoFuel);
        }
        if limits.wall.get().is_zero() || limits.wall > Limits::LONGEST {
            return Err(LimitsError::WallTime { asked: limits.wall });
        }
        Ok(limits)
    }
}

/// A limit that makes no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LimitsError {
    /// No guest with a memory fits.
    #[error("a memory limit of {asked} is below the smallest, {}", Bytes::PAGE)]
    UnderOnePage {
        /// What was asked for.
        asked: Bytes,
    },
    /// Nothing can run.
    #[error("a fuel limit of 0 lets nothing run: the smallest is 1")]
    NoFuel,
    /// Zero, or so long that it limits nothing.
    #[error("a time limit of {asked} is outside 1ms to {}", Limits::LONGEST)]
    WallTime {
        /// What was asked for.
        asked: WallTime,
    },
}

#[cfg(test)]
mod tests;
