//! The names of actions, their groups and entities.

use std::str::FromStr;

use cedar_policy::{EntityId, EntityTypeName, EntityUid};

use crate::types::{Declared, Effect, Fault, FaultKind};

/// The type of whoever something is done for.
pub(super) const PRINCIPAL: &str = "Principal";

/// The type of actions and their groups.
pub(super) const ACTION: &str = "Action";

/// The type of components.
pub(super) const COMPONENT: &str = "Component";

/// Functions that are declared pure.
const PURE: &str = "pure";

/// Functions that are declared to have no effect.
const COMPUTING: &str = "computing";

/// Functions of which no manifest says anything.
const UNKNOWN: &str = "unknown";

/// Every group that a declaration can put a function into.
pub(super) fn classes() -> impl Iterator<Item = &'static str> {
    let effects = Effect::ALL.into_iter().map(Effect::as_str);
    effects.chain([PURE, COMPUTING, UNKNOWN])
}

/// The groups that a declaration puts a function into.
pub(super) fn classes_of(declared: Option<&Declared>) -> Vec<&'static str> {
    let Some(declared) = declared else {
        return vec![UNKNOWN];
    };
    let mut classes: Vec<_> = declared
        .effects
        .iter()
        .map(|effect| effect.as_str())
        .collect();
    if declared.effects.is_empty() {
        classes.push(COMPUTING);
    }
    if declared.pure {
        classes.push(PURE);
    }
    classes
}

/// The group of all functions of a component.
pub(super) fn group_of(component: &str) -> String {
    format!("component:{component}")
}

/// A type of entities: one of the constants above.
pub(super) fn kind(name: &'static str) -> Result<EntityTypeName, Fault> {
    // No type name of ours can be malformed.
    EntityTypeName::from_str(name).map_err(|error| {
        Fault::new(FaultKind::Bug {
            at: "guard::cedar::names",
        })
        .caused_by(error)
    })
}

/// Names an entity; its type is one of the constants above.
pub(super) fn entity(name: &'static str, id: &str) -> Result<EntityUid, Fault> {
    Ok(entity_of(kind(name)?, id))
}

/// Names an entity of a type.
pub(super) fn entity_of(kind: EntityTypeName, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(kind, EntityId::new(id))
}

/// Writes a name as a literal of Cedar.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.escape_debug())
}

/// The name that is closest to what was written, or what there is, in words.
pub(super) fn closest<'a>(
    written: &str,
    known: impl Iterator<Item = &'a str> + Clone,
) -> Option<String> {
    if let Some(name) = near(written, known.clone()) {
        return Some(format!("did you mean `{name}`?"));
    }
    let names: Vec<String> = known.take(10).map(|name| format!("`{name}`")).collect();
    (!names.is_empty()).then(|| format!("there is {}", names.join(", ")))
}

/// The name that is most like the written one, if it is like it at all.
pub(super) fn near<'a>(written: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let close = known
        .map(|name| (strsim::normalized_damerau_levenshtein(name, written), name))
        .filter(|(closeness, _)| *closeness >= 0.6)
        .max_by(|(a, _), (b, _)| a.total_cmp(b));
    close.map(|(_, name)| name)
}
