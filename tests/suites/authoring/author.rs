use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use engine_tests::{authoring, engine_binary};

/// Where a new author sits: a directory of their own, and tools that all tests share.
pub(super) struct Author {
    pub(super) dir: tempfile::TempDir,
    /// The only directory in `PATH`, if others are not to be found.
    path: Option<PathBuf>,
    home: PathBuf,
}

/// What a command answered.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) code: i32,
    pub(super) out: String,
    pub(super) err: String,
}

impl Author {
    pub(super) fn new() -> Self {
        Self {
            dir: tempfile::tempdir().unwrap(),
            path: None,
            home: authoring().join("home"),
        }
    }

    /// One who has no tools but these, which are scripts, and none in the engine's home.
    pub(super) fn with_tools(tools: &[(&str, &str)]) -> Self {
        let mut author = Self::new();
        let tools_dir = author.dir.path().join("tools");
        std::fs::create_dir(&tools_dir).unwrap();
        for (name, script) in tools {
            let file = tools_dir.join(name);
            std::fs::write(&file, format!("#!/bin/sh\n{script}\n")).unwrap();
            executable(&file);
        }
        author.path = Some(tools_dir);
        author.home = author.dir.path().join("home");
        author
    }

    pub(super) fn engine(&self, words: &[&str]) -> Answer {
        let mut command = Command::new(engine_binary());
        command
            .args(words)
            .current_dir(self.dir.path())
            .env("ENGINE_HOME", &self.home)
            .env("CARGO_TARGET_DIR", authoring().join("rust"))
            .env_remove("ENGINE_CONFIG")
            .env_remove("VIRTUAL_ENV")
            .stdin(Stdio::null());
        if let Some(path) = &self.path {
            command.env("PATH", path);
        }
        let output = command.output().unwrap();
        Answer {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// A command that has to succeed.
    pub(super) fn does(&self, words: &[&str]) -> String {
        let answer = self.engine(words);
        assert_eq!(answer.code, 0, "{words:?}: {}", answer.err);
        answer.out
    }

    /// A build that has to fail, as the author reads it.
    pub(super) fn fails(&self, code: &str, parts: &[&str]) {
        let answer = self.engine(&["build", "hello"]);
        assert_eq!(answer.code, 2, "{}", answer.err);
        assert_eq!(answer.out, "");
        for part in [format!("[{code}]").as_str()].iter().chain(parts) {
            assert!(answer.err.contains(part), "no `{part}` in\n{}", answer.err);
        }
    }

    pub(super) fn read(&self, file: &str) -> String {
        std::fs::read_to_string(self.dir.path().join(file)).unwrap()
    }

    pub(super) fn write(&self, file: &str, text: &str) {
        let file = self.dir.path().join(file);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(file, text).unwrap();
    }

    /// Changes a file, and returns what it was.
    pub(super) fn replace(&self, file: &str, old: &str, new: &str) -> String {
        let before = self.read(file);
        assert!(before.contains(old), "{file}: {before}");
        self.write(file, &before.replace(old, new));
        before
    }
}

fn executable(file: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o755)).unwrap();
}

/// The paths of all files in a directory, from there.
pub(super) fn files(dir: &Path) -> BTreeSet<PathBuf> {
    let mut found = BTreeSet::new();
    let mut left = vec![dir.to_owned()];
    while let Some(next) = left.pop() {
        for entry in std::fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                left.push(path);
            } else {
                found.insert(path.strip_prefix(dir).unwrap().to_owned());
            }
        }
    }
    found
}
