//! How plans are shown that were looked at before they run.

use std::fmt::Write as _;

use engine::data::line;
use engine::workflow::{Checked, Foreseen, Row, Worst};

use super::{CYAN, RED, YELLOW, took};
use crate::plan_text::Placed;

/// One objection with its place, and a mark under it.
pub(crate) fn placed(placed: &Placed) -> String {
    let Placed {
        problem,
        file,
        line: number,
        column,
        source,
    } = placed;
    let (style, kind) = if problem.warning {
        (YELLOW, "warning")
    } else {
        (RED, "error")
    };
    let mut text = format!(
        "{style}{kind}:{style:#} {} [{}]\n  --> {file}:{number}:{column}\n",
        problem.message, problem.code
    );
    // What is before the mark has to be as wide as it was written.
    let lead: String = source.chars().take(column.saturating_sub(1)).collect();
    let (lead, shown) = (line(&lead, 160), line(source, 200));
    if lead.len() < 150 && !shown.is_empty() {
        let width = lead.chars().count();
        // Writing to a string cannot fail.
        let _ = writeln!(text, "   | {shown}\n   | {:width$}^", "");
    }
    if !problem.hint.is_empty() {
        let _ = writeln!(text, "{CYAN}hint:{CYAN:#} {}", problem.hint);
    }
    text
}

/// A plan that was checked: one line for each step, the sums, and its hash.
pub(crate) fn checked(checked: &Checked) -> String {
    let head = [
        "step",
        "action",
        "effects",
        "guard",
        "labels",
        "after",
        "worst case",
    ];
    let mut lines = vec![head.map(str::to_owned)];
    lines.extend(checked.rows.iter().map(cells));
    let widths: Vec<usize> = (0..head.len())
        .map(|column| {
            let cells = lines.iter().filter_map(|cells| cells.get(column));
            cells
                .map(|cell| cell.chars().count())
                .max()
                .unwrap_or_default()
        })
        .collect();
    let mut text = String::new();
    for cells in &lines {
        let row: Vec<String> = cells
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}", row.join("  ").trim_end());
    }
    if !checked.approvals.is_empty() {
        let _ = writeln!(
            text,
            "needs approval: {}",
            line(&checked.approvals.join(", "), 2048)
        );
    }
    let Worst {
        calls,
        fuel,
        wall_ms,
        output_bytes,
    } = checked.worst;
    let _ = write!(
        text,
        "at most {calls} calls, fuel {fuel}, {}, {output_bytes} bytes of output\nplan {}",
        took(wall_ms),
        checked.hash
    );
    text
}

fn cells(row: &Row) -> [String; 7] {
    let words = |words: Vec<&str>| {
        if words.is_empty() {
            "-".to_owned()
        } else {
            line(&words.join(","), 60)
        }
    };
    let guard = match row.foreseen {
        Foreseen::Allow => "allow",
        Foreseen::Warn => "warn",
        Foreseen::Ask => "ask",
        Foreseen::Deny => "deny",
        Foreseen::WhenItRuns => "when it runs",
    };
    let times = match row.attempts {
        1 => String::new(),
        attempts => format!("{attempts} × "),
    };
    let effects = row.effects.iter().map(|effect| effect.as_str()).collect();
    [
        line(&row.step, 64),
        if row.action.is_empty() {
            "?".to_owned()
        } else {
            line(&row.action, 64)
        },
        words(effects),
        guard.to_owned(),
        words(row.labels.iter().map(String::as_str).collect()),
        words(row.after.iter().map(String::as_str).collect()),
        format!("{times}fuel {}, {}", row.fuel, took(row.wall_ms)),
    ]
}
