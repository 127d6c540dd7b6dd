use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::id::unhex;
use super::{
    Code, Declared, Digest, Fault, FaultKind, Grant, Limits, Principal, Timestamp, WorkflowId,
};

/// The secret that redeems an approval: 256 random bits.
///
/// Whoever asked keeps it; stores and events only know its digest. Text form: 64 lower-case hexadecimal
/// digits. It does not authenticate anybody.
#[derive(Clone, Copy)]
pub struct Token([u8; 32]);

impl Token {
    pub(crate) const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The name under which stores, events and people know the question.
    ///
    /// It is made from the digest, so comparing it tells nothing about the token.
    #[must_use]
    pub fn id(&self) -> String {
        let digest = Digest::of(&self.0).to_string();
        digest.trim_start_matches("sha256:").to_owned()
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

impl FromStr for Token {
    type Err = Fault;

    fn from_str(text: &str) -> Result<Self, Fault> {
        unhex(text).map(Self).ok_or_else(|| {
            Fault::config("this is no approval token").hint(
                "a token is 64 lower-case hexadecimal digits, printed where approval was asked for",
            )
        })
    }
}

/// A question to a person: may this very action run?
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ApprovalRequest {
    /// The version of this format: 1.
    pub version: u32,
    /// The question's name.
    pub id: String,
    /// For whom the action would run.
    pub principal: Principal,
    /// What policies call the action.
    pub action: String,
    /// The component's name.
    pub component: String,
    /// The digest of its bytes.
    pub digest: Digest,
    /// The function's full name.
    pub function: String,
    /// The arguments, whole, in their canonical form.
    pub arguments: Value,
    /// The digest of the arguments as typed values.
    pub arguments_digest: Digest,
    /// The labels of the data that flowed into the arguments.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub labels: BTreeSet<String>,
    /// The workflow that the action is a step of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow: Option<WorkflowId>,
    /// Which step it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// What the manifest declares of the function.
    pub declared: Option<Declared>,
    /// What it would be given.
    pub grants: Vec<Grant>,
    /// What it might use at most.
    pub limits: Limits,
    /// The policies that ask.
    pub policies: Vec<String>,
    /// Why they ask.
    pub reason: String,
    /// Who may approve; empty if anybody may but the one who asks.
    pub approvers: String,
    /// The hash that the answer is bound to.
    pub decision: Digest,
    /// The digest of the policies that asked.
    pub policy_set: Digest,
    /// When it was asked.
    pub created: Timestamp,
    /// When it can be answered and redeemed no more.
    pub expires: Timestamp,
    /// The machine's boot and the time since then in milliseconds, so that a clock that is set back does
    /// not make an approval last.
    pub boot: Option<(String, u64)>,
}

impl ApprovalRequest {
    /// Stands among the policies for the plan of a step that has to be approved.
    pub(crate) const BY_PLAN: &str = "plan.approval";

    /// Whether a plan wants the approval: it is for that plan's step, and nobody can give it for always.
    #[must_use]
    pub fn asked_by_plan(&self) -> bool {
        self.policies.iter().any(|policy| policy == Self::BY_PLAN)
    }
}

/// What a person answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalAnswer {
    /// Whether the action may run.
    pub approved: bool,
    /// Who answered.
    pub principal: Principal,
    /// Why; may be empty.
    pub reason: String,
    /// When.
    pub at: Timestamp,
}

/// What became of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum QuestionState {
    /// Nobody has answered yet.
    Waiting,
    /// The action may run once, before the question expires.
    Approved,
    /// It may not.
    Denied {
        /// Who said so.
        by: Principal,
        /// Why; may be empty.
        reason: String,
    },
    /// Its time was over before it was answered.
    Expired,
    /// Somebody approved, and its time was over before the approval was used: to go on, ask again.
    Late,
    /// It let an action run.
    Used,
    /// Nobody asked it.
    Unknown,
}

/// Why an approval does not let an action run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ApprovalRefused {
    /// Nobody asked a question with this token.
    #[error("no question was asked with this approval token")]
    Unknown,
    /// Somebody else asked.
    #[error("this approval is for another principal")]
    Foreign,
    /// It is another action now.
    #[error("this approval is for another call: {what} changed since it was asked for")]
    Altered {
        /// What changed.
        what: &'static str,
    },
    /// Other policies are in force now.
    #[error("this approval was asked for under other policies")]
    Stale,
    /// Its time is over.
    #[error("this approval expired")]
    Expired,
    /// Nobody has answered yet.
    #[error("nobody has answered yet")]
    Pending,
    /// Somebody said no.
    #[error("`{by}` denied it")]
    Denied {
        /// Who.
        by: Principal,
    },
    /// Somebody answered the question before.
    #[error("`{by}` answered already: {}", if *approved { "yes" } else { "no" })]
    Answered {
        /// Who.
        by: Principal,
        /// What.
        approved: bool,
    },
    /// It let an action run already.
    #[error("this approval was used already")]
    Used,
    /// Too many tokens that nobody knows were tried.
    #[error("too many unknown approval tokens were tried")]
    Locked,
}

impl ApprovalRefused {
    /// The stable code.
    #[must_use]
    pub fn code(&self) -> Code {
        match self {
            ApprovalRefused::Unknown => Code::ApprovalUnknown,
            ApprovalRefused::Foreign => Code::ApprovalForeign,
            ApprovalRefused::Altered { .. } => Code::ApprovalAltered,
            ApprovalRefused::Stale => Code::ApprovalStale,
            ApprovalRefused::Expired => Code::ApprovalExpired,
            ApprovalRefused::Pending => Code::DeniedApproval,
            ApprovalRefused::Denied { .. } => Code::ApprovalDenied,
            ApprovalRefused::Answered { .. } | ApprovalRefused::Used => Code::ApprovalUsed,
            ApprovalRefused::Locked => Code::ApprovalLocked,
        }
    }
}

impl From<ApprovalRefused> for Fault {
    fn from(refused: ApprovalRefused) -> Self {
        Fault::new(FaultKind::Approval(refused))
    }
}
