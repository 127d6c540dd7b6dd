use serde::Serialize;
use serde_json::{Value, json};

use super::change::{LEAST_MS, MOST_MS};
use super::{Act, State};
use crate::event::EventKind;
use crate::types::text::MOST_IN_EVENT;
use crate::types::{Bounded, Digest, Timestamp};

/// Something that a person has to say before a workflow goes on.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Question {
    /// Names the question in the answer. It authenticates nobody.
    pub token: String,
    /// What it is about.
    #[serde(flatten)]
    pub about: About,
    /// What is asked, for people.
    pub prompt: String,
    /// JSON Schema of the answer.
    pub schema: Value,
    /// When it can be answered no more, in milliseconds since 1970, UTC.
    pub expires_ms: u64,
}

/// What a question is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "about", rename_all = "snake_case")]
pub enum About {
    /// The workflow is paused: how it is to go on.
    Paused,
    /// A step that had begun before a crash, or was interrupted: whether it had its effect.
    Uncertain {
        /// The step's position.
        step: usize,
    },
    /// A success criterion that a person has to look at.
    Criterion {
        /// Its position in the plan.
        criterion: usize,
    },
}

impl About {
    /// The actions that answer such a question.
    #[must_use]
    pub fn actions(&self) -> &'static [&'static str] {
        match self {
            About::Paused => &[
                "continue",
                "stop",
                "modify_parameters",
                "add_action",
                "remove_action",
                "override_result",
                "escalate",
                "inspect_state",
                "increase_timeout",
                "restart",
            ],
            About::Uncertain { .. } => &["retry", "mark_done", "skip", "fail"],
            About::Criterion { .. } => &["confirm"],
        }
    }

    /// Whether an action answers such a question.
    #[must_use]
    pub fn takes(&self, act: &Act) -> bool {
        self.actions().contains(&act.name())
    }

    /// JSON Schema of the answers.
    #[must_use]
    pub fn schema(&self) -> Value {
        let answers: Vec<Value> = self
            .actions()
            .iter()
            .flat_map(|name| schemas(name))
            .collect();
        json!({ "oneOf": answers })
    }
}

/// JSON Schemas of one action, with its fields.
fn schemas(name: &str) -> Vec<Value> {
    let text = || json!({ "type": "string" });
    let from = |least: u64| json!({ "type": "integer", "minimum": least, "maximum": MOST_MS });
    match name {
        "stop" => vec![schema(
            name,
            json!({ "force": { "type": "boolean" } }),
            &[],
            0,
        )],
        // Of a step, or of the workflow; one change at least.
        "modify_parameters" => {
            let of_step = json!({
                "step": text(),
                "args": { "type": ["object", "array"] },
                "timeout_ms": from(1),
            });
            let of_workflow = json!({
                "timeout_ms": from(LEAST_MS),
                "max_parallel_executions": { "type": "integer", "minimum": 1, "maximum": 64 },
            });
            vec![
                schema(name, of_step, &["step"], 2),
                schema(name, of_workflow, &[], 1),
            ]
        }
        "add_action" => {
            let step = json!({ "type": "object", "required": ["id", "capability"] });
            vec![schema(name, json!({ "step": step }), &["step"], 1)]
        }
        "remove_action" => vec![schema(name, json!({ "step": text() }), &["step"], 1)],
        "override_result" => {
            let fields = json!({ "step": text(), "value": {} });
            vec![schema(name, fields, &["step", "value"], 2)]
        }
        "escalate" => vec![schema(name, json!({ "reason": text() }), &[], 0)],
        "increase_timeout" => vec![schema(name, json!({ "by_ms": from(1) }), &["by_ms"], 1)],
        "restart" => vec![schema(name, json!({ "step": text() }), &[], 0)],
        "mark_done" => vec![schema(name, json!({ "value": {} }), &["value"], 1)],
        "confirm" => {
            let fields = json!({ "met": { "type": "boolean" }, "reason": text() });
            vec![schema(name, fields, &["met"], 1)]
        }
        _ => vec![schema(name, json!({}), &[], 0)],
    }
}

/// JSON Schema of an action with these fields, some of which have to be there, `fewest` at least.
fn schema(name: &str, fields: Value, required: &[&str], fewest: usize) -> Value {
    let mut properties = serde_json::Map::new();
    properties.insert("action".to_owned(), json!({ "const": name }));
    if let Value::Object(fields) = fields {
        properties.extend(fields);
    }
    let mut all = vec!["action"];
    all.extend(required);
    json!({
        "type": "object",
        "properties": properties,
        "required": all,
        "minProperties": fewest + 1,
        "additionalProperties": false,
    })
}

impl State {
    /// Asks a person; returns the event that tells so.
    pub(super) fn ask(&mut self, about: About, prompt: String) -> EventKind {
        let number = self.asked;
        self.asked += 1;
        let lasts = self
            .plan
            .as_ref()
            .map_or(0, |plan| plan.answer_timeout_ms());
        let expires_ms = self.time.now_ms.saturating_add(lasts);
        let token = Digest::of_parts([
            "question 1".as_bytes(),
            self.seed.as_bytes(),
            &number.to_le_bytes(),
        ])
        .to_string();
        let question = Question {
            token: token.trim_start_matches("sha256:").to_owned(),
            schema: about.schema(),
            about,
            prompt,
            expires_ms,
        };
        let event = EventKind::WorkflowSuspended {
            token: question.token.clone(),
            prompt: Bounded::new(&question.prompt, MOST_IN_EVENT),
            answer_schema: Bounded::new(&question.schema.to_string(), MOST_IN_EVENT),
            expires: i64::try_from(expires_ms)
                .ok()
                .and_then(|ms| Timestamp::from_millisecond(ms).ok()),
        };
        self.questions.insert(number, question);
        event
    }

    /// The number of the question with this token.
    pub(super) fn question(&self, token: &str) -> Option<u64> {
        self.questions
            .iter()
            .find(|(_, question)| question.token == token)
            .map(|(number, _)| *number)
    }
}
