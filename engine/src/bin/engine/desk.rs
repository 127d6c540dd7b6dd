//! Where questions about approvals are kept, and who is asked at a terminal.

mod terminal;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use engine::data::{Approvals, Asked, JournalOptions, Nonces, Timestamp};
use engine::{Fault, Journal};

pub(crate) use terminal::{OPERATOR, Terminal};

/// A journal that is opened when something is first asked of it: most runs ask nothing.
pub(crate) struct Desk {
    file: PathBuf,
    key: Option<PathBuf>,
    open: OnceLock<Journal>,
}

impl Desk {
    pub(crate) fn new(file: PathBuf, key: Option<PathBuf>) -> Self {
        Self {
            file,
            key,
            open: OnceLock::new(),
        }
    }

    /// A journal that is open already.
    pub(crate) fn opened(journal: Journal) -> Self {
        Self {
            file: PathBuf::new(),
            key: None,
            open: journal.into(),
        }
    }

    /// Whether anything was asked of it.
    pub(crate) fn is_open(&self) -> bool {
        self.open.get().is_some()
    }

    fn journal(&self) -> Result<&Journal, Fault> {
        if let Some(journal) = self.open.get() {
            return Ok(journal);
        }
        if let Some(home) = self
            .file
            .parent()
            .filter(|home| !home.as_os_str().is_empty())
        {
            make_home(home)?;
        }
        let options = JournalOptions::new();
        let options = match &self.key {
            Some(key) => options.key(key.clone()),
            None => options,
        };
        let journal = options.open(self.file.clone())?;
        Ok(self.open.get_or_init(|| journal))
    }
}

/// Makes the engine's home, for its operator alone.
pub(crate) fn make_home(home: &Path) -> Result<(), Fault> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(home)
        .map_err(|error| {
            Fault::config(format!(
                "cannot make the directory `{}`",
                engine::data::line(&home.to_string_lossy(), 256)
            ))
            .hint("name another one with `--home DIR`")
            .caused_by(error)
        })
}

impl Approvals for Desk {
    fn ask(
        &self,
        token: &str,
        about: &str,
        expires: Timestamp,
        request: &str,
    ) -> Result<(), Fault> {
        self.journal()?.ask(token, about, expires, request)
    }

    fn about(&self, about: &str, now: Timestamp, most: usize) -> Result<Vec<Asked>, Fault> {
        self.journal()?.about(about, now, most)
    }

    fn starting(&self, start: &str, most: usize) -> Result<Vec<Asked>, Fault> {
        self.journal()?.starting(start, most)
    }

    fn asked(&self, token: &str) -> Result<Option<String>, Fault> {
        self.journal()?.asked(token)
    }

    fn answer(&self, token: &str, answer: &str) -> Result<bool, Fault> {
        self.journal()?.answer(token, answer)
    }

    fn answered(&self, token: &str) -> Result<Option<String>, Fault> {
        self.journal()?.answered(token)
    }

    fn waiting(&self, now: Timestamp) -> Result<Vec<(String, String)>, Fault> {
        self.journal()?.waiting(now)
    }
}

impl Nonces for Desk {
    fn spend(
        &self,
        scope: &str,
        nonce: &str,
        until: Timestamp,
        now: Timestamp,
    ) -> Result<bool, Fault> {
        self.journal()?.spend(scope, nonce, until, now)
    }

    fn spent(&self, scope: &str, nonce: &str) -> Result<bool, Fault> {
        self.journal()?.spent(scope, nonce)
    }
}
