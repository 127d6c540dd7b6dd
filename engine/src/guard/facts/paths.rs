//! What a path is: where it leads, as text and on the host.

use std::path::Path;

use super::super::{DirGrant, Grants};
use super::{MOST_LINE, beneath, blocked};
use crate::types::{Rights, text};

/// What is known about one path.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PathFact {
    /// As it was written, cut to 256 bytes and escaped.
    pub written: String,
    /// Lexically normal: no `.`, no empty part, `/` between parts; `..` resolved where that is possible.
    pub normal: String,
    /// Whether its parameter or field is named as a path, or it is a `file:` URL: then it is meant as one.
    pub named: bool,
    /// Whether it was written in its normal form, and in characters that have one reading only.
    pub canonical: bool,
    /// Whether it is canonical but for a `./` before it or a `/` after it, which mean the same to every reader.
    pub plain: bool,
    /// Whether, resolved on the host as the guest would reach it, it lies inside a granted directory.
    pub inside: bool,
    /// Where it leads in that directory, as the guest would name it: every link on the way is followed. `None` outside.
    pub place: Option<String>,
    /// Whether that directory is granted writable.
    pub writable: bool,
    /// Whether it is one of the places that are always blocked.
    pub blocked: bool,
}

impl PathFact {
    /// Looks at `path`, which is what `written` means: the same, or the path of a `file:` URL.
    pub(super) fn of((written, path): (&str, &str), named: bool, grants: &Grants) -> Self {
        let normal = Lexical::of(path).to_string();
        let one_reading = !is_ambiguous(path);
        let bare = written.strip_prefix("file://").unwrap_or(written);
        let reached = reached(grants.dirs(), path).and_then(|(dir, rest)| {
            let host = beneath::resolve(&dir.host, rest)?;
            Some((dir, host))
        });
        Self {
            written: text::line(written, 256),
            named,
            canonical: one_reading && (written == normal || bare == normal),
            plain: one_reading && trimmed(bare) == normal,
            inside: reached.is_some(),
            place: reached
                .as_ref()
                .map(|(dir, host)| place(dir, host).unwrap_or_else(|| normal.clone())),
            writable: matches!(&reached, Some((dir, _)) if dir.rights == Rights::ReadWrite),
            blocked: blocked::as_written(path, reached.is_some())
                || reached
                    .as_ref()
                    .is_some_and(|(_, host)| blocked::on_host(host)),
            normal,
        }
    }

    /// Whether nothing but `.`, `..` and empty parts keep it from being plain, and no link decides where it leads.
    pub(crate) fn is_odd_by_parts(&self) -> bool {
        let normal = !is_ambiguous(&self.normal);
        normal
            && self
                .place
                .as_ref()
                .is_none_or(|place| *place == self.normal)
    }

    /// The places that it may mean: as it was written, made normal, and where that leads.
    pub(crate) fn places(&self) -> impl Iterator<Item = &str> {
        [Some(&self.normal), self.place.as_ref()]
            .into_iter()
            .flatten()
            .map(String::as_str)
    }
}

/// A path without a `./` before it and a `/` after it.
fn trimmed(path: &str) -> &str {
    let path = match path.strip_prefix("./") {
        Some("") => ".",
        Some(rest) => rest,
        None => path,
    };
    match path.strip_suffix('/') {
        Some("") | None => path,
        Some(rest) => rest,
    }
}

/// What a guest calls a place of the host that is in a directory of its own.
fn place(dir: &DirGrant, host: &Path) -> Option<String> {
    let rest = host.strip_prefix(&dir.host).ok()?.to_str()?;
    Some(match (dir.guest.as_str(), rest) {
        (guest, "") => guest.to_owned(),
        (".", rest) => rest.to_owned(),
        (guest, rest) => format!("{}/{rest}", guest.trim_end_matches('/')),
    })
}

/// Whether a string looks like a path, by itself or because it is meant as one.
///
/// Prose with a `/` in it looks like one, too.
pub(super) fn looks_like_path(text: &str, meant: bool) -> bool {
    if text.is_empty() || text.len() > MOST_LINE {
        return false;
    }
    let plain = || !text.contains(char::is_control);
    meant || (plain() && (text.contains(['/', '\\']) || text.starts_with(['.', '~'])))
}

/// A path as text alone says it, without a look at any file system.
pub(super) struct Lexical<'a> {
    pub(super) rooted: bool,
    /// How many `..` are left at the start; never any in a rooted path.
    pub(super) up: usize,
    pub(super) parts: Vec<&'a str>,
}

impl<'a> Lexical<'a> {
    pub(super) fn of(path: &'a str) -> Self {
        let mut lexical = Self {
            rooted: path.starts_with('/'),
            up: 0,
            parts: Vec::new(),
        };
        for part in path.split('/') {
            match part {
                "" | "." => {}
                ".." => {
                    if lexical.parts.pop().is_none() && !lexical.rooted {
                        lexical.up += 1;
                    }
                }
                name => lexical.parts.push(name),
            }
        }
        lexical
    }
}

impl std::fmt::Display for Lexical<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let up = std::iter::repeat_n("..", self.up);
        let parts: Vec<&str> = up.chain(self.parts.iter().copied()).collect();
        match (self.rooted, parts.is_empty()) {
            (true, _) => write!(f, "/{}", parts.join("/")),
            (false, true) => f.write_str("."),
            (false, false) => f.write_str(&parts.join("/")),
        }
    }
}

/// Whether another reader could take the path for another one.
fn is_ambiguous(path: &str) -> bool {
    let trimmed = |part: &str| {
        let dots = matches!(part, "." | "..");
        part.trim() != part || (part.ends_with('.') && !dots)
    };
    path.split('/').any(trimmed)
        || path.contains(|c: char| c == '\\' || c.is_control() || text::acts(c) || has_twin(c))
        || escapes(path).any(|byte| byte < 0x20 || b"/\\.%\x7f".contains(&byte) || byte >= 0x80)
}

/// Whether a character may be spelled another way: it combines with the one before it, is kept for old
/// encodings only, or looks like a separator.
///
/// Source of the ranges: Unicode 16, the blocks of combining marks, and characters that normal form C
/// does not have; narrower data would need a crate of tables.
fn has_twin(c: char) -> bool {
    matches!(c,
        '\u{300}'..='\u{36f}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}'
        | '\u{20d0}'..='\u{20ff}' | '\u{fe20}'..='\u{fe2f}' // combining marks
        | '\u{3099}' | '\u{309a}' // voiced marks of kana
        | '\u{1100}'..='\u{11ff}' // parts of Hangul syllables
        | '\u{1fef}' | '\u{2000}' | '\u{2001}' | '\u{2126}' | '\u{212a}' | '\u{212b}' // singletons
        | '\u{f900}'..='\u{faff}' | '\u{2f800}'..='\u{2fa1f}' // compatible ideographs
        | '\u{2024}' | '\u{2044}' | '\u{2215}' | '\u{29f8}' | '\u{29f9}' // look like `.`, `/` and `\`
        | '\u{ff01}'..='\u{ff5e}' // wide ASCII
    )
}

/// The bytes that are written as `%` and two hexadecimal digits.
fn escapes(text: &str) -> impl Iterator<Item = u8> {
    text.split('%')
        .skip(1)
        .filter_map(|rest| u8::from_str_radix(rest.get(..2)?, 16).ok())
}

/// The granted directory in which a guest looks for a path, and what is left of the path there.
///
/// As wasi-libc does it: the longest guest name that is a prefix of the path as it is written, part by
/// part, and of two that are as long the later. It does not tell `/a` from `a`, and only sometimes `./a`
/// from `a`; other guests do. So where such a difference leads elsewhere, the path is outside.
fn reached<'a, 'p>(dirs: &'a [DirGrant], path: &'p str) -> Option<(&'a DirGrant, &'p str)> {
    let bare = path.trim_start_matches('/');
    let (dir, rest) = longest(dirs, bare)?;
    let (undotted, _) = longest(dirs, bare.trim_start_matches("./"))?;
    let rooted = dir.guest.starts_with('/');
    (dir == undotted && rooted == path.starts_with('/')).then_some((dir, rest))
}

fn longest<'a, 'p>(dirs: &'a [DirGrant], bare: &'p str) -> Option<(&'a DirGrant, &'p str)> {
    let names = dirs.iter().filter_map(|dir| {
        let name = match dir.guest.as_str() {
            "." => "",
            name => name.trim_start_matches('/'),
        };
        let rest = bare.strip_prefix(name)?;
        let whole = name.is_empty() || rest.is_empty() || rest.starts_with('/');
        whole.then_some((name.len(), dir, rest.trim_start_matches('/')))
    });
    names
        .max_by_key(|(length, ..)| *length)
        .map(|(_, dir, rest)| (dir, rest))
}

#[cfg(test)]
mod tests;
