//! All that judges an action, as one.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use super::rules::RuleSet;
use super::{Ban, Bundle, Counters, Force, Grants, Guard, Judgement, Lesson, Question, Rule};
#[cfg(feature = "guard-cedar")]
use super::{CedarPolicies, Known, Named};
use crate::types::{
    Action, Clock, Decision, Digest, Fault, FaultKind, Function, Limits, Mode, PolicyRef, Verdict,
    text,
};

/// How long one guard may take.
const PATIENCE: Duration = Duration::from_millis(50);
/// The most rules of one's own.
const MOST_RULES: usize = 10_000;

/// What judges actions: a bundle, rules, Cedar policies and guards of one's own.
///
/// They are joined: the strongest ban of any of them wins over every permission, and an action that none
/// of them permits is denied. Cheap to clone.
///
/// # Example
///
/// ```
/// use engine::data::{Bundle, Policies, Rule, RuleDecision};
/// use engine::{Config, Engine};
///
/// let policies = Policies::builder()
///     .bundle(Bundle::Paranoid)
///     .rule(Rule::new("everything", RuleDecision::Warn))
///     .build()?;
/// let engine = Engine::builder().config(Config::new().policies(policies)).build()?;
/// # Ok::<(), engine::Fault>(())
/// ```
#[derive(Clone, Debug)]
pub struct Policies(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    bundle: Bundle,
    mode: Mode,
    rules: RuleSet,
    #[cfg(feature = "guard-cedar")]
    cedar: Option<CedarPolicies>,
    guards: Vec<Arc<dyn Guard>>,
    lessons: Vec<Lesson>,
    digest: Digest,
}

impl Default for Policies {
    /// The bundle `strict`, enforced.
    fn default() -> Self {
        let rules = RuleSet::new(Bundle::Strict.rules()).unwrap_or_default();
        Self::of(Bundle::Strict, Mode::Enforce, rules, Joined::default())
    }
}

/// What is joined to the rules of the core.
#[derive(Debug, Default)]
struct Joined {
    #[cfg(feature = "guard-cedar")]
    cedar: Option<CedarPolicies>,
    guards: Vec<Arc<dyn Guard>>,
    lessons: Vec<Lesson>,
}

impl Policies {
    /// Starts from the bundle `strict`, enforced.
    #[must_use]
    pub fn builder() -> PoliciesBuilder {
        PoliciesBuilder::default()
    }

    fn of(bundle: Bundle, mode: Mode, rules: RuleSet, joined: Joined) -> Self {
        let Joined {
            #[cfg(feature = "guard-cedar")]
            cedar,
            guards,
            lessons,
        } = joined;
        // Rules are plain data, so they always have a JSON form.
        let written = serde_json::to_vec(&(rules.rules(), &lessons)).unwrap_or_default();
        let mut digests = Vec::new();
        #[cfg(feature = "guard-cedar")]
        digests.extend(cedar.iter().map(CedarPolicies::digest));
        digests.extend(guards.iter().map(|guard| guard.digest()));
        let digest = Digest::of_parts(
            ["policies 1".as_bytes(), mode.as_str().as_bytes(), &written]
                .into_iter()
                .chain(digests.iter().map(|digest| digest.as_bytes().as_slice())),
        );
        Self(Arc::new(Inner {
            bundle,
            mode,
            rules,
            #[cfg(feature = "guard-cedar")]
            cedar,
            guards,
            lessons,
            digest,
        }))
    }

    /// Names this very set of policies.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.0.digest
    }

    /// How they are applied.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.0.mode
    }

    /// The bundle they begin with.
    #[must_use]
    pub fn bundle(&self) -> Bundle {
        self.0.bundle
    }

    /// The rules of the core, those of the bundle first.
    #[must_use]
    pub fn rules(&self) -> &[Rule] {
        self.0.rules.rules()
    }

    /// The Cedar policies, if there are any.
    #[cfg(feature = "guard-cedar")]
    #[must_use]
    pub fn cedar(&self) -> Option<&CedarPolicies> {
        self.0.cedar.as_ref()
    }

    /// Checks that the Cedar policies fit the functions of a component; of all other capabilities the names
    /// are enough.
    ///
    /// # Errors
    ///
    /// A fault with the code `E-INVALID-CONFIG` that names the first problem's place.
    #[cfg(feature = "guard-cedar")]
    pub(crate) fn fit(&self, known: &[Known], named: &[Named]) -> Result<(), Fault> {
        let Some(cedar) = &self.0.cedar else {
            return Ok(());
        };
        match cedar
            .check_with(known, named)
            .into_iter()
            .find(|problem| !problem.warning)
        {
            None => Ok(()),
            Some(problem) => {
                let fault = Fault::config(problem.to_string());
                let fault = match problem.help {
                    Some(help) => fault.hint(help),
                    None => fault,
                };
                Err(fault.hint("`engine policy check` shows every problem with its place"))
            }
        }
    }

    /// The most that a call may use under the bundle.
    pub(super) fn limit(&self, limits: &Limits) -> Limits {
        if self.0.mode == Mode::Off {
            return *limits;
        }
        self.0.bundle.limit(limits)
    }

    /// Asks everybody who answers at once.
    pub(super) fn judge(&self, question: &Question<'_>, clock: &dyn Clock) -> Judgement {
        let rules = within_patience("the rules", clock, || Ok(self.0.rules.judge(question)));
        #[cfg(feature = "guard-cedar")]
        if let Some(cedar) = &self.0.cedar {
            return rules.and(within_patience("the Cedar policies", clock, || {
                cedar.judge(question)
            }));
        }
        rules
    }

    /// Asks the guards of one's own, each on a thread that nobody waits for longer than 50 ms.
    pub(super) async fn consult(&self, asked: &Arc<Asked>) -> Judgement {
        let mut judgement = Judgement::default();
        for guard in &self.0.guards {
            let (guard, asked) = (guard.clone(), asked.clone());
            let judging = tokio::task::spawn_blocking(move || {
                let arguments = || asked.arguments.clone();
                guard.judge(&Question::new(
                    &asked.action,
                    asked.function.as_ref(),
                    &asked.grants,
                    asked.counters,
                    &arguments,
                ))
            });
            judgement = judgement.and(match tokio::time::timeout(PATIENCE, judging).await {
                Ok(Ok(Ok(said))) => sane(said),
                Ok(Ok(Err(fault))) => failed("a guard", &fault.to_string()),
                Ok(Err(_)) => failed("a guard", "it panicked"),
                Err(_) => failed("a guard", "it took longer than 50 ms"),
            });
        }
        judgement
    }

    /// Whether there are guards to consult.
    pub(super) fn consults(&self) -> bool {
        !self.0.guards.is_empty()
    }

    /// An answer for always to the question that a verdict asks; a no counts for more.
    pub(super) fn lesson(
        &self,
        action: &Action,
        grants: &Grants,
        verdict: &Verdict,
        approvers: &str,
    ) -> Option<&Lesson> {
        let answers = || {
            self.0
                .lessons
                .iter()
                .filter(|lesson| lesson.answers(action, grants, verdict, approvers))
        };
        answers()
            .find(|lesson| !lesson.allow)
            .or_else(|| answers().next())
    }

    /// What comes of all that was said.
    pub(super) fn verdict(&self, judgement: &Judgement, question: &Question<'_>) -> Verdict {
        let (decision, policies, reason) = match (&judgement.ban, &judgement.permission) {
            (Some(ban), permission) => match &ban.force {
                Force::Kill => (Decision::Kill, ban.policies.as_slice(), ban.reason.as_str()),
                // Nobody is asked about what nobody permits.
                Force::Ask(_) if permission.is_some() => {
                    (Decision::Ask, ban.policies.as_slice(), ban.reason.as_str())
                }
                Force::Ask(_) => (Decision::Deny, [].as_slice(), NOBODY),
                Force::Deny => (Decision::Deny, ban.policies.as_slice(), ban.reason.as_str()),
            },
            (None, Some(permission)) => (
                if permission.warns {
                    Decision::Warn
                } else {
                    Decision::Allow
                },
                permission.policies.as_slice(),
                permission.reason.as_str(),
            ),
            (None, None) => (Decision::Deny, [].as_slice(), NOBODY),
        };
        Verdict {
            decision,
            policies: policies.iter().map(|policy| policy.id.clone()).collect(),
            places: policies
                .iter()
                .filter(|policy| policy.file.is_some())
                .cloned()
                .collect(),
            reason: text::line(reason, 512),
            facts: question.facts_in_words(),
            mode: self.0.mode,
            policy_set: Some(self.0.digest),
        }
    }

    /// The verdict on a call that asks for more than the layers around it grant.
    pub(crate) fn outside_grants(&self) -> Verdict {
        Verdict {
            reason: "it asks for more than is granted".to_owned(),
            mode: self.0.mode,
            policy_set: Some(self.0.digest),
            ..Verdict::new(Decision::Deny, &["grants"])
        }
    }

    /// The verdict where nobody is asked.
    pub(crate) fn unasked(&self) -> Verdict {
        Verdict {
            reason: "the guard is off".to_owned(),
            mode: Mode::Off,
            policy_set: Some(self.0.digest),
            ..Verdict::new(Decision::Allow, &[])
        }
    }
}

/// Why an action is denied that no policy speaks of.
const NOBODY: &str = "no policy permits it";

/// An action as guards of one's own get it.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) action: Action,
    pub(super) function: Option<Function>,
    pub(super) grants: Grants,
    pub(super) counters: Counters,
    pub(super) arguments: serde_json::Value,
}

/// Asks one guard on this thread, and takes an answer that comes too late, or not at all, for a ban.
///
/// What counts is the time that the thread computes: a machine that is busy with something else denies nobody. To read that
/// time is a call of the system, so it is read only for an answer that was late by the clock: such a one is asked for again.
fn within_patience(
    who: &str,
    clock: &dyn Clock,
    judge: impl Fn() -> Result<Judgement, Fault>,
) -> Judgement {
    let judge = || catch_unwind(AssertUnwindSafe(&judge));
    let start = clock.elapsed();
    let mut said = judge();
    if clock.elapsed().saturating_sub(start) > PATIENCE {
        let start = clock.thread_cpu();
        said = judge();
        if clock.thread_cpu().saturating_sub(start) > PATIENCE && matches!(said, Ok(Ok(_))) {
            return failed(who, "they took longer than 50 ms");
        }
    }
    match said {
        Ok(Ok(said)) => said,
        Ok(Err(fault)) => failed(who, &fault.to_string()),
        Err(_) => failed(who, "they panicked"),
    }
}

/// Most policies that a guard of one's own can name.
const MOST_NAMED: usize = 64;

/// The longest name, and the longest list of approvers, that a guard of one's own can give, in bytes.
const MOST_NAME: usize = 256;

/// What a guard of one's own says, unless it is what no policy could say; reasons are cut.
fn sane(said: Judgement) -> Judgement {
    let plain = |name: &str| text::line(name, MOST_NAME) == name;
    let sound = |policies: &[PolicyRef]| {
        let mut names = policies
            .iter()
            .flat_map(|policy| std::iter::once(&policy.id).chain(&policy.file));
        policies.len() <= MOST_NAMED && names.all(|name| plain(name))
    };
    let approvers = said.ban.as_ref().map(|ban| ban.force.clone().approvers());
    let is_sound = approvers.is_none_or(|who| plain(&who))
        && said.ban.as_ref().is_none_or(|ban| sound(&ban.policies))
        && (said.permission.as_ref()).is_none_or(|permission| sound(&permission.policies));
    if is_sound {
        said
    } else {
        failed("a guard", "it answered with names that no policy can have")
    }
}

/// The ban of a guard that could not answer.
fn failed(who: &str, why: &str) -> Judgement {
    Judgement {
        permission: None,
        ban: Some(Ban {
            force: Force::Deny,
            policies: vec![PolicyRef::builtin("guard-error")],
            reason: format!("{who} failed: {}", text::line(why, 400)),
        }),
    }
}

/// Collects policies and checks them together.
#[derive(Debug, Default)]
pub struct PoliciesBuilder {
    bundle: Bundle,
    mode: Mode,
    rules: Vec<Rule>,
    #[cfg(feature = "guard-cedar")]
    cedar: Option<CedarPolicies>,
    guards: Vec<Arc<dyn Guard>>,
    lessons: Vec<Lesson>,
}

impl PoliciesBuilder {
    /// Begins with another bundle. Default: `strict`.
    #[must_use]
    pub fn bundle(mut self, bundle: Bundle) -> Self {
        self.bundle = bundle;
        self
    }

    /// How they are applied. Default: enforced.
    #[must_use]
    pub fn mode(mut self, mode: Mode) -> Self {
        self.mode = mode;
        self
    }

    /// Adds a rule.
    #[must_use]
    pub fn rule(mut self, rule: Rule) -> Self {
        self.rules.push(rule);
        self
    }

    /// Adds rules.
    #[must_use]
    pub fn rules(mut self, rules: impl IntoIterator<Item = Rule>) -> Self {
        self.rules.extend(rules);
        self
    }

    /// Adds Cedar policies; later ones replace earlier ones.
    #[cfg(feature = "guard-cedar")]
    #[must_use]
    pub fn cedar(mut self, policies: CedarPolicies) -> Self {
        self.cedar = Some(policies);
        self
    }

    /// Adds a guard of one's own.
    #[must_use]
    pub fn guard(mut self, guard: impl Guard + 'static) -> Self {
        self.guards.push(Arc::new(guard));
        self
    }

    /// Adds answers that somebody gave for always.
    #[must_use]
    pub fn lessons(mut self, lessons: impl IntoIterator<Item = Lesson>) -> Self {
        self.lessons.extend(lessons);
        self
    }

    /// Checks every rule.
    ///
    /// # Errors
    ///
    /// A fault with the code `E-INVALID-CONFIG` if a rule makes no sense, two rules have the same id, or
    /// there are over 10,000.
    pub fn build(self) -> Result<Policies, Fault> {
        let PoliciesBuilder {
            bundle,
            mode,
            rules,
            #[cfg(feature = "guard-cedar")]
            cedar,
            guards,
            lessons,
        } = self;
        if rules.len() > MOST_RULES {
            return Err(Fault::new(FaultKind::Config {
                what: format!("{} rules are over the limit of {MOST_RULES}", rules.len()),
            }));
        }
        let mut all = bundle.rules();
        all.extend(rules);
        let joined = Joined {
            #[cfg(feature = "guard-cedar")]
            cedar,
            guards,
            lessons,
        };
        Ok(Policies::of(bundle, mode, RuleSet::new(all)?, joined))
    }
}

#[cfg(test)]
mod tests;
