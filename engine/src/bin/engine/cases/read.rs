use serde_json::{Map, Number, Value};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Wrong;

/// The keys of a case.
const KEYS: [&str; 18] = [
    "name",
    "call",
    "args",
    "args-json",
    "value",
    "value-json",
    "value-none",
    "error",
    "message",
    "snapshot",
    "events",
    "fuel",
    "memory",
    "timeout",
    "max-output",
    "dirs",
    "env",
    "deterministic",
];

/// A text or a value, and the byte where it begins.
pub(super) type At<T> = (usize, T);

/// A table `[[case]]`, as written.
#[derive(Default)]
pub(super) struct Written {
    /// Where it begins.
    pub(super) at: usize,
    pub(super) name: Option<At<String>>,
    pub(super) call: Option<At<String>>,
    pub(super) args: Option<At<Value>>,
    pub(super) args_json: Option<At<String>>,
    pub(super) value: Option<At<Value>>,
    pub(super) value_json: Option<At<String>>,
    pub(super) value_none: Option<At<bool>>,
    pub(super) error: Option<At<String>>,
    pub(super) message: Option<At<String>>,
    pub(super) snapshot: Option<At<bool>>,
    pub(super) events: Vec<At<String>>,
    pub(super) fuel: Option<At<String>>,
    pub(super) memory: Option<At<String>>,
    pub(super) timeout: Option<At<String>>,
    pub(super) max_output: Option<At<String>>,
    pub(super) dirs: Vec<At<String>>,
    pub(super) env: Vec<At<String>>,
    pub(super) deterministic: Option<At<bool>>,
}

/// Reads what is written, and notes what is wrong with it.
pub(super) fn read(text: &str, wrong: &mut Vec<Wrong>) -> Vec<Written> {
    let table = match DeTable::parse(text) {
        Ok(table) => table,
        Err(error) => {
            let byte = error.span().map_or(0, |span| span.start);
            wrong.push(Wrong::new(byte, error.message()));
            return Vec::new();
        }
    };
    let mut cases = Vec::new();
    for (key, value) in table.get_ref().iter() {
        let at = key.span().start;
        match (&**key.get_ref(), value.get_ref()) {
            ("case", DeValue::Array(tables)) => {
                cases.extend(tables.iter().filter_map(|table| case(table, wrong)));
            }
            ("case", other) => wrong.push(
                Wrong::new(at, format!("`case` is {}", kind(other)))
                    .hint("write each case as a table of its own, which begins with `[[case]]`"),
            ),
            (other, _) => wrong.push(unknown(at, other, &["case"])),
        }
    }
    cases
}

fn case(table: &Spanned<DeValue<'_>>, wrong: &mut Vec<Wrong>) -> Option<Written> {
    let at = table.span().start;
    let DeValue::Table(keys) = table.get_ref() else {
        wrong.push(Wrong::new(
            at,
            format!("a case is {}", kind(table.get_ref())),
        ));
        return None;
    };
    let mut written = Written {
        at,
        ..Written::default()
    };
    let before = wrong.len();
    for (key, value) in keys.iter() {
        let name = &**key.get_ref();
        if let Err(found) = take(&mut written, name, key.span().start, value) {
            wrong.push(found);
        }
    }
    // What is left of it would only be told to lack something.
    (wrong.len() == before).then_some(written)
}

fn take(
    written: &mut Written,
    key: &str,
    at: usize,
    value: &Spanned<DeValue<'_>>,
) -> Result<(), Wrong> {
    match key {
        "name" => written.name = Some(text(key, value)?),
        "call" => written.call = Some(text(key, value)?),
        "args" => {
            let args = json(value)?;
            if !matches!(args, Value::Object(_) | Value::Array(_)) {
                return Err(expected(
                    key,
                    "a table by parameter name or an array by position",
                    value,
                ));
            }
            written.args = Some((at, args));
        }
        "args-json" => written.args_json = Some(text(key, value)?),
        "value" => written.value = Some((at, json(value)?)),
        "value-json" => written.value_json = Some(text(key, value)?),
        "value-none" => written.value_none = Some(truth(key, at, value)?),
        "error" => written.error = Some(text(key, value)?),
        "message" => written.message = Some(text(key, value)?),
        "snapshot" => written.snapshot = Some(truth(key, at, value)?),
        "events" => written.events = texts(key, value)?,
        "fuel" => written.fuel = Some(quantity(key, value)?),
        "memory" => written.memory = Some(quantity(key, value)?),
        "timeout" => written.timeout = Some(quantity(key, value)?),
        "max-output" => written.max_output = Some(quantity(key, value)?),
        "dirs" => written.dirs = texts(key, value)?,
        "env" => written.env = texts(key, value)?,
        "deterministic" => written.deterministic = Some(fact(key, at, value)?),
        _ => return Err(unknown(at, key, &KEYS)),
    }
    Ok(())
}

fn text(key: &str, value: &Spanned<DeValue<'_>>) -> Result<At<String>, Wrong> {
    match value.get_ref() {
        DeValue::String(text) => Ok((value.span().start, text.to_string())),
        DeValue::Integer(_)
        | DeValue::Float(_)
        | DeValue::Boolean(_)
        | DeValue::Datetime(_)
        | DeValue::Array(_)
        | DeValue::Table(_) => Err(expected(key, "a text", value)),
    }
}

fn texts(key: &str, value: &Spanned<DeValue<'_>>) -> Result<Vec<At<String>>, Wrong> {
    let DeValue::Array(values) = value.get_ref() else {
        return Err(expected(key, "an array of texts", value));
    };
    values.iter().map(|value| text(key, value)).collect()
}

/// A limit: a text as the flags have it, or a number.
fn quantity(key: &str, value: &Spanned<DeValue<'_>>) -> Result<At<String>, Wrong> {
    match value.get_ref() {
        DeValue::Integer(number) => Ok((value.span().start, number.to_string())),
        DeValue::String(_)
        | DeValue::Float(_)
        | DeValue::Boolean(_)
        | DeValue::Datetime(_)
        | DeValue::Array(_)
        | DeValue::Table(_) => text(key, value),
    }
}

fn fact(key: &str, at: usize, value: &Spanned<DeValue<'_>>) -> Result<At<bool>, Wrong> {
    match value.get_ref() {
        DeValue::Boolean(fact) => Ok((at, *fact)),
        DeValue::String(_)
        | DeValue::Integer(_)
        | DeValue::Float(_)
        | DeValue::Datetime(_)
        | DeValue::Array(_)
        | DeValue::Table(_) => Err(expected(key, "`true` or `false`", value)),
    }
}

/// A fact that is either said or left out.
fn truth(key: &str, at: usize, value: &Spanned<DeValue<'_>>) -> Result<At<bool>, Wrong> {
    match fact(key, at, value)? {
        (at, true) => Ok((at, true)),
        (at, false) => {
            Err(Wrong::new(at, format!("`{key} = false` says nothing")).hint("leave it out"))
        }
    }
}

/// The same value in JSON.
fn json(value: &Spanned<DeValue<'_>>) -> Result<Value, Wrong> {
    let at = value.span().start;
    Ok(match value.get_ref() {
        DeValue::String(text) => Value::String(text.to_string()),
        DeValue::Boolean(fact) => Value::Bool(*fact),
        DeValue::Integer(number) => {
            let (digits, radix) = (number.as_str(), number.radix());
            let signed = i64::from_str_radix(digits, radix).map(Number::from);
            let number = signed.or_else(|_| u64::from_str_radix(digits, radix).map(Number::from));
            Value::Number(number.map_err(|_| {
                Wrong::new(at, format!("`{digits}` is no number of 64 bits"))
                    .hint("write it as JSON, in `args-json` or `value-json`")
            })?)
        }
        DeValue::Float(number) => {
            let finite = number.as_str().parse().ok().and_then(Number::from_f64);
            Value::Number(finite.ok_or_else(|| {
                Wrong::new(at, format!("`{}` has no form in JSON", number.as_str()))
                    .hint("write it as the text that `engine exec` prints")
            })?)
        }
        DeValue::Datetime(_) => {
            return Err(Wrong::new(at, "JSON has no dates").hint("write it as a text"));
        }
        DeValue::Array(values) => Value::Array(values.iter().map(json).collect::<Result<_, _>>()?),
        DeValue::Table(table) => {
            let mut object = Map::new();
            for (key, value) in table.iter() {
                object.insert(key.get_ref().to_string(), json(value)?);
            }
            Value::Object(object)
        }
    })
}

fn expected(key: &str, what: &str, value: &Spanned<DeValue<'_>>) -> Wrong {
    Wrong::new(
        value.span().start,
        format!("`{key}` is {}, and has to be {what}", kind(value.get_ref())),
    )
}

fn kind(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a text",
        DeValue::Integer(_) => "a number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(_) => "`true` or `false`",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "an array",
        DeValue::Table(_) => "a table",
    }
}

fn unknown(at: usize, key: &str, known: &[&str]) -> Wrong {
    let wrong = Wrong::new(
        at,
        format!("unknown key `{}`", engine::data::line(key, 100)),
    );
    match close(key, known.iter().copied()) {
        Some(close) => wrong.hint(format!("did you mean `{close}`?")),
        None => wrong.hint(format!("there are: `{}`", known.join("`, `"))),
    }
}

/// The word that somebody may have meant.
pub(super) fn close<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    known
        .map(|known| (engine::data::distance(word, known), known))
        .filter(|(distance, known)| *distance <= 2_usize.min(known.len() / 2))
        .min()
        .map(|(_, known)| known)
}
