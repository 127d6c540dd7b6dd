//! The policies that can apply to one action, ready to be asked.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cedar_policy::{
    ActionConstraint, Entities, Entity, EntityTypeName, EntityUid, Policy, PolicySet,
    ResourceConstraint, RestrictedExpression,
};

use super::names::{self, ACTION, COMPONENT, PRINCIPAL};
use super::parse::Rule;
use super::patterns::Patterns;
use super::scan::{self, Token};
use super::schema::groups;
use crate::types::{Action, Digest, Fault, FaultKind};

/// What decides which policies can apply, and what their resource is like.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    name: String,
    also: Option<String>,
    component: String,
    version: Option<String>,
    digest: Digest,
    classes: Vec<&'static str>,
}

impl Key {
    pub(super) fn of(action: &Action) -> Self {
        Self {
            name: action.name.clone(),
            also: action.also.clone(),
            component: action.component.clone(),
            version: action.version.clone(),
            digest: action.digest,
            classes: names::classes_of(action.declared.as_ref()),
        }
    }
}

/// The policies that can apply to one action, ready to be asked.
#[derive(Debug)]
pub(super) struct Slice {
    /// The policies.
    pub(super) policies: PolicySet,
    /// Those that stay when everything is approved; `None` if nothing asks for approval.
    pub(super) approved: Option<PolicySet>,
    /// The policies by id.
    pub(super) rules: BTreeMap<String, Arc<Rule>>,
    /// What they look at.
    pub(super) reads: Reads,
    /// What they compare texts with.
    pub(super) patterns: Patterns,
    pub(super) entities: Entities,
    /// The type of principals, read from its name once.
    pub(super) principals: EntityTypeName,
    pub(super) action: EntityUid,
    pub(super) resource: EntityUid,
}

impl Slice {
    /// Picks the rules for an action.
    pub(super) fn of(rules: &[Arc<Rule>], action: &Action) -> Result<Self, Fault> {
        let scope = Scope::of(&action.name, &action.component, &groups_of(action))?
            .also(action.also.as_deref())?;
        let rules: BTreeMap<String, Arc<Rule>> = rules
            .iter()
            .filter(|rule| scope.fits(&rule.policy))
            .map(|rule| (rule.place.id.clone(), rule.clone()))
            .collect();
        let asks = rules
            .values()
            .any(|rule| rule.annotations.approval.is_some());
        let left = rules
            .values()
            .filter(|rule| rule.annotations.approval.is_none());
        let approved = if asks { Some(set(left)?) } else { None };
        let mut reads = Reads::default();
        let mut patterns = Patterns::default();
        for rule in rules.values() {
            reads.add(&rule.reads);
            patterns.add(&rule.patterns);
        }
        Ok(Self {
            policies: set(rules.values())?,
            approved,
            reads,
            patterns,
            entities: entities(&scope, action)?,
            principals: names::kind(PRINCIPAL)?,
            rules,
            action: scope.action,
            resource: scope.resource,
        })
    }
}

fn groups_of(action: &Action) -> Vec<String> {
    groups(&action.name, &action.component, action.declared.as_ref())
}

fn set<'a>(rules: impl Iterator<Item = &'a Arc<Rule>>) -> Result<PolicySet, Fault> {
    PolicySet::from_policies(rules.map(|rule| rule.asked.clone())).map_err(bug)
}

fn entities(scope: &Scope, action: &Action) -> Result<Entities, Fault> {
    let text = |text: &str| RestrictedExpression::new_string(text.to_owned());
    let manifest = action.declared.is_some() || action.version.is_some();
    let attributes = [
        Some(("digest", text(&action.digest.to_string()))),
        Some(("manifest", RestrictedExpression::new_bool(manifest))),
        action
            .version
            .as_deref()
            .map(|version| ("version", text(version))),
    ];
    let attributes = attributes
        .into_iter()
        .flatten()
        .map(|(name, value)| (name.to_owned(), value))
        .collect();
    let resource = Entity::new(scope.resource.clone(), attributes, [].into()).map_err(bug)?;
    let groups = scope.groups.iter().chain(&scope.also).cloned();
    let itself = Entity::new_no_attrs(scope.action.clone(), groups.clone().collect());
    let groups = groups.map(Entity::with_uid);
    Entities::from_entities(groups.chain([resource, itself]), None).map_err(bug)
}

fn bug(error: impl std::error::Error + Send + Sync + 'static) -> Fault {
    Fault::new(FaultKind::Bug {
        at: "guard::cedar::slice",
    })
    .caused_by(error)
}

/// What an action is for the scopes of policies.
#[derive(Clone, Debug)]
pub(super) struct Scope {
    action: EntityUid,
    /// The other name of the action.
    also: Option<EntityUid>,
    groups: Vec<EntityUid>,
    resource: EntityUid,
}

impl Scope {
    pub(super) fn of(name: &str, component: &str, groups: &[String]) -> Result<Self, Fault> {
        let groups = groups.iter().map(|group| names::entity(ACTION, group));
        Ok(Self {
            action: names::entity(ACTION, name)?,
            also: None,
            groups: groups.collect::<Result<_, _>>()?,
            resource: names::entity(COMPONENT, component)?,
        })
    }

    /// The same for an action that has another name besides.
    pub(super) fn also(self, name: Option<&str>) -> Result<Self, Fault> {
        Ok(Self {
            also: name.map(|name| names::entity(ACTION, name)).transpose()?,
            ..self
        })
    }

    /// Whether a policy can apply, as far as action and resource go.
    pub(super) fn fits(&self, policy: &Policy) -> bool {
        let is_it =
            |action: &EntityUid| *action == self.action || self.also.as_ref() == Some(action);
        let action = match policy.action_constraint() {
            ActionConstraint::Any => true,
            ActionConstraint::Eq(action) => is_it(&action),
            ActionConstraint::In(actions) => actions
                .iter()
                .any(|action| is_it(action) || self.groups.contains(action)),
        };
        action
            && match policy.resource_constraint() {
                ResourceConstraint::Any | ResourceConstraint::Is(_) => true,
                ResourceConstraint::Eq(resource)
                | ResourceConstraint::In(resource)
                | ResourceConstraint::IsIn(_, resource) => resource == self.resource,
            }
    }
}

/// What policies look at; the rest of the context is not made for them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Reads {
    /// The context as a whole.
    all: bool,
    /// Parts of the context as a whole.
    parts: BTreeSet<String>,
    /// Single attributes of the parts.
    attributes: BTreeMap<String, BTreeSet<String>>,
}

impl Reads {
    /// Finds what the policy in a text looks at.
    pub(super) fn of(tokens: &[Token<'_>]) -> Self {
        let mut reads = Self::default();
        for access in scan::accesses(tokens) {
            let mut names = access.path.into_iter().map(|(name, _)| name.to_owned());
            match (names.next(), names.next()) {
                (None, _) => reads.all = true,
                (Some(part), None) => _ = reads.parts.insert(part),
                (Some(part), Some(name)) => {
                    reads.attributes.entry(part).or_default().insert(name);
                }
            }
        }
        reads
    }

    fn add(&mut self, other: &Reads) {
        self.all |= other.all;
        self.parts.extend(other.parts.iter().cloned());
        for (part, names) in &other.attributes {
            let known = self.attributes.entry(part.clone()).or_default();
            known.extend(names.iter().cloned());
        }
    }

    /// Whether they look at a part of the context.
    pub(super) fn part(&self, part: &str) -> bool {
        self.whole(part) || self.attributes.contains_key(part)
    }

    /// Whether they look at an attribute of a part.
    pub(super) fn attribute(&self, part: &str, name: &str) -> bool {
        let names = self.attributes.get(part);
        self.whole(part) || names.is_some_and(|names| names.contains(name))
    }

    fn whole(&self, part: &str) -> bool {
        self.all || self.parts.contains(part)
    }
}

#[cfg(test)]
mod tests;
