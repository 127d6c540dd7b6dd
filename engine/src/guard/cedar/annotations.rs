//! What a policy's annotations say.

use cedar_policy::{Effect, Policy};

use super::names::closest;
use super::problem::{Problem, Source};
use super::scan::{self, Token};

/// Every annotation there is.
const KNOWN: [&str; 5] = ["approval", "id", "kill", "reason", "warn"];

/// What a policy's annotations say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Annotations {
    /// Its name.
    pub(super) id: Option<String>,
    /// Why, in words.
    pub(super) reason: Option<String>,
    /// Who may approve what it forbids.
    pub(super) approval: Option<String>,
    /// Whether somebody should look at what it permits.
    pub(super) warns: bool,
    /// Whether what it forbids ends the workflow.
    pub(super) kills: bool,
}

impl Annotations {
    /// Reads the annotations of a policy, which is written in `tokens`.
    ///
    /// # Errors
    ///
    /// Every annotation that would have no effect, or not the one that it seems to have.
    pub(super) fn of(
        policy: &Policy,
        source: &Source,
        tokens: &[Token<'_>],
    ) -> Result<Self, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut annotations = Self::default();
        let permits = policy.effect() == Effect::Permit;
        for (name, value) in policy.annotations() {
            let wrong = match name {
                "id" | "reason" | "approval" if value.trim().is_empty() => {
                    Some(format!("`@{name}` needs a text: `@{name}(\"…\")`"))
                }
                "warn" | "kill" if !value.is_empty() => {
                    Some(format!("`@{name}` takes no text; `@reason` is for it"))
                }
                "approval" | "kill" if permits => {
                    Some(format!("`@{name}` has no effect on a `permit`"))
                }
                "warn" if !permits => Some("`@warn` has no effect on a `forbid`".to_owned()),
                "kill" if policy.annotation("approval").is_some() => {
                    Some("`@kill` and `@approval` exclude each other".to_owned())
                }
                name if !KNOWN.contains(&name) => Some(format!("unknown annotation `@{name}`")),
                _ => None,
            };
            if let Some(message) = wrong {
                let word = scan::annotation(tokens, name);
                let problem = match word {
                    Some(word) => source.problem(word, message),
                    None => source.problem_of_all(message),
                };
                let help = (!KNOWN.contains(&name)).then(|| closest(name, KNOWN.into_iter()));
                problems.push(match help.flatten() {
                    Some(help) => problem.help(help),
                    None => problem,
                });
                continue;
            }
            match name {
                "id" => annotations.id = Some(value.to_owned()),
                "reason" => annotations.reason = Some(value.to_owned()),
                "approval" => annotations.approval = Some(value.to_owned()),
                "warn" => annotations.warns = true,
                "kill" => annotations.kills = true,
                _ => {}
            }
        }
        if problems.is_empty() {
            Ok(annotations)
        } else {
            Err(problems)
        }
    }
}
