//! What is found in the arguments of a call: paths, hosts, secrets, commands.
//!
//! Facts say what there is and judge nothing; a policy does. They are a net over what is written
//! plainly. What holds a guest is the sandbox, which sees what the guest opens and not what it was told.
//!
//! All work is linear in the size of the arguments and bounded; where a bound is met, the facts say so.

mod beneath;
mod blocked;
mod paths;
mod urls;
mod walk;
mod words;

use std::collections::{BTreeSet, HashSet};

use serde_json::Value;

pub use paths::PathFact;

use super::{Grants, HostFact};
use crate::types::{Function, secrets, text};
use walk::{Leaf, Place};

/// The most text that is looked at, 16 MiB.
const MOST_TEXT: usize = 16 << 20;

/// The most paths, and the most hosts, that are kept.
const MOST_FOUND: usize = 1_000;

/// The most URLs that are read, however few hosts they have.
const MOST_URLS: usize = 10_000;

/// The longest string that can be a path or a line for a shell, in bytes.
const MOST_LINE: usize = 4_096;

/// What was found in the arguments of an action: plain data for policies.
///
/// Nothing is in it twice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Facts {
    /// What looks like a path, at most 1,000.
    pub paths: Vec<PathFact>,
    /// The hosts of what looks like a URL, at most 1,000.
    pub hosts: Vec<HostFact>,
    /// Kinds of secrets found: `aws_key`, `bearer_token`, `jwt`, `private_key`, `connection_string`,
    /// `api_key`, `password`.
    pub secrets: BTreeSet<&'static str>,
    /// Blocked commands found: `rm -rf`, `sudo`, `chmod 777`, `dd if=`.
    pub commands: BTreeSet<&'static str>,
    /// Whether a string that is meant for a shell, or a word of a command, has characters that act there.
    pub shell: bool,
    /// How many bytes all strings and byte lists have together.
    pub bytes: u64,
    /// Whether there was more than is looked at; then what is here is not all.
    ///
    /// A URL that nobody can read counts as more, too.
    pub incomplete: bool,
}

impl Facts {
    /// Gathers the facts of one call.
    ///
    /// `arguments` is the canonical JSON by parameter name of `function`; for a command, which has no
    /// function, it is the array of its words. A value that does not fit its type is looked at as
    /// plain JSON, so that nothing is passed over.
    ///
    /// Looks at the file system to see where paths lead, and changes nothing there.
    pub(crate) fn of(arguments: &Value, function: Option<&Function>, grants: &Grants) -> Facts {
        let mut gathering = Gathering::new(grants);
        walk::leaves(arguments, function, |leaf, place| {
            gathering.take(leaf, place);
        });
        gathering.finish()
    }
}

/// Calls `visit` with every list of bytes in the arguments of a call, however deep.
pub(super) fn each_bytes(
    arguments: &Value,
    function: Option<&Function>,
    mut visit: impl FnMut(&[u8]),
) {
    walk::leaves(arguments, function, |leaf, _| match leaf {
        Leaf::Bytes(bytes) => visit(&bytes),
        Leaf::Text(_) => {}
    });
}

/// The most facts that are told in words.
const MOST_IN_WORDS: usize = 16;

impl Facts {
    /// What a reader of a verdict wants to know, one short sentence each.
    pub(super) fn in_words(&self) -> Vec<String> {
        let odd = self.paths.iter().filter(|path| path.named && !path.plain);
        let odd = odd.map(|path| format!("path `{}` is not written plainly", path.written));
        let paths = self.paths.iter().filter_map(|path| {
            let what = if path.blocked {
                "is always blocked"
            } else if !path.named {
                return None;
            } else if !path.inside {
                "is in no granted directory"
            } else if path.writable {
                "is in a directory granted writable"
            } else {
                "is in a directory granted read-only"
            };
            Some(format!("path `{}` {what}", path.written))
        });
        let hosts = self.hosts.iter().map(|host| {
            let what = if host.private {
                ", which is not on the public network"
            } else {
                ""
            };
            format!("host `{}`{what}", text::line(&host.host, 256))
        });
        let secrets = self.secrets.iter().map(|kind| format!("a secret: {kind}"));
        let commands = self
            .commands
            .iter()
            .map(|command| format!("the command `{command}`"));
        let others = [
            (self.shell, "characters that act in a shell"),
            (self.incomplete, "more than is looked at"),
        ];
        paths
            .chain(odd)
            .chain(hosts)
            .chain(secrets)
            .chain(commands)
            .chain(
                others
                    .into_iter()
                    .filter(|(there, _)| *there)
                    .map(|(_, what)| what.to_owned()),
            )
            .take(MOST_IN_WORDS)
            .collect()
    }
}

/// Facts on the way.
struct Gathering<'a> {
    grants: &'a Grants,
    facts: Facts,
    /// Every string after another, one to a line, so that each pattern reads all of it once.
    text: String,
    /// The names of the parameters and fields that have text.
    names: BTreeSet<&'a str>,
    /// The paths and hosts that are known, as they were written.
    seen: HashSet<String>,
    /// How many more bytes of text are looked at.
    left: usize,
    /// How many more URLs are read.
    urls: usize,
}

impl<'a> Gathering<'a> {
    fn new(grants: &'a Grants) -> Self {
        Self {
            grants,
            facts: Facts::default(),
            text: String::new(),
            names: BTreeSet::new(),
            seen: HashSet::new(),
            left: MOST_TEXT,
            urls: MOST_URLS,
        }
    }

    fn take(&mut self, leaf: Leaf<'_>, place: Place<'a>) {
        let text = match &leaf {
            Leaf::Text(text) => text,
            Leaf::Bytes(bytes) => {
                let Some(text) = readable(bytes, self.left) else {
                    self.count(bytes.len());
                    return;
                };
                text
            }
        };
        self.count(leaf.len());
        let looked_at = text::prefix(text, self.left);
        self.left -= looked_at.len();
        let whole = looked_at.len() == leaf.len();
        if !whole {
            self.facts.incomplete = true;
        }
        if looked_at.is_empty() {
            return;
        }
        self.names.extend(place.names());
        self.text.push_str(looked_at);
        self.text.push('\n');
        self.hosts(looked_at);
        // The start of a path is another path.
        if whole {
            self.paths(looked_at, place);
            self.facts.shell |= place.is_for_shell() && words::act_in_shell(looked_at);
        }
    }

    fn count(&mut self, bytes: usize) {
        self.facts.bytes = self.facts.bytes.saturating_add(bytes as u64);
    }

    fn paths(&mut self, text: &str, place: Place<'_>) {
        let meant = place.means_path(text);
        if meant && text.len() > MOST_LINE {
            // No system opens a path so long, but a guest may make a shorter one of it.
            self.facts.paths.push(PathFact {
                written: text::line(text, 256),
                named: true,
                blocked: true,
                ..PathFact::default()
            });
            return;
        }
        if !urls::is_url(text) && paths::looks_like_path(text, meant) {
            self.path((text, text), meant);
        }
        if place.is_for_shell() {
            for word in words::of_line(text) {
                if !urls::is_url(word) && paths::looks_like_path(word, false) {
                    self.path((word, word), false);
                }
            }
        }
    }

    fn path(&mut self, (written, path): (&str, &str), named: bool) {
        if self.seen.contains(written) {
            return;
        }
        if self.facts.paths.len() >= MOST_FOUND {
            self.facts.incomplete = true;
            return;
        }
        self.seen.insert(written.to_owned());
        let fact = PathFact::of((written, path), named, self.grants);
        self.facts.paths.push(fact);
    }

    fn hosts(&mut self, text: &str) {
        let mut left = self.urls;
        urls::all(text, &mut left, |found| match found {
            urls::Found::Host(host) => self.host(host),
            urls::Found::File { written, path } => self.path((&written, &path), true),
            urls::Found::Unreadable => self.facts.incomplete = true,
        });
        self.urls = left;
    }

    fn host(&mut self, host: HostFact) {
        let key = host.key();
        if self.seen.contains(&key) {
            return;
        }
        if self.facts.hosts.len() >= MOST_FOUND {
            self.facts.incomplete = true;
            return;
        }
        self.seen.insert(key);
        self.facts.hosts.push(host);
    }

    fn finish(mut self) -> Facts {
        self.facts.commands = words::commands(&self.text);
        self.facts.secrets = secrets::kinds(&self.text);
        // `password` as the name of a field says what its text is.
        for name in &self.names {
            self.facts
                .secrets
                .extend(secrets::kinds(&format!("{name}=x")));
        }
        self.facts
    }
}

/// The bytes as text; `None` if they are none. Of more than `most` bytes only the start is read.
fn readable(bytes: &[u8], most: usize) -> Option<&str> {
    let start = bytes.get(..most).unwrap_or(bytes);
    match std::str::from_utf8(start) {
        Ok(text) => Some(text),
        // The bound may be in the middle of a character.
        Err(error) if start.len() < bytes.len() && error.error_len().is_none() => start
            .get(..error.valid_up_to())
            .and_then(|valid| std::str::from_utf8(valid).ok()),
        Err(_) => None,
    }
}

#[cfg(test)]
mod tests;
