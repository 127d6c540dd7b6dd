use std::fmt;

use super::wit::separated;
use super::{Bytes, Digest, Fault, FaultKind, FunctionManifest, Manifest, WitType, text};

/// What a component is, as plain data: what it needs and what it offers.
///
/// All names are bounded and escaped.
#[derive(Clone, Debug, PartialEq)]
pub struct Descriptor {
    pub(crate) name: String,
    pub(crate) digest: Digest,
    pub(crate) size: Bytes,
    pub(crate) imports: Vec<Import>,
    pub(crate) functions: Vec<Function>,
    pub(crate) command: bool,
    pub(crate) manifest: Option<Manifest>,
    /// What the manifest says of each function, in the order of `functions`.
    pub(crate) about: Vec<Option<FunctionManifest>>,
}

impl Descriptor {
    /// The name its source gave it: ASCII letters, digits, `-` and `_`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The digest of the component's bytes.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The size of the component.
    #[must_use]
    pub fn size(&self) -> Bytes {
        self.size
    }

    /// What the component imports, in its own order.
    #[must_use]
    pub fn imports(&self) -> &[Import] {
        &self.imports
    }

    /// The exported functions, in the component's own order.
    #[must_use]
    pub fn functions(&self) -> &[Function] {
        &self.functions
    }

    /// Whether the component can run as a command: it exports `wasi:cli/run`.
    #[must_use]
    pub fn is_command(&self) -> bool {
        self.command
    }

    /// What the component says of itself. Its texts are an author's, cleaned of what acts on a terminal.
    #[must_use]
    pub fn manifest(&self) -> Option<&Manifest> {
        self.manifest.as_ref()
    }

    /// What the manifest says of the function at this position.
    #[must_use]
    pub fn about(&self, position: usize) -> Option<&FunctionManifest> {
        self.about.get(position)?.as_ref()
    }

    /// Whether an import's name begins like this.
    #[must_use]
    pub fn imports_any(&self, prefix: &str) -> bool {
        self.imports
            .iter()
            .any(|import| import.name.starts_with(prefix))
    }

    /// What policies call a function of a component that is not configured: `component.function`, with the
    /// function's full name where the short one is not its alone.
    #[must_use]
    pub fn action(&self, position: usize) -> Option<String> {
        let function = self.functions.get(position)?;
        let alone = self
            .functions
            .iter()
            .filter(|other| other.name == function.name)
            .count()
            == 1;
        Some(if alone {
            format!("{}.{}", self.name, function.name)
        } else {
            format!("{}.{}", self.name, function.full_name())
        })
    }

    /// Finds the position of a function by its full or a short name.
    ///
    /// Short forms are `func`, `iface.func` and `iface#func`, where `iface` may leave out the package
    /// and the version.
    ///
    /// # Errors
    ///
    /// [`FaultKind::NoFunction`] and [`FaultKind::AmbiguousFunction`], both with hints.
    pub fn find(&self, wanted: &str) -> Result<usize, Fault> {
        let exact = self
            .functions
            .iter()
            .position(|function| function.full_name() == wanted);
        if let Some(position) = exact {
            return Ok(position);
        }
        let fits: Vec<(usize, &Function)> = self
            .functions
            .iter()
            .enumerate()
            .filter(|(_, function)| function.answers_to(wanted))
            .collect();
        match fits.as_slice() {
            [(position, _)] => Ok(*position),
            [] => Err(self.no_function(wanted)),
            several => {
                let candidates: Vec<String> = several
                    .iter()
                    .map(|(_, function)| function.full_name())
                    .collect();
                let hint = format!("say which one: {}", quoted(&candidates));
                Err(Fault::new(FaultKind::AmbiguousFunction {
                    component: self.name.clone(),
                    function: text::line(wanted, 200),
                    candidates,
                })
                .hint(hint))
            }
        }
    }

    fn no_function(&self, wanted: &str) -> Fault {
        let fault = Fault::new(FaultKind::NoFunction {
            component: self.name.clone(),
            function: text::line(wanted, 200),
        });
        let close = self
            .functions
            .iter()
            .map(|function| {
                (
                    strsim::normalized_damerau_levenshtein(&function.name, short(wanted)),
                    function,
                )
            })
            .filter(|(closeness, _)| *closeness >= 0.6)
            .max_by(|(a, _), (b, _)| a.total_cmp(b));
        match (close, self.functions.as_slice()) {
            (Some((_, function)), _) => fault.hint(format!("did you mean `{}`?", function.name)),
            (None, []) => fault.hint("it exports no functions"),
            (None, functions) => {
                let names: Vec<String> = functions
                    .iter()
                    .take(20)
                    .map(|function| function.name.clone())
                    .collect();
                fault.hint(format!("it has {}", quoted(&names)))
            }
        }
    }
}

/// The function's own part of a name in any of its forms.
fn short(wanted: &str) -> &str {
    wanted.rsplit(['#', '.']).next().unwrap_or(wanted)
}

fn quoted(names: &[String]) -> String {
    names
        .iter()
        .map(|name| format!("`{name}`"))
        .collect::<Vec<_>>()
        .join(", ")
}

/// Something a component imports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Import {
    /// The name, such as `wasi:cli/stdout@0.2.6`.
    pub name: String,
    /// The functions of the interface; for a single imported function, its own name.
    pub functions: Vec<String>,
    /// Whether the engine answers it. If not, using it ends the call with `E-DENIED-IMPORT`.
    pub provided: bool,
}

/// An exported function.
#[derive(Clone, Debug, PartialEq)]
pub struct Function {
    /// The interface's full name; `None` for a function at the top.
    pub interface: Option<String>,
    /// The function's own name.
    pub name: String,
    /// What it takes, in order.
    pub parameters: Vec<Parameter>,
    /// What it returns, if anything.
    pub result: Option<WitType>,
}

/// A parameter of a function.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// The name as the WIT spells it.
    pub name: String,
    /// The type of its value.
    pub ty: WitType,
}

impl Function {
    /// The name that is never ambiguous, such as `demo:text/words@0.1.0#count`.
    #[must_use]
    pub fn full_name(&self) -> String {
        match &self.interface {
            Some(interface) => format!("{interface}#{}", self.name),
            None => self.name.clone(),
        }
    }

    /// Why the function cannot be called with JSON; `None` if it can.
    #[must_use]
    pub fn obstacle(&self) -> Option<String> {
        let parameter = self.parameters.iter().find_map(|parameter| {
            Some(format!(
                "its parameter `{}` is or holds a {}",
                parameter.name,
                parameter.ty.opaque()?
            ))
        });
        let result = || {
            Some(format!(
                "its result is or holds a {}",
                self.result.as_ref()?.opaque()?
            ))
        };
        parameter.or_else(result)
    }

    fn answers_to(&self, wanted: &str) -> bool {
        if wanted == self.name {
            return true;
        }
        let Some(interface) = wanted
            .strip_suffix(&self.name)
            .and_then(|rest| rest.strip_suffix(['#', '.']))
        else {
            return false;
        };
        let Some(full) = &self.interface else {
            return false;
        };
        let unversioned = full.split_once('@').map_or(full.as_str(), |(name, _)| name);
        let own = unversioned.rsplit('/').next().unwrap_or(unversioned);
        [full.as_str(), unversioned, own].contains(&interface)
    }
}

impl fmt::Display for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: func(", self.name)?;
        separated(f, self.parameters.iter(), |f, parameter| {
            write!(f, "{}: {}", parameter.name, parameter.ty)
        })?;
        f.write_str(")")?;
        match &self.result {
            Some(result) => write!(f, " -> {result}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
