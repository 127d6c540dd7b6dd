use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::Grants;
use crate::types::{Action, ApprovalRequest, Digest, Grant, Principal, Verdict};

/// An answer that somebody gave for always, so that the same question is not asked again.
///
/// It answers for the policies that asked and for no others, for calls that are given no more than the one that was
/// asked about, and never for what a plan wants approved. No ban gives way to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Lesson {
    /// For whom.
    pub principal: Principal,
    /// Which action.
    pub action: String,
    /// The digest of the component.
    pub digest: Digest,
    /// The labels of the data that may have flowed into the arguments; of other data nobody was asked.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub labels: BTreeSet<String>,
    /// Who was allowed to answer.
    pub approvers: String,
    /// The policies that asked.
    pub asked_by: Vec<String>,
    /// Whether the action may run.
    pub allow: bool,
    /// Who said so.
    pub by: Principal,
    /// What the call would have been given: of a call that gets more, nobody was asked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub grants: Vec<Grant>,
}

impl Lesson {
    pub(super) fn answers(
        &self,
        action: &Action,
        grants: &Grants,
        verdict: &Verdict,
        approvers: &str,
    ) -> bool {
        self.principal == action.principal
            && self.action == action.name
            && self.digest == action.digest
            && action.labels.is_subset(&self.labels)
            && self.approvers == approvers
            && !verdict.policies.is_empty()
            && verdict
                .policies
                .iter()
                .all(|policy| policy != ApprovalRequest::BY_PLAN && self.asked_by.contains(policy))
            && grants
                .list()
                .iter()
                .all(|given| self.grants.iter().any(|known| known.covers(given)))
    }
}
