//! From Cedar's answer to a judgement.

use std::collections::BTreeSet;

use cedar_policy::{
    AuthorizationError, Authorizer, Decision, Effect, PolicyId, PolicySet, Request, Response,
};

use super::context::context;
use super::names;
use super::parse::Rule;
use super::slice::Slice;
use crate::guard::judge::asked;
use crate::guard::{Ban, Force, Judgement, Permission, PolicyRef, Question};
use crate::types::{Fault, FaultKind, text};

/// The longest reason, in bytes.
const MOST_REASON: usize = 1024;

/// Asks the policies that can apply.
pub(super) fn judge(slice: &Slice, question: &Question<'_>) -> Result<Judgement, Fault> {
    if slice.rules.is_empty() {
        return Ok(Judgement::default());
    }
    let seen = slice.patterns.bear(|| question.arguments());
    let context = match seen.and_then(|()| context(question, &slice.reads)) {
        Ok(context) => context,
        // What the policies cannot be shown, they cannot permit.
        Err(why) => return Ok(banned(Force::Deny, Vec::new(), &why)),
    };
    let request = Request::new(
        names::entity_of(
            slice.principals.clone(),
            question.action().principal.as_str(),
        ),
        slice.action.clone(),
        slice.resource.clone(),
        context,
        None,
    )
    .map_err(|error| {
        Fault::new(FaultKind::Bug {
            at: "guard::cedar::decide",
        })
        .caused_by(error)
    })?;
    let ask =
        |policies: &PolicySet| Authorizer::new().is_authorized(&request, policies, &slice.entities);

    let response = ask(&slice.policies);
    let forbids = deciding(slice, &response, Effect::Forbid);
    let firm: Vec<&Rule> = forbids
        .iter()
        .copied()
        .filter(|rule| rule.annotations.approval.is_none())
        .collect();
    if let Some(killer) = firm.iter().find(|rule| rule.annotations.kills) {
        let mut reasons = vec![*killer];
        reasons.extend(&firm);
        return Ok(banned(Force::Kill, places(&firm), &reason(&reasons)));
    }
    // Cedar leaves out a policy that fails, even one that forbids.
    if let Some((places, why)) = failed(slice, &response) {
        return Ok(banned(Force::Deny, places, &why));
    }
    if !firm.is_empty() {
        return Ok(banned(Force::Deny, places(&firm), &reason(&firm)));
    }
    if forbids.is_empty() {
        return Ok(Judgement {
            permission: permission(slice, &response),
            ban: None,
        });
    }
    let approved = slice.approved.as_ref().map(ask);
    Ok(Judgement {
        permission: approved.and_then(|response| permission(slice, &response)),
        ..banned(approvers(&forbids), places(&forbids), &reason(&forbids))
    })
}

/// The policies of one effect that decided, by id.
fn deciding<'a>(slice: &'a Slice, response: &Response, effect: Effect) -> Vec<&'a Rule> {
    let ids: BTreeSet<&str> = response.diagnostics().reason().map(id).collect();
    ids.into_iter()
        .filter_map(|id| slice.rules.get(id))
        .map(|rule| &**rule)
        .filter(|rule| rule.policy.effect() == effect)
        .collect()
}

fn permission(slice: &Slice, response: &Response) -> Option<Permission> {
    if response.decision() != Decision::Allow {
        return None;
    }
    let permits = deciding(slice, response, Effect::Permit);
    Some(Permission {
        warns: permits.iter().any(|rule| rule.annotations.warns),
        policies: places(&permits),
        reason: reason(&permits),
    })
}

/// The policies that failed, and why the first of them did.
fn failed(slice: &Slice, response: &Response) -> Option<(Vec<PolicyRef>, String)> {
    let mut errors: Vec<(&str, String)> = response
        .diagnostics()
        .errors()
        .map(|AuthorizationError::PolicyEvaluationError(error)| {
            (id(error.policy_id()), error.inner().to_string())
        })
        .collect();
    errors.sort();
    let (first, why) = errors.first()?;
    let rules = errors.iter().filter_map(|(id, _)| slice.rules.get(*id));
    let places = rules.map(|rule| rule.place.clone()).collect();
    Some((places, format!("the policy `{first}` failed: {why}")))
}

/// Who may approve what all of these ask about.
fn approvers(rules: &[&Rule]) -> Force {
    rules
        .iter()
        .filter_map(|rule| rule.annotations.approval.as_deref())
        .fold(Force::Ask(String::new()), |force, who| match force {
            Force::Ask(others) => asked(&others, who),
            force @ (Force::Deny | Force::Kill) => force,
        })
}

fn reason(rules: &[&Rule]) -> String {
    let why = rules
        .iter()
        .filter_map(|rule| rule.annotations.reason.as_deref());
    distinct(why).join("; ")
}

fn distinct<'a>(texts: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut seen = BTreeSet::new();
    texts.filter(|text| seen.insert(*text)).collect()
}

fn places(rules: &[&Rule]) -> Vec<PolicyRef> {
    rules.iter().map(|rule| rule.place.clone()).collect()
}

fn banned(force: Force, policies: Vec<PolicyRef>, reason: &str) -> Judgement {
    Judgement {
        permission: None,
        ban: Some(Ban {
            force,
            policies,
            reason: text::line(reason, MOST_REASON),
        }),
    }
}

fn id(id: &PolicyId) -> &str {
    id.as_ref()
}

#[cfg(test)]
mod tests;
