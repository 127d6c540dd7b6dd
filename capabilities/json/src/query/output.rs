//! Writes the interpreter's values as JSON. It has more of them than JSON does, and writes those in ways of its own.

use std::fmt::Write as _;

use jaq_json::{Num, Val};

use crate::MOST_BYTES;
use crate::exports::engine::json::documents::Error;

/// The most characters of an error's message.
const MOST_MESSAGE: usize = 500;

/// A value as a JSON text of at most so many bytes.
pub(super) fn text(value: &Val, most: usize) -> Result<String, Error> {
    let mut text = String::new();
    write(&mut text, value, most)?;
    Ok(text)
}

/// What an error says. A filter may make an error of any value.
pub(super) fn message(error: jaq_core::Error<Val>) -> String {
    let message = error.into_val();
    match message {
        Val::TStr(text) => cut(&String::from_utf8_lossy(&text)),
        other => shown(&other),
    }
}

/// A value in a message.
pub(super) fn shown(value: &Val) -> String {
    cut(&text(value, MOST_BYTES).unwrap_or_else(|_| "a long value".to_owned()))
}

fn cut(message: &str) -> String {
    match message.char_indices().nth(MOST_MESSAGE) {
        Some((end, _)) => format!("{}…", message.get(..end).unwrap_or_default()),
        None => message.to_owned(),
    }
}

fn write(text: &mut String, value: &Val, most: usize) -> Result<(), Error> {
    match value {
        Val::Null => text.push_str("null"),
        Val::Bool(truth) => text.push_str(if *truth { "true" } else { "false" }),
        Val::Num(number) => write_number(text, number),
        Val::TStr(bytes) => write_string(text, &String::from_utf8_lossy(bytes)),
        Val::BStr(_) => {
            return Err(Error::Failed(
                "an output has bytes, which JSON does not; turn them into text with `tostring` or `@base64`".to_owned(),
            ));
        }
        Val::Arr(items) => {
            text.push('[');
            for (place, item) in items.iter().enumerate() {
                if place > 0 {
                    text.push(',');
                }
                write(text, item, most)?;
            }
            text.push(']');
        }
        Val::Obj(fields) => {
            text.push('{');
            for (place, (name, field)) in fields.iter().enumerate() {
                if place > 0 {
                    text.push(',');
                }
                let Val::TStr(name) = name else {
                    return Err(Error::Failed(format!(
                        "an output has an object with the name {}, which is no string",
                        shown(name)
                    )));
                };
                write_string(text, &String::from_utf8_lossy(name));
                text.push(':');
                write(text, field, most)?;
            }
            text.push('}');
        }
    }
    if text.len() > most {
        return Err(Error::TooLarge(format!(
            "the outputs have more than {MOST_BYTES} bytes, which is the most"
        )));
    }
    Ok(())
}

fn write_string(text: &mut String, string: &str) {
    text.push_str(&serde_json::Value::from(string).to_string());
}

fn write_number(text: &mut String, number: &Num) {
    // Writing to a string does not fail.
    let _ = match number {
        Num::Int(whole) => write!(text, "{whole}"),
        Num::BigInt(whole) => write!(text, "{whole}"),
        Num::Float(float) => return write_float(text, *float),
        // A number as it was written, which is JSON's if it comes from a document.
        Num::Dec(decimal) => match serde_json::from_str::<serde_json::Number>(decimal) {
            Ok(_) => write!(text, "{decimal}"),
            Err(_) => return write_float(text, decimal.parse().unwrap_or(f64::NAN)),
        },
    };
}

/// Writes a number as jq does: without a fraction where there is none, NaN as null, and what is infinite as the
/// largest number there is.
fn write_float(text: &mut String, float: f64) {
    let _ = if float.is_nan() {
        write!(text, "null")
    } else if float.fract() == 0.0 && float.abs() < 1e17 {
        write!(text, "{float:.0}")
    } else {
        let finite = float.clamp(f64::MIN, f64::MAX);
        write!(text, "{finite:?}")
    };
}
