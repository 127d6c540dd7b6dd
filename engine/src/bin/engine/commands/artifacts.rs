//! Where artifacts are kept.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;

use engine::data::{Artifact, line};
use engine::{Fault, Outcome};
use rustix::fs::{Mode, OFlags, openat};

/// A directory for the artifacts of one run, which nothing was in before.
pub(super) struct Kept {
    dir: File,
    shown: String,
}

impl Kept {
    /// Opens the directory, and makes it if there is none. What happens to its name afterwards does not matter.
    #[expect(
        clippy::disallowed_methods,
        reason = "the operator's own directory, which the binary writes to"
    )]
    pub(super) fn open(place: &Path) -> Result<Self, Fault> {
        let shown = line(&place.to_string_lossy(), 256);
        let failed = |error: std::io::Error| {
            Fault::usage(format!("--artifacts: cannot use the directory `{shown}`"))
                .hint("name a new directory, or an empty one")
                .caused_by(error)
        };
        std::fs::create_dir_all(place).map_err(failed)?;
        let dir = File::open(place).map_err(failed)?;
        if std::fs::read_dir(place).map_err(failed)?.next().is_some() {
            return Err(
                Fault::usage(format!("--artifacts: the directory `{shown}` is not empty"))
                    .hint("name a new directory, or an empty one: nothing is ever overwritten"),
            );
        }
        Ok(Self { dir, shown })
    }

    /// Writes what a run made.
    pub(super) fn keep(&self, outcome: &Outcome) -> Result<(), Fault> {
        outcome.artifacts().iter().try_for_each(|artifact| {
            self.write(artifact).map_err(|error| {
                Fault::system("writing an artifact")
                    .hint(format!(
                        "look whether `{}/{}` can be written",
                        self.shown,
                        artifact.name()
                    ))
                    .caused_by(error)
            })
        })
    }

    fn write(&self, artifact: &Artifact) -> std::io::Result<()> {
        // A guest that may write there makes no link that is followed.
        let new =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mode = Mode::from_raw_mode(0o666);
        let mut file = File::from(openat(&self.dir, artifact.name(), new, mode)?);
        file.write_all(artifact.content())
    }
}

/// Says what nobody keeps, and what would have it; nothing if there is nothing.
pub(super) fn not_kept(outcome: &Outcome, has_it: &str) -> String {
    let names: Vec<String> = outcome
        .artifacts()
        .iter()
        .take(10)
        .map(|artifact| format!("`{}` ({} bytes)", artifact.name(), artifact.content().len()))
        .collect();
    if names.is_empty() {
        return String::new();
    }
    let more = match outcome.artifacts().len() - names.len() {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    format!(
        "made {}{more}; nothing of it is kept without `{has_it}`\n",
        names.join(", ")
    )
}
