use std::time::Duration;

use serde::ser::SerializeStruct;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::{
    Artifact, Budget, Bytes, Code, Denial, Digest, Fault, Frame, Grant, Json, Limits, Open, Phase,
    RunId, Status, Verdict, text,
};

/// What came of one run: the value, what it cost, which limits were in force, what was refused.
///
/// There is exactly one for each run, whatever happened.
/// Its JSON form is the outcome document of the command line.
#[derive(Debug)]
pub struct Outcome {
    pub(crate) run: RunId,
    pub(crate) value: Json,
    pub(crate) has_value: bool,
    pub(crate) component: ComponentName,
    pub(crate) function: Option<String>,
    pub(crate) usage: Usage,
    pub(crate) limits: Limits,
    pub(crate) deterministic: bool,
    pub(crate) exit_code: Option<i32>,
    pub(crate) began: bool,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
    pub(crate) denials: Vec<Denial>,
    pub(crate) grants: Vec<Grant>,
    pub(crate) verdict: Option<Verdict>,
    pub(crate) artifacts: Vec<Artifact>,
    /// What counted against the limit on output, besides the value.
    pub(crate) handed: Bytes,
    pub(crate) fault: Option<Fault>,
}

impl Outcome {
    /// The run's id.
    #[must_use]
    pub fn run(&self) -> RunId {
        self.run
    }

    /// How the run ended.
    #[must_use]
    pub fn status(&self) -> Status {
        self.fault.as_ref().map_or(Status::Ok, Fault::status)
    }

    /// The result as JSON, or the payload of the error case; `null` if there is none.
    #[must_use]
    pub fn value(&self) -> &Json {
        &self.value
    }

    /// Whether there is a value at all: a function without a result has none, and neither has a fault
    /// other than the guest's own error.
    #[must_use]
    pub fn has_value(&self) -> bool {
        self.has_value
    }

    /// Which component ran.
    #[must_use]
    pub fn component(&self) -> &ComponentName {
        &self.component
    }

    /// The full name of the function; `None` if the run ended before one was chosen.
    #[must_use]
    pub fn function(&self) -> Option<&str> {
        self.function.as_deref()
    }

    /// What the run used.
    #[must_use]
    pub fn usage(&self) -> &Usage {
        &self.usage
    }

    /// The limits that were in force.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Whether clocks, random numbers and NaN were fixed, so that another run would give the same.
    #[must_use]
    pub fn deterministic(&self) -> bool {
        self.deterministic
    }

    /// The exit code of a command; `None` for a function.
    #[must_use]
    pub fn exit_code(&self) -> Option<i32> {
        self.exit_code
    }

    /// Whether the call had begun, so that the guest may have had an effect.
    #[must_use]
    pub fn began(&self) -> bool {
        self.began
    }

    /// What the guest wrote to standard output, if it was captured. These bytes are untrusted.
    #[must_use]
    pub fn stdout(&self) -> &[u8] {
        &self.stdout
    }

    /// What the guest wrote to standard error, if it was captured. These bytes are untrusted.
    #[must_use]
    pub fn stderr(&self) -> &[u8] {
        &self.stderr
    }

    /// What the guest made besides its result, in the order in which it came, whatever became of the call.
    #[must_use]
    pub fn artifacts(&self) -> &[Artifact] {
        &self.artifacts
    }

    /// What the guest asked for and did not get.
    #[must_use]
    pub fn denials(&self) -> &[Denial] {
        &self.denials
    }

    /// What the guest was given.
    #[must_use]
    pub fn grants(&self) -> &[Grant] {
        &self.grants
    }

    /// What the guard said; `None` if the run ended before it was asked.
    #[must_use]
    pub fn verdict(&self) -> Option<&Verdict> {
        self.verdict.as_ref()
    }

    /// Why there is no value; `None` if all went well.
    #[must_use]
    pub fn fault(&self) -> Option<&Fault> {
        self.fault.as_ref()
    }

    /// Keeps the outcome if all went well, and otherwise the fault alone.
    ///
    /// # Errors
    ///
    /// The [`fault`](Outcome::fault), whatever it is.
    pub fn into_result(mut self) -> Result<Outcome, Fault> {
        match self.fault.take() {
            None => Ok(self),
            Some(fault) => Err(fault),
        }
    }

    /// The outcome document on one line. Characters that act on a terminal are escaped.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Every part of an outcome has a JSON form, so this cannot fail.
        let plain = serde_json::to_string(self).unwrap_or_default();
        text::json(&plain).into_owned()
    }
}

impl Serialize for Outcome {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut outcome = serializer.serialize_struct("Outcome", 15)?;
        outcome.serialize_field("run", &self.run)?;
        outcome.serialize_field("status", &self.status())?;
        outcome.serialize_field("value", &self.value)?;
        outcome.serialize_field("component", &self.component)?;
        outcome.serialize_field("function", &self.function)?;
        outcome.serialize_field("usage", &self.usage)?;
        outcome.serialize_field("limits", &self.limits)?;
        outcome.serialize_field("deterministic", &self.deterministic)?;
        outcome.serialize_field("exit_code", &self.exit_code)?;
        outcome.serialize_field("stdout", &String::from_utf8_lossy(&self.stdout))?;
        outcome.serialize_field("stderr", &String::from_utf8_lossy(&self.stderr))?;
        outcome.serialize_field("artifacts", &self.artifacts)?;
        outcome.serialize_field("denials", &self.denials)?;
        outcome.serialize_field("grants", &self.grants)?;
        outcome.serialize_field("verdict", &self.verdict)?;
        let error = self.fault.as_ref().map(|fault| {
            let mut failure = Failure::from(fault);
            let hints = fault.hints().iter().chain(fault.confided());
            failure.hint = hints.map(String::as_str).collect::<Vec<_>>().join("; ");
            failure
        });
        outcome.serialize_field("error", &error)?;
        outcome.end()
    }
}

/// A fault as the outcome document and events show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Failure {
    /// The stable code.
    pub code: Code,
    /// What went wrong, on one line.
    pub message: String,
    /// The limit that stopped the call, if one did.
    pub limit: Option<Open<Budget>>,
    /// What to try.
    pub hint: String,
    /// Where it came from.
    pub source: FailureSource,
}

/// Where a failure came from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FailureSource {
    /// How far the run had come.
    pub phase: Option<Open<Phase>>,
    /// The causes below the message, outermost first.
    pub causes: Vec<String>,
    /// The guest's stack, innermost frame first.
    pub backtrace: Vec<Frame>,
}

impl Failure {
    /// A failure with a code and one sentence.
    pub(crate) fn plain(code: Code, message: &str) -> Self {
        Self {
            code,
            message: text::line(message, 8 << 10),
            limit: None,
            hint: String::new(),
            source: FailureSource::default(),
        }
    }

    /// Adds what to try.
    pub(crate) fn with_hint(mut self, hint: &str) -> Self {
        self.hint = text::line(hint, 4096);
        self
    }
}

impl From<&Fault> for Failure {
    fn from(fault: &Fault) -> Self {
        let causes =
            std::iter::successors(std::error::Error::source(fault), |cause| cause.source())
                .take(8)
                .map(|cause| text::line(&cause.to_string(), 1024))
                .collect();
        Self {
            code: fault.code(),
            message: text::line(&fault.to_string(), 8 << 10),
            limit: fault.budget().map(Open::Known),
            hint: fault.hints().join("; "),
            source: FailureSource {
                phase: fault.phase().map(Open::Known),
                causes,
                backtrace: fault.backtrace().to_vec(),
            },
        }
    }
}

/// Which component ran.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ComponentName {
    /// The name its source gave it: the file's name without `.wasm`.
    pub name: String,
    /// The digest of its bytes; `None` if they could not be read.
    pub digest: Option<Digest>,
}

/// What a run used.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Usage {
    /// Units of computation.
    pub fuel: u64,
    /// The most memory held at once, summed over linear memories and tables.
    pub memory_peak: Bytes,
    /// Real time from instantiation to the end of the call.
    pub wall: Duration,
    /// Processor time of the guest and of host functions on the same thread. Operations on files run on
    /// other threads and are not in it; `fs_operations` counts them.
    pub cpu: Duration,
    /// Bytes written to standard output.
    pub stdout: Bytes,
    /// Bytes written to standard error.
    pub stderr: Bytes,
    /// Operations on files and directories: opens, reads, writes, looks, lists, removals.
    pub fs_operations: u64,
    /// Requests handed to the network.
    pub http_requests: u64,
}

impl Usage {
    /// The same, with times to the microsecond: as it is written, so that reading it back gives the same.
    pub(crate) fn as_written(self) -> Usage {
        let micros = |time: Duration| {
            let nanos = time.subsec_nanos();
            Duration::new(time.as_secs(), 0)
                .saturating_add(Duration::from_micros(u64::from((nanos + 500) / 1_000)))
        };
        Usage {
            wall: micros(self.wall),
            cpu: micros(self.cpu),
            ..self
        }
    }

    /// The sum of two calls; memory is that of the larger. Nothing overflows.
    #[must_use]
    pub fn and(self, other: &Usage) -> Usage {
        let sum = |a: Bytes, b: Bytes| a.plus(b).unwrap_or(Bytes::new(u64::MAX));
        Usage {
            fuel: self.fuel.saturating_add(other.fuel),
            memory_peak: self.memory_peak.max(other.memory_peak),
            wall: self.wall.saturating_add(other.wall),
            cpu: self.cpu.saturating_add(other.cpu),
            stdout: sum(self.stdout, other.stdout),
            stderr: sum(self.stderr, other.stderr),
            fs_operations: self.fs_operations.saturating_add(other.fs_operations),
            http_requests: self.http_requests.saturating_add(other.http_requests),
        }
    }
}

impl Serialize for Usage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Usage {
            fuel,
            memory_peak,
            wall,
            cpu,
            stdout,
            stderr,
            fs_operations,
            http_requests,
        } = self;
        let mut usage = serializer.serialize_struct("Usage", 8)?;
        usage.serialize_field("fuel", fuel)?;
        usage.serialize_field("memory_peak_bytes", memory_peak)?;
        usage.serialize_field("wall_ms", &millis(*wall))?;
        usage.serialize_field("cpu_ms", &millis(*cpu))?;
        usage.serialize_field("stdout_bytes", stdout)?;
        usage.serialize_field("stderr_bytes", stderr)?;
        usage.serialize_field("fs_operations", fs_operations)?;
        usage.serialize_field("http_requests", http_requests)?;
        usage.end()
    }
}

impl<'de> Deserialize<'de> for Usage {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        struct Written {
            fuel: u64,
            memory_peak_bytes: Bytes,
            wall_ms: f64,
            cpu_ms: f64,
            stdout_bytes: Bytes,
            stderr_bytes: Bytes,
            fs_operations: u64,
            http_requests: u64,
        }
        let written = Written::deserialize(deserializer)?;
        let time = |ms: f64| {
            Duration::try_from_secs_f64(ms / 1e3)
                .map_err(|_| serde::de::Error::custom(format_args!("{ms} ms is not a duration")))
        };
        Ok(Usage {
            fuel: written.fuel,
            memory_peak: written.memory_peak_bytes,
            wall: time(written.wall_ms)?,
            cpu: time(written.cpu_ms)?,
            stdout: written.stdout_bytes,
            stderr: written.stderr_bytes,
            fs_operations: written.fs_operations,
            http_requests: written.http_requests,
        })
    }
}

/// Milliseconds to the microsecond.
pub(crate) fn millis(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}
