use std::fmt;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

use super::{Event, EventKind, Sink};
use crate::types::Open;

type Labels = Vec<(&'static str, String)>;

/// Sums over events, in the exposition format of Prometheus (OpenMetrics 1.0 text).
///
/// Every label has few values: names that a guest or a caller makes up are never labels.
///
/// # Example
///
/// ```
/// use std::sync::Arc;
///
/// use engine::data::Metrics;
/// use engine::{Call, Engine, Fault};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let metrics = Arc::new(Metrics::new());
/// let engine = Engine::builder().shared_sink(metrics.clone()).build()?;
/// let call = Call::function("f", serde_json::json!([]));
/// engine.refuse("missing", &call, Fault::config("no such component"));
/// assert!(metrics.to_text().contains("engine_runs_total{status=\"invalid\"} 1"));
/// # Ok(()) }
/// ```
pub struct Metrics(Mutex<Sums>);

struct Sums {
    registry: Registry,
    events: Family<Labels, Counter>,
    runs: Family<Labels, Counter>,
    calls: Family<Labels, Counter>,
    verdicts: Family<Labels, Counter>,
    limits: Family<Labels, Counter>,
    denials: Family<Labels, Counter>,
    lost: Counter,
    fuel: Counter,
    output: Counter,
    files: Counter,
    seconds: Histogram,
    memory: Histogram,
    waiting: Gauge,
    latency: Gauge<f64, AtomicU64>,
}

impl Metrics {
    /// Starts from zero.
    #[must_use]
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("engine");
        let sums = Sums {
            events: Family::default(),
            runs: Family::default(),
            calls: Family::default(),
            verdicts: Family::default(),
            limits: Family::default(),
            denials: Family::default(),
            lost: Counter::default(),
            fuel: Counter::default(),
            output: Counter::default(),
            files: Counter::default(),
            // 100 µs to 100 s, and 64 KiB to 4 GiB.
            seconds: Histogram::new(exponential_buckets(1e-4, 10f64.sqrt(), 13)),
            memory: Histogram::new(exponential_buckets(65_536.0, 4.0, 9)),
            waiting: Gauge::default(),
            latency: Gauge::default(),
            registry: Registry::default(),
        };
        let families = [
            ("events", "Events by kind", &sums.events),
            ("runs", "Runs that ended, by status", &sums.runs),
            ("calls", "Calls that ended, by status", &sums.calls),
            ("verdicts", "Decisions of the guard", &sums.verdicts),
            ("limits_reached", "Calls that a limit ended", &sums.limits),
            ("access_denied", "Refusals, by code", &sums.denials),
        ];
        for (name, help, family) in families {
            registry.register(name, help, family.clone());
        }
        let counters = [
            (
                "events_lost",
                "Events that a slow listener missed",
                &sums.lost,
            ),
            ("fuel_used", "Fuel used by calls", &sums.fuel),
            (
                "file_operations",
                "Operations of guests on files",
                &sums.files,
            ),
        ];
        for (name, help, counter) in counters {
            registry.register(name, help, counter.clone());
        }
        registry.register_with_unit(
            "guest_output",
            "Output of guests",
            Unit::Bytes,
            sums.output.clone(),
        );
        registry.register_with_unit(
            "call_duration",
            "Time from instantiation to the end of a call",
            Unit::Seconds,
            sums.seconds.clone(),
        );
        registry.register(
            "journal_waiting",
            "Events that wait for the disk",
            sums.waiting.clone(),
        );
        registry.register_with_unit(
            "journal_latency",
            "The newest transaction of the journal, its sync included",
            Unit::Seconds,
            sums.latency.clone(),
        );
        registry.register_with_unit(
            "call_memory_peak",
            "The most memory that a call held",
            Unit::Bytes,
            sums.memory.clone(),
        );
        Self(Mutex::new(Sums { registry, ..sums }))
    }

    /// Counts one event.
    pub fn add(&self, event: &Event) {
        let sums = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = |family: &Family<Labels, Counter>, name, value: &str| {
            family.get_or_create(&vec![(name, value.to_owned())]).inc();
        };
        let kind = if let EventKind::Other { .. } = &event.kind {
            "other"
        } else {
            event.kind.name()
        };
        count(&sums.events, "kind", kind);
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "all others are counted by their kind alone"
        )]
        match &event.kind {
            EventKind::RunCompleted { status, .. } => count(&sums.runs, "status", status.as_str()),
            EventKind::CallCompleted { status, usage, .. } => {
                count(&sums.calls, "status", status.as_str());
                sums.fuel.inc_by(usage.fuel);
                sums.output
                    .inc_by(usage.stdout.get().saturating_add(usage.stderr.get()));
                sums.files.inc_by(usage.fs_operations);
                sums.seconds.observe(usage.wall.as_secs_f64());
                #[expect(
                    clippy::cast_precision_loss,
                    reason = "below 2^53 for any memory there is"
                )]
                sums.memory.observe(usage.memory_peak.get() as f64);
            }
            EventKind::PermitIssued { verdict, .. } | EventKind::PermitDenied { verdict, .. } => {
                count(&sums.verdicts, "decision", verdict.decision.as_str());
            }
            EventKind::LimitReached { limit, .. } => {
                let name = match limit {
                    Open::Known(limit) => limit.as_str(),
                    Open::Unknown(_) => "other",
                };
                count(&sums.limits, "limit", name);
            }
            EventKind::AccessDenied(denial) => {
                count(&sums.denials, "code", denial.code.as_str());
            }
            EventKind::StreamTruncated { lost, .. } => {
                sums.lost.inc_by(*lost);
            }
            _ => {}
        }
    }

    /// Takes in how a journal keeps up, such as `Journal::load` before each scrape.
    /// `lost` is what had no room since the look before.
    pub fn journal(&self, waiting: usize, latency: Duration, lost: u64) {
        let sums = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sums.waiting.set(i64::try_from(waiting).unwrap_or(i64::MAX));
        sums.latency.set(latency.as_secs_f64());
        sums.lost.inc_by(lost);
    }

    /// All sums, as text that ends with `# EOF`.
    #[must_use]
    pub fn to_text(&self) -> String {
        let sums = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = String::new();
        // Writing to a string cannot fail.
        encode(&mut text, &sums.registry).ok();
        text
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

impl Sink for Metrics {
    fn emit(&self, event: &Arc<Event>) {
        self.add(event);
    }
}
