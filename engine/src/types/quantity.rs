use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A count of bytes.
///
/// Text form: an integer with an optional `KiB`, `MiB` or `GiB`, such as `64MiB`.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Bytes(u64);

impl Bytes {
    /// No bytes.
    pub const ZERO: Bytes = Bytes(0);
    /// One page of guest memory, 64 KiB.
    pub const PAGE: Bytes = Bytes(64 << 10);

    /// `n` bytes.
    #[must_use]
    pub const fn new(n: u64) -> Bytes {
        Bytes(n)
    }

    /// `n` times 1,024 bytes.
    #[must_use]
    pub const fn kib(n: u32) -> Bytes {
        Bytes((n as u64) << 10)
    }

    /// `n` times 1,048,576 bytes.
    #[must_use]
    pub const fn mib(n: u32) -> Bytes {
        Bytes((n as u64) << 20)
    }

    /// The count as a number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The length of something in memory.
    #[must_use]
    pub const fn of_len(len: usize) -> Bytes {
        Bytes(len as u64)
    }

    /// `None` if the sum does not fit, which callers treat as over any limit.
    #[must_use]
    pub fn plus(self, more: Bytes) -> Option<Bytes> {
        self.0.checked_add(more.0).map(Bytes)
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [(30, "GiB"), (20, "MiB"), (10, "KiB")];
        match units
            .iter()
            .find(|(shift, _)| self.0 != 0 && self.0.trailing_zeros() >= *shift)
        {
            Some((shift, unit)) => write!(f, "{}{unit}", self.0 >> shift),
            None => write!(f, "{}B", self.0),
        }
    }
}

impl FromStr for Bytes {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Bytes, QuantityError> {
        let malformed = || {
            QuantityError::new(
                text,
                "a size below 16 EiB: bytes such as `1048576`, or with `KiB`, `MiB` or `GiB` as in `64MiB`",
            )
        };
        let (number, unit) = split_unit(text).ok_or_else(malformed)?;
        let shift = match unit {
            "" | "B" => 0,
            "KiB" => 10,
            "MiB" => 20,
            "GiB" => 30,
            _ => return Err(malformed()),
        };
        number
            .checked_mul(1 << shift)
            .map(Bytes)
            .ok_or_else(malformed)
    }
}

/// A number of units of computation; about one for each instruction a guest executes.
///
/// The same call of the same component with the same arguments uses the same fuel on every machine,
/// as long as the engine is built with the same wasmtime.
///
/// Text form: an integer, or `unlimited`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fuel(u64);

impl Fuel {
    /// The largest budget there is; no guest can spend it.
    pub const UNLIMITED: Fuel = Fuel(u64::MAX);

    /// `n` units.
    #[must_use]
    pub const fn new(n: u64) -> Fuel {
        Fuel(n)
    }

    /// The budget as a number.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Fuel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Fuel::UNLIMITED {
            f.write_str("unlimited")
        } else {
            self.0.fmt(f)
        }
    }
}

impl FromStr for Fuel {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<Fuel, QuantityError> {
        if text == "unlimited" {
            return Ok(Fuel::UNLIMITED);
        }
        let malformed = || {
            QuantityError::new(
                text,
                "a whole number up to 18446744073709551615 such as `10000000`, or `unlimited`",
            )
        };
        match split_unit(text) {
            Some((number, "")) => Ok(Fuel(number)),
            _ => Err(malformed()),
        }
    }
}

impl Serialize for Fuel {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if *self == Fuel::UNLIMITED {
            serializer.serialize_str("unlimited")
        } else {
            serializer.serialize_u64(self.0)
        }
    }
}

impl<'de> Deserialize<'de> for Fuel {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Number(u64),
            Text(String),
        }
        match Written::deserialize(deserializer)? {
            Written::Number(most) => Ok(Fuel(most)),
            Written::Text(text) => text.parse().map_err(serde::de::Error::custom),
        }
    }
}

/// A length of real time.
///
/// Text form: an integer with `ms`, `s`, `m` or `h`, such as `500ms` or `2s`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WallTime(Duration);

impl WallTime {
    /// `n` seconds.
    #[must_use]
    pub const fn secs(n: u64) -> WallTime {
        WallTime(Duration::from_secs(n))
    }

    /// `n` thousandths of a second.
    #[must_use]
    pub const fn millis(n: u64) -> WallTime {
        WallTime(Duration::from_millis(n))
    }

    /// As a duration of the standard library.
    #[must_use]
    pub const fn get(self) -> Duration {
        self.0
    }
}

impl fmt::Display for WallTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.0.as_millis();
        if millis.is_multiple_of(1000) {
            write!(f, "{}s", millis / 1000)
        } else {
            write!(f, "{millis}ms")
        }
    }
}

impl FromStr for WallTime {
    type Err = QuantityError;

    fn from_str(text: &str) -> Result<WallTime, QuantityError> {
        let malformed = || {
            QuantityError::new(
                text,
                "a duration: a whole number with `ms`, `s`, `m` or `h`, such as `500ms` or `2s`",
            )
        };
        let (number, unit) = split_unit(text).ok_or_else(malformed)?;
        let unit_millis = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            _ => return Err(malformed()),
        };
        let millis = number.checked_mul(unit_millis).ok_or_else(malformed)?;
        Ok(WallTime::millis(millis))
    }
}

/// A text that is not a quantity.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not {expected}")]
pub struct QuantityError {
    text: String,
    expected: &'static str,
}

impl QuantityError {
    fn new(text: &str, expected: &'static str) -> Self {
        Self {
            text: super::text::line(text, 100),
            expected,
        }
    }
}

/// Splits `64MiB` into 64 and `MiB`. Digits may be grouped with `_`.
fn split_unit(text: &str) -> Option<(u64, &str)> {
    let end = text
        .find(|c: char| !c.is_ascii_digit() && c != '_')
        .unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    if !digits.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let number = digits.replace('_', "").parse().ok()?;
    Some((number, unit))
}

#[cfg(test)]
mod tests;
