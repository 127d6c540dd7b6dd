//! What is looked at before a component is compiled, so that compiling it cannot hurt the host.

mod functions;

use std::ops::Range;

use wasmparser::{Encoding, Parser, Payload};

pub(super) use self::functions::{check_blocks, is_small};
use super::Source;
use super::expansion::{Expansion, TooMuch};
use crate::types::{Fault, FaultKind, Phase, text};

/// Bounds on a component's structure. Real components stay far below: a whole Python has some ten
/// thousand functions, the largest of 200 KB.
struct Bound {
    what: &'static str,
    limit: u64,
    compile: bool,
}

const IMPORTS: Bound = Bound {
    what: "imports",
    limit: 256,
    compile: false,
};
const EXPORTS: Bound = Bound {
    what: "exports",
    limit: 1_000,
    compile: false,
};
const DEPTH: Bound = Bound {
    what: "levels of nesting",
    limit: 16,
    compile: false,
};
const PARTS: Bound = Bound {
    what: "modules and components",
    limit: 1_000,
    compile: false,
};
const TYPES: Bound = Bound {
    what: "types",
    limit: 50_000,
    compile: true,
};
const FUNCTIONS: Bound = Bound {
    what: "core functions",
    limit: 50_000,
    compile: true,
};
const FUNCTION_SIZE: Bound = Bound {
    what: "bytes in one core function",
    limit: 1 << 20,
    compile: true,
};

const LOCALS: Bound = Bound {
    what: "local variables",
    limit: 5_000_000,
    compile: true,
};

const EXPANDED: Bound = Bound {
    what: "parts, each counted as often as it is instantiated",
    limit: Expansion::MOST,
    compile: true,
};

/// Where the debug information of one core module lies in the component's bytes.
#[derive(Clone, Debug, Default)]
pub(super) struct DebugInfo {
    pub(super) module: Range<usize>,
    /// Addresses in debug information count from here.
    pub(super) code: usize,
    /// Sections by name, such as `.debug_line`.
    pub(super) sections: Vec<(String, Range<usize>)>,
}

/// What was found on the way through a component's structure.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) debug: Vec<DebugInfo>,
    /// Where the manifest lies in the component's bytes.
    pub(super) manifest: Option<Range<usize>>,
}

/// Checks magic, layer and bounds, and finds debug information and the manifest on the way.
pub(super) fn check(source: &Source) -> Result<Found, Fault> {
    check_unplaced(source).map_err(|fault| fault.at(Phase::Load))
}

fn check_unplaced(source: &Source) -> Result<Found, Fault> {
    let bytes = source.content();
    if let Some((found, hint)) = not_a_component(bytes) {
        let fault = Fault::new(FaultKind::NotComponent {
            name: source.name().to_owned(),
            found,
        });
        return Err(if hint.is_empty() {
            fault
        } else {
            fault.hint(hint)
        });
    }
    let mut seen = Seen::default();
    for payload in Parser::new(0).parse_all(bytes) {
        let payload = payload.map_err(|error| {
            Fault::malformed(source.name(), text::line(&error.to_string(), 512))
                .hint("the file may be cut short or damaged; build or copy it again")
        })?;
        seen.look(&payload)
            .map_err(|excess| excess.fault(source.name()))?;
        seen.expansion
            .look(&payload)
            .map_err(|refused| match refused {
                TooMuch::Parts(found) => Excess {
                    bound: EXPANDED,
                    found,
                }
                .fault(source.name()),
                TooMuch::Given(import) => Fault::new(FaultKind::ImportsCode {
                    name: source.name().to_owned(),
                    what: "component",
                    import,
                }),
            })?;
    }
    if seen.manifests > 1 {
        return Err(super::manifest::wrong(
            source,
            &format!("there are {} of them", seen.manifests),
        ));
    }
    Ok(seen.found)
}

struct Excess {
    bound: Bound,
    found: u64,
}

impl Excess {
    fn fault(self, name: &str) -> Fault {
        let Excess { bound, found } = self;
        let fault = Fault::new(FaultKind::Structure {
            name: name.to_owned(),
            what: bound.what,
            found,
            limit: bound.limit,
            compile: bound.compile,
        });
        if bound.compile {
            fault.hint("build with optimisation and without unused code, or split the component")
        } else {
            fault
        }
    }
}

/// What was counted so far.
#[derive(Default)]
struct Seen {
    depth: u64,
    parts: u64,
    imports: u64,
    exports: u64,
    types: u64,
    functions: u64,
    locals: u64,
    expansion: Expansion,
    /// Core modules that are open, innermost last; components between them do not matter.
    open: Vec<Option<DebugInfo>>,
    found: Found,
    manifests: u32,
}

impl Seen {
    fn look(&mut self, payload: &Payload<'_>) -> Result<(), Excess> {
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "what needs no bound is checked by the validator"
        )]
        match payload {
            Payload::Version {
                encoding, range, ..
            } => {
                self.depth += 1;
                self.parts += 1;
                within(self.depth, DEPTH)?;
                within(self.parts, PARTS)?;
                self.open
                    .push((*encoding == Encoding::Module).then(|| DebugInfo {
                        module: range.start..usize::MAX,
                        ..DebugInfo::default()
                    }));
            }
            Payload::End(end) => {
                self.depth = self.depth.saturating_sub(1);
                if let Some(Some(mut module)) = self.open.pop() {
                    module.module.end = *end;
                    if !module.sections.is_empty() {
                        self.found.debug.push(module);
                    }
                }
            }
            Payload::ComponentImportSection(section) if self.depth == 1 => {
                self.imports += u64::from(section.count());
                within(self.imports, IMPORTS)?;
            }
            Payload::ComponentExportSection(section) if self.depth == 1 => {
                self.exports += u64::from(section.count());
                within(self.exports, EXPORTS)?;
            }
            Payload::TypeSection(section) => self.add_types(section.count())?,
            Payload::CoreTypeSection(section) => self.add_types(section.count())?,
            Payload::ComponentTypeSection(section) => self.add_types(section.count())?,
            Payload::CodeSectionStart { count, range, .. } => {
                self.functions += u64::from(*count);
                within(self.functions, FUNCTIONS)?;
                if let Some(Some(module)) = self.open.last_mut() {
                    module.code = range.start;
                }
            }
            Payload::CodeSectionEntry(body) => {
                within(body.range().len() as u64, FUNCTION_SIZE)?;
                self.locals = self.locals.saturating_add(functions::locals(body));
                within(self.locals, LOCALS)?;
            }
            Payload::CustomSection(section) if section.name() == super::manifest::SECTION => {
                self.manifests = self.manifests.saturating_add(1);
                self.found.manifest = Some(section.data_offset()..section.range().end);
            }
            Payload::CustomSection(section) if section.name().starts_with(".debug_") => {
                if let Some(Some(module)) = self.open.last_mut()
                    && module.sections.len() < 32
                {
                    let range = section.data_offset()..section.range().end;
                    module
                        .sections
                        .push((text::line(section.name(), 64), range));
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn add_types(&mut self, count: u32) -> Result<(), Excess> {
        self.types += u64::from(count);
        within(self.types, TYPES)
    }
}

fn within(found: u64, bound: Bound) -> Result<(), Excess> {
    if found > bound.limit {
        return Err(Excess { bound, found });
    }
    Ok(())
}

/// What the bytes are instead of a component, and what to do about it.
fn not_a_component(bytes: &[u8]) -> Option<(String, &'static str)> {
    const COMPONENT: &[u8] = b"\0asm\x0d\0\x01\0";
    const MODULE: &[u8] = b"\0asm\x01\0\0\0";
    let found = |what: &str, hint| Some((what.to_owned(), hint));
    match bytes {
        [] => found("empty", ""),
        bytes if bytes.starts_with(COMPONENT) => None,
        bytes if bytes.starts_with(MODULE) => found(
            "a core WebAssembly module",
            "build it as a component: `cargo build --target wasm32-wasip2`, or `wasm-tools component new`",
        ),
        [0, b'a', b's', b'm', a, b, c, d, ..] => Some((
            format!("WebAssembly of an unknown version {a:02x} {b:02x} {c:02x} {d:02x}"),
            "build it with current tools for WASI 0.2",
        )),
        bytes if b"\0asm".starts_with(bytes.get(..4).unwrap_or(bytes)) => {
            found("a truncated file", "build or copy it again")
        }
        bytes if bytes.starts_with(b"\x7fELF") => found(
            "a native program or native code",
            "native code of others is never loaded; give the `.wasm` component it was made from, or what `engine compile` makes of it",
        ),
        bytes if looks_like_text(bytes) => found(
            "text",
            "a component is a `.wasm` file; WebAssembly text begins with `(component`",
        ),
        _ => found(
            "something unknown",
            "a component starts with `\\0asm` and the version 0d 00 01 00",
        ),
    }
}

fn looks_like_text(bytes: &[u8]) -> bool {
    let start = bytes.get(..256).unwrap_or(bytes);
    String::from_utf8_lossy(start)
        .chars()
        .all(|c| !c.is_control() || c.is_whitespace())
}

#[cfg(test)]
mod tests;
