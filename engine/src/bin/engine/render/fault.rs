use std::error::Error;
use std::fmt::Write as _;

use engine::data::{Denial, Frame, block};
use engine::{Fault, FaultKind};

use super::{CYAN, RED, YELLOW};

/// Denials shown one by one.
const SHOWN: usize = 10;

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "other faults are shown by their message alone"
)]
/// `error: …`, the causes, the guest's stack, and hints after a blank line.
pub(super) fn show(fault: &Fault) -> String {
    let mut text = String::new();
    let code = fault.code();
    match fault.kind() {
        // The payload is the answer, so it is shown whole, on lines of its own.
        FaultKind::GuestError { value } if !value.is_null() => {
            line(
                &mut text,
                format_args!("{RED}error:{RED:#} the guest returned an error [{code}]"),
            );
            line(&mut text, format_args!("{}", block(value.as_str())));
        }
        FaultKind::Denied(denials) => {
            line(
                &mut text,
                format_args!("{RED}error:{RED:#} {fault} [{code}]"),
            );
            // The message says all about a single one but how to allow it.
            if denials.len() > 1 {
                text.push_str(&self::denials(denials));
            }
        }
        _ => line(
            &mut text,
            format_args!("{RED}error:{RED:#} {fault} [{code}]"),
        ),
    }
    let mut cause = fault.source();
    while let Some(current) = cause {
        line(
            &mut text,
            format_args!(
                "  caused by: {}",
                engine::data::line(&current.to_string(), 1000)
            ),
        );
        cause = current.source();
    }
    stack(&mut text, fault.backtrace());
    let own = match fault.kind() {
        FaultKind::Denied(denials) if denials.len() == 1 => denials.as_slice(),
        _ => &[],
    };
    let own = || {
        own.iter()
            .map(|denial| &denial.hint)
            .filter(|hint| !hint.is_empty())
    };
    let hints = || own().chain(fault.hints()).chain(fault.confided());
    if hints().next().is_some() {
        text.push('\n');
    }
    for hint in hints() {
        line(&mut text, format_args!("{CYAN}hint:{CYAN:#} {hint}"));
    }
    text
}

fn stack(text: &mut String, frames: &[Frame]) {
    if frames.is_empty() {
        return;
    }
    line(text, format_args!("  the guest's stack, innermost first:"));
    for (i, frame) in frames.iter().enumerate() {
        line(text, format_args!("  {i:>4}: {}", frame.function));
        if let Some(file) = &frame.file {
            let at = frame
                .line
                .map(|line| format!(":{line}"))
                .unwrap_or_default();
            line(text, format_args!("          at {file}{at}"));
        }
    }
}

/// One line for each thing that was refused, and how to allow it.
pub(super) fn denials(denials: &[Denial]) -> String {
    let mut text = String::new();
    for denial in denials.iter().take(SHOWN) {
        let times = if denial.count > 1 {
            format!(" ({} times)", denial.count)
        } else {
            String::new()
        };
        line(
            &mut text,
            format_args!(
                "{YELLOW}denied:{YELLOW:#} {} `{}`: {}{times}",
                denial.operation, denial.target, denial.reason
            ),
        );
        if !denial.hint.is_empty() {
            line(&mut text, format_args!("        {}", denial.hint));
        }
    }
    if denials.len() > SHOWN {
        line(
            &mut text,
            format_args!(
                "        and {} more; `--output json` lists them",
                denials.len() - SHOWN
            ),
        );
    }
    text
}

fn line(text: &mut String, line: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{line}");
}
