//! What a guard is asked, and what it answers.

use std::cell::OnceCell;
use std::fmt;

use serde_json::Value;

use super::facts::Facts;
use super::{Counters, Grants};
use crate::types::{Action, Digest, Fault, Function, PolicyRef};

/// Judges actions.
///
/// The engine asks every guard of its [`Policies`](super::Policies) and joins the answers: the strongest
/// ban wins over every permission, and where nobody permits, the action is denied. A guard that fails,
/// panics or takes longer than 50 ms denies.
pub trait Guard: Send + Sync + fmt::Debug {
    /// Judges one action. Called on a thread of its own.
    ///
    /// # Errors
    ///
    /// Whatever keeps the guard from knowing; it denies the action.
    fn judge(&self, question: &Question<'_>) -> Result<Judgement, Fault>;

    /// Names this version of the guard: a change of it changes every decision's hash.
    fn digest(&self) -> Digest;
}

/// An action, with what is known about it. What is costly is worked out once, when it is first asked for.
pub struct Question<'a> {
    action: &'a Action,
    function: Option<&'a Function>,
    grants: &'a Grants,
    counters: Counters,
    make: &'a (dyn Fn() -> Value + Sync),
    arguments: OnceCell<Value>,
    facts: OnceCell<Facts>,
}

impl<'a> Question<'a> {
    /// Makes a question, such as one for the tests of a guard. The engine makes its own.
    ///
    /// `make` gives the arguments: an object by parameter name; for a command the list of its words.
    #[must_use]
    pub fn new(
        action: &'a Action,
        function: Option<&'a Function>,
        grants: &'a Grants,
        counters: Counters,
        make: &'a (dyn Fn() -> Value + Sync),
    ) -> Self {
        Self {
            action,
            function,
            grants,
            counters,
            make,
            arguments: OnceCell::new(),
            facts: OnceCell::new(),
        }
    }

    /// The action.
    #[must_use]
    pub fn action(&self) -> &Action {
        self.action
    }

    /// The function's types; `None` for a command.
    #[must_use]
    pub fn function(&self) -> Option<&Function> {
        self.function
    }

    /// What the call would be given.
    #[must_use]
    pub fn grants(&self) -> &Grants {
        self.grants
    }

    /// What the same caller did before.
    #[must_use]
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// The arguments: an object by parameter name; for a command the list of its words.
    #[must_use]
    pub fn arguments(&self) -> &Value {
        self.arguments.get_or_init(|| (self.make)())
    }

    /// What was found in the arguments.
    #[must_use]
    pub fn facts(&self) -> &Facts {
        self.facts
            .get_or_init(|| Facts::of(self.arguments(), self.function, self.grants))
    }

    /// What was found in the arguments, in words; nothing where nobody looked.
    pub(super) fn facts_in_words(&self) -> Vec<String> {
        self.facts.get().map(Facts::in_words).unwrap_or_default()
    }
}

impl fmt::Debug for Question<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Question")
            .field("action", &self.action)
            .finish_non_exhaustive()
    }
}

/// What one guard says about one action: who permits it, and who bans it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Judgement {
    /// The strongest permission, if there is any.
    pub permission: Option<Permission>,
    /// The strongest ban, if there is any. It wins over every permission.
    pub ban: Option<Ban>,
}

/// Somebody permits an action.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Permission {
    /// Whether somebody should look at it all the same.
    pub warns: bool,
    /// The policies that permit it.
    pub policies: Vec<PolicyRef>,
    /// Why, in words; may be empty.
    pub reason: String,
}

/// Somebody bans an action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ban {
    /// How much.
    pub force: Force,
    /// The policies that ban it.
    pub policies: Vec<PolicyRef>,
    /// Why, in words; may be empty.
    pub reason: String,
}

/// How strong a ban is; later ones are stronger.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Force {
    /// Unless somebody approves: who may.
    Ask(String),
    /// It does not run.
    Deny,
    /// It does not run, and the workflow it belongs to ends.
    Kill,
}

impl Force {
    /// Who may lift the ban; empty if that is not said.
    pub(super) fn approvers(self) -> String {
        match self {
            Force::Ask(who) => who,
            Force::Deny | Force::Kill => String::new(),
        }
    }
}

impl Judgement {
    /// Joins what two guards say: the stronger ban, the stronger permission, and all policies that are as
    /// strong.
    #[must_use]
    pub fn and(self, other: Judgement) -> Judgement {
        let permission = match (self.permission, other.permission) {
            (Some(mut one), Some(two)) if one.warns == two.warns => {
                one.policies.extend(two.policies);
                Some(one)
            }
            (Some(one), Some(two)) => Some(if one.warns { one } else { two }),
            (one, two) => one.or(two),
        };
        let ban = match (self.ban, other.ban) {
            (Some(mut one), Some(two)) => match (&one.force, &two.force) {
                (Force::Ask(who), Force::Ask(others)) => {
                    one.force = asked(who, others);
                    one.policies.extend(two.policies);
                    Some(one)
                }
                (force, other) if force == other => {
                    one.policies.extend(two.policies);
                    Some(one)
                }
                (force, other) => Some(if force > other { one } else { two }),
            },
            (one, two) => one.or(two),
        };
        Judgement { permission, ban }
    }
}

/// Who may lift two bans at once: whoever may lift each of them. Where nobody may, the action is denied.
///
/// Several approvers of one ban are separated by `,`; nobody named is anybody.
pub(super) fn asked(one: &str, other: &str) -> Force {
    if one.is_empty() || other.is_empty() {
        return Force::Ask(format!("{one}{other}"));
    }
    let others: Vec<&str> = other.split(',').map(str::trim).collect();
    let both: Vec<&str> = one
        .split(',')
        .map(str::trim)
        .filter(|who| others.contains(who))
        .collect();
    if both.is_empty() {
        return Force::Deny;
    }
    Force::Ask(both.join(", "))
}
