use std::path::Path;
use std::process::Command;

use engine::Fault;
use engine::data::line;
use guest_sdk_manifest::{Capability, Export};
use serde_json::{Value, json};

use super::names::camel;
use super::registry::Pinned;
use super::stamp::Tool;
use super::{Project, shown, tool};
use crate::config;

const COMPONENTIZE_QJS: Pinned = Pinned {
    name: "componentize-qjs",
    version: "0.4.5",
    registry: "npm",
};

/// What a browser or Node.js has, and the language does not.
const NOT_THERE: [&str; 9] = [
    "console",
    "fetch",
    "process",
    "require",
    "setTimeout",
    "setInterval",
    "Buffer",
    "module",
    "window",
];

/// What the entry says when a function is missing, before a list in JSON.
const LACKING: &str = "engine-build: lacking ";

/// Builds with componentize-qjs, which puts QuickJS and the modules that are imported into the component.
pub(super) fn build(project: &Project, wit: &Capability) -> Result<(Vec<u8>, Tool), Fault> {
    let main = main(project)?;
    let node = node()?;
    let place = COMPONENTIZE_QJS.ensure(project, |place| install(project, place))?;
    let workshop = project.workshop()?;
    let entry = workshop.join("entry.js");
    config::replace(&entry, &self::entry(wit, &main), 0o644)?;
    let made = workshop.join("component.wasm");
    let mut command = Command::new("node");
    command
        .current_dir(project.dir())
        .arg(place.join("node_modules/componentize-qjs/bin/componentize-qjs"))
        // Its other mode makes components that are asynchronous, which the engine does not run.
        .args([
            "--sync",
            "--wit",
            "wit",
            "--world",
            wit.world(),
            "--module-root",
            ".",
            "--js",
        ])
        .arg(&entry)
        .arg("--output")
        .arg(&made);
    let working = project.working(&format!(
        "building with {} {} on Node.js {node}",
        COMPONENTIZE_QJS.name, COMPONENTIZE_QJS.version
    ));
    let spoke = tool::run(&mut command, |_| ())?.ok_or_else(no_node)?;
    drop(working);
    if !spoke.success {
        return Err(failed(project, wit, &main, &spoke.err));
    }
    let component = engine::Source::file(&made)?.as_bytes().to_vec();
    project.clear(&made)?;
    let tool = Tool {
        name: COMPONENTIZE_QJS.name,
        version: COMPONENTIZE_QJS.version.to_owned(),
        language: Some("JavaScript"),
        leftover: Some("init"),
    };
    Ok((component, tool))
}

/// The module that `package.json` names, by its path in the project.
fn main(project: &Project) -> Result<String, Fault> {
    let package = project.dir().join("package.json");
    let text = config::read_text(&package, "the project's")?;
    let package: Value = serde_json::from_str(&text).map_err(|error| {
        Fault::build(format!(
            "`package.json` is not JSON: {}",
            line(&error.to_string(), 300)
        ))
    })?;
    let Some(main) = package.get("main").and_then(Value::as_str) else {
        return Err(
            Fault::build("`package.json` does not name the module with the code")
                .hint("write `\"main\": \"src/index.js\"` into it"),
        );
    };
    let main = main.trim_start_matches("./");
    let path = project.dir().join(main);
    let inside = path
        .canonicalize()
        .is_ok_and(|path| path.starts_with(project.dir()) && path.is_file());
    if !inside {
        return Err(Fault::build(format!(
            "`package.json` names `{}`, and there is no such file in the project",
            line(main, 256)
        ))
        .hint("correct `main`, or write the code there"));
    }
    Ok(main.to_owned())
}

fn node() -> Result<String, Fault> {
    let version = tool::version(Command::new("node").arg("--version"))?.ok_or_else(no_node)?;
    if tool::at_least(&version, (18, 0)) {
        return Ok(version);
    }
    Err(Fault::missing_tool(format!(
        "`node` is Node.js {version}, and {} needs 18 or later",
        COMPONENTIZE_QJS.name
    ))
    .hint("install a newer one, and put it first in `PATH`"))
}

fn no_node() -> Fault {
    Fault::missing_tool("`node` is not there, and a capability in JavaScript is built with it")
        .hint("install Node.js 18 or later: `apt-get install nodejs npm`, or `brew install node`")
}

fn install(project: &Project, place: &Path) -> Result<(), Fault> {
    let mut npm = Command::new("npm");
    npm.args([
        "install",
        "--no-save",
        "--no-audit",
        "--no-fund",
        "--ignore-scripts",
        "--loglevel",
        "error",
        "--prefix",
    ])
    .arg(place)
    .arg(format!(
        "{}@{}",
        COMPONENTIZE_QJS.name, COMPONENTIZE_QJS.version
    ));
    let missing = Fault::missing_tool(format!(
        "`npm` is not there, and {} is installed with it",
        COMPONENTIZE_QJS.name
    ))
    .hint("install it: `apt-get install npm`; other builds of Node.js have it inside");
    COMPONENTIZE_QJS.step(project, &mut npm, missing)
}

/// A module that hands on what the project exports, after a look whether it is all there: the tool itself leaves
/// what is missing to the first call.
fn entry(wit: &Capability, main: &str) -> String {
    let wanted: Vec<Value> = wit
        .exports()
        .iter()
        .map(|export| json!([camel(&export.interface), camel(&export.function)]))
        .collect();
    let from = json!(format!("../../{main}"));
    format!(
        "import * as made from {from};\n\
         export * from {from};\n\
         const wanted = {wanted};\n\
         const lacking = wanted.filter(([owner, name]) => typeof made[owner]?.[name] !== \"function\");\n\
         if (lacking.length > 0) throw new Error({LACKING:?} + JSON.stringify(lacking) + \";\");\n",
        wanted = Value::Array(wanted),
    )
}

/// Tells what is wrong with the code.
fn failed(project: &Project, wit: &Capability, main: &str, said: &str) -> Fault {
    // What it says ends with the error of the innermost cause, and where it was.
    let told = said.trim().rsplit(": Error: ").next().unwrap_or_default();
    let (what, trace) = told.split_once('\n').unwrap_or((told, ""));
    if let Some(lacking) = what
        .strip_prefix(LACKING)
        .and_then(|list| list.split(';').next())
    {
        return self::lacking(wit, main, lacking);
    }
    if let Some((module, from)) = unresolved(what) {
        let fault = Fault::build(format!("{from}: it imports `{module}`, which is not there"));
        return fault.hint(if module.starts_with('.') {
            "name the file with its ending, from where the one is that imports it".to_owned()
        } else {
            format!("install the package into the project: `npm install {module}`")
        });
    }
    let place = trace.lines().map(str::trim).find_map(|line| {
        let at = line.strip_prefix("at ")?;
        let at = at.split_once('(').map_or(at, |(_, at)| at);
        at.trim_end_matches(')').strip_prefix('/')
    });
    let what = line(what, 600);
    let Some(place) = place else {
        project.show(said);
        return Fault::build(format!("the code cannot be loaded: {what}"))
            .hint("what componentize-qjs says stands above");
    };
    if trace.trim().lines().count() > 1 {
        project.show(told);
    }
    let place = line(place, 256);
    let fault = Fault::build(format!("the code cannot be loaded: {place}: {what}"));
    match advice(&what) {
        Some(advice) => fault.hint(advice),
        None => fault,
    }
}

/// A module that was not found, and the one that imports it.
fn unresolved(what: &str) -> Option<(String, String)> {
    let (module, from) = what
        .strip_prefix("Error resolving module '")?
        .split_once("' from '/")?;
    let (from, _) = from.split_once('\'')?;
    Some((line(module, 128), line(from, 256)))
}

/// What to do about a name that a browser or Node.js has, and the language has not.
fn advice(what: &str) -> Option<String> {
    let name = what.strip_suffix(" is not defined")?;
    NOT_THERE.contains(&name).then(|| {
        format!(
            "a capability has the language and no more: there is no `{name}`; for messages, add `import \
             engine:host/log@0.1.0;` to the world and use `import log from \"engine:host/log@0.1.0\"`"
        )
    })
}

/// Functions that the WIT promises and the module does not export.
fn lacking(wit: &Capability, main: &str, list: &str) -> Fault {
    let list: Vec<(String, String)> = serde_json::from_str(list).unwrap_or_default();
    let missing: Vec<&Export> = wit
        .exports()
        .iter()
        .filter(|export| list.contains(&(camel(&export.interface), camel(&export.function))))
        .collect();
    let names: Vec<String> = missing
        .iter()
        .map(|export| format!("`{}.{}`", camel(&export.interface), camel(&export.function)))
        .collect();
    let fault = Fault::build(format!(
        "{}: the module lacks {}, which the WIT promises",
        shown(Path::new(main)),
        names.join(", ")
    ));
    missing.iter().fold(fault, |fault, export| {
        let parameters: Vec<String> = export.parameters.iter().map(|name| camel(name)).collect();
        fault.hint(format!(
            "write in `export const {} = {{ … }}`: `{}({}) {{ … }}`",
            camel(&export.interface),
            camel(&export.function),
            parameters.join(", ")
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_is_told_with_what_to_do() {
        assert!(
            advice("console is not defined")
                .unwrap()
                .contains("engine:host/log")
        );
        assert_eq!(advice("x is not defined"), None);
        let what = "Error resolving module 'a' from '/b.js': filesystem module not found: failed to resolve it";
        assert_eq!(unresolved(what), Some(("a".to_owned(), "b.js".to_owned())));
    }
}
