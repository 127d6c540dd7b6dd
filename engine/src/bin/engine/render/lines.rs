//! One line for each event.

use engine::data::{Level, Open, line};
use engine::{Event, EventKind};

/// One line for people: time, kind, and what matters most.
pub(crate) fn pretty(event: &Event) -> String {
    format!(
        "{} {:>3} {:<17} {}",
        event.ts,
        event.seq,
        event.kind.name(),
        about(&event.kind)
    )
}

/// A message of a guest.
pub(super) fn logged(level: &Open<Level>, message: &str) -> String {
    let level = match level {
        Open::Known(level) => level.as_str().to_owned(),
        Open::Unknown(level) => line(level, 40),
    };
    format!("{level}: {}", line(message, 500))
}

/// How far a guest says that it has come.
pub(super) fn progressed(done: u64, total: Option<u64>, message: &str) -> String {
    let message = line(message, 200);
    match total {
        Some(total) => format!("{done} of {total}: {message}"),
        None => format!("{done}: {message}"),
    }
}

/// What matters most of an event, on one line and safe to show.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "a kind without a line of its own is shown as it is written"
)]
pub(super) fn about(kind: &EventKind) -> String {
    match kind {
        EventKind::RunStarted {
            component,
            function,
            deterministic,
        } => {
            let mut about = format!("`{}`", line(component, 128));
            if let Some(function) = function {
                about.push_str(&format!(" `{}`", line(function, 256)));
            }
            if *deterministic {
                about.push_str(", deterministic");
            }
            about
        }
        EventKind::ComponentLoaded { digest, size, .. } => format!("{digest} {size}"),
        EventKind::PermitIssued { limits, grants, .. } => format!(
            "fuel {}, memory {}, wall {}, output {}; {} grants",
            limits.fuel(),
            limits.memory(),
            limits.wall(),
            limits.output(),
            grants.len()
        ),
        EventKind::PermitDenied { denials, .. } => format!("{} refused", denials.len()),
        EventKind::AccessDenied(denial) => format!(
            "{} `{}`: {}",
            denial.operation, denial.target, denial.reason
        ),
        EventKind::CallStarted {
            function,
            arguments,
            ..
        } => {
            format!("`{function}` {}", line(&arguments.text, 200))
        }
        EventKind::Output { text, bytes, .. } => {
            format!("{bytes} bytes: {}", line(text, 200))
        }
        EventKind::ArtifactMade {
            name,
            media_type,
            bytes,
            ..
        } => format!("`{}` ({}), {bytes}", line(name, 128), line(media_type, 128)),
        EventKind::Logged { level, message } => logged(level, &message.text),
        EventKind::Progressed {
            done,
            total,
            message,
        } => progressed(*done, *total, &message.text),
        EventKind::LimitReached {
            limit,
            used,
            maximum,
        } => match limit {
            Open::Known(limit) => format!("{}: {used} of {maximum}", limit.as_str()),
            Open::Unknown(limit) => format!("{}: {used} of {maximum}", line(limit, 40)),
        },
        EventKind::CallCompleted { status, usage, .. } => format!(
            "{status}, fuel {}, memory {}, wall {:?}",
            usage.fuel, usage.memory_peak, usage.wall
        ),
        EventKind::RunCompleted { status, error } => match error {
            Some(error) => format!("{}: {}", error.code, error.message),
            None => status.to_string(),
        },
        EventKind::AccessAllowed(access) => format!("{} `{}`", access.operation, access.target),
        EventKind::StreamTruncated { lost, .. } => format!("{lost} events are missing here"),
        EventKind::StepCompleted(end) | EventKind::StepUndone(end) => {
            format!("{}, {} attempts", end.status, end.attempts)
        }
        EventKind::WorkflowStateChanged { from, to, .. } => {
            format!("{from:?} to {to:?}").to_lowercase()
        }
        EventKind::VerdictAllowed(judged)
        | EventKind::VerdictWarned(judged)
        | EventKind::VerdictDenied(judged)
        | EventKind::VerdictKilled(judged) => {
            format!(
                "{}: {}",
                line(&judged.action, 100),
                line(&judged.reason, 200)
            )
        }
        // Other kinds are shown as they are written.
        other => {
            let data = serde_json::to_value(other).unwrap_or_default();
            line(
                &data
                    .get("data")
                    .map(ToString::to_string)
                    .unwrap_or_default(),
                300,
            )
        }
    }
}
