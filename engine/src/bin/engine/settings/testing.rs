//! `engine test`, decided.

use std::path::{Path, PathBuf};

use engine::Fault;
use engine::data::line;

use crate::args;

/// Which cases are run, and on what.
#[derive(Debug)]
pub(crate) struct Test {
    pub(crate) projects: Vec<Project>,
    pub(crate) filter: Option<String>,
    pub(crate) bless: bool,
}

/// A project whose cases are run.
#[derive(Debug)]
pub(crate) struct Project {
    /// Its directory, without links: what its cases may reach into.
    pub(crate) root: PathBuf,
    /// As it was typed.
    pub(crate) told: PathBuf,
    pub(crate) component: PathBuf,
    /// Whether the component was named, and not found.
    pub(crate) named: bool,
    pub(crate) files: Vec<PathBuf>,
    /// Whether these are all of its files.
    pub(crate) whole: bool,
}

impl Test {
    pub(crate) fn resolve(typed: args::Test) -> Result<Self, Fault> {
        let args::Test {
            mut paths,
            component,
            filter,
            bless,
            output: _,
        } = typed;
        if paths.is_empty() {
            paths.push(".".into());
        }
        let mut projects: Vec<Project> = Vec::new();
        for path in paths {
            let found = find(&path, component.as_deref())?;
            match projects.iter_mut().find(|known| known.root == found.root) {
                // Its files are among all of them.
                Some(known) if known.whole => {}
                Some(known) if found.whole => *known = found,
                Some(known) => known.files.extend(found.files),
                None => projects.push(found),
            }
        }
        for project in &mut projects {
            project.files.sort();
            project.files.dedup();
        }
        if component.is_some() && projects.len() > 1 {
            return Err(
                Fault::usage("one component is named, and cases of several projects")
                    .hint("test them one by one, or leave `--component` out"),
            );
        }
        Ok(Self {
            projects,
            filter,
            bless,
        })
    }
}

/// The project that a path means.
fn find(path: &Path, component: Option<&Path>) -> Result<Project, Fault> {
    let shown = line(&path.to_string_lossy(), 256);
    let missing = |error| {
        Fault::usage(format!("there is no project or file of cases `{shown}`"))
            .hint("name the directory of a project; its cases are in `tests/*.toml`")
            .caused_by(error)
    };
    let real = path.canonicalize().map_err(missing)?;
    let (told, files, whole) = if real.is_dir() {
        (path.to_owned(), cases(&path.join("tests"))?, true)
    } else {
        let dir = path.parent().unwrap_or(Path::new(""));
        let in_tests = real.parent().and_then(Path::file_name) == Some("tests".as_ref());
        let told = if in_tests {
            dir.join("..")
        } else {
            dir.to_owned()
        };
        (told, vec![path.to_owned()], false)
    };
    let told = if told.as_os_str().is_empty() {
        PathBuf::from(".")
    } else {
        told
    };
    let root = told.canonicalize().map_err(missing)?;
    Ok(Project {
        component: match component {
            Some(component) => component.to_owned(),
            None => built(&told)?,
        },
        named: component.is_some(),
        root,
        told,
        files,
        whole,
    })
}

/// The files of cases in a directory; none if there is no such directory.
fn cases(dir: &Path) -> Result<Vec<PathBuf>, Fault> {
    if !dir.is_dir() {
        return Ok(Vec::new());
    }
    endings(dir, "toml")
}

/// The component that `engine build` left in a project.
fn built(project: &Path) -> Result<PathBuf, Fault> {
    let target = project.join("target");
    let shown = line(&target.to_string_lossy(), 256);
    let found = if target.is_dir() {
        endings(&target, "wasm")?
    } else {
        Vec::new()
    };
    match found.as_slice() {
        [only] => Ok(only.clone()),
        [] => Err(
            Fault::usage(format!("there is no component in `{shown}`")).hint(format!(
                "build it with `engine build {}`, or name one with `--component FILE`",
                line(&project.to_string_lossy(), 256)
            )),
        ),
        [one, other, ..] => Err(Fault::usage(format!(
            "there are several components in `{shown}`: `{}`, `{}`",
            name(one),
            name(other)
        ))
        .hint("name the one that is meant with `--component FILE`, or remove the others")),
    }
}

fn name(path: &Path) -> String {
    line(&path.file_name().unwrap_or_default().to_string_lossy(), 128)
}

/// The files of a directory whose names have this ending, by name.
#[expect(
    clippy::disallowed_methods,
    reason = "a directory of the project that the user named"
)]
fn endings(dir: &Path, ending: &str) -> Result<Vec<PathBuf>, Fault> {
    let unreadable = |error| {
        Fault::usage(format!(
            "cannot read the directory `{}`",
            line(&dir.to_string_lossy(), 256)
        ))
        .caused_by(error)
    };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension() == Some(ending.as_ref()) && path.is_file() {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
