//! Rules about places of the host that no guest may have.

use std::path::{Component, Path, PathBuf};

use crate::types::Fault;

/// Kernel interfaces that look like files: through them a guest could read the engine's own memory,
/// environment and devices.
const NEVER: [&str; 3] = ["/proc", "/sys", "/dev"];

/// Resolves a directory of the host: every link followed, every `.` and `..` gone.
///
/// # Errors
///
/// A fault of the configuration if there is no such directory, or if it is one that is never granted.
pub(super) fn resolve(path: &Path) -> Result<PathBuf, Fault> {
    let shown = show(path);
    let resolved = path.canonicalize().map_err(|error| {
        Fault::config(format!("cannot grant `{shown}`"))
            .hint("a granted directory has to exist")
            .caused_by(error)
    })?;
    if !resolved.is_dir() {
        return Err(
            Fault::config(format!("cannot grant `{shown}`: it is not a directory"))
                .hint("grant the directory that holds it"),
        );
    }
    if resolved.parent().is_none() {
        return Err(Fault::config(format!(
            "cannot grant `{shown}`: it is the whole file system"
        ))
        .hint("grant the directory that the component needs"));
    }
    if let Some(never) = NEVER
        .iter()
        .find(|never| touches(&resolved, Path::new(never)))
    {
        return Err(Fault::config(format!(
            "cannot grant `{shown}`: `{never}` is never given to a guest"
        )));
    }
    Ok(resolved)
}

/// Refuses a resolved directory that would expose the engine's own state.
pub(super) fn keep_out_of(home: &Path, resolved: &Path) -> Result<(), Fault> {
    if touches(resolved, &Way::to(home).end) {
        return Err(Fault::config(format!(
            "cannot grant `{}`: the engine keeps its own state in `{}`",
            show(resolved),
            show(home)
        ))
        .hint("grant a directory that does not contain it, or move the state with `--home`"));
    }
    Ok(())
}

/// Refuses a resolved directory in which a guest could change what decides about it, or a link on the way there.
pub(super) fn keep_from_changing(file: &Path, resolved: &Path) -> Result<(), Fault> {
    let way = Way::to(file);
    let passes = way
        .entries
        .iter()
        .filter_map(|entry| entry.parent())
        .any(|dir| dir.starts_with(resolved));
    if passes || touches(resolved, &way.end) {
        return Err(Fault::config(format!(
            "cannot grant `{}` writable: `{}` in it decides what guests may do",
            show(resolved),
            show(file)
        ))
        .hint("grant a directory beside it, or grant it read-only"));
    }
    Ok(())
}

/// Whether one is inside the other, or they are the same.
pub(super) fn touches(a: &Path, b: &Path) -> bool {
    a.starts_with(b) || b.starts_with(a)
}

/// Whether a path is a directory of this guest name, or in it.
pub(super) fn is_below(path: &str, guest: &str) -> bool {
    guest == "."
        || guest == "/"
        || path
            .strip_prefix(guest)
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// A path as it may be shown.
pub(super) fn show(path: &Path) -> String {
    crate::types::text::line(&path.to_string_lossy(), 256)
}

/// How a path leads to where it leads.
struct Way {
    /// Every entry of a directory that is looked at: whoever can replace one of them leads it elsewhere.
    entries: Vec<PathBuf>,
    /// Where it ends. What does not exist yet is taken for what it will be made as.
    end: PathBuf,
}

impl Way {
    /// Follows a path, one entry after the other.
    fn to(path: &Path) -> Self {
        /// As many links as the kernel follows.
        const MOST_LINKS: usize = 40;
        // A relative path counts from where the engine works, as it will when the state is made.
        let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
        let mut ahead: Vec<PathBuf> = parts(&path);
        let mut way = Self {
            entries: Vec::new(),
            end: PathBuf::from("/"),
        };
        let mut links = 0;
        while let Some(part) = ahead.pop() {
            match part.components().next() {
                Some(Component::Normal(name)) => {
                    let entry = way.end.join(name);
                    match entry.read_link() {
                        Ok(target) if links < MOST_LINKS => {
                            links += 1;
                            ahead.extend(parts(&target));
                        }
                        _ => way.end.clone_from(&entry),
                    }
                    way.entries.push(entry);
                }
                Some(Component::ParentDir) => _ = way.end.pop(),
                Some(Component::RootDir) => way.end = PathBuf::from("/"),
                Some(Component::CurDir | Component::Prefix(_)) | None => {}
            }
        }
        way
    }
}

/// The parts of a path, the last one first.
fn parts(path: &Path) -> Vec<PathBuf> {
    let parts = path.components().rev();
    parts.map(|part| PathBuf::from(part.as_os_str())).collect()
}

/// Checks the name under which a guest sees a directory.
pub(super) fn guest_name(name: &str) -> Result<String, Fault> {
    let refused = |why: &str| {
        Fault::config(format!(
            "a guest cannot see a directory as `{}`: {why}",
            crate::types::text::line(name, 256)
        ))
    };
    let refuse = |why: &str| Err(refused(why));
    if name.is_empty() {
        return refuse("the name is empty");
    }
    if name.len() > 4096 {
        return refuse("the name is over 4,096 bytes");
    }
    if name.chars().any(char::is_control) {
        return refuse("the name has a control character");
    }
    if Path::new(name)
        .components()
        .any(|part| part == Component::ParentDir)
    {
        return Err(refused("the name has a `..`").hint(format!(
            "give it a name of its own: `--dir HOST::{}`",
            own_name(name)
        )));
    }
    if name.contains(':') {
        return Err(refused("the name has a `:`")
            .hint("write a grant as HOST[::GUEST][:ro|rw], such as `./docs::/docs:ro`"));
    }
    // `./docs` and `docs/` are the same place for a guest as `docs`; `.` stays.
    let rooted = name.starts_with('/');
    let parts: Vec<&str> = name
        .split('/')
        .filter(|part| !part.is_empty() && *part != ".")
        .collect();
    Ok(match (rooted, parts.is_empty()) {
        (true, _) => format!("/{}", parts.join("/")),
        (false, true) => ".".to_owned(),
        (false, false) => parts.join("/"),
    })
}

/// The last part of a path that is a name.
fn own_name(path: &str) -> String {
    let last = Path::new(path)
        .file_name()
        .map_or_else(|| "work".into(), |name| name.to_string_lossy());
    crate::types::text::line(&last, 100)
}

#[cfg(test)]
mod tests;
