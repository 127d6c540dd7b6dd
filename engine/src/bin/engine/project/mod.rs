//! Projects of capabilities: how they are made, and how they are built.

mod javascript;
mod names;
mod python;
mod registry;
mod rust;
mod scaffold;
mod sdk;
mod stamp;
mod tool;

use std::path::{Path, PathBuf};

use engine::Fault;
use engine::data::{block, line};
use guest_sdk_manifest::{Capability, Problem};

pub(crate) use names::Name;
pub(crate) use scaffold::{Scaffold, make};
pub(crate) use stamp::Tool;

use crate::args::Lang;
use crate::render::{Printer, Working};

/// The file that says in which language a project is.
const MARKS: [(&str, Lang); 3] = [
    ("Cargo.toml", Lang::Rust),
    ("pyproject.toml", Lang::Python),
    ("package.json", Lang::Js),
];

/// A project that is to be built, and how.
#[derive(Debug)]
pub(crate) struct Project {
    /// Its directory, without links.
    dir: PathBuf,
    lang: Lang,
    /// What the WIT in its directory says; a project in Rust may have it elsewhere.
    wit: Option<Capability>,
    /// Where tools are kept that come from registries.
    tools: Option<PathBuf>,
    offline: bool,
    printer: Printer,
}

/// How a project is to be built.
#[derive(Debug)]
pub(crate) struct Wish<'a> {
    pub(crate) dir: &'a Path,
    pub(crate) lang: Option<Lang>,
    pub(crate) world: Option<&'a str>,
    pub(crate) home: Option<PathBuf>,
    pub(crate) offline: bool,
}

/// A component that was built, with its manifest inside.
#[derive(Debug)]
pub(crate) struct Made {
    pub(crate) component: Vec<u8>,
    pub(crate) tool: Tool,
}

impl Project {
    /// Finds out what a project is, and reads its WIT.
    ///
    /// # Errors
    ///
    /// A fault with the code `E-BUILD` if there is no project, or its WIT is wrong.
    pub(crate) fn open(wish: Wish<'_>, printer: Printer) -> Result<Self, Fault> {
        let Wish {
            dir: typed,
            lang,
            world,
            home,
            offline,
        } = wish;
        let dir = typed.canonicalize().map_err(|error| {
            Fault::build(format!("there is no directory `{}`", shown(typed)))
                .hint("name the directory of a project, or make one with `engine new NAME`")
                .caused_by(error)
        })?;
        let lang = match lang {
            Some(lang) => lang,
            None => language(&dir, typed)?,
        };
        let wit = dir.join("wit");
        let wit = match (wit.is_dir(), lang) {
            (true, _) => Some(Capability::read(&wit, world).map_err(|problem| {
                excerpt(&problem, &printer);
                broken(&problem, &dir)
            })?),
            // The macro may read it anywhere.
            (false, Lang::Rust) => None,
            (false, Lang::Python | Lang::Js) => {
                return Err(Fault::build(format!(
                    "the project in `{}` has no directory `wit`",
                    shown(typed)
                ))
                .hint("write its functions into `wit/NAME.wit`; `engine new NAME` makes a project that shows how"));
            }
        };
        Ok(Self {
            dir,
            lang,
            wit,
            tools: home.map(|home| home.join("tools")),
            offline,
            printer,
        })
    }

    fn dir(&self) -> &Path {
        &self.dir
    }

    /// The component's name, or where no WIT tells it, the directory's.
    pub(crate) fn name(&self) -> String {
        match &self.wit {
            Some(wit) => wit.name().to_owned(),
            None => engine::Source::name_of(&self.dir),
        }
    }

    pub(crate) fn lang(&self) -> Lang {
        self.lang
    }

    /// Builds the component.
    ///
    /// # Errors
    ///
    /// A fault with the code `E-MISSING-TOOL` or `E-BUILD`; what a tool says about a mistake is shown before.
    pub(crate) fn build(&self) -> Result<Made, Fault> {
        let (component, tool) = match (self.lang, &self.wit) {
            (Lang::Rust, _) => rust::build(self)?,
            (Lang::Python, Some(wit)) => python::build(self, wit)?,
            (Lang::Js, Some(wit)) => javascript::build(self, wit)?,
            (Lang::Python | Lang::Js, None) => return Err(Fault::system("reading the WIT")),
        };
        // The macro of the SDK puts it in for Rust.
        let manifest = match self.lang {
            Lang::Rust => None,
            Lang::Python | Lang::Js => self.wit.as_ref().map(Capability::manifest),
        };
        let component = stamp::stamp(&component, manifest, &tool)?;
        Ok(Made { component, tool })
    }

    /// Tells that something begins that takes time.
    fn working(&self, what: &str) -> Working {
        Working::start(self.printer, what)
    }

    /// Shows what a tool says, as it is.
    fn show(&self, said: &str) {
        if !said.trim().is_empty() {
            self.printer.note(&format!("{}\n", block(said.trim_end())));
        }
    }

    /// A directory for what is made on the way, in the project's `target`.
    #[expect(
        clippy::disallowed_methods,
        reason = "the project's own directory for what is built"
    )]
    fn workshop(&self) -> Result<PathBuf, Fault> {
        let dir = self.dir.join("target/engine-build");
        std::fs::create_dir_all(&dir).map_err(|error| {
            Fault::build("cannot make the directory `target/engine-build` in the project")
                .caused_by(error)
        })?;
        Ok(dir)
    }

    /// Removes what was made on the way.
    #[expect(
        clippy::disallowed_methods,
        reason = "the project's own directory for what is built"
    )]
    fn clear(&self, file: &Path) -> Result<(), Fault> {
        std::fs::remove_file(file).map_err(|error| {
            Fault::build(format!("cannot remove `{}`", shown(file))).caused_by(error)
        })
    }
}

/// The language that the files of a project tell.
fn language(dir: &Path, typed: &Path) -> Result<Lang, Fault> {
    let found: Vec<(&str, Lang)> = MARKS
        .into_iter()
        .filter(|(file, _)| dir.join(file).is_file())
        .collect();
    match found.as_slice() {
        [(_, lang)] => Ok(*lang),
        [] => Err(Fault::build(format!(
            "there is no project in `{}`: no `Cargo.toml`, no `pyproject.toml`, no `package.json`",
            shown(typed)
        ))
        .hint("name its directory, or make one with `engine new NAME`")),
        several => {
            let files: Vec<String> = several
                .iter()
                .map(|(file, _)| format!("`{file}`"))
                .collect();
            Err(Fault::build(format!(
                "the project in `{}` has files of several languages: {}",
                shown(typed),
                files.join(", ")
            ))
            .hint(
                "say which one the capability is in: `--lang rust`, `--lang python` or `--lang js`",
            ))
        }
    }
}

/// Shows the lines that a reader of WIT points at.
fn excerpt(problem: &Problem, printer: &Printer) {
    if let Some((_, excerpt)) = problem.message().split_once('\n') {
        printer.note(&format!("{}\n", block(excerpt)));
    }
}

/// A mistake in WIT, with its place.
fn broken(problem: &Problem, dir: &Path) -> Fault {
    let message = problem.message();
    // The place is told before it, and the lines after it were shown.
    let first = message.lines().next().unwrap_or_default();
    let within = format!("{}/", dir.to_string_lossy());
    let mut text = first.replace(&within, "");
    if !problem.place().is_empty() {
        text = format!("`{}`: {text}", problem.place());
    }
    if let Some(location) = problem.location() {
        text = format!("{}: {text}", location.replace(&within, ""));
    }
    let fault = Fault::build(line(&text, 1000));
    match problem.what_to_do() {
        "" => fault,
        hint => fault.hint(hint),
    }
}

fn shown(path: &Path) -> String {
    line(&path.to_string_lossy(), 256)
}
