//! URLs in text.

use std::sync::LazyLock;

use regex::Regex;
use url::Url;

use super::super::{HostFact, host_of};
use super::blocked::decoded;

/// What a URL in a text led to.
pub(super) enum Found {
    /// A host.
    Host(HostFact),
    /// A file of the machine.
    File {
        /// The URL.
        written: String,
        /// Its path, decoded.
        path: String,
    },
    /// It begins as a URL does, and no host can be read from it.
    Unreadable,
}

/// A URL anywhere in a text, up to the end of its host, so that one in the query of another is found;
/// or a `file:` URL as far as it goes.
static URLS: LazyLock<Option<[Regex; 2]>> = LazyLock::new(|| {
    let host = Regex::new(r#"[A-Za-z][A-Za-z0-9+.-]*://[/\\]*[^\s<>"`{}|^/?#]*"#).ok()?;
    let file = Regex::new(r#"(?i:file)://[^\s<>"`{}|^]+"#).ok()?;
    Some([host, file])
});

/// The schemes for which a URL needs no `//`, and where `\` is a `/`.
const SPECIAL: [&str; 6] = ["http", "https", "ws", "wss", "ftp", "file"];

/// Whether a whole text is one URL, and so no path.
pub(super) fn is_url(text: &str) -> bool {
    scheme(text).is_some()
        // A sentence with a URL in it is no path either; what begins as a path is one.
        || (text.contains("://") && !text.starts_with(['/', '\\', '.', '~']))
}

/// The scheme of a text that begins as a URL does.
fn scheme(text: &str) -> Option<String> {
    // Readers of URLs skip white space before it, and tabs and line ends inside.
    let start: String = text
        .trim_start_matches(|c: char| c <= ' ')
        .chars()
        .filter(|c| !matches!(c, '\t' | '\n' | '\r'))
        .take(64)
        .collect();
    let (scheme, rest) = start.split_once(':')?;
    let scheme = scheme.to_ascii_lowercase();
    let named = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '.' | '-'));
    // In `file: notes` and `http: a protocol` nothing is reached.
    let special = SPECIAL.contains(&scheme.as_str()) && !rest.is_empty() && !rest.starts_with(' ');
    (named && (special || rest.starts_with("//"))).then_some(scheme)
}

/// Calls `visit` with every URL of a text: the text itself if it is one, and those inside. No more than `left` are read,
/// which becomes less by those; where there are more, one that is unreadable stands for them.
pub(super) fn all(text: &str, left: &mut usize, mut visit: impl FnMut(Found)) {
    if let Some(scheme) = scheme(text) {
        let url = text.trim();
        let (file, hosts) = (file_of(url), hosts_of(url));
        if file.is_none() && hosts.is_empty() && SPECIAL.contains(&scheme.as_str()) {
            visit(Found::Unreadable);
        }
        hosts.into_iter().chain(file).for_each(&mut visit);
    }
    // The patterns are constants, and a test compiles them.
    if text.contains("://")
        && let Some([host, file]) = URLS.as_ref()
    {
        let found = host.find_iter(text).map(|url| (url, false));
        for (url, is_file) in found.chain(file.find_iter(text).map(|url| (url, true))) {
            let Some(fewer) = left.checked_sub(1) else {
                visit(Found::Unreadable);
                return;
            };
            *left = fewer;
            let url = bare(url.as_str());
            if is_file {
                file_of(url).into_iter().for_each(&mut visit);
            } else {
                hosts_of(url).into_iter().for_each(&mut visit);
            }
        }
    }
}

/// A URL without what ends the sentence or closes the bracket that it stands in.
fn bare(url: &str) -> &str {
    let url = url.trim_end_matches(['.', ',', ';', ':', '!', '?', ')', '\'', '*', '_']);
    if url.contains('[') {
        url
    } else {
        url.trim_end_matches(']')
    }
}

/// The host of a URL; both of them if readers differ over it.
fn hosts_of(url: &str) -> Vec<Found> {
    // For a browser the host of `https://a.example\@b.example` is the first, for others the second.
    let other = url
        .contains('\\')
        .then(|| host_of(&url.replace('\\', "%5C")))
        .flatten();
    host_of(url)
        .into_iter()
        .chain(other)
        .map(Found::Host)
        .collect()
}

/// The file that a URL names.
fn file_of(url: &str) -> Option<Found> {
    let parsed = Url::parse(url).ok()?;
    (parsed.scheme() == "file").then(|| Found::File {
        written: url.to_owned(),
        path: decoded(parsed.path()),
    })
}

#[cfg(test)]
mod tests;
