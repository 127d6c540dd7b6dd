use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use wasmtime::Engine;
use wasmtime::component::{Component, ComponentExportIndex, InstancePre, Linker};

use super::cache::{CodeCache, Looked, Origin};
use super::compiler::Workshop;
use super::instance::Guest;
use super::structure::{self, DebugInfo};
use super::{Cancel, Compiler, Source, cache, config, describe, link, manifest};
use crate::types::{Descriptor, Fault, FaultKind, Import, Phase, text};

/// The compiler and the linker that all components of an engine share.
pub(crate) struct Runtime {
    engine: Engine,
    linker: Linker<Guest>,
    cache: Option<CodeCache>,
    /// Without one, components are compiled in this process.
    compiler: Option<Workshop>,
    deterministic: bool,
}

impl std::fmt::Debug for Runtime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Runtime").finish_non_exhaustive()
    }
}

/// A component that was checked, compiled, described and linked, and can be called any number of times.
///
/// Cheap to clone.
#[derive(Clone)]
pub struct Compiled(Arc<Inner>);

struct Inner {
    source: Source,
    descriptor: Descriptor,
    /// In the order of the descriptor's functions.
    exports: Vec<ComponentExportIndex>,
    linked: InstancePre<Guest>,
    debug: Vec<DebugInfo>,
    deterministic: bool,
    origin: Origin,
    /// Whether somebody was told where the code came from.
    told: AtomicBool,
}

impl Runtime {
    pub(crate) fn new(
        cache: Option<CodeCache>,
        compiler: Option<Compiler>,
        deterministic: bool,
    ) -> Result<Self, Fault> {
        let bug = |error: wasmtime::Error| {
            Fault::new(FaultKind::Bug {
                at: "the configuration of wasmtime",
            })
            .caused_by(Opaque::from(error))
        };
        let engine = Engine::new(&config::config(deterministic)).map_err(bug)?;
        let linker = link::base(&engine).map_err(bug)?;
        Ok(Self {
            engine,
            linker,
            cache,
            compiler: compiler.map(Workshop::new).transpose()?,
            deterministic,
        })
    }

    /// Whether what it compiles runs deterministically.
    pub(crate) fn deterministic(&self) -> bool {
        self.deterministic
    }

    /// Checks, compiles, describes and links a component. Takes up to seconds of processor time, unless somebody cancels.
    ///
    /// # Errors
    ///
    /// Faults with the codes `E-INVALID-COMPONENT` and `E-LIMIT-COMPILE`, and `E-CANCELLED`.
    pub(crate) fn compile(&self, source: &Source, cancel: &Cancel) -> Result<Compiled, Fault> {
        let found = structure::check(source)?;
        let (component, origin) = self.code(source, cancel)?;
        let (mut descriptor, exports) = describe::describe(&self.engine, &component, source)?;
        manifest::read(source, found.manifest, &mut descriptor)?;
        refuse_wasi_three(&descriptor)?;
        let linked =
            link::link(&self.linker, &component).map_err(|error| invalid(source, &error))?;
        Ok(Compiled(Arc::new(Inner {
            source: source.clone(),
            descriptor,
            exports,
            linked,
            debug: found.debug,
            origin,
            told: AtomicBool::new(false),
            deterministic: self.deterministic,
        })))
    }

    /// The code of a component: kept from before, or made now.
    fn code(&self, source: &Source, cancel: &Cancel) -> Result<(Component, Origin), Fault> {
        let mut origin = Origin::Compiled;
        if let Some(cache) = &self.cache {
            match cache.look(&self.engine, source) {
                Looked::Found(component, key) => return Ok((component, Origin::Found(key))),
                Looked::Missing => {}
                Looked::Refused(key, why) => origin = Origin::Refused(key, why),
            }
        }
        let component = match &self.compiler {
            Some(compiler) if !compiler.spares(source) => {
                let code = compiler.compile(&self.engine, source, self.deterministic, cancel)?;
                cache::made(&self.engine, &code).map_err(|error| invalid(source, &error))?
            }
            Some(_) | None => {
                structure::check_blocks(source)?;
                Component::from_binary(&self.engine, source.content())
                    .map_err(|error| invalid(source, &error))?
            }
        };
        if let Some(cache) = &self.cache {
            cache.keep(&self.engine, source, &component);
        }
        Ok((component, origin))
    }
}

impl Compiled {
    /// What the component is, as plain data.
    #[must_use]
    pub fn describe(&self) -> &Descriptor {
        &self.0.descriptor
    }

    /// Where its code came from, for whoever asks first.
    pub(crate) fn untold(&self) -> Option<&Origin> {
        let told = self.0.told.swap(true, Ordering::Relaxed);
        (!told).then_some(&self.0.origin)
    }

    /// Whether its calls are deterministic, as the engine that compiled it was told.
    pub(crate) fn deterministic(&self) -> bool {
        self.0.deterministic
    }

    pub(super) fn source(&self) -> &Source {
        &self.0.source
    }

    pub(super) fn export(&self, position: usize) -> Option<&ComponentExportIndex> {
        self.0.exports.get(position)
    }

    pub(super) fn linked(&self) -> &InstancePre<Guest> {
        &self.0.linked
    }

    pub(super) fn debug(&self) -> &[DebugInfo] {
        &self.0.debug
    }
}

impl std::fmt::Debug for Compiled {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Compiled").field(&self.0.source).finish()
    }
}

/// An error of wasmtime as a cause: its own type stays out of the public interface.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Opaque(String);

impl From<wasmtime::Error> for Opaque {
    fn from(error: wasmtime::Error) -> Self {
        Self(text::line(&format!("{error:#}"), 2048))
    }
}

/// What is said of a component that the validator or the linker refuses.
fn invalid(source: &Source, error: &wasmtime::Error) -> Fault {
    refused(source, &reason(error))
}

/// What the validator says, on one line.
pub(super) fn reason(error: &wasmtime::Error) -> String {
    text::line(&format!("{error:#}"), 1024)
}

/// The fault of a component that is refused with these words of the validator.
pub(super) fn refused(source: &Source, reason: &str) -> Fault {
    let reason = text::line(reason, 1024);
    let name = source.name().to_owned();
    let fault = if reason.contains("the component model async feature") {
        wasi_three(name, "asynchronous functions of WASI 0.3".to_owned())
    } else if let Some((_, what)) = FEATURES.iter().find(|(mark, _)| reason.contains(mark)) {
        Fault::new(FaultKind::UnsupportedFeature {
            name,
            feature: (*what).to_owned(),
        })
        .hint("build it without this feature")
    } else {
        Fault::malformed(name, reason)
    };
    fault.at(Phase::Load)
}

/// Marks in the validator's messages of features that are off.
const FEATURES: [(&str, &str); 10] = [
    ("shared memor", "shared memories (threads)"),
    ("threads must be enabled", "threads"),
    ("threads support is not enabled", "threads"),
    ("memory64 must be enabled", "64-bit memories or tables"),
    ("without the gc feature", "garbage collected types"),
    ("gc proposal not enabled", "garbage collected types"),
    ("gc types are disallowed", "garbage collected types"),
    ("exceptions proposal not enabled", "exceptions"),
    ("exceptions support is not enabled", "exceptions"),
    ("tail calls support is not enabled", "tail calls"),
];

fn refuse_wasi_three(descriptor: &Descriptor) -> Result<(), Fault> {
    let three =
        |import: &&Import| import.name.starts_with("wasi:") && import.name.contains("@0.3.");
    match descriptor.imports().iter().find(three) {
        Some(import) => Err(wasi_three(
            descriptor.name().to_owned(),
            format!("WASI 0.3 (`{}`)", import.name),
        )
        .at(Phase::Load)),
        None => Ok(()),
    }
}

fn wasi_three(name: String, feature: String) -> Fault {
    Fault::new(FaultKind::UnsupportedFeature { name, feature })
        .hint("build it for WASI 0.2: the Rust target is `wasm32-wasip2`")
}
