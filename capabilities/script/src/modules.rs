//! The modules that a script may require, and how a request finds one.

use std::collections::BTreeMap;

use serde_json::Value;

/// The most bytes of a module's name.
const MOST_NAME: usize = 1024;
/// What is tried after a path that names no module.
const ENDINGS: [&str; 3] = [".js", ".cjs", ".json"];

/// The given modules, by their paths without `.` and `..`.
#[derive(Debug, Default)]
pub(crate) struct Library(BTreeMap<String, String>);

impl Library {
    /// # Errors
    ///
    /// What is wrong with a name: it is no path, too long, or there twice.
    pub(crate) fn new(modules: impl Iterator<Item = (String, String)>) -> Result<Self, String> {
        let mut library = BTreeMap::new();
        for (name, source) in modules {
            if name.len() > MOST_NAME {
                return Err(format!(
                    "the name of a module has {} bytes, over the limit of {MOST_NAME}",
                    name.len()
                ));
            }
            let path = joined("", &name)
                .filter(|path| !path.is_empty() && !name.ends_with('/'))
                .ok_or_else(|| {
                    format!("`{name}` is no name of a module: write a path such as `lib/math.js`")
                })?;
            if library.insert(path, source).is_some() {
                return Err(format!("the module `{name}` is there twice"));
            }
        }
        Ok(Self(library))
    }

    pub(crate) fn source(&self, path: &str) -> Option<&str> {
        self.0.get(path).map(String::as_str)
    }

    /// The path of the module that a module in the directory `from` means by `request`.
    pub(crate) fn find(&self, request: &str, from: &str) -> Option<String> {
        if request.is_empty() {
            return None;
        }
        let relative = ["./", "../"].iter().any(|start| request.starts_with(start))
            || [".", ".."].contains(&request);
        let path = joined(if relative { from } else { "" }, request)?;
        // What ends in a slash or in dots means a directory, as in Node.js.
        let directory = ["/", "/.", "/.."].iter().any(|end| request.ends_with(end))
            || [".", ".."].contains(&request);
        if directory {
            return self.in_directory(&path);
        }
        self.file(&path).or_else(|| self.in_directory(&path))
    }

    fn file(&self, path: &str) -> Option<String> {
        let tried = std::iter::once("").chain(ENDINGS);
        tried
            .map(|ending| format!("{path}{ending}"))
            .find(|path| self.0.contains_key(path))
    }

    fn in_directory(&self, path: &str) -> Option<String> {
        let main = self
            .source(&below(path, "package.json"))
            .and_then(|text| serde_json::from_str::<Value>(text).ok())
            .and_then(|package| Some(package.get("main")?.as_str()?.to_owned()))
            .and_then(|main| joined(path, &main));
        let main = main.and_then(|main| {
            self.file(&main)
                .or_else(|| self.file(&below(&main, "index")))
        });
        main.or_else(|| self.file(&below(path, "index")))
    }
}

/// The directory of a module's path.
pub(crate) fn directory(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(directory, _)| directory)
}

fn below(directory: &str, name: &str) -> String {
    if directory.is_empty() {
        return name.to_owned();
    }
    format!("{directory}/{name}")
}

/// A path from a directory, without `.`, `..` and empty names; none if it leads out of the root.
fn joined(directory: &str, path: &str) -> Option<String> {
    let mut names: Vec<&str> = Vec::new();
    for name in directory.split('/').chain(path.split('/')) {
        match name {
            "" | "." => {}
            ".." => {
                names.pop()?;
            }
            name => names.push(name),
        }
    }
    Some(names.join("/"))
}

#[cfg(test)]
mod tests;
