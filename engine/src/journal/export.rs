//! Events in the forms of other tools.

use std::fmt::Write as _;

use serde_json::{Value, json};

use super::read::Stored;
use crate::types::text;

/// The first line of events as CSV.
#[must_use]
pub fn csv_header() -> &'static str {
    "position,ts,source,seq,run,kind,hash,data"
}

impl Stored {
    /// One line of CSV (RFC 4180). A field that a spreadsheet would take for a formula has a `'` before it.
    #[must_use]
    pub fn to_csv(&self) -> String {
        let value: Value = serde_json::from_str(&self.json).unwrap_or_default();
        let part = |name: &str| match value.get(name) {
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
            None => String::new(),
        };
        let source = value
            .get("source")
            .map(Value::to_string)
            .unwrap_or_default();
        let run = value
            .get("source")
            .and_then(|source| source.get("run_id"))
            .and_then(Value::as_str)
            .unwrap_or_default();
        let fields = [
            self.position.to_string(),
            part("ts"),
            source,
            part("seq"),
            run.to_owned(),
            self.kind.clone(),
            self.hash.to_string(),
            part("data"),
        ];
        let mut line = String::with_capacity(self.json.len());
        for (i, field) in fields.iter().enumerate() {
            if i > 0 {
                line.push(',');
            }
            line.push_str(&quoted(&text::json(field)));
        }
        line
    }

    /// One CloudEvent, version 1.0, in its JSON form.
    ///
    /// `id`, `time` and `data` are the event's own; `source` is a URN of its source, `type` its kind with
    /// `engine.` before it, `subject` its scope, and the extensions `sequence` and `traceid` say the rest.
    #[must_use]
    pub fn to_cloud_event(&self) -> String {
        let value: Value = serde_json::from_str(&self.json).unwrap_or_default();
        let take = |name: &str| value.get(name).cloned().unwrap_or_default();
        let source = value.get("source");
        let kind = source
            .and_then(|source| source.get("type"))
            .and_then(Value::as_str)
            .unwrap_or_default();
        let id = source
            .and_then(Value::as_object)
            .and_then(|source| source.iter().find(|(name, _)| *name != "type"))
            .and_then(|(_, id)| id.as_str())
            .unwrap_or_default();
        let subject = value
            .get("scope")
            .and_then(Value::as_array)
            .map(|scope| {
                let names: Vec<&str> = scope.iter().filter_map(Value::as_str).collect();
                names.join("/")
            })
            .unwrap_or_default();
        let document = json!({
            "specversion": "1.0",
            "id": take("id"),
            "source": format!("urn:engine:{kind}:{}", percent(id)),
            "type": format!("engine.{}", self.kind),
            "time": take("ts"),
            "subject": subject,
            "datacontenttype": "application/json",
            // A string that sorts as its number does, as the extension wants.
            "sequence": format!("{:020}", value.get("seq").and_then(Value::as_u64).unwrap_or(0)),
            "traceid": take("trace_id"),
            "data": take("data"),
        });
        text::json(&document.to_string()).into_owned()
    }
}

fn quoted(field: &str) -> String {
    let formula = field.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let field = if formula {
        format!("'{field}")
    } else {
        field.to_owned()
    };
    if field.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", field.replace('"', "\"\""))
    } else {
        field
    }
}

fn percent(name: &str) -> String {
    let mut safe = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            safe.push(char::from(byte));
        } else {
            let _ = write!(safe, "%{byte:02X}"); // writing to a string cannot fail
        }
    }
    safe
}
