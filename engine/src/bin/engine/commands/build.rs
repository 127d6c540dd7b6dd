use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use engine::data::line;
use engine::{Compiled, Fault, Source};

use super::{finish, load};
use crate::args::{self, Output};
use crate::project::{Made, Project, Wish};
use crate::render::{self, Printer};
use crate::settings;

/// `engine build`.
pub(super) fn run(typed: args::Build, global: &args::Global, printer: &Printer) -> ExitCode {
    let json = typed.output == Output::Json;
    finish(built(typed, global, printer), json, printer)
}

fn built(typed: args::Build, global: &args::Global, printer: &Printer) -> Result<(), Fault> {
    let args::Build {
        dir,
        out,
        lang,
        world,
        offline,
        output,
    } = typed;
    let wish = Wish {
        dir: &dir,
        lang,
        world: world.as_deref(),
        home: settings::home(global),
        offline,
    };
    let project = Project::open(wish, *printer)?;
    let place = default_place(&dir);
    let named = out.is_some();
    let out = out.unwrap_or_else(|| place.join(format!("{}.wasm", project.name())));
    let Made { component, tool } = project.build()?;

    // Nothing is left behind that the engine does not take.
    let source = Source::bytes(&Source::name_of(&out), component)?;
    let compiled = load::engine(global)?.build()?.load_blocking(&source)?;
    check(&compiled)?;
    if !named {
        make(&place)?;
    }
    write(&out, source.as_bytes())?;

    let shape = compiled.describe();
    let file = line(&out.to_string_lossy(), 1000);
    match output {
        Output::Json => printer.data(
            &render::built_json(
                &file,
                project.lang().as_str(),
                (tool.name, &tool.version),
                shape,
            )
            .to_string(),
        ),
        Output::Text => {
            printer.data(&render::built_text(&file, shape))?;
            if let Some(example) = render::built_example(&file, shape) {
                printer.note(&format!("try: {example}\n"));
            }
            Ok(())
        }
    }
}

/// Where components go: one place for all languages.
fn default_place(dir: &Path) -> PathBuf {
    if dir == Path::new(".") {
        "target".into()
    } else {
        dir.join("target")
    }
}

/// Makes a directory, unless it is there.
#[expect(
    clippy::disallowed_methods,
    reason = "a directory of the user's own project"
)]
fn make(place: &Path) -> Result<(), Fault> {
    std::fs::create_dir_all(place).map_err(|error| {
        let place = line(&place.to_string_lossy(), 256);
        Fault::usage(format!("cannot make `{place}`"))
            .hint("name another place with `-o FILE`")
            .caused_by(error)
    })
}

/// Looks whether everything that a component exports is in its manifest.
fn check(compiled: &Compiled) -> Result<(), Fault> {
    let shape = compiled.describe();
    if shape.manifest().is_none() {
        return Err(Fault::build("the component has no manifest")
            .hint("use the SDK's macro, which puts it in: `guest_sdk::capability!(Type);`"));
    }
    let unknown = shape
        .functions()
        .iter()
        .enumerate()
        .find(|(position, _)| shape.about(*position).is_none());
    match unknown {
        None => Ok(()),
        Some((_, function)) => Err(Fault::build(format!(
            "the component exports `{}`, which its manifest does not have",
            line(&function.full_name(), 300)
        ))
        .hint("build it from the WIT that it was written for")),
    }
}

/// Puts a file in its place in one piece. A link to a file is followed; what is there and is no file stays as it is.
#[expect(
    clippy::disallowed_methods,
    reason = "the file that the user asked for"
)]
pub(super) fn write(out: &Path, content: &[u8]) -> Result<(), Fault> {
    let refused = |why: &str| {
        let out = line(&out.to_string_lossy(), 256);
        Fault::usage(format!("cannot write `{out}`{why}")).hint("name another place with `-o FILE`")
    };
    let failed = |error: std::io::Error| refused("").caused_by(error);
    let place = match std::fs::metadata(out) {
        Ok(about) if !about.is_file() => return Err(refused(": it is there, and is no file")),
        Ok(_) => std::fs::canonicalize(out).map_err(failed)?,
        Err(error) if error.kind() == ErrorKind::NotFound => out.to_owned(),
        Err(error) => return Err(failed(error)),
    };
    let beside = place.with_extension(format!("new.{}", std::process::id()));
    let mut file = std::fs::File::create_new(&beside).map_err(failed)?;
    let written = file
        .write_all(content)
        .and_then(|()| std::fs::rename(&beside, &place));
    written.map_err(|error| {
        // What is half written is of no use.
        std::fs::remove_file(&beside).ok();
        failed(error)
    })
}
