//! The rules of the core: a list without a language.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::facts::{self, Facts};
use super::hosts::HostPattern;
use super::{Ban, Force, Glob, Judgement, Permission, Question};
use crate::types::{Effect, Fault, Function, PolicyRef, Via, is_label, text};

/// One rule. It applies to an action if all of its conditions do; a condition that is left out always does.
///
/// Among the rules that apply the strongest wins, wherever it is in the list: `kill`, `deny`, `ask`, then
/// `warn` and `allow`. Where no rule applies, the action is denied.
///
/// A component without a manifest may have any effect: rules that ban an effect apply to it, rules that
/// permit one do not.
///
/// # Example
///
/// ```
/// use engine::data::Rule;
///
/// let rule: Rule = serde_json::from_str(r#"{
///     "id": "no-notes",
///     "decision": "deny",
///     "capability": "fs.*",
///     "argument": "*/notes/*",
///     "reason": "notes are private"
/// }"#)?;
/// assert_eq!(rule.id, "no-notes");
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Rule {
    /// Names the rule in verdicts.
    pub id: String,
    /// What it says.
    pub decision: RuleDecision,
    /// The action's name, such as `fs.*`.
    #[serde(default)]
    pub capability: Glob,
    /// For whom.
    #[serde(default)]
    pub principal: Glob,
    /// On which way.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub via: Option<Via>,
    /// Whether the component has a manifest that speaks of the function.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub manifest: Option<bool>,
    /// The action may have one of these effects.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub effects: BTreeSet<Effect>,
    /// The action is declared to have no other effects than these; an empty list means none at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<BTreeSet<Effect>>,
    /// One of these was found in the arguments.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub signs: BTreeSet<Sign>,
    /// Some text in the arguments, however deep, is like this; also text in a list of bytes.
    ///
    /// A path is like it as it is written, and in its normal form, and where it leads in the directories that are granted:
    /// one of them is enough for a rule that bans, a rule that permits wants all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub argument: Option<Glob>,
    /// For a rule that bans: one of the hosts in the arguments is among these, on whatever scheme and port, unless the
    /// pattern names them. For a rule that permits: there are hosts in the arguments, all of them were found, and all are
    /// among these, on `https` and port 443 unless the pattern names another.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hosts: Vec<HostPattern>,
    /// One of these labels is on the data in the arguments, such as `untrusted`.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub labels: BTreeSet<String>,
    /// The caller has made this many calls already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after_calls: Option<u64>,
    /// Who may approve, for `ask`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approver: Option<String>,
    /// Why, for people.
    #[serde(default)]
    pub reason: String,
    /// Where it is written; set by whoever read it from a file.
    #[serde(skip)]
    pub place: Option<(String, u64)>,
}

/// What a rule says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleDecision {
    /// The action may run.
    Allow,
    /// It may run, and somebody should look at it.
    Warn,
    /// It may run once a person approves.
    Ask,
    /// It may not run.
    Deny,
    /// It may not run, and its workflow ends.
    Kill,
}

/// What can be found in arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sign {
    /// A path that is always blocked, such as a private key.
    BlockedPath,
    /// A path that is in no granted directory.
    OutsideGrants,
    /// A path that is in no directory granted writable.
    UnwritablePath,
    /// A path that is not written plainly, such as `a//b`, `a/../b` or `%2e%2e`: it can be read in more than one way. A
    /// `./` before it and a `/` after it are plain.
    OddPath,
    /// A key, token or password.
    Secret,
    /// A command that is always blocked, such as `sudo`.
    Command,
    /// Characters that act in a shell.
    Shell,
    /// A host that is not on the public network.
    PrivateHost,
    /// A user name or password in a URL.
    Userinfo,
    /// More than is looked at.
    Incomplete,
}

impl Rule {
    /// A rule without conditions.
    #[must_use]
    pub fn new(id: impl Into<String>, decision: RuleDecision) -> Self {
        Self {
            id: id.into(),
            decision,
            capability: Glob::default(),
            principal: Glob::default(),
            via: None,
            manifest: None,
            effects: BTreeSet::new(),
            within: None,
            signs: BTreeSet::new(),
            argument: None,
            hosts: Vec::new(),
            labels: BTreeSet::new(),
            after_calls: None,
            approver: None,
            reason: String::new(),
            place: None,
        }
    }

    /// Refuses what makes no sense.
    pub(super) fn check(&self) -> Result<(), Fault> {
        let shown = text::line(&self.id, 100);
        let wrong = |why: &str| Err(Fault::config(format!("the rule `{shown}` {why}")));
        if self.id.is_empty() || self.id.len() > 100 {
            return wrong("needs an id of 1 to 100 bytes");
        }
        let asks = self.decision == RuleDecision::Ask;
        if self.approver.is_some() && !asks {
            return wrong("names an approver, but does not ask for approval");
        }
        if self.approver.as_deref().is_some_and(str::is_empty) {
            return wrong("names an approver that is empty");
        }
        if [&self.capability, &self.principal]
            .into_iter()
            .chain(&self.argument)
            .any(|glob| glob.as_str().len() > 1024)
        {
            return wrong("has a pattern of over 1,024 bytes");
        }
        if let Some(label) = self.labels.iter().find(|label| !is_label(label)) {
            return wrong(&format!(
                "names `{}`, which is no label: lower-case words with `-` between them, at most 64 bytes",
                text::line(label, 64)
            ));
        }
        Ok(())
    }

    /// Whether the rule applies to some arguments and not to others.
    #[must_use]
    pub fn looks_at_arguments(&self) -> bool {
        !self.signs.is_empty() || self.argument.is_some() || !self.hosts.is_empty()
    }

    fn bans(&self) -> bool {
        match self.decision {
            RuleDecision::Ask | RuleDecision::Deny | RuleDecision::Kill => true,
            RuleDecision::Allow | RuleDecision::Warn => false,
        }
    }

    /// Cheap conditions come first, so that arguments are looked at only where it matters.
    fn applies(&self, question: &Question<'_>) -> bool {
        let action = question.action();
        let declared = action.declared.as_ref();
        let mut names = std::iter::once(&action.name).chain(&action.also);
        names.any(|name| self.capability.matches(name))
            && self.principal.matches(action.principal.as_str())
            && self.via.is_none_or(|via| via == action.via)
            && self
                .manifest
                .is_none_or(|manifest| manifest == declared.is_some())
            && (self.effects.is_empty()
                || declared.map_or(self.bans(), |declared| {
                    !declared.effects.is_disjoint(&self.effects)
                }))
            && self.within.as_ref().is_none_or(|within| {
                declared.is_some_and(|declared| declared.effects.is_subset(within))
            })
            && (self.labels.is_empty() || !self.labels.is_disjoint(&action.labels))
            && self
                .after_calls
                .is_none_or(|calls| question.counters().calls >= calls)
            && (self.signs.is_empty() || self.signs.iter().any(|sign| sign.is_in(question.facts())))
            && (self.hosts.is_empty() || self.means_hosts(question.facts()))
            && self
                .argument
                .as_ref()
                .is_none_or(|glob| self.means_text(glob, question))
    }

    fn means_hosts(&self, facts: &Facts) -> bool {
        let mut patterns = self.hosts.iter();
        if self.bans() {
            return patterns.any(|pattern| facts.hosts.iter().any(|host| pattern.bans(host)));
        }
        let allowed = |host| self.hosts.iter().any(|pattern| pattern.allows(host));
        !facts.incomplete && !facts.hosts.is_empty() && facts.hosts.iter().all(allowed)
    }

    fn means_text(&self, glob: &Glob, question: &Question<'_>) -> bool {
        let fits = |text: &str| glob.matches(text);
        let (arguments, function) = (question.arguments(), question.function());
        if self.bans() {
            return any_text(arguments, function, &fits)
                || question
                    .facts()
                    .paths
                    .iter()
                    .any(|path| path.places().any(fits));
        }
        any_text(arguments, function, &|text| {
            fits(text) && {
                let written = text::line(text, 256);
                let mut paths = question.facts().paths.iter();
                paths.all(|path| path.written != written || path.places().all(fits))
            }
        })
    }

    fn judgement(&self) -> Judgement {
        let policies = vec![PolicyRef {
            id: self.id.clone(),
            file: self.place.as_ref().map(|(file, _)| file.clone()),
            line: self.place.as_ref().map(|(_, line)| *line),
        }];
        let reason = self.reason.clone();
        let force = match self.decision {
            RuleDecision::Allow | RuleDecision::Warn => {
                return Judgement {
                    permission: Some(Permission {
                        warns: self.decision == RuleDecision::Warn,
                        policies,
                        reason,
                    }),
                    ban: None,
                };
            }
            RuleDecision::Ask => Force::Ask(self.approver.clone().unwrap_or_default()),
            RuleDecision::Deny => Force::Deny,
            RuleDecision::Kill => Force::Kill,
        };
        Judgement {
            permission: None,
            ban: Some(Ban {
                force,
                policies,
                reason,
            }),
        }
    }
}

impl Sign {
    fn is_in(self, facts: &Facts) -> bool {
        match self {
            Sign::BlockedPath => facts.paths.iter().any(|path| path.blocked),
            Sign::OutsideGrants => facts.paths.iter().any(|path| path.named && !path.inside),
            Sign::UnwritablePath => facts
                .paths
                .iter()
                .any(|path| path.named && !(path.inside && path.writable)),
            Sign::OddPath => facts.paths.iter().any(|path| path.named && !path.plain),
            Sign::Secret => !facts.secrets.is_empty(),
            Sign::Command => !facts.commands.is_empty(),
            Sign::Shell => facts.shell,
            Sign::PrivateHost => facts.hosts.iter().any(|host| host.private),
            Sign::Userinfo => facts.hosts.iter().any(|host| host.userinfo),
            Sign::Incomplete => facts.incomplete,
        }
    }
}

/// Whether some text in the arguments fulfils a condition, however deep it is, and whether it is text or bytes.
fn any_text(
    arguments: &serde_json::Value,
    function: Option<&Function>,
    fits: &dyn Fn(&str) -> bool,
) -> bool {
    let mut found = json_text(arguments, fits);
    if !found {
        facts::each_bytes(arguments, function, |bytes| {
            found |= fits(&String::from_utf8_lossy(bytes));
        });
    }
    found
}

fn json_text(value: &serde_json::Value, fits: &dyn Fn(&str) -> bool) -> bool {
    use serde_json::Value;
    match value {
        Value::String(text) => fits(text),
        Value::Array(items) => items.iter().any(|item| json_text(item, fits)),
        Value::Object(fields) => fields.values().any(|field| json_text(field, fits)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

/// Rules, found by the names they are about.
#[derive(Clone, Debug, Default)]
pub(super) struct RuleSet {
    rules: Vec<Rule>,
    /// Rules about one name alone.
    named: BTreeMap<String, Vec<usize>>,
    /// Rules about patterns.
    others: Vec<usize>,
}

impl RuleSet {
    pub(super) fn new(rules: Vec<Rule>) -> Result<Self, Fault> {
        let mut set = Self::default();
        let mut ids = BTreeSet::new();
        for (position, rule) in rules.iter().enumerate() {
            rule.check()?;
            if !ids.insert(&rule.id) {
                return Err(Fault::config(format!(
                    "two rules have the id `{}`",
                    text::line(&rule.id, 100)
                ))
                .hint("verdicts name rules by their ids, so each needs its own"));
            }
            if rule.capability.is_literal() {
                let name = rule.capability.as_str().to_owned();
                set.named.entry(name).or_default().push(position);
            } else {
                set.others.push(position);
            }
        }
        set.rules = rules;
        Ok(set)
    }

    pub(super) fn judge(&self, question: &Question<'_>) -> Judgement {
        let action = question.action();
        std::iter::once(&action.name)
            .chain(&action.also)
            .filter_map(|name| self.named.get(name))
            .flatten()
            .chain(&self.others)
            .filter_map(|position| self.rules.get(*position))
            .filter(|rule| rule.applies(question))
            .fold(Judgement::default(), |judgement, rule| {
                judgement.and(rule.judgement())
            })
    }

    pub(super) fn rules(&self) -> &[Rule] {
        &self.rules
    }
}

#[cfg(test)]
mod tests;
