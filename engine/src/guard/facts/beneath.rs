//! Where a path leads on the host, from a granted directory and never out of it.

use std::path::{Path, PathBuf};

/// What became of an attempt to reach a place.
#[derive(Debug, PartialEq, Eq)]
enum Reach {
    /// It exists, here.
    At(PathBuf),
    /// It does not exist, and nothing on the way led out.
    Missing,
    /// It is outside, or nobody can say where it is.
    Barred,
}

/// Resolves `rest` beneath the directory `dir` of the host; `None` if it leads out.
///
/// What does not exist counts as inside if it could be made there: the longest part of it that exists
/// is inside, and the rest does not climb.
pub(super) fn resolve(dir: &Path, rest: &str) -> Option<PathBuf> {
    match reach(dir, rest) {
        Reach::At(place) => Some(place),
        Reach::Barred => None,
        Reach::Missing => {
            // Where a path breaks off, every longer one breaks off too, so this can be a binary search.
            let ends: Vec<usize> = rest.match_indices('/').map(|(at, _)| at).collect();
            let exists =
                |end: &usize| matches!(reach(dir, rest.get(..*end).unwrap_or(rest)), Reach::At(_));
            let existing = ends.partition_point(exists);
            let end = existing
                .checked_sub(1)
                .and_then(|last| ends.get(last).copied())
                .unwrap_or(0);
            let (there, missing) = rest.split_at_checked(end)?;
            let Reach::At(place) = reach(dir, there) else {
                return None;
            };
            let mut parts = missing.split('/').filter(|part| !matches!(*part, "" | "."));
            parts.try_fold(place, |place, part| {
                (part != "..").then(|| place.join(part))
            })
        }
    }
}

#[cfg(target_os = "linux")]
fn reach(dir: &Path, rest: &str) -> Reach {
    use rustix::fs::{CWD, Mode, OFlags, ResolveFlags, openat, openat2};
    use rustix::io::Errno;

    let rest = if rest.is_empty() { "." } else { rest };
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    let Ok(dirfd) = openat(CWD, dir, flags | OFlags::DIRECTORY, Mode::empty()) else {
        return Reach::Barred;
    };
    // The kernel says `AGAIN` if something was renamed meanwhile.
    for _ in 0..8 {
        return match openat2(&dirfd, rest, flags, Mode::empty(), ResolveFlags::BENEATH) {
            Ok(found) => place_of(&found).map_or(Reach::Barred, Reach::At),
            Err(Errno::NOENT) => Reach::Missing,
            Err(Errno::AGAIN) => continue,
            // An old kernel, or a filter of calls that is older than the call.
            Err(Errno::NOSYS | Errno::PERM) => canonical(dir, rest),
            Err(_) => Reach::Barred,
        };
    }
    Reach::Barred
}

/// The path of what is open.
#[cfg(target_os = "linux")]
fn place_of(open: &rustix::fd::OwnedFd) -> Option<PathBuf> {
    use rustix::fd::AsRawFd as _;

    std::fs::read_link(format!("/proc/self/fd/{}", open.as_raw_fd())).ok()
}

#[cfg(not(target_os = "linux"))]
fn reach(dir: &Path, rest: &str) -> Reach {
    canonical(dir, rest)
}

/// Follows everything and looks where it ended: for kernels that cannot resolve beneath a directory.
fn canonical(dir: &Path, rest: &str) -> Reach {
    let Ok(dir) = dir.canonicalize() else {
        return Reach::Barred;
    };
    match dir.join(rest).canonicalize() {
        Ok(place) if place.starts_with(&dir) => Reach::At(place),
        Ok(_) => Reach::Barred,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Reach::Missing,
        Err(_) => Reach::Barred,
    }
}

#[cfg(test)]
mod tests;
