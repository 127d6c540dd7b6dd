//! Questions to people: asked, answered, and redeemed once.

mod answered;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

pub(crate) use self::answered::Answered;
use super::Waiting;
use crate::types::{
    ApprovalAnswer, ApprovalRefused, ApprovalRequest, Approvals, Clock, Fault, FaultKind, Nonces,
    Principal, Timestamp, Token, text,
};

/// The largest arguments that a person is asked about.
const MOST_ARGUMENTS: usize = 1 << 20;
/// How many questions of one principal may wait at once.
const MOST_WAITING: usize = 100;
/// The shortest start of a question's name that finds it.
const LEAST_START: usize = 4;
/// How many unknown tokens may be tried in how long.
const FAILURES: (usize, Duration) = (5, Duration::from_secs(60));
/// How long a used approval is remembered after it expired.
const REMEMBERED: Duration = Duration::from_secs(366 * 24 * 3600);

/// Under which scope used approvals are remembered.
const USED: &str = "approval";

/// What keeps questions, their answers, and which approvals were used.
pub trait ApprovalStore: Approvals + Nonces + Send + Sync {}

impl<S: Approvals + Nonces + Send + Sync> ApprovalStore for S {}

/// Asks somebody who is there, such as a person at a terminal.
pub trait Approver: Send + Sync {
    /// Shows the request, whole, and waits for an answer; `None` if there is nobody, or somebody does not answer: then
    /// the question goes on waiting at the desk, where it is already when this is called.
    ///
    /// Called on a thread of its own. Somebody else may answer at the desk meanwhile, which
    /// [`ApprovalDesk::state`] tells; the first answer counts.
    fn ask(&self, request: &ApprovalRequest) -> Option<ApprovalAnswer>;
}

/// Where questions are asked and answered.
///
/// Cheap to clone.
#[derive(Clone)]
pub struct ApprovalDesk(Arc<Inner>);

struct Inner {
    store: Arc<dyn ApprovalStore>,
    lasts: Duration,
    /// What has to be said to find it, besides the question's name.
    told: String,
    failures: Mutex<VecDeque<Duration>>,
    /// Held while it is found out whether something has to be asked.
    joining: Mutex<()>,
}

impl std::fmt::Debug for ApprovalDesk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ApprovalDesk")
            .field("lasts", &self.0.lasts)
            .finish_non_exhaustive()
    }
}

impl ApprovalDesk {
    /// How long a question can be answered and redeemed unless something else is said: 15 minutes.
    pub const LASTS: Duration = Duration::from_secs(15 * 60);

    /// Keeps questions in this store.
    #[must_use]
    pub fn new(store: Arc<dyn ApprovalStore>) -> Self {
        Self::lasting(store, Self::LASTS)
    }

    /// Keeps questions in this store, for so long.
    #[must_use]
    pub fn lasting(store: Arc<dyn ApprovalStore>, lasts: Duration) -> Self {
        Self(Arc::new(Inner {
            store,
            lasts,
            told: String::new(),
            failures: Mutex::default(),
            joining: Mutex::default(),
        }))
    }

    /// Adds what `engine approvals` has to be told to find this desk, such as `--journal FILE`, for hints.
    #[must_use]
    pub fn told(self, how: impl Into<String>) -> Self {
        Self(Arc::new(Inner {
            store: self.0.store.clone(),
            lasts: self.0.lasts,
            told: how.into(),
            failures: Mutex::default(),
            joining: Mutex::default(),
        }))
    }

    /// The command that answers a question.
    pub(crate) fn command(&self, id: &str) -> String {
        let told = &self.0.told;
        let space = if told.is_empty() { "" } else { " " };
        format!("engine approvals approve {}{space}{told}", short(id))
    }

    pub(crate) fn lasts(&self) -> Duration {
        self.0.lasts
    }

    /// Asks; the token redeems the answer.
    pub(crate) fn ask(
        &self,
        request: &ApprovalRequest,
        token: &Token,
        clock: &dyn Clock,
    ) -> Result<(), Fault> {
        let own = self.waiting(clock)?;
        let own = own
            .iter()
            .filter(|asked| asked.principal == request.principal);
        if own.count() >= MOST_WAITING {
            return Err(Fault::config(format!(
                "`{}` has {MOST_WAITING} questions that wait for an answer",
                request.principal
            ))
            .hint("have some answered first: `engine approvals ls`"));
        }
        let written = serde_json::to_string(request).map_err(|error| {
            Fault::new(FaultKind::Bug {
                at: "the text of an approval request",
            })
            .caused_by(error)
        })?;
        let about = request.decision.to_string();
        self.0
            .store
            .ask(&token.id(), &about, request.expires, &written)
    }

    /// Whether a token was given for the very action that waits.
    ///
    /// # Errors
    ///
    /// A fault of the store.
    pub(crate) fn is_for(&self, token: &Token, waiting: &Waiting) -> Result<bool, Fault> {
        let request = self.request(&token.id())?;
        Ok(request.is_some_and(|request| {
            request.decision == waiting.decision()
                && request.principal == waiting.action().principal
        }))
    }

    /// Uses an approval up for the action that waits.
    ///
    /// # Errors
    ///
    /// [`FaultKind::Approval`] with the reason; a fault of the store. Nothing is used up then.
    pub(crate) fn redeem(
        &self,
        token: &Token,
        waiting: &Waiting,
        clock: &dyn Clock,
    ) -> Result<ApprovalAnswer, Fault> {
        // Whoever guesses does not learn from the answer that a guess was right.
        if self.is_locked(clock.elapsed()) {
            return Err(ApprovalRefused::Locked.into());
        }
        let id = token.id();
        let Some(request) = self.request(&id)? else {
            return Err(self.failed(clock.elapsed()).into());
        };
        let action = waiting.action();
        if request.principal != action.principal {
            return Err(ApprovalRefused::Foreign.into());
        }
        if request.decision != waiting.decision() {
            let what = if request.digest != action.digest {
                "the component"
            } else if request.arguments_digest != action.arguments {
                "the arguments"
            } else if request.labels != action.labels {
                "where the arguments come from"
            } else if Some(request.policy_set) != waiting.permitted().verdict.policy_set {
                return Err(Fault::from(ApprovalRefused::Stale).hint("ask again"));
            } else if request.approvers != waiting.approvers() {
                "who has to approve it"
            } else {
                "the function or what it is given"
            };
            return Err(Fault::from(ApprovalRefused::Altered { what }).hint("ask again"));
        }
        match self.conclude(&request, None, clock)? {
            None => Err(Fault::from(ApprovalRefused::Pending)
                .hint(format!("answer with `{}`", self.command(&id)))),
            Some(answer) if answer.approved => Ok(answer),
            Some(answer) => Err(ApprovalRefused::Denied {
                by: answer.principal,
            }
            .into()),
        }
    }

    /// Takes the answer to a question that is asked, and uses an approval up; `None` while there is none. `said` is
    /// what somebody who is there says to it: it is kept as the answer, unless somebody else was faster.
    ///
    /// # Errors
    ///
    /// [`FaultKind::Approval`] if the question's time is over, or the approval was used; a fault of the store.
    pub(crate) fn conclude(
        &self,
        request: &ApprovalRequest,
        said: Option<&ApprovalAnswer>,
        clock: &dyn Clock,
    ) -> Result<Option<ApprovalAnswer>, Fault> {
        let now = clock.timestamp();
        let over = expired(request, now, clock);
        if let Some(said) = said.filter(|_| !over) {
            self.write_answer(request, said)?;
        }
        match self.answer_to(&request.id)? {
            Some(answer) if !answer.approved => Ok(Some(answer)),
            _ if over => Err(ApprovalRefused::Expired.into()),
            Some(answer) if self.use_up(request, now)? => Ok(Some(answer)),
            Some(_) => Err(ApprovalRefused::Used.into()),
            None => Ok(None),
        }
    }

    /// Uses an approval up; `false` if it was used before.
    fn use_up(&self, request: &ApprovalRequest, now: Timestamp) -> Result<bool, Fault> {
        let until = request
            .expires
            .checked_add(REMEMBERED)
            .unwrap_or(Timestamp::MAX);
        self.0.store.spend(USED, &request.id, until, now)
    }

    /// The questions that wait for an answer, oldest first.
    ///
    /// # Errors
    ///
    /// A fault if the store cannot be read, or holds what is no question.
    pub fn waiting(&self, clock: &dyn Clock) -> Result<Vec<ApprovalRequest>, Fault> {
        let now = clock.timestamp();
        let mut waiting = Vec::new();
        for (id, written) in self.0.store.waiting(now)? {
            // One question that is damaged keeps nobody from the others.
            match read(&id, &written) {
                Ok(request) if !expired(&request, now, clock) => waiting.push(request),
                Ok(_) => {}
                Err(fault) => tracing::warn!(%fault, "a question was left out"),
            }
        }
        waiting.sort_by_key(|request| request.created);
        Ok(waiting)
    }

    /// The question whose name begins like this, and its answer; one that waits comes before those that are over.
    ///
    /// # Errors
    ///
    /// A fault with the code `E-APPROVAL-UNKNOWN` if there is none, or more than one that fits as well; that of
    /// the store.
    pub fn find(
        &self,
        start: &str,
        clock: &dyn Clock,
    ) -> Result<(ApprovalRequest, Option<ApprovalAnswer>), Fault> {
        if let Some(request) = self.request(start)? {
            return Ok((request, self.answer_to(start)?));
        }
        let mut fits = Vec::new();
        if start.len() >= LEAST_START {
            for asked in self.0.store.starting(start, MOST_WAITING)? {
                let request = read(&asked.token, &asked.request)?;
                let answer = asked
                    .answer
                    .map(|answer| read_answer(&asked.token, &answer));
                fits.push((request, answer.transpose()?));
            }
        }
        let now = clock.timestamp();
        let waits = |(request, answer): &(ApprovalRequest, Option<ApprovalAnswer>)| {
            answer.is_none() && !expired(request, now, clock)
        };
        if fits.iter().any(waits) {
            fits.retain(waits);
        }
        let unknown = |hint: String| Err(Fault::from(ApprovalRefused::Unknown).hint(hint));
        match (fits.pop(), fits.is_empty()) {
            (Some(found), true) => Ok(found),
            (Some(_), false) => unknown(format!(
                "more than one begins with `{}`",
                text::line(start, 64)
            )),
            (None, _) => unknown("`engine approvals ls` lists what waits for an answer".to_owned()),
        }
    }

    /// Answers a question, once.
    ///
    /// # Errors
    ///
    /// [`FaultKind::Approval`] if there is no such question, it expired, was answered, or is not this
    /// principal's to answer: whoever asked never answers.
    pub fn answer(
        &self,
        id: &str,
        answer: &ApprovalAnswer,
        clock: &dyn Clock,
    ) -> Result<ApprovalRequest, Fault> {
        let (request, answered) = self.find(id, clock)?;
        if let Some(before) = answered {
            return Err(answered_before(before));
        }
        if expired(&request, clock.timestamp(), clock) {
            return Err(ApprovalRefused::Expired.into());
        }
        check_approver(&request, &answer.principal)?;
        if !self.write_answer(&request, answer)? {
            let before = self.answer_to(&request.id)?;
            return Err(before.map_or_else(|| ApprovalRefused::Unknown.into(), answered_before));
        }
        Ok(request)
    }

    /// Keeps an answer; `false` if there is one already.
    fn write_answer(
        &self,
        request: &ApprovalRequest,
        answer: &ApprovalAnswer,
    ) -> Result<bool, Fault> {
        let written = serde_json::to_string(answer).map_err(|error| {
            Fault::new(FaultKind::Bug {
                at: "the text of an answer",
            })
            .caused_by(error)
        })?;
        self.0.store.answer(&request.id, &written)
    }

    fn request(&self, id: &str) -> Result<Option<ApprovalRequest>, Fault> {
        let written = self.0.store.asked(id)?;
        written.map(|written| read(id, &written)).transpose()
    }

    fn answer_to(&self, id: &str) -> Result<Option<ApprovalAnswer>, Fault> {
        let written = self.0.store.answered(id)?;
        written.map(|written| read_answer(id, &written)).transpose()
    }

    /// Whether so many unknown tokens were tried that none is looked at.
    fn is_locked(&self, now: Duration) -> bool {
        self.recent_failures(now).len() >= FAILURES.0
    }

    /// Remembers that an unknown token was tried.
    fn failed(&self, now: Duration) -> ApprovalRefused {
        let mut failures = self.recent_failures(now);
        if failures.len() >= FAILURES.0 {
            return ApprovalRefused::Locked;
        }
        failures.push_back(now);
        ApprovalRefused::Unknown
    }

    /// When unknown tokens were tried, as long as that counts.
    fn recent_failures(&self, now: Duration) -> MutexGuard<'_, VecDeque<Duration>> {
        let failures = &self.0.failures;
        let mut failures = failures.lock().unwrap_or_else(PoisonError::into_inner);
        failures.retain(|then| now.saturating_sub(*then) <= FAILURES.1);
        failures
    }
}

fn answered_before(answer: ApprovalAnswer) -> Fault {
    ApprovalRefused::Answered {
        by: answer.principal,
        approved: answer.approved,
    }
    .into()
}

/// Checks that somebody may answer: whoever asked may not, and where approvers are named, nobody else may.
pub(crate) fn check_approver(request: &ApprovalRequest, who: &Principal) -> Result<(), Fault> {
    if *who == request.principal {
        return Err(Fault::from(ApprovalRefused::Foreign)
            .hint("whoever asks does not approve: answer as somebody else with `--as NAME`"));
    }
    let named: Vec<&str> = request.approvers.split(',').map(str::trim).collect();
    if !request.approvers.is_empty() && !named.contains(&who.as_str()) {
        return Err(Fault::from(ApprovalRefused::Foreign).hint(format!(
            "only `{}` may answer: use `--as NAME`",
            text::line(&request.approvers, 128)
        )));
    }
    Ok(())
}

/// The question about an action that waits.
pub(crate) fn request(
    waiting: &Waiting,
    token: &Token,
    arguments: &serde_json::Value,
    lasts: Duration,
    clock: &dyn Clock,
) -> Result<ApprovalRequest, Fault> {
    let action = waiting.action();
    let permitted = waiting.permitted();
    let length = arguments.to_string().len();
    if length > MOST_ARGUMENTS {
        return Err(Fault::config(format!(
            "nobody can be asked about {length} bytes of arguments: the limit is {MOST_ARGUMENTS}"
        )));
    }
    let created = clock.timestamp();
    Ok(ApprovalRequest {
        version: 1,
        id: token.id(),
        principal: action.principal.clone(),
        action: action.name.clone(),
        component: action.component.clone(),
        digest: action.digest,
        function: action.function.clone(),
        arguments: arguments.clone(),
        arguments_digest: action.arguments,
        labels: action.labels.clone(),
        workflow: action.step.as_ref().map(|(workflow, _)| *workflow),
        step: action.step.as_ref().map(|(_, step)| step.clone()),
        declared: action.declared.clone(),
        grants: permitted.grants.list(),
        limits: permitted.limits,
        policies: permitted.verdict.policies.clone(),
        reason: permitted.verdict.reason.clone(),
        approvers: waiting.approvers().to_owned(),
        decision: waiting.decision(),
        policy_set: permitted
            .verdict
            .policy_set
            .unwrap_or_else(|| waiting.decision()),
        created,
        expires: created.checked_add(lasts).unwrap_or(Timestamp::MAX),
        boot: clock
            .boot()
            .map(|(boot, since)| (boot, u64::try_from(since.as_millis()).unwrap_or(u64::MAX))),
    })
}

/// Whether a question's time is over, by the calendar or by the time since the machine started: a clock
/// that is set back prolongs nothing.
pub(crate) fn expired(request: &ApprovalRequest, now: Timestamp, clock: &dyn Clock) -> bool {
    if now >= request.expires || now < request.created {
        return true;
    }
    let (Some((boot, at)), Some((this, since))) = (&request.boot, clock.boot()) else {
        return false;
    };
    let lasts = request.expires.duration_since(request.created);
    let passed = since.as_millis().saturating_sub(u128::from(*at));
    *boot == this && i128::try_from(passed).unwrap_or(i128::MAX) >= lasts.as_millis()
}

fn read(id: &str, written: &str) -> Result<ApprovalRequest, Fault> {
    let request: ApprovalRequest =
        serde_json::from_str(written).map_err(|error| corrupt(id, &error))?;
    if request.version != 1 || request.id != id {
        return Err(Fault::config(format!(
            "the approval request `{}` is not of this version of the engine",
            short(id)
        )));
    }
    Ok(request)
}

fn read_answer(id: &str, written: &str) -> Result<ApprovalAnswer, Fault> {
    serde_json::from_str(written).map_err(|error| corrupt(id, &error))
}

fn corrupt(id: &str, error: &serde_json::Error) -> Fault {
    Fault::config(format!(
        "the store of approvals is damaged at `{}`: {}",
        text::line(short(id), 64),
        text::line(&error.to_string(), 200)
    ))
}

/// The start of an id, long enough to find it.
pub(crate) fn short(id: &str) -> &str {
    id.get(..12).unwrap_or(id)
}
