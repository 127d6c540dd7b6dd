use serde::{Deserialize, Serialize};

use super::{Digest, Fault, RunId, Timestamp, WorkflowId};

/// Remembers names that may be used once.
pub trait Nonces {
    /// Uses a nonce up; `false` if it was used before. It is remembered until `until`, and forgotten by a
    /// call whose `now` is later.
    ///
    /// # Errors
    ///
    /// A fault if the answer could not be made durable; then nothing may be done on its account.
    fn spend(
        &self,
        scope: &str,
        nonce: &str,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<bool, Fault>;

    /// Whether a nonce was used, as far as is remembered. It may be used up as soon as this is answered.
    ///
    /// # Errors
    ///
    /// A fault if it cannot be read.
    fn spent(&self, scope: &str, nonce: &str) -> Result<bool, Fault>;
}

/// Remembers what was done under an idempotency key.
pub trait Claims {
    /// Takes a key, if nobody has.
    ///
    /// # Errors
    ///
    /// A fault if the answer could not be made durable.
    fn claim(&self, scope: &str, key: &str) -> Result<Claimed, Fault>;

    /// Writes down what came of a claim; the first answer stays.
    ///
    /// # Errors
    ///
    /// A fault if nobody has claimed the key, or it could not be made durable.
    fn settle(&self, scope: &str, key: &str, value: &str) -> Result<(), Fault>;

    /// Gives a claim up that nothing came of, so that somebody else can take the key.
    ///
    /// # Errors
    ///
    /// A fault if it could not be made durable.
    fn release(&self, scope: &str, key: &str) -> Result<(), Fault>;
}

/// The state of an idempotency key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claimed {
    /// It is the caller's now.
    New,
    /// Somebody has it, and it is not known what came of it.
    Open,
    /// This came of it.
    Settled(String),
}

/// Remembers questions to people, and their answers.
pub trait Approvals {
    /// Asks. The same token can be asked once.
    ///
    /// `about` names what is asked about, so that the question can be found without its token, and `expires`
    /// is when it is over.
    ///
    /// # Errors
    ///
    /// A fault if the token is known, or it could not be made durable.
    fn ask(&self, token: &str, about: &str, expires: Timestamp, request: &str)
    -> Result<(), Fault>;

    /// Questions about the same that expire after `now`, answered or not; those that last longest first, and no
    /// more than `most`.
    ///
    /// # Errors
    ///
    /// A fault if they cannot be read.
    fn about(&self, about: &str, now: Timestamp, most: usize) -> Result<Vec<Asked>, Fault>;

    /// Questions whose token begins like this, answered or not; those that last longest first, and no more than
    /// `most`.
    ///
    /// # Errors
    ///
    /// A fault if they cannot be read.
    fn starting(&self, start: &str, most: usize) -> Result<Vec<Asked>, Fault>;

    /// The question, if it was ever asked.
    ///
    /// # Errors
    ///
    /// A fault if it cannot be read.
    fn asked(&self, token: &str) -> Result<Option<String>, Fault>;

    /// Answers; `false` if there is no such question, or it has an answer already.
    ///
    /// # Errors
    ///
    /// A fault if it could not be made durable.
    fn answer(&self, token: &str, answer: &str) -> Result<bool, Fault>;

    /// The answer to a question, if there is one.
    ///
    /// # Errors
    ///
    /// A fault if it cannot be read.
    fn answered(&self, token: &str) -> Result<Option<String>, Fault>;

    /// Questions without an answer that do not expire before `now`, as token and request, ordered by token.
    ///
    /// # Errors
    ///
    /// A fault if they cannot be read.
    fn waiting(&self, now: Timestamp) -> Result<Vec<(String, String)>, Fault>;
}

/// A question to a person, as a store keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// Its token.
    pub token: String,
    /// What was asked.
    pub request: String,
    /// The answer, if there is one.
    pub answer: Option<String>,
}

/// Remembers the inputs of workflows, in order.
pub trait Inputs {
    /// Adds an input after those that are there; returns its number, from 0.
    ///
    /// # Errors
    ///
    /// A fault if it could not be made durable; then its effects may not be performed.
    fn append(&self, workflow: WorkflowId, body: &str) -> Result<u64, Fault>;

    /// All inputs of a workflow, oldest first.
    ///
    /// # Errors
    ///
    /// A fault if they cannot be read.
    fn inputs(&self, workflow: WorkflowId) -> Result<Vec<String>, Fault>;
}

/// Keeps texts that are too large to be kept with a workflow's state, by their digests.
pub trait Blobs {
    /// Keeps a text; returns its digest. The same text is kept once.
    ///
    /// # Errors
    ///
    /// A fault if it could not be made durable.
    fn put(&self, body: &str) -> Result<Digest, Fault>;

    /// The text with this digest.
    ///
    /// # Errors
    ///
    /// A fault if there is none, it cannot be read, or it is not what was kept.
    fn get(&self, digest: Digest) -> Result<String, Fault>;
}

/// Knows all workflows, who drives them, and what people want of them.
pub trait Roster {
    /// Writes down a workflow, or what it is now.
    ///
    /// # Errors
    ///
    /// A fault if it could not be made durable.
    fn enter(&self, entry: &RosterEntry) -> Result<(), Fault>;

    /// Workflows, newest first, at most so many.
    ///
    /// # Errors
    ///
    /// A fault if they cannot be read.
    fn entries(&self, most: usize) -> Result<Vec<RosterEntry>, Fault>;

    /// Takes the place of the one who drives a workflow; `None` if somebody else does. It is given back when the
    /// lease is dropped, however the process ends.
    ///
    /// # Errors
    ///
    /// A fault if that cannot be found out.
    fn lease(&self, workflow: WorkflowId) -> Result<Option<Box<dyn Lease>>, Fault>;

    /// Leaves a wish for whoever drives a workflow; returns its number, from 1.
    ///
    /// # Errors
    ///
    /// A fault if it could not be made durable.
    fn wish(&self, workflow: WorkflowId, body: &str) -> Result<u64, Fault>;

    /// The wishes that nobody has replied to, oldest first.
    ///
    /// # Errors
    ///
    /// A fault if they cannot be read.
    fn wishes(&self, workflow: WorkflowId) -> Result<Vec<(u64, String)>, Fault>;

    /// Replies to a wish; the first reply stays.
    ///
    /// # Errors
    ///
    /// A fault if it could not be made durable.
    fn reply(&self, workflow: WorkflowId, wish: u64, body: &str) -> Result<(), Fault>;

    /// The reply to a wish, if there is one.
    ///
    /// # Errors
    ///
    /// A fault if it cannot be read.
    fn replied(&self, workflow: WorkflowId, wish: u64) -> Result<Option<String>, Fault>;

    /// How many events of the workflow itself are known: the number that its next one has.
    ///
    /// # Errors
    ///
    /// A fault if they cannot be read.
    fn told(&self, workflow: WorkflowId) -> Result<u64, Fault>;

    /// The calls that steps of the workflow began, each with its last event as JSON, if it ended; `None` if the
    /// events that would tell are not kept here, or not all of them any more.
    ///
    /// # Errors
    ///
    /// A fault if they cannot be read.
    fn begun(&self, workflow: WorkflowId) -> Result<Option<Vec<Begun>>, Fault>;
}

/// Who holds it drives a workflow.
pub trait Lease: Send + Sync {}

/// A workflow, as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RosterEntry {
    /// Its id.
    pub workflow: WorkflowId,
    /// Its goal, cut to 200 bytes.
    pub goal: String,
    /// Its state, in one word.
    pub state: String,
    /// How many of its steps have ended.
    pub ended: u64,
    /// How many steps it has.
    pub steps: u64,
    /// When it began, in milliseconds since 1970, UTC.
    pub began_ms: u64,
    /// When it changed last.
    pub changed_ms: u64,
}

/// A call that a step began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Begun {
    /// The step.
    pub step: String,
    /// The run.
    pub run: RunId,
    /// The event `call_completed` as JSON; `None` if the call has not ended, as far as is known.
    pub ended: Option<String>,
}
