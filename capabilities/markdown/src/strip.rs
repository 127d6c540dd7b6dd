//! Takes the tags out of HTML and leaves its text.
//!
//! What is left is escaped by whoever writes it, so that nothing depends on seeing tags as a browser would. Each step looks
//! at a byte a bounded number of times: nobody can make it slow.

use std::collections::BTreeSet;

/// What begins and ends something that is no tag and is left out.
const ENCLOSED: [(&str, &str); 3] = [("<!--", "-->"), ("<![CDATA[", "]]>"), ("<?", "?>")];
/// Elements whose content nobody reads, and how they end.
const UNREAD: [(&str, &str); 2] = [("script", "</script"), ("style", "</style")];

/// The text of a piece of HTML, without tags, comments, declarations, scripts and styles.
///
/// A tag that does not end is text, and what follows a script or style that does not end stays.
pub(crate) fn text(html: &str) -> String {
    let mut stripper = Stripper {
        html,
        lower: html.to_ascii_lowercase(),
        ends: ends(html),
        missing: BTreeSet::new(),
    };
    let mut text = String::new();
    let mut at = 0;
    while let Some(next) = stripper.find("<", at) {
        text.push_str(html.get(at..next).unwrap_or_default());
        at = match stripper.behind(next) {
            Some(behind) => behind,
            None => {
                text.push('<');
                next + 1
            }
        };
    }
    text.push_str(html.get(at..).unwrap_or_default());
    text
}

/// For each byte, the place behind the tag that is open there, outside of quotes; 0 if it does not end.
fn ends(html: &str) -> Vec<usize> {
    let mut ends = vec![0; html.len()];
    // The place behind the tag, seen from outside of quotes, from inside `"` and from inside `'`.
    let (mut plain, mut double, mut single) = (0, 0, 0);
    for ((at, byte), end) in html.bytes().enumerate().zip(&mut ends).rev() {
        (plain, double, single) = match byte {
            b'>' => (at + 1, double, single),
            b'"' => (double, plain, single),
            b'\'' => (single, double, plain),
            _ => (plain, double, single),
        };
        *end = plain;
    }
    ends
}

struct Stripper<'a> {
    html: &'a str,
    lower: String,
    ends: Vec<usize>,
    /// What was looked for and does not come any more.
    missing: BTreeSet<&'static str>,
}

impl Stripper<'_> {
    /// The next place of a text in lower case.
    fn find(&mut self, what: &'static str, from: usize) -> Option<usize> {
        if self.missing.contains(what) {
            return None;
        }
        let found = self.lower.get(from..).and_then(|rest| rest.find(what));
        if found.is_none() {
            self.missing.insert(what);
        }
        found.map(|found| from + found)
    }

    /// The place behind what begins at this `<`; none if nothing does.
    fn behind(&mut self, at: usize) -> Option<usize> {
        let html = self.html.get(at..)?;
        for (start, end) in ENCLOSED {
            if html.starts_with(start) {
                let found = self.find(end, at + start.len());
                return found.map(|found| found + end.len());
            }
        }
        let inside = html.get(1..)?;
        let opening = inside.starts_with(|c: char| c.is_ascii_alphabetic());
        let named = inside.strip_prefix(['/', '!']).unwrap_or(inside);
        if !named.starts_with(|c: char| c.is_ascii_alphabetic()) {
            return None;
        }
        let behind = self.ends.get(at + 1).copied().filter(|end| *end > 0)?;
        let name = named.split(|c: char| !c.is_ascii_alphanumeric()).next();
        let unread = UNREAD
            .iter()
            .find(|(unread, _)| name.is_some_and(|name| name.eq_ignore_ascii_case(unread)));
        let closed = match unread {
            Some((_, end)) if opening => self.find(end, behind),
            _ => None,
        };
        match closed {
            Some(closed) => self.ends.get(closed).copied().filter(|end| *end > 0),
            None => Some(behind),
        }
    }
}
