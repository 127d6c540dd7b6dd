//! The manifest of a capability, made out of its WIT.
//!
//! What a component does and needs is written where its types are: in the documentation of the WIT. Lines that begin with
//! `@` are for the engine, everything before them is the description for people.
//!
//! | tag | on | means |
//! | --- | --- | --- |
//! | `@pure` | function | equal arguments give equal results, and nothing else happens |
//! | `@effects read write` | function | what it may do beyond returning a value: `none`, or some of `read`, `write`, `network`, `destructive`, `spend` |
//! | `@idempotent` | function | to do it twice is to do it once |
//! | `@capability text.search.v1` | function | the name to configure it under; left out: package, function, and the package's major version |
//! | `@example {"text": "a"} -> 1` | function | a call that works, and what comes back where that is always the same |
//! | `@name text`, `@version 1.0.0` | world | left out: those of the package |
//! | `@asks files ro` | world | the authority it needs at most: `files ro`, `files rw`, `env NAME`, `action NAME` |
//! | `@asks memory 64MiB` | world | the limits that are enough for it: `fuel`, `memory`, `timeout`, `output` |
//!
//! Every function says what it does: one of `@pure` and `@effects`. A word that is not known is an error.
//!
//! # Example
//!
//! ```
//! # let dir = tempfile::tempdir()?;
//! std::fs::write(dir.path().join("hello.wit"), r#"
//! package demo:hello@1.0.0;
//!
//! interface greeting {
//!     /// Greets somebody.
//!     ///
//!     /// @pure
//!     /// @example {"name": "Ada"} -> "Hello, Ada!"
//!     greet: func(name: string) -> string;
//! }
//!
//! /// Greets people.
//! world hello {
//!     export greeting;
//! }
//! "#)?;
//! let capability = guest_sdk_manifest::Capability::read(dir.path(), None)?;
//! assert_eq!(capability.name(), "hello");
//! assert!(capability.manifest().contains(r#""pure":true"#));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod problem;
mod tags;

use std::path::Path;

use serde_json::{Map, Value, json};
use wit_parser::{Function, FunctionKind, PackageId, Resolve, WorldId, WorldItem, WorldKey};

pub use problem::Problem;
use tags::{Told, about_function, about_world};

/// What the WIT of a capability says.
#[derive(Clone, Debug)]
pub struct Capability {
    name: String,
    world: String,
    functions: Vec<String>,
    exports: Vec<Export>,
    manifest: String,
}

/// A function that a capability has to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Export {
    /// The interface, without its package, such as `greeting`.
    pub interface: String,
    /// The function, as the WIT has it.
    pub function: String,
    /// The names of its parameters, as the WIT has them.
    pub parameters: Vec<String>,
}

impl Capability {
    /// Reads the WIT package in a directory, with its `deps`; `world` may be left out where the package has one alone.
    ///
    /// # Errors
    ///
    /// What is wrong, where, and what to write instead: WIT that cannot be read, a function at world level, a function that
    /// does not say what it does, and tags that are not known or make no sense.
    pub fn read(dir: &Path, world: Option<&str>) -> Result<Self, Problem> {
        let mut resolve = Resolve::default();
        let (package, _) = resolve
            .push_dir(dir)
            .map_err(|error| Problem::wit(&error, &resolve))?;
        let world = resolve
            .select_world(&[package], world)
            .map_err(|error| Problem::wit(&error, &resolve))?;
        of_world(&resolve, package, world)
    }

    /// The component's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The whole name of its world, such as `demo:hello/hello@1.0.0`.
    #[must_use]
    pub fn world(&self) -> &str {
        &self.world
    }

    /// The functions that it exports, by the names that its manifest has for them.
    #[must_use]
    pub fn functions(&self) -> &[String] {
        &self.functions
    }

    /// What its code has to have, in the order of the WIT.
    #[must_use]
    pub fn exports(&self) -> &[Export] {
        &self.exports
    }

    /// The manifest, as the component's section `engine:manifest` holds it.
    #[must_use]
    pub fn manifest(&self) -> &str {
        &self.manifest
    }
}

fn of_world(resolve: &Resolve, package: PackageId, world: WorldId) -> Result<Capability, Problem> {
    let world = resolve
        .worlds
        .get(world)
        .ok_or_else(|| Problem::new("there is no such world"))?;
    let own = resolve
        .packages
        .get(package)
        .map(|package| package.name.clone());
    let own = own.ok_or_else(|| Problem::new("there is no such package"))?;
    let version = own.version.as_ref().map(ToString::to_string);
    let told = about_world(&world.docs)
        .map_err(|problem| problem.of(&world.name).at(world.span, resolve))?;
    let name = told.name.unwrap_or(own.name);
    let version = told.version.or(version).ok_or_else(|| {
        Problem::new("the package has no version")
            .hint(format!("write `package {}:{name}@0.1.0;`", own.namespace))
    })?;

    let exported = exported(resolve, &world.exports)?;
    let mut functions = Map::new();
    for (interface, function) in &exported {
        let short = !exported
            .iter()
            .any(|(other, same)| other != interface && same.name == function.name);
        let key = match (short, interface) {
            (true, _) | (false, None) => function.name.clone(),
            (false, Some(interface)) => format!("{interface}#{}", function.name),
        };
        let told = about_function(&function.docs)
            .map_err(|problem| problem.of(&key).at(function.span, resolve))?;
        let Told { capability, .. } = &told;
        let capability = capability
            .clone()
            .unwrap_or_else(|| format!("{name}.{}.v{}", function.name, major(&version)));
        functions.insert(key, told.json(&capability));
    }
    let mut manifest = json!({
        "manifest": 1,
        "name": name,
        "version": version,
        "description": told.description,
        "functions": functions,
    });
    if !told.asks.is_empty()
        && let Value::Object(fields) = &mut manifest
    {
        fields.insert("asks".to_owned(), Value::Object(told.asks));
    }
    Ok(Capability {
        name,
        world: resolve.id_of_name(package, &world.name),
        functions: functions.keys().cloned().collect(),
        exports: exported.iter().map(Export::of).collect(),
        manifest: manifest.to_string(),
    })
}

impl Export {
    fn of((interface, function): &(Option<String>, &Function)) -> Self {
        let interface = interface.as_deref().unwrap_or_default();
        let interface = interface.split('@').next().unwrap_or_default();
        let interface = interface.rsplit('/').next().unwrap_or_default();
        Self {
            interface: interface.to_owned(),
            function: function.name.clone(),
            parameters: function
                .params
                .iter()
                .map(|parameter| parameter.name.clone())
                .collect(),
        }
    }
}

/// A name's version starts at one.
fn major(version: &str) -> u64 {
    let first = version
        .split('.')
        .next()
        .and_then(|first| first.parse().ok());
    first.unwrap_or(1).max(1)
}

/// The functions of exported interfaces, with the interface's name where it has one.
fn exported<'a>(
    resolve: &'a Resolve,
    exports: impl IntoIterator<Item = (&'a WorldKey, &'a WorldItem)>,
) -> Result<Vec<(Option<String>, &'a Function)>, Problem> {
    let mut found = Vec::new();
    for (key, item) in exports {
        let interface = match item {
            WorldItem::Interface { id, .. } => *id,
            WorldItem::Function(function) => {
                let problem = Problem::new("it is exported at world level").hint(
                    "put it into an interface and export that: at world level a name such as `read` \
                     takes the place of the C library's own function",
                );
                return Err(problem.of(&function.name).at(function.span, resolve));
            }
            WorldItem::Type { .. } => continue,
        };
        let name = resolve.name_world_key(key);
        // What a command exports is run and not called.
        if name.starts_with("wasi:") {
            continue;
        }
        let Some(interface) = resolve.interfaces.get(interface) else {
            continue;
        };
        let free = interface.functions.values().filter(|function| {
            matches!(
                function.kind,
                FunctionKind::Freestanding | FunctionKind::AsyncFreestanding
            )
        });
        found.extend(free.map(|function| (Some(name.clone()), function)));
    }
    if found.is_empty() {
        return Err(Problem::new("the world exports no function")
            .hint("a capability is what it exports: `export` an interface with a function in it"));
    }
    Ok(found)
}

#[cfg(test)]
mod tests;
