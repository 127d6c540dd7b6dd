use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use wasmtime::Engine;
use wasmtime::component::{Component, ComponentExportIndex, InstancePre, Linker};

use super::cache::{CodeCache, Looked, Origin};
use super::compiler::Workshop;
use super::instance::Guest;
use super::pool::{Place, Places, Pool};
use super::structure::{self, DebugInfo};
use super::{Cancel, Compiler, Source, ahead, cache, config, describe, link, manifest};
use crate::event::EventKind;
use crate::types::{Descriptor, Fault, FaultKind, Import, Phase, text};

/// The compiler and the linker that all components of an engine share.
pub(crate) struct Runtime {
    ground: Ground,
    /// Where instances have places in a pool.
    pooled: Option<(Ground, Arc<Places>)>,
    cache: Option<CodeCache>,
    /// Without one, components are compiled in this process.
    compiler: Option<Workshop>,
    deterministic: bool,
}

/// Where instances are made, and what is linked there.
struct Ground {
    engine: Engine,
    linker: Linker<Guest>,
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
    /// The pool in which its instances have places, and how many each of them has.
    places: Option<(Arc<Places>, u32)>,
    debug: Vec<DebugInfo>,
    deterministic: bool,
    origin: Origin,
    /// Whether somebody was told where the code came from.
    told: AtomicBool,
    /// The event that tells of it, made for the first run.
    announced: OnceLock<EventKind>,
}

impl Runtime {
    /// Makes room for instances, if there is to be a pool.
    ///
    /// # Errors
    ///
    /// A fault with the code `E-INVALID-CONFIG` if the machine has no room for the pool.
    pub(crate) fn new(
        cache: Option<CodeCache>,
        compiler: Option<Compiler>,
        deterministic: bool,
        pool: Option<Pool>,
    ) -> Result<Self, Fault> {
        let pooled = pool.map(|pool| -> Result<_, Fault> {
            pool.check()?;
            let engine = Engine::new(&config::pooled(deterministic, pool))
                .map_err(|error| no_room(pool, error))?;
            Ok((Ground::new(engine)?, Arc::new(Places::new(pool))))
        });
        let engine = Engine::new(&config::config(deterministic)).map_err(bug)?;
        Ok(Self {
            pooled: pooled.transpose()?,
            ground: Ground::new(engine)?,
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
        self.describe(source, found, component, origin)
    }

    /// Takes a component whose code is kept; `None` if it has to be compiled, or refused.
    pub(crate) fn kept(&self, source: &Source) -> Option<Compiled> {
        let found = structure::check(source).ok()?;
        let cache = self.cache.as_ref()?;
        let kept = match source.ahead() {
            Some(ahead) => ahead.load(source, Some(cache), &self.grounds()).ok(),
            None => match cache.look(&self.grounds(), source) {
                Looked::Found(component, key) => Some((component, key)),
                Looked::Missing | Looked::Refused(..) => None,
            },
        };
        let (component, key) = kept?;
        self.describe(source, found, component, Origin::Found(key))
            .ok()
    }

    /// Describes and links what was compiled.
    fn describe(
        &self,
        source: &Source,
        found: structure::Found,
        component: Component,
        origin: Origin,
    ) -> Result<Compiled, Fault> {
        let engine = component.engine();
        let (mut descriptor, exports) = describe::describe(engine, &component, source)?;
        manifest::read(source, found.manifest, &mut descriptor)?;
        refuse_wasi_three(&descriptor)?;
        let (ground, places) = match &self.pooled {
            Some((ground, places)) if Engine::same(&ground.engine, engine) => {
                (ground, Some((places.clone(), Places::needed(&component))))
            }
            Some(_) | None => (&self.ground, None),
        };
        let linked =
            link::link(&ground.linker, &component).map_err(|error| invalid(source, &error))?;
        Ok(Compiled(Arc::new(Inner {
            source: source.bare(),
            descriptor,
            exports,
            linked,
            places,
            debug: found.debug,
            origin,
            told: AtomicBool::new(false),
            announced: OnceLock::new(),
            deterministic: self.deterministic,
        })))
    }

    /// Compiles a component, and seals it with its code as the bytes of a file.
    ///
    /// # Errors
    ///
    /// Those of [`compile`](Self::compile), and `E-INVALID-CONFIG` where there is no cache, whose key makes seals.
    pub(crate) fn compile_ahead(&self, source: &Source, cancel: &Cancel) -> Result<Vec<u8>, Fault> {
        let Some(cache) = &self.cache else {
            return Err(Fault::config(
                "code can be sealed only with the key of a cache, and this engine has none",
            ));
        };
        let compiled = self.compile(&source.bare(), cancel)?;
        ahead::file(cache, compiled.source(), compiled.linked().component())
    }

    /// The code of a component: kept from before, or made now.
    fn code(&self, source: &Source, cancel: &Cancel) -> Result<(Component, Origin), Fault> {
        if let Some(ahead) = source.ahead() {
            let loaded = ahead.load(source, self.cache.as_ref(), &self.grounds());
            return loaded.map(|(component, key)| (component, Origin::Found(key)));
        }
        let mut origin = Origin::Compiled;
        if let Some(cache) = &self.cache {
            match cache.look(&self.grounds(), source) {
                Looked::Found(component, key) => return Ok((component, Origin::Found(key))),
                Looked::Missing => {}
                Looked::Refused(key, why) => origin = Origin::Refused(key, why),
            }
        }
        structure::check_blocks(source)?;
        let grounds = self.grounds();
        let component = match &self.compiler {
            Some(compiler) if !compiler.spares(source) => {
                let engine = &self.ground.engine;
                let code = compiler.compile(engine, source, self.deterministic, cancel)?;
                first_that_fits(&grounds, |engine| cache::made(engine, &code))
            }
            Some(_) | None => first_that_fits(&grounds, |engine| {
                Component::from_binary(engine, source.content())
            }),
        }
        .map_err(|error| invalid(source, &error))?;
        if let Some(cache) = &self.cache {
            cache.keep(source, &component);
        }
        Ok((component, origin))
    }

    /// Where a component can be, the best first. They compile alike.
    fn grounds(&self) -> Vec<&Engine> {
        let pooled = self.pooled.iter().map(|(ground, _)| &ground.engine);
        pooled.chain([&self.ground.engine]).collect()
    }
}

impl Ground {
    fn new(engine: Engine) -> Result<Self, Fault> {
        let linker = link::base(&engine).map_err(bug)?;
        Ok(Self { engine, linker })
    }
}

/// Makes a component where it fits: one that needs more than a place of the pool has is made beside it.
pub(super) fn first_that_fits(
    engines: &[&Engine],
    make: impl Fn(&Engine) -> wasmtime::Result<Component>,
) -> wasmtime::Result<Component> {
    let mut made = Err(wasmtime::Error::msg("there is no engine"));
    for engine in engines {
        made = make(engine);
        // Everything that wasmtime says of a place that is too small names the pool; a test keeps the words in step.
        let too_large =
            |error: &wasmtime::Error| format!("{error:#}").contains("pooling allocator");
        if !made.as_ref().is_err_and(too_large) {
            break;
        }
    }
    made
}

fn bug(error: wasmtime::Error) -> Fault {
    Fault::new(FaultKind::Bug {
        at: "the configuration of wasmtime",
    })
    .caused_by(Opaque::from(error))
}

fn no_room(pool: Pool, error: wasmtime::Error) -> Fault {
    Fault::config(format!(
        "this machine has no room for a pool of {} instances",
        pool.instances()
    ))
    .hint("a smaller one may fit; a limit on the addresses of the process (`ulimit -v`) is in its way")
    .caused_by(Opaque::from(error))
}

impl Compiled {
    /// How many instances there is room for.
    pub(super) fn room(&self) -> u32 {
        let places = self.0.places.as_ref();
        places.map_or(u32::MAX, |(places, _)| places.room())
    }

    /// Waits for room for one instance.
    ///
    /// # Errors
    ///
    /// [`FaultKind::Busy`] if too many wait already; [`FaultKind::Cancelled`].
    pub(crate) async fn place(&self, nested: bool, cancel: &Cancel) -> Result<Place, Fault> {
        match &self.0.places {
            Some((places, needed)) => places.take(*needed, nested, cancel).await,
            None => Ok(Place::beside()),
        }
    }

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

    /// The event that tells of it: the same for every run.
    pub(crate) fn announced(&self, make: impl FnOnce(&Descriptor) -> EventKind) -> EventKind {
        let made = || make(&self.0.descriptor);
        self.0.announced.get_or_init(made).clone()
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
