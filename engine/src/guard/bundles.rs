//! The policies that come with the engine.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::rules::{Rule, RuleDecision, Sign};
use crate::types::{Bytes, Effect, Limits, Via, WallTime};

/// Policies that come with the engine, as rules of the core.
///
/// Names, and the most memory and time of a call, are those of agentd's bundles. What counts calls is not: it counts those
/// of one [`Tally`](super::Tally), from its first to its last, and no windows of time. A workflow has one tally; so does a
/// call on its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bundle {
    /// Permits computation, and files within the grants. Denies network, destruction, spending, the places that are
    /// always blocked, and paths that can be read in more than one way. A component without a manifest runs for the operator alone.
    #[default]
    Strict,
    /// Permits everything within the grants but the places that are always blocked; warns of destruction,
    /// spending, and components without a manifest that clients ask for.
    Permissive,
    /// Permits computation and reading. Asks before every write and every use of the network. Denies the
    /// rest, components without a manifest, secrets in arguments, and the eleventh call of a
    /// [`Tally`](super::Tally) and all after it, however long ago the first ones were.
    Paranoid,
    /// Permits nothing and bans nothing: policies of your own say it all.
    None,
}

impl Bundle {
    /// Every bundle.
    pub const ALL: [Bundle; 4] = [
        Bundle::Strict,
        Bundle::Permissive,
        Bundle::Paranoid,
        Bundle::None,
    ];

    /// The bundle's name in settings.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Bundle::Strict => "strict",
            Bundle::Permissive => "permissive",
            Bundle::Paranoid => "paranoid",
            Bundle::None => "none",
        }
    }

    /// The bundle's rules.
    #[must_use]
    pub fn rules(self) -> Vec<Rule> {
        match self {
            Bundle::Strict => strict(),
            Bundle::Permissive => permissive(),
            Bundle::Paranoid => paranoid(),
            Bundle::None => Vec::new(),
        }
    }

    /// The most that a call may use under this bundle; fuel and output are left to the configuration.
    pub(super) fn limit(self, limits: &Limits) -> Limits {
        let (memory, wall) = match self {
            Bundle::Strict => (Bytes::mib(1024), WallTime::secs(3600)),
            Bundle::Permissive => (Bytes::mib(4096), WallTime::secs(86_400)),
            Bundle::Paranoid => (Bytes::mib(256), WallTime::secs(30)),
            Bundle::None => return *limits,
        };
        limits.at_most(None, Some(memory), Some(wall), None)
    }
}

impl fmt::Display for Bundle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

const FILES: [Effect; 2] = [Effect::Read, Effect::Write];

/// Whatever is more than a computation.
fn any_effect() -> BTreeSet<Effect> {
    Effect::ALL.into()
}

fn rule(id: &str, decision: RuleDecision, reason: &str) -> Rule {
    Rule {
        reason: reason.to_owned(),
        ..Rule::new(id, decision)
    }
}

fn blocked_path(id: &str) -> Rule {
    Rule {
        effects: any_effect(),
        signs: [Sign::BlockedPath].into(),
        ..rule(
            id,
            RuleDecision::Deny,
            "keys, credentials and the system's own files are always blocked",
        )
    }
}

fn computation(id: &str) -> Rule {
    Rule {
        within: Some(BTreeSet::new()),
        ..rule(id, RuleDecision::Allow, "it computes and does nothing else")
    }
}

/// A path that two readers take for two places makes every policy about it worthless.
fn spelling(id: &str) -> Rule {
    Rule {
        manifest: Some(true),
        effects: any_effect(),
        signs: [Sign::OddPath].into(),
        ..rule(
            id,
            RuleDecision::Deny,
            "a path in its arguments can be read in more than one way",
        )
    }
}

fn strict() -> Vec<Rule> {
    vec![
        blocked_path("strict.blocked-path"),
        spelling("strict.spelling"),
        Rule {
            manifest: Some(true),
            effects: [Effect::Write, Effect::Destructive].into(),
            signs: [Sign::UnwritablePath].into(),
            ..rule(
                "strict.outside-grants",
                RuleDecision::Deny,
                "it would change a file outside the directories that are granted writable",
            )
        },
        Rule {
            manifest: Some(true),
            effects: [Effect::Network].into(),
            signs: [
                Sign::Secret,
                Sign::PrivateHost,
                Sign::Userinfo,
                Sign::Incomplete,
            ]
            .into(),
            ..rule(
                "strict.leak",
                RuleDecision::Deny,
                "secrets are not sent, and hosts off the public network are not reached",
            )
        },
        computation("strict.computation"),
        Rule {
            within: Some(FILES.into()),
            effects: FILES.into(),
            ..rule(
                "strict.files",
                RuleDecision::Allow,
                "it works with files within its grants",
            )
        },
        Rule {
            manifest: Some(false),
            via: Some(Via::Direct),
            ..rule(
                "strict.unknown-direct",
                RuleDecision::Allow,
                "it has no manifest, and the operator runs it within the grants given",
            )
        },
    ]
}

fn permissive() -> Vec<Rule> {
    vec![
        blocked_path("permissive.blocked-path"),
        Rule {
            effects: [Effect::Destructive, Effect::Spend].into(),
            ..rule(
                "permissive.costly",
                RuleDecision::Warn,
                "what it does cannot be taken back",
            )
        },
        Rule {
            manifest: Some(false),
            ..rule(
                "permissive.unknown",
                RuleDecision::Warn,
                "nothing says what it does",
            )
        },
        Rule {
            manifest: Some(true),
            ..rule("permissive.all", RuleDecision::Allow, "")
        },
    ]
}

fn paranoid() -> Vec<Rule> {
    let bans = |id: &str, signs: &[Sign], reason: &str| Rule {
        effects: any_effect(),
        signs: signs.iter().copied().collect(),
        ..rule(id, RuleDecision::Deny, reason)
    };
    vec![
        blocked_path("paranoid.blocked-path"),
        spelling("paranoid.spelling"),
        bans(
            "paranoid.outside-grants",
            &[Sign::OutsideGrants],
            "it would reach a file outside the granted directories",
        ),
        bans(
            "paranoid.arguments",
            &[
                Sign::Secret,
                Sign::Command,
                Sign::Shell,
                Sign::PrivateHost,
                Sign::Userinfo,
                Sign::Incomplete,
            ],
            "its arguments hold a secret, a command, or a host off the public network",
        ),
        Rule {
            after_calls: Some(10),
            ..rule(
                "paranoid.rate",
                RuleDecision::Deny,
                "ten calls were made already, which is the most",
            )
        },
        Rule {
            manifest: Some(true),
            effects: [Effect::Destructive, Effect::Spend].into(),
            ..rule(
                "paranoid.never",
                RuleDecision::Deny,
                "what it does cannot be taken back",
            )
        },
        Rule {
            manifest: Some(true),
            effects: [Effect::Write, Effect::Network].into(),
            ..rule(
                "paranoid.ask",
                RuleDecision::Ask,
                "every write and every use of the network needs approval",
            )
        },
        Rule {
            within: Some([Effect::Read, Effect::Write, Effect::Network].into()),
            ..rule("paranoid.declared", RuleDecision::Allow, "")
        },
    ]
}

#[cfg(test)]
mod tests;
