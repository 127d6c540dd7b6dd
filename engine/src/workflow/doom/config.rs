use std::num::NonZeroU32;

use serde::{Deserialize, Serialize};

/// How many equal batches in a row are too many. Off by default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Spec", into = "Spec")]
pub(crate) struct Config {
    exact: Option<NonZeroU32>,
    fuzzy: Option<NonZeroU32>,
}

/// The thresholds, as written.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Spec {
    #[serde(default)]
    exact: Option<u32>,
    #[serde(default)]
    fuzzy: Option<u32>,
}

impl Config {
    /// Takes the number of batches in a row from which on the caller is refused.
    ///
    /// `exact` is for batches with the same functions and arguments, `fuzzy` for those with the same
    /// functions. Without `exact` nothing is detected.
    ///
    /// # Errors
    ///
    /// - [`ConfigError::Zero`] if a threshold is 0: the first batch is already one.
    /// - [`ConfigError::FuzzyAlone`] if there is a threshold for `fuzzy` and none for `exact`.
    pub(crate) fn new(exact: Option<u32>, fuzzy: Option<u32>) -> Result<Config, ConfigError> {
        if let (None, Some(fuzzy)) = (exact, fuzzy) {
            return Err(ConfigError::FuzzyAlone { fuzzy });
        }
        Ok(Config {
            exact: at_least_one("exact", exact)?,
            fuzzy: at_least_one("fuzzy", fuzzy)?,
        })
    }

    pub(super) fn exact(self) -> Option<u32> {
        self.exact.map(NonZeroU32::get)
    }

    pub(super) fn fuzzy(self) -> Option<u32> {
        self.fuzzy.map(NonZeroU32::get)
    }
}

fn at_least_one(
    name: &'static str,
    threshold: Option<u32>,
) -> Result<Option<NonZeroU32>, ConfigError> {
    threshold
        .map(|count| NonZeroU32::new(count).ok_or(ConfigError::Zero { name }))
        .transpose()
}

impl TryFrom<Spec> for Config {
    type Error = ConfigError;

    fn try_from(spec: Spec) -> Result<Config, ConfigError> {
        let Spec { exact, fuzzy } = spec;
        Config::new(exact, fuzzy)
    }
}

impl From<Config> for Spec {
    fn from(config: Config) -> Spec {
        Spec {
            exact: config.exact(),
            fuzzy: config.fuzzy(),
        }
    }
}

/// Thresholds that make no sense.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ConfigError {
    /// Not even the first batch could run.
    #[error("a threshold of 0 for `{name}` loops refuses everything: the smallest is 1")]
    Zero {
        /// Which threshold.
        name: &'static str,
    },
    /// It would not be read.
    #[error("a threshold of {fuzzy} for `fuzzy` loops needs one for `exact` loops, too")]
    FuzzyAlone {
        /// What was asked for.
        fuzzy: u32,
    },
}
