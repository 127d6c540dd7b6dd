use super::{Fault, Timestamp, WorkflowId};

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
