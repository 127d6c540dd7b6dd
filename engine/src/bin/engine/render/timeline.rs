use std::fmt::Write as _;

use engine::data::{Decision, Timestamp, line};
use engine::{Event, EventKind};

use super::lines::about;

/// One run for people: each event with the time since the first, then the sums.
pub(crate) fn timeline(events: &[Event]) -> String {
    let mut text = String::new();
    let mut put = |line: std::fmt::Arguments<'_>| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{line}");
    };
    let Some(first) = events.first() else {
        return text;
    };
    put(format_args!("{}  {}", first.source, first.ts));
    for event in events {
        put(format_args!(
            "{:>12}  {:<17} {}",
            since(first.ts, event.ts),
            event.kind.name(),
            about(&event.kind)
        ));
    }
    for event in events {
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "all others have nothing to sum up"
        )]
        match &event.kind {
            EventKind::PermitIssued { verdict, .. } | EventKind::PermitDenied { verdict, .. } => {
                let decision = match verdict.decision {
                    Decision::Allow => "allowed",
                    Decision::Warn => "allowed, with a warning",
                    Decision::Ask => "waiting for approval",
                    Decision::Deny => "denied",
                    Decision::Kill => "denied, and its workflow ended",
                };
                let by: Vec<String> = verdict
                    .policies
                    .iter()
                    .map(|rule| line(rule, 100))
                    .collect();
                put(format_args!("verdict  {decision} by {}", by.join(", ")));
            }
            EventKind::CallCompleted {
                usage,
                denials,
                status,
                ..
            } => put(format_args!(
                "usage    {status}: fuel {}, memory {}, wall {:?}, cpu {:?}, output {}, {} operations on files, \
                 {denials} refusals",
                usage.fuel,
                usage.memory_peak,
                usage.wall,
                usage.cpu,
                usage.stdout.plus(usage.stderr).unwrap_or_default(),
                usage.fs_operations,
            )),
            _ => {}
        }
    }
    text
}

/// How much later, in milliseconds.
fn since(first: Timestamp, then: Timestamp) -> String {
    let micros = then.as_microsecond().saturating_sub(first.as_microsecond());
    format!("+{}.{:03} ms", micros / 1000, micros % 1000)
}
