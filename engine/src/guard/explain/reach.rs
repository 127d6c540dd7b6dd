//! What would let a call reach the files that it names: in every layer that is too narrow, the least more.

use std::path::{Path, PathBuf};

use super::super::{Ask, DirGrant, Facts, Grants, PathFact, Policy, Question, paths};
use super::Change;
use crate::types::{Rights, text};

/// The layers that a call's grants came through, and where each is written.
#[derive(Debug)]
pub(in super::super) struct Reach<'a> {
    pub(in super::super) policy: &'a Policy,
    pub(in super::super) ask: &'a Ask,
    /// The most that the component itself can do with files, whoever grants them.
    pub(in super::super) most: Option<Rights>,
}

/// One layer that says what may be reached.
struct Slot<'a> {
    place: Place<'a>,
    grants: Grants,
}

/// Where a layer is written.
enum Place<'a> {
    /// On the command line, or wherever else the caller is.
    Caller,
    /// In a section of the operator's configuration.
    File(&'a Path, String),
    /// Somewhere that nobody said.
    Unknown,
}

/// A directory that would have to be granted.
#[derive(Clone)]
struct Wanted {
    dir: DirGrant,
    /// The host's directory as somebody would type it.
    typed: String,
    /// Whether it has to be made first.
    missing: bool,
}

impl Reach<'_> {
    /// The changes that let the paths of a call be reached, all of them together, or why none do.
    pub(super) fn changes(&self, question: &Question<'_>, writes: bool) -> Vec<Change> {
        let facts = question.facts();
        let Some(first) = far(facts, writes).next() else {
            return Vec::new();
        };
        // Whoever chose the path is told to write it plainly by nobody: it may be meant to deceive.
        if far(facts, writes).any(|path| !path.plain || path.blocked) {
            return Vec::new();
        }
        let otherwise = |why: String| vec![Change::Otherwise(why)];
        if let Some(path) =
            far(facts, writes).find(|path| path.normal.split('/').any(|part| part == ".."))
        {
            return otherwise(format!(
                "no grant reaches `{}`: a guest cannot leave a directory by `..`, so grant that directory under a \
                 name of its own, and ask for the file by that name",
                path.written
            ));
        }
        let needed = if writes {
            Rights::ReadWrite
        } else {
            Rights::ReadOnly
        };
        if self.most < Some(needed) {
            return otherwise(format!(
                "no grant reaches `{}`: the component asks for {}",
                first.written,
                match self.most {
                    Some(_) => "files to read alone, and gets no more",
                    None => "no files, and gets none",
                }
            ));
        }
        let mut wanted = Vec::new();
        for path in far(facts, writes) {
            match self.wanted(path, question.grants(), needed) {
                Some(more) => add(&mut wanted, more),
                None => return Vec::new(),
            }
        }
        let reaches = |given: &Grants| {
            let facts = Facts::of(question.arguments(), question.function(), given);
            far(&facts, writes).all(|path| {
                // What is to be made first cannot be looked at.
                let there = |one: &&Wanted| paths::is_below(&path.normal, &one.dir.guest);
                wanted.iter().find(there).is_some_and(|one| one.missing)
            })
        };
        // Where every layer has them by other names, the caller can still ask for them by these.
        [false, true]
            .into_iter()
            .filter_map(|own| self.applied(&wanted, needed, own))
            .find(|(_, given)| reaches(given))
            .map_or_else(
                || otherwise(self.why_not(&wanted, question.grants(), first)),
                |(changes, _)| changes,
            )
    }

    /// The directory that a path needs; `None` where it cannot be written as a grant.
    fn wanted(&self, path: &PathFact, given: &Grants, rights: Rights) -> Option<Wanted> {
        if path.inside {
            let around = given
                .dirs()
                .iter()
                .filter(|dir| paths::is_below(&path.normal, &dir.guest));
            let dir = around.max_by_key(|dir| dir.guest.len())?;
            let typed = dir.host.to_str()?;
            return (plain(typed) && plain(&dir.guest)).then(|| Wanted {
                typed: typed.to_owned(),
                missing: false,
                dir: DirGrant {
                    rights,
                    ..dir.clone()
                },
            });
        }
        // A directory itself is enough; a file needs the one around it.
        let name = if Path::new(&path.normal).is_dir() {
            path.normal.as_str()
        } else {
            parent(&path.normal)
        };
        if !plain(name) || name == "/" {
            return None;
        }
        let (host, missing) = place(Path::new(name))?;
        Some(Wanted {
            dir: DirGrant {
                host,
                guest: name.to_owned(),
                rights,
            },
            typed: name.to_owned(),
            missing,
        })
    }

    /// The changes in every layer, and what a call would be given then; `None` if they cannot be made. With `own`, a
    /// caller that asks for nothing yet asks for this.
    fn applied(
        &self,
        wanted: &[Wanted],
        needed: Rights,
        own: bool,
    ) -> Option<(Vec<Change>, Grants)> {
        let mut slots = self.slots();
        if own {
            if slots.iter().any(|slot| matches!(slot.place, Place::Caller)) {
                return None;
            }
            let own = Slot {
                place: Place::Caller,
                grants: Grants::none(),
            };
            slots.insert(1.min(slots.len()), own);
        }
        let mut changes = Vec::new();
        for slot in &mut slots {
            changes.extend(slot.widen(wanted)?);
        }
        for slot in &slots {
            self.policy.keep_out(&slot.grants).ok()?;
        }
        for one in wanted.iter().filter(|one| one.missing).rev() {
            changes.insert(0, Change::Directory(make(&one.typed)));
        }
        let mut given: Option<Grants> = None;
        for slot in slots {
            given = Some(match given {
                None => slot.grants,
                Some(outer) => outer.narrowed_by(&slot.grants).ok()?,
            });
        }
        // A plan's step keeps grants by name.
        for keep in self
            .ask
            .layers
            .iter()
            .filter_map(|layer| layer.keep.as_ref())
        {
            for one in wanted {
                if keep.dirs.get(&one.dir.guest) < Some(&needed) {
                    changes.push(Change::Otherwise(format!(
                        "let `dirs` in the `grants` of the plan's step have `{}` with `{needed}`",
                        one.dir.guest
                    )));
                }
            }
        }
        let mut given = given.unwrap_or_default();
        given.keep(self.most, |_| true);
        Some((changes, given))
    }

    /// The layers that say what may be reached, the outermost first; where there are none, what the caller asks for is
    /// given.
    fn slots(&self) -> Vec<Slot<'_>> {
        let written = |section: String| match self.policy.written() {
            Some(file) => Place::File(file, section),
            None => Place::Unknown,
        };
        let mut slots = Vec::new();
        if let Some(grants) = &self.ask.capability.grants {
            let name = &self.ask.action.name;
            slots.push(Slot {
                place: written(format!("[capabilities.\"{name}\"]")),
                grants: grants.clone(),
            });
        } else if let Some(grants) = self.policy.most() {
            slots.push(Slot {
                place: match self.policy.written() {
                    Some(_) => written("[grants]".to_owned()),
                    // Without a configuration the command line is the operator's layer.
                    None => Place::Caller,
                },
                grants: grants.clone(),
            });
        }
        for (at, layer) in self.ask.layers.iter().enumerate() {
            if let Some(grants) = &layer.grants {
                slots.push(Slot {
                    place: if at == 0 {
                        Place::Caller
                    } else {
                        Place::Unknown
                    },
                    grants: grants.clone(),
                });
            }
        }
        if slots.is_empty() {
            slots.push(Slot {
                place: Place::Caller,
                grants: Grants::none(),
            });
        }
        slots
    }

    /// Why nothing that can be added is enough.
    fn why_not(&self, wanted: &[Wanted], given: &Grants, path: &PathFact) -> String {
        let renamed = wanted.iter().find_map(|one| {
            let around = |dir: &&DirGrant| one.dir.host.starts_with(&dir.host);
            let dir = given.dirs().iter().find(around)?;
            (dir.guest != one.dir.guest).then(|| {
                format!(
                    "the guest sees `{}` as `{}`: ask for the file by that name",
                    paths::show(&dir.host),
                    text::line(&dir.guest, 256)
                )
            })
        });
        renamed.unwrap_or_else(|| {
            format!(
                "no grant that could be added to those that are there reaches `{}`",
                path.written
            )
        })
    }

    /// How the layers outside of the caller's would have to change for it to get this directory, in words; `None` if
    /// that is not known.
    pub(in super::super) fn outside(&self, asked: &DirGrant) -> Option<String> {
        let wanted = [Wanted {
            dir: asked.clone(),
            typed: String::new(),
            missing: false,
        }];
        let mut slots = self.slots();
        let outer = slots.first_mut()?;
        if !matches!(outer.place, Place::File(..)) {
            return None;
        }
        let changes = outer.widen(&wanted)?;
        self.policy.keep_out(&outer.grants).ok()?;
        changes.first().map(Change::to_string)
    }
}

impl Slot<'_> {
    /// Adds what is wanted and not there; `None` if it cannot be added.
    fn widen(&mut self, wanted: &[Wanted]) -> Option<Vec<Change>> {
        let mut all = Vec::new();
        for one in wanted {
            let around = self
                .grants
                .dirs()
                .iter()
                .find(|dir| one.dir.host.starts_with(&dir.host));
            let added = match around {
                Some(dir) if dir.rights >= one.dir.rights => continue,
                Some(dir) => DirGrant {
                    rights: one.dir.rights,
                    ..dir.clone()
                },
                None => one.dir.clone(),
            };
            self.grants = self.grants.with(added.clone())?;
            all.push((added, one));
        }
        if all.is_empty() {
            return Some(Vec::new());
        }
        let flags = || -> Option<Vec<String>> {
            all.iter().map(|(dir, wanted)| flag(dir, wanted)).collect()
        };
        Some(match &self.place {
            Place::Caller => flags()?.into_iter().map(Change::Flag).collect(),
            Place::File(file, section) => vec![Change::Grants {
                file: paths::show(file),
                section: section.clone(),
                line: dirs(&self.grants, file)?,
            }],
            Place::Unknown => vec![Change::Otherwise(format!(
                "let the layer around the call grant `{}`",
                flags()?.join(" ")
            ))],
        })
    }
}

/// The paths that a call names and cannot reach as it has to.
fn far(facts: &Facts, writes: bool) -> impl Iterator<Item = &PathFact> {
    let near = move |path: &PathFact| path.inside && (path.writable || !writes);
    let named = facts.paths.iter().filter(|path| path.named);
    named.filter(move |path| !near(path))
}

/// Adds a directory, unless one around it is there; those below it are there no more.
fn add(wanted: &mut Vec<Wanted>, more: Wanted) {
    let holds = |outer: &Wanted, inner: &Wanted| {
        inner.dir.host.starts_with(&outer.dir.host)
            && paths::is_below(&inner.dir.guest, &outer.dir.guest)
    };
    if !wanted.iter().any(|known| holds(known, &more)) {
        wanted.retain(|known| !holds(&more, known));
        wanted.push(more);
    }
}

/// The option that grants a directory.
fn flag(dir: &DirGrant, wanted: &Wanted) -> Option<String> {
    let host = if dir.host == wanted.dir.host {
        wanted.typed.as_str()
    } else {
        dir.host.to_str()?
    };
    if !plain(host) || !plain(&dir.guest) {
        return None;
    }
    let rights = match dir.rights {
        Rights::ReadOnly => "",
        Rights::ReadWrite => ":rw",
    };
    // What begins like an option is taken for one.
    let space = if host.starts_with('-') { '=' } else { ' ' };
    Some(if dir.guest == host {
        format!("--dir{space}{host}{rights}")
    } else {
        format!("--dir{space}{host}::{}{rights}", dir.guest)
    })
}

/// The line of a configuration that grants these directories and no others.
fn dirs(grants: &Grants, file: &Path) -> Option<String> {
    let base = std::path::absolute(file).ok()?;
    let base = base.parent()?.canonicalize().ok()?;
    let mut written = Vec::new();
    for dir in grants.dirs() {
        let host = dir.host.strip_prefix(&base).unwrap_or(&dir.host).to_str()?;
        let host = if host.is_empty() { "." } else { host };
        let (guest, rights) = (&dir.guest, dir.rights);
        let entry = if guest == host {
            format!("{host}:{rights}")
        } else {
            format!("{host}::{guest}:{rights}")
        };
        // A string of JSON is one of TOML.
        written.push(serde_json::to_string(&entry).ok()?);
    }
    Some(text::line(
        &format!("dirs = [{}]", written.join(", ")),
        8192,
    ))
}

/// Where a directory is on the host, and whether it has to be made; `None` if it cannot be granted.
fn place(typed: &Path) -> Option<(PathBuf, bool)> {
    let path = std::path::absolute(typed).ok()?;
    let exists = |path: &&Path| path.symlink_metadata().is_ok();
    let there = path.ancestors().find(exists)?;
    let real = paths::resolve(there).ok()?;
    let rest = path.strip_prefix(there).ok()?;
    let missing = !rest.as_os_str().is_empty();
    Some((if missing { real.join(rest) } else { real }, missing))
}

/// The command that makes a directory.
fn make(typed: &str) -> String {
    let dashes = if typed.starts_with('-') { "-- " } else { "" };
    format!("mkdir -p {dashes}{typed}")
}

/// Whether a text can be pasted into a shell as it is, and is read as one directory: whoever chose it may not be
/// whoever pastes it.
fn plain(text: &str) -> bool {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-/".contains(c);
    !text.is_empty() && text.chars().all(plain)
}

/// The directory that a path is in.
fn parent(path: &str) -> &str {
    match path.rsplit_once('/') {
        None => ".",
        Some(("", _)) => "/",
        Some((parent, _)) => parent,
    }
}
