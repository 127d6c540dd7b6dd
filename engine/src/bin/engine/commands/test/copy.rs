use std::io;
use std::path::{Path, PathBuf};

use engine::data::line;
use engine::{Bytes, Fault};
use tempfile::TempDir;

/// The most that is copied for one case.
const MOST: Bytes = Bytes::mib(256);
/// The most files and directories of one case.
const MOST_FILES: usize = 10_000;

/// Fresh copies of directories, which are gone after the case.
#[derive(Debug, Default)]
pub(super) struct Copies {
    kept: Vec<TempDir>,
    files: usize,
    bytes: u64,
}

impl Copies {
    /// Copies a directory; what is not there begins empty.
    ///
    /// # Errors
    ///
    /// A fault with the code `E-INVALID-CONFIG` if it cannot be copied, or all that is copied for a case is over 256 MiB or
    /// 10,000 files.
    pub(super) fn fresh(&mut self, from: &Path) -> Result<PathBuf, Fault> {
        self.copied(from).map_err(|error| {
            Fault::config(format!(
                "cannot copy the directory `{}` for a case",
                line(&from.to_string_lossy(), 256)
            ))
            .caused_by(error)
            .hint("give cases small directories of their own, such as `tests/data`")
        })
    }

    fn copied(&mut self, from: &Path) -> io::Result<PathBuf> {
        let place = TempDir::with_prefix("engine-test-")?;
        // What is granted has no links on the way to it.
        let to = place.path().canonicalize()?;
        self.kept.push(place);
        if from.exists() {
            self.copy(from, &to)?;
        }
        Ok(to)
    }

    /// Copies what is in a directory. Links stay links, wherever they lead: a guest follows none that leaves its grant.
    #[expect(
        clippy::disallowed_methods,
        reason = "a directory of the project, and a temporary one"
    )]
    fn copy(&mut self, from: &Path, to: &Path) -> io::Result<()> {
        for entry in std::fs::read_dir(from)? {
            let entry = entry?;
            let (path, copy) = (entry.path(), to.join(entry.file_name()));
            self.files += 1;
            let kind = entry.file_type()?;
            if kind.is_dir() {
                std::fs::create_dir(&copy)?;
                self.copy(&path, &copy)?;
            } else if kind.is_symlink() {
                std::os::unix::fs::symlink(std::fs::read_link(&path)?, &copy)?;
            } else if kind.is_file() {
                self.bytes = self.bytes.saturating_add(std::fs::copy(&path, &copy)?);
            }
            if self.files > MOST_FILES || self.bytes > MOST.get() {
                return Err(io::Error::other(format!(
                    "the directories of a case have over {MOST_FILES} files, or over {MOST}"
                )));
            }
        }
        Ok(())
    }
}
