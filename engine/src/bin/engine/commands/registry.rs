//! `engine add`, `engine lock`, `engine diff`: which components have which names, and what they were when
//! somebody agreed to them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::process::ExitCode;

use engine::data::{Shape, ShapeChange, is_capability, line};
use engine::{Descriptor, Fault};
use serde_json::json;

use super::{finish, load};
use crate::args::{self, Add, Diff, LockCommand, Output};
use crate::config::{self, Settled};
use crate::render::Printer;

/// `engine add`.
pub(super) fn add(typed: Add, global: &args::Global, printer: &Printer) -> ExitCode {
    finish(added(typed, global, printer), false, printer)
}

/// `engine lock`.
pub(super) fn lock(typed: LockCommand, global: &args::Global, printer: &Printer) -> ExitCode {
    finish(locked(typed, global, printer), false, printer)
}

/// `engine diff`.
pub(super) fn diff(typed: Diff, global: &args::Global, printer: &Printer) -> ExitCode {
    let json = typed.output == Output::Json;
    finish(different(typed, global, printer), json, printer)
}

fn added(typed: Add, global: &args::Global, printer: &Printer) -> Result<(), Fault> {
    let Add {
        component,
        name,
        function,
        config,
    } = typed;
    let place = config::place(config.as_deref(), global).ok_or_else(|| {
        Fault::usage("there is no home, and so no configuration in it")
            .hint("name one with `--config FILE`")
    })?;
    let settled = if place.exists() {
        config::load(Some(&place), global)?
    } else {
        Settled {
            file: Some(place.clone()),
            ..Settled::default()
        }
    };
    let compiled = load::compiled(&component, settled.minisign_key.as_deref(), global)?;
    let shape = compiled.describe();
    let names = match (name, function) {
        (Some(name), Some(function)) => {
            let position = shape.find(&function)?;
            BTreeMap::from([(name, position)])
        }
        _ => proposed(shape)?,
    };
    let written = beside(&component, &place);
    for name in names.keys() {
        if !is_capability(name) {
            return Err(
                Fault::config(format!("`{}` is not a capability's name", line(name, 128)))
                    .hint("a name is lower-case words with a version, such as `fs.read.v1`"),
            );
        }
        // A name is never taken over by another component.
        if let Some(entry) = settled.capabilities.get(name) {
            return Err(Fault::config(format!(
                "the name `{name}` is taken by `{}`",
                line(&entry.written, 256)
            ))
            .hint("give another one with `--name` and `--function`, or remove the entry first"));
        }
    }
    let mut text = if place.exists() {
        config::read_text(&place, "the configuration")?
    } else {
        String::new()
    };
    for (name, position) in &names {
        let Some(function) = shape.functions().get(*position) else {
            continue;
        };
        let entry = toml::Table::from_iter([
            ("component".to_owned(), written.clone().into()),
            ("function".to_owned(), function.full_name().into()),
        ]);
        text.push_str(&format!("\n[capabilities.{name:?}]\n{entry}"));
    }
    // What is written has to be read again, whatever was there before.
    toml::from_str::<toml::Table>(&text).map_err(|error| {
        Fault::config(format!(
            "cannot add to `{}`: {}",
            line(&place.to_string_lossy(), 256),
            line(error.message(), 400)
        ))
        .hint("write the entries by hand")
    })?;
    let mut lock = settled.lock()?;
    let now = Shape::of(shape);
    if lock
        .get(&written)
        .is_some_and(|locked| locked.shape.digest != now.digest)
    {
        return Err(Fault::config(format!(
            "`{}` is locked, and has changed since",
            line(&written, 256)
        ))
        .hint("look at the change and take it with `engine lock` first"));
    }
    if let Some(home) = place.parent().filter(|home| !home.as_os_str().is_empty()) {
        crate::desk::make_home(home)?;
    }
    lock.set(written, now);
    lock.save()?;
    // A link stays a link.
    let target = place.canonicalize().unwrap_or_else(|_| place.clone());
    config::replace(&target, text.trim_start_matches('\n'), 0o600)?;
    for name in names.keys() {
        printer.data(name)?;
    }
    printer.note(&asked(shape));
    Ok(())
}

/// The names that a manifest proposes, with the positions of their functions.
fn proposed(shape: &Descriptor) -> Result<BTreeMap<String, usize>, Fault> {
    let mut names = BTreeMap::new();
    for position in 0..shape.functions().len() {
        let Some(name) = shape
            .about(position)
            .and_then(|about| about.capability.clone())
        else {
            continue;
        };
        if names.insert(name.clone(), position).is_some() {
            return Err(Fault::config(format!(
                "`{}` proposes the name `{name}` for two functions",
                shape.name()
            )));
        }
    }
    if names.is_empty() {
        return Err(Fault::config(format!(
            "`{}` has no manifest that proposes names for its functions",
            shape.name()
        ))
        .hint("name one yourself: `--name domain.verb.v1 --function FUNCTION`"));
    }
    Ok(names)
}

/// A component's file as the configuration writes it: relative where it is beside or below it.
fn beside(component: &Path, config: &Path) -> String {
    let absolute = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    let component = absolute(component);
    let base = config
        .parent()
        .filter(|base| !base.as_os_str().is_empty())
        .unwrap_or(Path::new("."));
    let base = absolute(base);
    component
        .strip_prefix(&base)
        .unwrap_or(&component)
        .to_string_lossy()
        .into_owned()
}

/// What a component asks for, in words.
fn asked(shape: &Descriptor) -> String {
    let Some(manifest) = shape.manifest() else {
        return format!(
            "{} has no manifest: clients and workflows may not call it\n",
            shape.name()
        );
    };
    let files = manifest
        .asks
        .files
        .map_or("no files".to_owned(), |rights| format!("files ({rights})"));
    let env: Vec<String> = manifest
        .asks
        .env
        .iter()
        .map(|name| format!("the variable {}", line(name, 100)))
        .collect();
    let mut all = vec![files];
    all.extend(env);
    format!(
        "{} {} asks for {}; grant it in the configuration\n",
        manifest.name,
        manifest.version,
        all.join(", ")
    )
}

fn locked(typed: LockCommand, global: &args::Global, printer: &Printer) -> Result<(), Fault> {
    let LockCommand { accept, config } = typed;
    let settled = config::load(config.as_deref(), global)?;
    let mut lock = settled.lock()?;
    let files: BTreeMap<&str, &Path> = settled
        .capabilities
        .values()
        .map(|entry| (entry.written.as_str(), entry.component.as_path()))
        .collect();
    if let Some(unknown) = accept
        .iter()
        .find(|name| !files.contains_key(name.as_str()))
    {
        return Err(Fault::usage(format!(
            "no component `{}` is configured",
            line(unknown, 256)
        ))
        .hint(format!(
            "configured are {}",
            files.keys().copied().collect::<Vec<_>>().join(", ")
        )));
    }
    let mut refused = Vec::new();
    for (written, file) in &files {
        let compiled = load::compiled(file, settled.minisign_key.as_deref(), global)?;
        check_functions(&settled, written, compiled.describe())?;
        let shape = Shape::of(compiled.describe());
        let changes = lock
            .get(written)
            .map(|old| old.shape.changes(&shape))
            .unwrap_or_default();
        if changes.is_empty() && lock.get(written).is_some() {
            continue;
        }
        printer.note(&format!("{written}\n{}", listed(&changes)));
        if changes.iter().any(|change| change.wider) && !accept.iter().any(|name| name == written) {
            refused.push(*written);
            continue;
        }
        lock.set((*written).to_owned(), shape);
    }
    lock.keep(|component| files.contains_key(component));
    lock.save()?;
    match refused.as_slice() {
        [] => Ok(()),
        [first, ..] => Err(Fault::widened(first)),
    }
}

/// Checks that the functions of configured capabilities are there.
fn check_functions(settled: &Settled, written: &str, shape: &Descriptor) -> Result<(), Fault> {
    let functions: BTreeSet<&str> = settled
        .capabilities
        .values()
        .filter(|entry| entry.written == written)
        .map(|entry| entry.function.as_str())
        .collect();
    functions
        .into_iter()
        .try_for_each(|function| shape.find(function).map(drop))
}

fn listed(changes: &[ShapeChange]) -> String {
    if changes.is_empty() {
        return "  new\n".to_owned();
    }
    changes
        .iter()
        .map(|change| {
            let mark = if change.wider { "!" } else { " " };
            format!("{mark} {}\n", line(&change.what, 600))
        })
        .collect()
}

fn different(typed: Diff, global: &args::Global, printer: &Printer) -> Result<(), Fault> {
    let Diff { old, new, output } = typed;
    let shape = |path: &Path| {
        load::compiled(path, None, global).map(|compiled| Shape::of(compiled.describe()))
    };
    let changes = shape(&old)?.changes(&shape(&new)?);
    let wider = changes.iter().any(|change| change.wider);
    match output {
        Output::Json => printer.data(&json!({ "wider": wider, "changes": changes }).to_string()),
        Output::Text if changes.is_empty() => printer.data("the same component"),
        Output::Text => {
            let note = if wider {
                "what is marked with `!` needs somebody's agreement"
            } else {
                "nothing asks for more than before"
            };
            printer.data(&format!("{}{note}", listed(&changes)))
        }
    }
}
