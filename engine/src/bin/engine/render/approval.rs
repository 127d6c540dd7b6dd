use std::fmt::Write as _;

use engine::data::{ApprovalRequest, Grant, block, line};

/// One question for people: the exact call, whole, and what it would be given.
pub(crate) fn approval(request: &ApprovalRequest) -> String {
    let mut text = String::new();
    let mut row = |name: &str, value: &str| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  {name:<10} {value}");
    };
    row("question", &request.id);
    row("asked by", &line(request.principal.as_str(), 128));
    if let Some(workflow) = &request.workflow {
        row("workflow", &workflow.to_string());
    }
    if let Some(step) = &request.step {
        row("step", &line(step, 128));
    }
    row("action", &line(&request.action, 256));
    row(
        "component",
        &format!("{} {}", line(&request.component, 128), request.digest),
    );
    row("function", &line(&request.function, 256));
    let effects = request.declared.as_ref().map_or_else(
        || "unknown: no manifest".to_owned(),
        |declared| declared.in_words(),
    );
    row("effects", &effects);
    if request.grants.is_empty() {
        row("given", "nothing");
    }
    for grant in &request.grants {
        row("given", &granted(grant));
    }
    let limits = request.limits;
    row(
        "limits",
        &format!(
            "fuel {}, memory {}, time {}, output {}",
            limits.fuel(),
            limits.memory(),
            limits.wall(),
            limits.output()
        ),
    );
    row("why", &line(&request.reason, 512));
    row("policies", &line(&request.policies.join(", "), 512));
    if !request.approvers.is_empty() {
        row("approvers", &line(&request.approvers, 128));
    }
    row("expires", &request.expires.to_string());
    if !request.labels.is_empty() {
        let labels: Vec<&str> = request.labels.iter().map(String::as_str).collect();
        row("labels", &line(&labels.join(", "), 512));
    }
    let arguments = serde_json::to_string_pretty(&request.arguments).unwrap_or_default();
    let _ = write!(text, "  arguments\n{}\n", block(&indented(&arguments)));
    text
}

/// One grant in words.
pub(crate) fn granted(grant: &Grant) -> String {
    match grant {
        Grant::Dir {
            host,
            guest,
            rights,
        } => format!(
            "{} as {}, {rights}",
            line(&host.to_string_lossy(), 256),
            line(guest, 256)
        ),
        Grant::Env { name } => format!("the variable {}", line(name, 256)),
        Grant::Action { name } => format!("the action {}", line(name, 256)),
        other => line(&serde_json::to_string(other).unwrap_or_default(), 256),
    }
}

fn indented(text: &str) -> String {
    let lines: Vec<String> = text.lines().map(|line| format!("    {line}")).collect();
    lines.join("\n")
}
