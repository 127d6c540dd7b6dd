//! JSON Pointers, RFC 6901.

use std::fmt;

/// The most characters of a text in a message.
const MOST_SHOWN: usize = 100;

/// A place in a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pointer {
    steps: Vec<String>,
}

impl Pointer {
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let Some(steps) = text.strip_prefix('/') else {
            if text.is_empty() {
                return Ok(Self { steps: Vec::new() });
            }
            return Err(format!(
                "`{}` is no JSON Pointer: it does not begin with `/`",
                shown(text)
            ));
        };
        let steps: Option<Vec<String>> = steps.split('/').map(unescaped).collect();
        let steps = steps.ok_or_else(|| {
            format!(
                "`{}` is no JSON Pointer: a `~` is followed by neither `0` nor `1`",
                shown(text)
            )
        })?;
        Ok(Self { steps })
    }

    pub(super) fn steps(&self) -> &[String] {
        &self.steps
    }

    /// Whether the other place is inside of this one.
    pub(super) fn holds(&self, other: &Self) -> bool {
        self.steps.len() < other.steps.len() && other.steps.starts_with(&self.steps)
    }
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text: String = self
            .steps
            .iter()
            .map(|step| format!("/{}", step.replace('~', "~0").replace('/', "~1")))
            .collect();
        f.write_str(&shown(&text))
    }
}

fn unescaped(step: &str) -> Option<String> {
    let mut parts = step.split('~');
    let mut text = parts.next()?.to_owned();
    for part in parts {
        let (escaped, rest) = match part.strip_prefix('0') {
            Some(rest) => ('~', rest),
            None => ('/', part.strip_prefix('1')?),
        };
        text.push(escaped);
        text.push_str(rest);
    }
    Some(text)
}

/// A text in a message.
pub(super) fn shown(text: &str) -> String {
    match text.char_indices().nth(MOST_SHOWN) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}
