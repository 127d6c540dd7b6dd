use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use engine::Fault;
use engine::data::line;

use super::names::{Name, snake};
use super::sdk;
use crate::args::Lang;

/// The files that a project of every language has, by their paths with the name in them.
const COMMON: [(&str, &str); 2] = [
    (
        "wit/@NAME@.wit",
        include_str!("templates/capability.wit.in"),
    ),
    ("tests/@NAME@.toml", include_str!("templates/cases.toml.in")),
];
const README: &str = include_str!("templates/README.md.in");
const RUST: [(&str, &str); 3] = [
    ("Cargo.toml", include_str!("templates/rust/Cargo.toml.in")),
    ("src/lib.rs", include_str!("templates/rust/lib.rs.in")),
    (".gitignore", include_str!("templates/rust/gitignore.in")),
];
const PYTHON: [(&str, &str); 3] = [
    (
        "pyproject.toml",
        include_str!("templates/python/pyproject.toml.in"),
    ),
    ("src/app.py", include_str!("templates/python/app.py.in")),
    (".gitignore", include_str!("templates/python/gitignore.in")),
];
const JS: [(&str, &str); 3] = [
    ("package.json", include_str!("templates/js/package.json.in")),
    ("src/index.js", include_str!("templates/js/index.js.in")),
    (".gitignore", include_str!("templates/js/gitignore.in")),
];
/// What the engine offers to guests, where no SDK has it already.
const HOST: (&str, &str) = (
    "wit/deps/engine-host/host.wit",
    include_str!("../../../../../wit/host/host.wit"),
);

/// What the README says of a language.
struct Words {
    needs: &'static str,
    files: &'static str,
    missing: &'static str,
}

impl Words {
    fn of(lang: Lang) -> Self {
        match lang {
            Lang::Rust => Self {
                needs: "Rust 1.95 or later with the target `wasm32-wasip2`: `rustup target add wasm32-wasip2`.",
                files: "| `src/lib.rs` | what they do |\n\
                        | `vendor/` | the SDK, a copy of the one that the engine came with |",
                missing: "in `src/lib.rs`.",
            },
            Lang::Python => Self {
                needs: "Python 3.10 or later with `venv`. It installs componentize-py into the engine's home the\n\
                        first time. Packages in `.venv` beside this file are found, if they are pure Python.",
                files: "| `src/app.py` | what they do |\n\
                        | `wit/deps/` | what the engine offers: add `import engine:host/log@0.1.0;` to the world for messages |",
                missing: "in `src/app.py`.",
            },
            Lang::Js => Self {
                needs: "Node.js 18 or later with npm. It installs componentize-qjs into the engine's home the first\n\
                        time. Packages in `node_modules` beside this file are found, if they are pure JavaScript modules.",
                files: "| `src/index.js` | what they do |\n\
                        | `wit/deps/` | what the engine offers: add `import engine:host/log@0.1.0;` to the world for messages |",
                missing: "in `src/index.js`.",
            },
        }
    }
}

/// What was made.
#[derive(Debug)]
pub(crate) struct Scaffold {
    pub(crate) directory: PathBuf,
    /// In the directory, in the order of their names.
    pub(crate) files: Vec<String>,
}

/// Makes a project in a new or empty directory of this name.
///
/// # Errors
///
/// A fault with the code `E-USAGE` if there is something already; no file is ever written over.
pub(crate) fn make(name: &Name, lang: Lang) -> Result<Scaffold, Fault> {
    let directory = PathBuf::from(name.as_str());
    claim(&directory)?;
    let mut files = files(name, lang);
    files.sort();
    for (path, text) in &files {
        write_new(&directory.join(path), text)?;
    }
    Ok(Scaffold {
        directory,
        files: files.into_iter().map(|(path, _)| path).collect(),
    })
}

fn files(name: &Name, lang: Lang) -> Vec<(String, String)> {
    let own = match lang {
        Lang::Rust => RUST,
        Lang::Python => PYTHON,
        Lang::Js => JS,
    };
    let words = Words::of(lang);
    let readme = README
        .replace("@NEEDS@", words.needs)
        .replace("@FILES@", words.files)
        .replace("@WHERE@", words.missing);
    let filled = |text: &str| {
        text.replace("@NAME@", name.as_str())
            .replace("@SNAKE@", &snake(name.as_str()))
            .replace("@TYPE@", &name.pascal())
    };
    let mut files: Vec<(String, String)> = COMMON
        .iter()
        .chain(&own)
        .chain([&("README.md", readme.as_str())])
        .map(|(path, text)| (filled(path), filled(text)))
        .collect();
    // The rest is not for this project alone: it is taken as it is.
    match lang {
        Lang::Rust => {
            let sdk = sdk::SOURCES
                .iter()
                .map(|(path, text)| (format!("vendor/guest-sdk/{path}"), (*text).to_owned()));
            let beside = sdk::BESIDE
                .iter()
                .map(|(path, text)| (format!("vendor/{path}"), (*text).to_owned()));
            files.extend(sdk.chain(beside));
        }
        Lang::Python | Lang::Js => files.push((HOST.0.to_owned(), HOST.1.to_owned())),
    }
    files
}

/// Makes the directory, or takes an empty one.
#[expect(
    clippy::disallowed_methods,
    reason = "the project that the user asked for"
)]
fn claim(directory: &Path) -> Result<(), Fault> {
    let shown = line(&directory.to_string_lossy(), 256);
    let failed = |error: std::io::Error| {
        Fault::usage(format!("cannot make the directory `{shown}`")).caused_by(error)
    };
    match std::fs::create_dir(directory) {
        Ok(()) => return Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        Err(error) => return Err(failed(error)),
    }
    let first = std::fs::read_dir(directory)
        .map_err(failed)?
        .next()
        .transpose()
        .map_err(failed)?;
    match first {
        None => Ok(()),
        Some(entry) => Err(Fault::usage(format!(
            "the directory `{shown}` has something in it already, such as `{}`",
            line(&entry.file_name().to_string_lossy(), 128)
        ))
        .hint("choose another name, or move it away: nothing is ever written over")),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the project that the user asked for"
)]
fn write_new(path: &Path, text: &str) -> Result<(), Fault> {
    let written = path
        .parent()
        .map_or(Ok(()), std::fs::create_dir_all)
        .and_then(|()| {
            std::fs::OpenOptions::new()
                .write(true)
                .create_new(true)
                .open(path)
        })
        .and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| {
        Fault::usage(format!(
            "cannot write `{}`",
            line(&path.to_string_lossy(), 256)
        ))
        .caused_by(error)
    })
}
