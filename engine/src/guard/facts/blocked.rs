//! The places that are always blocked.

use std::path::Path;

use super::paths::Lexical;
use crate::types::text;

/// Places from the root: each, and everything beneath it.
const FROM_ROOT: [&[&str]; 8] = [
    &["etc", "passwd"],
    &["etc", "shadow"],
    &["etc", "gshadow"],
    &["etc", "sudoers"],
    &["etc", "sudoers.d"],
    &["proc"],
    &["sys"],
    &["dev"],
];

/// The home of the superuser. It is blocked but for the directories in it that somebody granted: where
/// everything runs as the superuser, all work is in there.
const HOME_OF_ROOT: &[&str] = &["root"];

/// Whether any reading of a path is a blocked place: as it is, or decoded as somebody else might.
pub(super) fn as_written(path: &str, granted: bool) -> bool {
    let blocked = |path: &Lexical<'_>| is_blocked(path) || (!granted && is_home_of_root(path));
    blocked(&Lexical::of(path)) || blocked(&Lexical::of(&folded(path)))
}

/// Whether a resolved path of the host is a blocked place.
pub(super) fn on_host(path: &Path) -> bool {
    is_blocked(&Lexical::of(&path.to_string_lossy()))
}

/// Part by part; the case of ASCII letters does not matter.
fn is_blocked(path: &Lexical<'_>) -> bool {
    let parts = path.parts.as_slice();
    // However far a path climbs, it may end at the root.
    let from_root =
        (path.rooted || path.up > 0) && FROM_ROOT.iter().any(|place| begins(parts, place));
    from_root
        || parts.iter().any(|part| same(part, ".gnupg"))
        || pairs(parts).any(|(dir, name)| {
            (same(dir, ".ssh") && starts(name, "id_"))
                || (same(dir, ".aws") && same(name, "credentials"))
                || (same(dir, ".config") && same(name, "gcloud"))
        })
        || parts.last().is_some_and(|name| {
            same(name, "authorized_keys")
                || same(name, "credentials.json")
                || ends(name, ".pem")
                || ends(name, ".key")
        })
}

fn is_home_of_root(path: &Lexical<'_>) -> bool {
    let parts = path.parts.as_slice();
    ((path.rooted || path.up > 0) && begins(parts, HOME_OF_ROOT))
        || (!path.rooted && begins(parts, &["~root"]))
}

fn pairs<'a>(parts: &'a [&'a str]) -> impl Iterator<Item = (&'a str, &'a str)> {
    parts.iter().copied().zip(parts.iter().copied().skip(1))
}

fn begins(parts: &[&str], place: &[&str]) -> bool {
    parts.len() >= place.len() && parts.iter().zip(place).all(|(part, name)| same(part, name))
}

fn same(part: &str, name: &str) -> bool {
    part.eq_ignore_ascii_case(name)
}

fn starts(part: &str, start: &str) -> bool {
    part.get(..start.len()).is_some_and(|own| same(own, start))
}

fn ends(part: &str, end: &str) -> bool {
    part.len()
        .checked_sub(end.len())
        .and_then(|at| part.get(at..))
        .is_some_and(|own| same(own, end))
}

/// A path as the most generous reader would take it: percent-encoding undone however often it was
/// applied, `\` as `/`, wide letters as ASCII, nothing after a NUL, nothing that cannot be seen, and no
/// spaces or dots at the end of a part.
fn folded(path: &str) -> String {
    let mut path = decoded(path);
    // Each round shortens the text; whoever wraps it deeper has hidden it from every reader.
    for _ in 0..3 {
        path = decoded(&path);
    }
    let seen: String = path
        .chars()
        .take_while(|c| *c != '\0')
        .map(narrow)
        .filter(|c| !c.is_control() && !text::acts(*c))
        .collect();
    let parts: Vec<&str> = seen.split('/').map(trimmed).collect();
    parts.join("/")
}

fn trimmed(part: &str) -> &str {
    let part = part.trim();
    let name = part.trim_end_matches(|c: char| c == '.' || c.is_whitespace());
    if name.is_empty() { part } else { name }
}

fn narrow(c: char) -> char {
    match c {
        '\\' | '\u{2044}' | '\u{2215}' | '\u{29f8}' | '\u{29f9}' | '\u{ff3c}' => '/',
        '\u{2024}' => '.',
        '\u{ff01}'..='\u{ff5e}' => char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c),
        c => c,
    }
}

/// Undoes percent-encoding once. What it does not encode stays; bytes that are no text become `�`.
pub(super) fn decoded(text: &str) -> String {
    let mut parts = text.split('%');
    let mut bytes = Vec::with_capacity(text.len());
    bytes.extend_from_slice(parts.next().unwrap_or_default().as_bytes());
    for part in parts {
        let digits = part
            .get(..2)
            .filter(|two| two.bytes().all(|b| b.is_ascii_hexdigit()));
        match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                bytes.extend_from_slice(part.get(2..).unwrap_or_default().as_bytes());
            }
            None => {
                bytes.push(b'%');
                bytes.extend_from_slice(part.as_bytes());
            }
        }
    }
    String::from_utf8(bytes)
        .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

#[cfg(test)]
mod tests;
