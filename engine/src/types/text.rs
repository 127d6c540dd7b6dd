//! Makes guest-made text safe to show: bounded, and without characters that act on a terminal.

use std::borrow::Cow;
use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use super::Digest;

/// The largest text that an event carries, 64 KiB.
pub(crate) const MOST_IN_EVENT: usize = 64 << 10;

/// Text that was cut to a bound, with the length that it had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Bounded {
    /// The text, or its start.
    pub text: String,
    /// How many bytes the whole text had.
    pub bytes: u64,
    /// Whether `text` is less than the whole.
    pub truncated: bool,
    /// The digest of the whole text; there where `text` is cut or left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
}

impl Bounded {
    /// Keeps what takes at most `most` bytes as a JSON string, cut between two characters.
    pub(crate) fn new(text: &str, most: usize) -> Self {
        let kept = written_prefix(text, most);
        Self {
            text: kept.to_owned(),
            bytes: text.len() as u64,
            truncated: kept.len() < text.len(),
            digest: (kept.len() < text.len()).then(|| Digest::of(text.as_bytes())),
        }
    }

    /// The same of text that is taken over, and not copied.
    pub(crate) fn of(mut text: String, most: usize) -> Self {
        let (kept, whole) = (written_prefix(&text, most).len(), text.len());
        let digest = (kept < whole).then(|| Digest::of(text.as_bytes()));
        if kept < whole {
            text.truncate(kept);
            text.shrink_to_fit();
        }
        Self {
            bytes: whole as u64,
            truncated: kept < whole,
            digest,
            text,
        }
    }

    /// Keeps how long the text was and its digest, and nothing of the text.
    pub(crate) fn withheld(&self) -> Self {
        Self {
            text: String::new(),
            bytes: self.bytes,
            truncated: true,
            digest: self
                .digest
                .or_else(|| Some(Digest::of(self.text.as_bytes()))),
        }
    }
}

/// The longest start of `text` that has at most `most` bytes and ends between two characters.
pub(crate) fn prefix(text: &str, most: usize) -> &str {
    let mut end = most.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

/// The longest start of `text` that takes at most `most` bytes inside a JSON string, where every
/// character that acts on a terminal is escaped.
fn written_prefix(text: &str, most: usize) -> &str {
    // The most that a byte can take, as in `\u001b`.
    if text.len() <= most / 6 {
        return text;
    }
    let mut length = 0;
    let mut rest = text;
    while !rest.is_empty() {
        // Most text is plain, and that is seen many bytes at a time.
        let plain = plain_prefix(rest);
        if length + plain > most {
            let at = text.len() - rest.len() + (most - length);
            return text.get(..at).unwrap_or_default();
        }
        length += plain;
        let Some((c, more)) = rest.get(plain..).and_then(split_first) else {
            break;
        };
        length += written_char(c);
        if length > most {
            let at = text.len() - rest.len() + plain;
            return text.get(..at).unwrap_or_default();
        }
        rest = more;
    }
    text
}

/// Whether all of a text is printable ASCII, as most is; that is seen many bytes at a time.
fn is_plain(text: &str) -> bool {
    let printable = |byte: &u8| matches!(byte, b' '..=b'~');
    text.as_bytes()
        .chunks(256)
        .all(|chunk| chunk.iter().fold(true, |all, byte| all & printable(byte)))
}

fn split_first(text: &str) -> Option<(char, &str)> {
    let mut chars = text.chars();
    chars.next().map(|first| (first, chars.as_str()))
}

/// How many bytes at the start are printable ASCII that takes one byte inside a JSON string.
fn plain_prefix(text: &str) -> usize {
    let is_plain = |byte: &u8| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\');
    let whole: usize = text
        .as_bytes()
        .chunks(64)
        .take_while(|chunk| chunk.iter().fold(true, |all, byte| all & is_plain(byte)))
        .map(<[u8]>::len)
        .sum();
    let more = text.as_bytes().get(whole..).unwrap_or_default();
    whole + more.iter().take_while(|byte| is_plain(byte)).count()
}

/// Whether a text is printable ASCII of which nothing is escaped in a JSON string.
pub(crate) fn is_written_plain(text: &str) -> bool {
    plain_prefix(text) == text.len()
}

/// How many bytes a text takes inside a JSON string, at most.
pub(crate) fn written(text: &str) -> usize {
    let mut length = 0;
    let mut rest = text;
    loop {
        let plain = plain_prefix(rest);
        length += plain;
        let Some((c, more)) = rest.get(plain..).and_then(split_first) else {
            return length;
        };
        length += written_char(c);
        rest = more;
    }
}

fn written_char(c: char) -> usize {
    match c {
        '"' | '\\' => 2,
        c if acts(c) => 6 * c.len_utf16(),
        c => c.len_utf8(),
    }
}

/// One line of at most `most` bytes: every character that acts on a terminal is escaped, a cut is
/// marked with a `…` beyond them.
#[must_use]
pub fn line(text: &str, most: usize) -> String {
    if text.len() <= most && is_plain(text) {
        return text.to_owned();
    }
    let mut shown = String::with_capacity(text.len().min(most));
    let mut escaped = String::new();
    for c in text.chars() {
        escaped.clear();
        escape_into(&mut escaped, c);
        if shown.len() + escaped.len() > most {
            shown.push('…');
            break;
        }
        shown.push_str(&escaped);
    }
    shown
}

/// How many letters have to be changed, added, removed or swapped to make one name of another.
#[must_use]
pub fn distance(one: &str, other: &str) -> usize {
    strsim::damerau_levenshtein(one, other)
}

/// The longest name that is compared with others: the cost grows with the product of two lengths.
const MOST_COMPARED: usize = 256;

/// The one name that a misspelt one may have meant.
pub(crate) fn closest<'a>(known: &[&'a str], found: &str) -> Option<&'a str> {
    if found.len() > MOST_COMPARED {
        return None;
    }
    known
        .iter()
        .filter(|name| name.len() <= MOST_COMPARED)
        .map(|name| (strsim::normalized_damerau_levenshtein(name, found), *name))
        .filter(|(closeness, _)| *closeness >= 0.6)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, name)| name)
}

/// The first names of a list, in backticks.
pub(crate) fn quoted(names: &[&str]) -> String {
    let shown: Vec<String> = names
        .iter()
        .take(20)
        .map(|name| format!("`{name}`"))
        .collect();
    shown.join(", ")
}

/// Escapes all that acts on a terminal but leaves line ends and tabs: text of a guest, ready to show.
pub fn block(text: &str) -> Cow<'_, str> {
    escape(text, |c| c == '\n' || c == '\t')
}

/// Rewrites JSON text so that a character that acts on a terminal appears as `\uXXXX`.
///
/// Outside strings JSON has no such character, so the value stays the same.
pub(crate) fn json(text: &str) -> Cow<'_, str> {
    if is_plain(text) || !text.chars().any(acts) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 32);
    for c in text.chars() {
        if acts(c) {
            for unit in c.encode_utf16(&mut [0; 2]) {
                let _ = write!(safe, "\\u{unit:04x}"); // writing to a string cannot fail
            }
        } else {
            safe.push(c);
        }
    }
    Cow::Owned(safe)
}

fn escape(text: &str, keep: fn(char) -> bool) -> Cow<'_, str> {
    if is_plain(text) || !text.chars().any(|c| acts(c) && !keep(c)) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len() + 32);
    for c in text.chars() {
        if keep(c) {
            safe.push(c);
        } else {
            escape_into(&mut safe, c);
        }
    }
    Cow::Owned(safe)
}

fn escape_into(safe: &mut String, c: char) {
    match c {
        c if !acts(c) => safe.push(c),
        '\n' => safe.push_str("\\n"),
        '\r' => safe.push_str("\\r"),
        '\t' => safe.push_str("\\t"),
        c => {
            let _ = write!(safe, "\\u{{{:x}}}", u32::from(c)); // writing to a string cannot fail
        }
    }
}

/// Whether a character moves the cursor, reorders or hides text, or is invisible itself.
///
/// Source of the ranges: Unicode 16, general categories Cc, Zl, Zp and Cf as far as they are not
/// part of ordinary spelling.
#[must_use]
pub fn acts(c: char) -> bool {
    matches!(c,
        '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}' // C0, DEL, C1
        | '\u{ad}' // soft hyphen
        | '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' // bidi
        | '\u{180e}' | '\u{200b}'..='\u{200d}' | '\u{2060}'..='\u{2064}' | '\u{206a}'..='\u{206f}' // invisible
        | '\u{2028}' | '\u{2029}' // line and paragraph separators
        | '\u{feff}' | '\u{fff9}'..='\u{fffb}' // byte order mark, interlinear annotation
        | '\u{e0000}'..='\u{e007f}' // tags
    )
}

#[cfg(test)]
mod tests;
