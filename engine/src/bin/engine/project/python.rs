use std::path::Path;
use std::process::Command;

use engine::Fault;
use engine::data::line;
use guest_sdk_manifest::{Capability, Export};

use super::names::{pascal, snake};
use super::registry::Pinned;
use super::stamp::Tool;
use super::{Project, tool};

const COMPONENTIZE_PY: Pinned = Pinned {
    name: "componentize-py",
    version: "0.25.1",
    registry: "PyPI",
};

/// The file with the classes that the WIT's interfaces become.
const APP: &str = "src/app.py";

/// Builds with componentize-py, which puts an interpreter and the modules that are imported into the component.
pub(super) fn build(project: &Project, wit: &Capability) -> Result<(Vec<u8>, Tool), Fault> {
    if !project.dir().join(APP).is_file() {
        return Err(Fault::build(format!("there is no `{APP}` in the project"))
            .hint(format!("write the code into `{APP}`: {}", skeleton(wit))));
    }
    let place = COMPONENTIZE_PY.ensure(project, |place| install(project, place))?;
    let made = project.workshop()?.join("component.wasm");
    let mut command = Command::new(place.join("venv/bin/componentize-py"));
    command
        .current_dir(project.dir())
        .args(["--quiet", "--wit-path", "wit", "--world", wit.world()])
        .args(["componentize", "app", "--python-path", "src", "--output"])
        .arg(&made)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env_remove("RUST_BACKTRACE");
    // Packages come from the project's own environment or the one that is active, never from the machine's Python: what
    // is built would differ from one machine to the next.
    let own = project.dir().join(".venv");
    if own.is_dir() {
        command.env("VIRTUAL_ENV", own);
    } else if std::env::var_os("VIRTUAL_ENV").is_none() {
        command.env("VIRTUAL_ENV", place.join("venv"));
    }
    let working = project.working(&format!(
        "building with {} {}, which takes some 15 s",
        COMPONENTIZE_PY.name, COMPONENTIZE_PY.version
    ));
    let spoke = tool::run(&mut command, |_| ())?.ok_or_else(|| {
        Fault::missing_tool(
            "componentize-py is installed, and the Python that it was installed with is gone",
        )
        .hint(format!(
            "install it anew: `rm -r {}`, then `engine build`",
            place.display()
        ))
    })?;
    drop(working);
    if !spoke.success {
        return Err(failed(project, wit, &spoke.all()));
    }
    let component = engine::Source::file(&made)?.as_bytes().to_vec();
    project.clear(&made)?;
    let tool = Tool {
        name: COMPONENTIZE_PY.name,
        version: COMPONENTIZE_PY.version.to_owned(),
        language: Some("Python"),
        leftover: Some("exports"),
    };
    Ok((component, tool))
}

fn install(project: &Project, place: &Path) -> Result<(), Fault> {
    let version = tool::version(Command::new("python3").arg("--version"))?.ok_or_else(no_python)?;
    if !tool::at_least(&version, (3, 10)) {
        return Err(Fault::missing_tool(format!(
            "`python3` is Python {version}, and {} needs 3.10 or later",
            COMPONENTIZE_PY.name
        ))
        .hint("install a newer one, and put it first in `PATH`"));
    }
    let venv = place.join("venv");
    let mut make = Command::new("python3");
    // Isolated, and elsewhere: a project's own `venv.py` is not what is meant.
    make.args(["-I", "-m", "venv"])
        .arg(&venv)
        .current_dir(place);
    let made = tool::run(&mut make, |_| ())?.ok_or_else(no_python)?;
    if !made.success {
        project.show(&made.all());
        return Err(Fault::missing_tool("`python3 -m venv` does not work here")
            .hint("on Debian and Ubuntu: `apt-get install python3-venv`"));
    }
    let mut pip = Command::new(venv.join("bin/python"));
    pip.current_dir(place)
        .args([
            "-I",
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--only-binary",
            ":all:",
        ])
        .arg(format!(
            "{}=={}",
            COMPONENTIZE_PY.name, COMPONENTIZE_PY.version
        ));
    COMPONENTIZE_PY.step(project, &mut pip, no_python())
}

fn no_python() -> Fault {
    Fault::missing_tool("`python3` is not there, and a capability in Python is built with it")
        .hint("install Python 3.10 or later: `apt-get install python3 python3-venv`, or `brew install python`")
}

/// Tells what is wrong with the code: what the tool says without its own stack.
fn failed(project: &Project, wit: &Capability, said: &str) -> Fault {
    let said = said.split("\nStack backtrace:").next().unwrap_or(said);
    let said = said
        .split_once("AssertionError: ")
        .map_or(said, |(_, told)| told);
    // It has the project's directory `src` under this name.
    let said = said.replace("\"/0/", "\"src/");
    let (traceback, _) = said
        .split_once("\n\nCaused by:")
        .unwrap_or((said.as_str(), ""));
    let last = traceback.trim_end().lines().next_back().unwrap_or_default();
    if let Some(fault) = lacking(wit, last) {
        return fault;
    }
    project.show(traceback);
    let place = traceback.lines().rev().find_map(|line| {
        let (file, rest) = line
            .trim()
            .strip_prefix("File \"")?
            .split_once("\", line ")?;
        let number = rest.split(',').next()?;
        Some(format!("{file}:{number}: "))
    });
    let fault = Fault::build(format!(
        "the code cannot be loaded: {}{}",
        line(&place.unwrap_or_default(), 256),
        line(last, 600)
    ));
    match last.strip_prefix("ModuleNotFoundError: No module named ") {
        Some(module) => fault.hint(format!(
            "a package of pure Python is found in `.venv`: `python3 -m venv .venv`, then \
             `.venv/bin/pip install {}`",
            line(module.trim_matches('\''), 64)
        )),
        None => fault.hint("what Python says stands above"),
    }
}

/// A class or a method that the WIT promises and the code does not have.
fn lacking(wit: &Capability, last: &str) -> Option<Fault> {
    let of = |class: &str| {
        wit.exports()
            .iter()
            .filter(|export| pascal(&export.interface) == class)
            .collect::<Vec<_>>()
    };
    if let Some(class) = last
        .strip_prefix("AttributeError: module 'app' has no attribute '")
        .and_then(|rest| rest.split('\'').next())
    {
        let exports = of(class);
        let first = exports.first()?;
        let methods: Vec<String> = exports.iter().map(|export| method(export)).collect();
        return Some(
            Fault::build(format!(
                "{APP}: there is no class `{class}`, which the interface `{}` of the WIT becomes",
                first.interface
            ))
            .hint(format!(
                "write `from wit_world import exports`, and `class {class}(exports.{class}):` with {}",
                methods.join(", ")
            )),
        );
    }
    let (class, methods) = last
        .strip_prefix("TypeError: Can't instantiate abstract class ")?
        .split_once(" without an implementation for abstract method")?;
    let exports = of(class);
    let missing: Vec<&&Export> = exports
        .iter()
        .filter(|export| methods.contains(&format!("'{}'", snake(&export.function))))
        .collect();
    if missing.is_empty() {
        return None;
    }
    let names: Vec<String> = missing
        .iter()
        .map(|export| format!("`{}`", snake(&export.function)))
        .collect();
    let fault = Fault::build(format!(
        "{APP}: the class `{class}` lacks {}, which the WIT promises",
        names.join(", ")
    ));
    Some(missing.iter().fold(fault, |fault, export| {
        fault.hint(format!("write in it: {}", method(export)))
    }))
}

/// The first line of a method.
fn method(export: &Export) -> String {
    let parameters = export.parameters.iter().map(|name| snake(name));
    let parameters: Vec<String> = std::iter::once("self".to_owned())
        .chain(parameters)
        .collect();
    format!(
        "`def {}({}):`",
        snake(&export.function),
        parameters.join(", ")
    )
}

/// The lines that a project begins with.
fn skeleton(wit: &Capability) -> String {
    let Some(first) = wit.exports().first() else {
        return String::new();
    };
    let class = pascal(&first.interface);
    format!(
        "`from wit_world import exports`, and `class {class}(exports.{class}):` with {}",
        method(first)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn export() -> Export {
        Export {
            interface: "greeting".to_owned(),
            function: "say-bye".to_owned(),
            parameters: vec!["first-name".to_owned()],
        }
    }

    #[test]
    fn a_method_is_named_as_python_has_it() {
        assert_eq!(method(&export()), "`def say_bye(self, first_name):`");
    }
}
