//! Compares policies with what there is to speak about.

use std::collections::BTreeSet;
use std::str::FromStr;
use std::sync::Arc;

use cedar_policy::{EntityUid, PolicySet, Schema, ValidationError, ValidationMode, Validator};
use miette::Diagnostic;

use super::names::{self, ACTION, COMPONENT, closest, near};
use super::parse::{Rule, of_cedar};
use super::problem::{Problem, Source};
use super::scan::{self, Access, Token};
use super::schema::{Fields, Known, context, schema};
use super::slice::Scope;
use crate::types::is_capability;

/// Something that policies can name, and whose types are not at hand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    /// What policies call it.
    pub action: String,
    /// The component's name.
    pub component: String,
}

/// Finds everything that is wrong with the rules, by place. Of rules that speak of what is only known by its
/// name no more than the names are looked at.
pub(super) fn check(
    files: &[Source],
    rules: &[Arc<Rule>],
    known: &[Known],
    named: &[Named],
) -> Vec<Problem> {
    let text = schema(known);
    let generated = Source {
        name: "generated schema".to_owned(),
        text,
    };
    let validator = match Schema::from_cedarschema_str(&generated.text) {
        Ok((schema, _)) => Validator::new(schema),
        Err(error) => return vec![of_cedar(&generated, &error)],
    };
    let world = match World::of(known, named) {
        Ok(world) => world,
        Err(fault) => return vec![generated.problem_of_all(fault.to_string())],
    };
    let tokens: Vec<Vec<Token<'_>>> = files.iter().map(|file| scan::tokens(&file.text)).collect();
    let mut problems = Vec::new();
    for rule in rules {
        if let (Some(file), Some(tokens)) = (files.get(rule.file), tokens.get(rule.file)) {
            let checked = Checked {
                file,
                rule,
                words: rule.words(tokens),
                known: world.of_rule(rule),
            };
            problems.extend(checked.problems(&world, &validator));
        }
    }
    problems.sort();
    problems.dedup_by(|b, a| (&a.file, a.line, a.column) == (&b.file, b.line, b.column));
    problems
}

/// What there is to speak about.
struct World<'a> {
    /// Names of actions and components of which no more is known.
    named: BTreeSet<String>,
    functions: Vec<(Scope, &'a str, Fields)>,
    actions: BTreeSet<String>,
    components: BTreeSet<String>,
}

impl<'a> World<'a> {
    fn of(known: &'a [Known], named: &[Named]) -> Result<Self, crate::types::Fault> {
        let mut world = World {
            named: BTreeSet::new(),
            functions: Vec::new(),
            actions: names::classes().map(str::to_owned).collect(),
            components: BTreeSet::new(),
        };
        for one in known {
            let scope = Scope::of(&one.name, &one.component, &one.groups())?;
            let context = context(one.function.as_ref());
            world.functions.push((scope, &one.name, context));
            world.actions.insert(one.name.clone());
            world.actions.insert(names::group_of(&one.component));
            world.components.insert(one.component.clone());
        }
        for Named { action, component } in named {
            let group = names::group_of(component);
            for name in [action, &group] {
                if world.actions.insert(name.clone()) {
                    world.named.insert(name.clone());
                }
            }
            if world.components.insert(component.clone()) {
                world.named.insert(component.clone());
            }
        }
        Ok(world)
    }

    /// Whether a rule speaks of something whose types are not at hand.
    fn is_out_of_sight(&self, words: &[Token<'_>]) -> bool {
        [ACTION, COMPONENT].into_iter().any(|kind| {
            scan::entities(words, kind)
                .filter_map(|word| word.string())
                .any(|id| self.named.contains(id))
        })
    }

    /// The functions that a rule can apply to.
    fn of_rule(&self, rule: &Rule) -> Vec<(&str, &Fields)> {
        self.functions
            .iter()
            .filter(|(scope, _, _)| scope.fits(&rule.policy))
            .map(|(_, name, context)| (*name, context))
            .collect()
    }
}

/// One rule, with what it is compared with.
struct Checked<'a> {
    file: &'a Source,
    rule: &'a Rule,
    words: &'a [Token<'a>],
    known: Vec<(&'a str, &'a Fields)>,
}

impl Checked<'_> {
    fn problems(&self, world: &World<'_>, validator: &Validator) -> Vec<Problem> {
        let accesses = scan::accesses(self.words);
        let mut problems = self.unknown_entities(world);
        problems.extend(self.names_compared());
        if world.is_out_of_sight(self.words) {
            return problems.into_iter().map(|(_, problem)| problem).collect();
        }
        let mut places: Vec<usize> = problems.iter().map(|(at, _)| *at).collect();
        for access in &accesses {
            if let Some((at, problem)) = self.unknown_attribute(access) {
                places.push(at);
                problems.push((at, problem));
            }
        }
        let mut problems: Vec<Problem> = problems.into_iter().map(|(_, problem)| problem).collect();

        let Ok(alone) = PolicySet::from_policies([self.rule.policy.clone()]) else {
            return problems;
        };
        let result = validator.validate(&alone, ValidationMode::Strict);
        for error in result.validation_errors() {
            // What is known to be wrong with a place is said better already.
            let span = span(error);
            let named = |at: &usize| span.contains(at);
            if !(places.iter().any(named) && is_about_names(error)) {
                problems.push(self.of_cedar(error, &accesses));
            }
        }
        // Whoever is told of an error knows why the policy never applies.
        if problems.is_empty() {
            problems.extend(result.validation_warnings().map(|warning| Problem {
                warning: true,
                ..of_cedar(self.file, warning)
            }));
        }
        problems
    }

    /// The literals of actions and components that nobody configured.
    fn unknown_entities(&self, world: &World<'_>) -> Vec<(usize, Problem)> {
        let mut problems = Vec::new();
        for (kind, known) in [(ACTION, &world.actions), (COMPONENT, &world.components)] {
            for word in scan::entities(self.words, kind) {
                // Cedar undoes the escapes that a name needs; one with others is not known.
                let entity = EntityUid::from_str(&format!("{kind}::{}", word.text));
                let id = match &entity {
                    Ok(entity) => entity.id().as_ref(),
                    Err(_) => word.text.trim_matches('"'),
                };
                if known.contains(id) {
                    continue;
                }
                let mut problem = self.file.problem(word, unknown(kind, id, world));
                let names = || known.iter().map(String::as_str);
                problem = match (near(id, names()), closest(id, names())) {
                    (Some(_), Some(help)) => problem.help(help),
                    (None, Some(help)) => problem.help(format!("{help}; {UNCONFIGURED}")),
                    (_, None) => problem.help(UNCONFIGURED),
                };
                problems.push((word.at, problem));
            }
        }
        problems
    }

    /// Comparisons of the action with the name of a component's function, in a condition.
    ///
    /// There an action that is configured as a capability has the capability's name alone, so that such a policy would not
    /// hold any more once somebody configures it. `in` knows both names.
    fn names_compared(&self) -> Vec<(usize, Problem)> {
        scan::compared_actions(self.words)
            .filter(|word| word.string().is_some_and(|name| !is_capability(name)))
            .map(|word| {
                let problem = self.file.problem(
                    word,
                    format!(
                        "`action` is compared with {} in a condition, and an action that is configured as a capability has \
                         another name there",
                        word.text
                    ),
                );
                let help = format!("write `action in Action::{}`, which holds under each of its names", word.text);
                (word.at, problem.help(help))
            })
            .collect()
    }

    /// An attribute that none of the functions has.
    ///
    /// Cedar takes a test for it as `false`, and with it says nothing of what the test guards.
    fn unknown_attribute(&self, access: &Access<'_>) -> Option<(usize, Problem)> {
        let paths = self
            .known
            .iter()
            .map(|(_, fields)| known_part(fields, access));
        // Where one function knows all of it, there is no problem.
        let (depth, _) = paths
            .collect::<Option<Vec<_>>>()?
            .into_iter()
            .max_by_key(|(n, _)| *n)?;
        let siblings: BTreeSet<&str> = self
            .known
            .iter()
            .filter_map(|(_, fields)| known_part(fields, access))
            .filter(|(length, _)| *length == depth)
            .flat_map(|(_, fields)| fields.keys().map(String::as_str))
            .collect();
        let (name, word) = access.path.get(depth)?;
        let message = match (access.path.get(..depth)?, self.known.as_slice()) {
            ([("args", _)], [(function, _)]) => {
                format!("`{function}` has no argument `{name}`")
            }
            ([("args", _)], _) => format!("no function here has an argument `{name}`"),
            (before, _) => {
                let names = before.iter().map(|(name, _)| *name);
                let holder: Vec<&str> = ["context"].into_iter().chain(names).collect();
                format!("`{}` has no attribute `{name}`", holder.join("."))
            }
        };
        let problem = self.file.problem(*word, message);
        let problem = match closest(name, siblings.iter().copied()) {
            Some(help) => problem.help(help),
            None => problem,
        };
        Some((word.at, problem))
    }

    /// What Cedar says, at the word that it means.
    fn of_cedar(&self, error: &ValidationError, accesses: &[Access<'_>]) -> Problem {
        let problem = of_cedar(self.file, error);
        if !is_about_attributes(error) {
            return problem;
        }
        let span = span(error);
        // An attribute that some functions have and others lack.
        let lacking = accesses.iter().find_map(|access| {
            let begins = access
                .path
                .first()
                .is_some_and(|(_, word)| span.contains(&word.at));
            let (function, (depth, _)) = self
                .known
                .iter()
                .filter(|_| begins)
                .find_map(|(name, fields)| Some((name, known_part(fields, access)?)))?;
            Some((function, depth, access))
        });
        if let Some((function, depth, access)) = lacking
            && let Some((name, word)) = access.path.get(depth)
        {
            let names = access.path.iter().take(depth).map(|(name, _)| *name);
            let holder: Vec<&str> = ["context"].into_iter().chain(names).collect();
            return self
                .file
                .problem(*word, format!("`{function}` has no `{name}`"))
                .help(format!(
                    "test for it with `{} has {name} && …`, or name the functions that have it",
                    holder.join(".")
                ));
        }
        let inside = |word: &&Token<'_>| span.contains(&word.at) && word.name().is_some();
        match self.words.iter().rfind(inside) {
            Some(word) => Problem {
                help: problem.help,
                ..self.file.problem(*word, problem.message)
            },
            None => problem,
        }
    }
}

/// How much of an access leads somewhere, and what there is where it ends; `None` if all of it does.
fn known_part<'a>(fields: &'a Fields, access: &Access<'_>) -> Option<(usize, &'a Fields)> {
    let mut fields = fields;
    for (depth, (name, _)) in access.path.iter().enumerate() {
        match fields.get(*name) {
            None => return Some((depth, fields)),
            // What follows a value that has no attributes is for Cedar to refuse.
            Some(field) => fields = field.shape.fields()?,
        }
    }
    None
}

/// What to do about a name that is like no other.
const UNCONFIGURED: &str = "if the name is right, configure its component with `engine add FILE`, or give it to \
                            `engine policy check` with `--component FILE`";

fn unknown(kind: &str, id: &str, world: &World<'_>) -> String {
    if kind == COMPONENT {
        return format!("unknown component `{id}`");
    }
    if let Some(component) = id.strip_prefix("component:") {
        return format!("unknown component `{component}`");
    }
    match id.rsplit_once('.') {
        Some((component, function)) if world.components.contains(component) => {
            format!("`{component}` has no function `{function}`")
        }
        _ => format!("unknown capability or group `{id}`"),
    }
}

/// The bytes that an error is about.
fn span(error: &dyn Diagnostic) -> std::ops::Range<usize> {
    let label = error
        .labels()
        .into_iter()
        .flatten()
        .min_by_key(|label| label.len());
    label.map_or(0..0, |label| label.offset()..label.offset() + label.len())
}

fn is_about_attributes(error: &ValidationError) -> bool {
    matches!(
        error,
        ValidationError::UnsafeAttributeAccess(_)
            | ValidationError::UnsafeOptionalAttributeAccess(_)
    )
}

fn is_about_names(error: &ValidationError) -> bool {
    is_about_attributes(error) || matches!(error, ValidationError::UnrecognizedActionId(_))
}

#[cfg(test)]
mod tests;
