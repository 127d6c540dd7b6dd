use engine::workflow::PlanSpec;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Unread;

pub(super) fn read(text: &str) -> Result<PlanSpec, Vec<Unread>> {
    let unread = |error: &toml::de::Error| {
        vec![Unread {
            byte: error.span().map_or(0, |span| span.start),
            message: error.message().to_owned(),
        }]
    };
    let table = DeTable::parse(text).map_err(|error| unread(&error))?;
    let mut foreign = Vec::new();
    for value in table.get_ref().values() {
        look(value, &mut foreign);
    }
    if !foreign.is_empty() {
        return Err(foreign);
    }
    toml::from_str(text).map_err(|error| unread(&error))
}

/// Finds values that have no JSON form.
fn look(value: &Spanned<DeValue<'_>>, foreign: &mut Vec<Unread>) {
    let mut object = |message: &str| {
        foreign.push(Unread {
            byte: value.span().start,
            message: message.to_owned(),
        });
    };
    match value.get_ref() {
        DeValue::Datetime(_) => object("a plan has no dates: write it as a text"),
        DeValue::Float(number) if number.as_str().contains(['n', 'i']) => {
            object("a plan has numbers that are finite");
        }
        DeValue::Array(values) => values.iter().for_each(|value| look(value, foreign)),
        DeValue::Table(table) => table.values().for_each(|value| look(value, foreign)),
        DeValue::String(_) | DeValue::Integer(_) | DeValue::Float(_) | DeValue::Boolean(_) => {}
    }
}

/// The byte where the value begins to which these words lead, or that of the last one on the way. A table begins
/// where its name is.
pub(super) fn find(text: &str, words: &[String]) -> usize {
    let Ok(table) = DeTable::parse(text) else {
        return 0;
    };
    let mut at = 0;
    let Some((first, rest)) = words.split_first() else {
        return at;
    };
    let Some(mut value) = member(table.get_ref(), first, &mut at) else {
        return at;
    };
    for word in rest {
        let inner = match value.get_ref() {
            DeValue::Table(table) => member(table, word, &mut at),
            DeValue::Array(values) => {
                let found = word.parse().ok().and_then(|at: usize| values.get(at));
                if let Some(found) = found {
                    at = found.span().start;
                }
                found
            }
            DeValue::String(_)
            | DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_) => None,
        };
        match inner {
            Some(inner) => value = inner,
            None => return at,
        }
    }
    at
}

fn member<'t, 'd>(
    table: &'t DeTable<'d>,
    name: &str,
    at: &mut usize,
) -> Option<&'t Spanned<DeValue<'d>>> {
    let (key, value) = table.iter().find(|(key, _)| key.get_ref() == name)?;
    *at = match value.get_ref() {
        DeValue::Table(_) => key.span().start,
        DeValue::Array(_)
        | DeValue::String(_)
        | DeValue::Integer(_)
        | DeValue::Float(_)
        | DeValue::Boolean(_)
        | DeValue::Datetime(_) => value.span().start,
    };
    Some(value)
}
