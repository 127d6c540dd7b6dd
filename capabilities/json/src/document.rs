//! Reads and writes documents inside their bounds.

use serde_json::Value;

use crate::exports::engine::json::documents::Error;
use crate::{MOST_BYTES, MOST_DEPTH};

/// Refuses a text that is too long or nests too deeply, before anything reads it that calls itself.
pub(crate) fn bounded(what: &str, text: &str) -> Result<(), String> {
    if text.len() > MOST_BYTES {
        return Err(format!(
            "{what} has {} bytes, and the most is {MOST_BYTES}",
            text.len()
        ));
    }
    if let Some(place) = too_deep(text) {
        return Err(format!(
            "{what} nests more than {MOST_DEPTH} levels at byte {place}, which is the most"
        ));
    }
    Ok(())
}

/// Where a text passes the deepest level, if it does.
///
/// In a text that is not JSON it may be wrong; reading it fails then, at the latest there.
fn too_deep(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    let mut bytes = text.bytes().enumerate();
    while let Some((place, byte)) = bytes.next() {
        match byte {
            b'"' => skip_string(&mut bytes),
            b'[' | b'{' => {
                depth = depth.saturating_add(1);
                if depth > MOST_DEPTH {
                    return Some(place);
                }
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    None
}

fn skip_string(bytes: &mut impl Iterator<Item = (usize, u8)>) {
    while let Some((_, byte)) = bytes.next() {
        match byte {
            b'\\' => {
                bytes.next();
            }
            b'"' => return,
            _ => {}
        }
    }
}

/// Refuses what is not JSON, by its grammar.
pub(crate) fn strict(what: &str, text: &str) -> Result<(), String> {
    let checked: Result<serde::de::IgnoredAny, _> = serde_json::from_str(text);
    checked
        .map(|_| ())
        .map_err(|error| format!("{what} is not JSON: {error}"))
}

/// Reads a document.
pub(crate) fn read(what: &str, text: &str) -> Result<Value, Error> {
    bounded(what, text).map_err(Error::Malformed)?;
    serde_json::from_str(text)
        .map_err(|error| Error::Malformed(format!("{what} is not JSON: {error}")))
}

/// Writes a result.
pub(crate) fn write(value: &Value) -> Result<String, Error> {
    let text = value.to_string();
    if text.len() > MOST_BYTES {
        return Err(Error::TooLarge(format!(
            "the result has {} bytes, and the most is {MOST_BYTES}",
            text.len()
        )));
    }
    Ok(text)
}

#[cfg(test)]
mod tests;
