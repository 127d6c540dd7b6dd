use std::io::Write as _;
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
    let out = out.unwrap_or_else(|| default_place(&dir, &project));
    let Made { component, tool } = project.build()?;

    // Nothing is left behind that the engine does not take.
    let source = Source::bytes(&Source::name_of(&out), component)?;
    let compiled = load::engine(global)?.build()?.load_blocking(&source)?;
    check(&compiled)?;
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

/// Where the component goes: one place for all languages.
fn default_place(dir: &Path, project: &Project) -> PathBuf {
    let file = format!("target/{}.wasm", project.name());
    if dir == Path::new(".") {
        file.into()
    } else {
        dir.join(file)
    }
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

/// Puts a file in its place in one piece.
#[expect(
    clippy::disallowed_methods,
    reason = "the file that the user asked for"
)]
pub(super) fn write(out: &Path, content: &[u8]) -> Result<(), Fault> {
    let dir = out
        .parent()
        .filter(|dir| !dir.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let beside = out.with_extension(format!("new.{}", std::process::id()));
    let written = std::fs::create_dir_all(dir)
        .and_then(|()| std::fs::File::create_new(&beside))
        .and_then(|mut file| file.write_all(content))
        .and_then(|()| std::fs::rename(&beside, out));
    written.map_err(|error| {
        // What is half written is of no use, and if nothing was, there is nothing to remove.
        std::fs::remove_file(&beside).ok();
        Fault::usage(format!(
            "cannot write `{}`",
            line(&out.to_string_lossy(), 256)
        ))
        .hint("name another place with `-o FILE`")
        .caused_by(error)
    })
}
