//! What a guest tells in the engine's own words: messages, progress and artifacts.

use wasmtime::component::{HasData, Linker};

use self::bindings::engine::host::{artifacts, log, progress};
use super::record::{Offered, Progress};
use super::{HostView, Record, actions};
use crate::event::Level;

pub(super) mod bindings {
    wasmtime::component::bindgen!({
        path: "../wit/host",
        world: "imports",
        imports: { default: trappable },
    });
}

/// The interfaces of the engine's own that [`add_to_linker`] links.
pub(super) const PROVIDED: [&str; 4] = [
    actions::VERSIONED,
    "engine:host/artifacts@0.1.0",
    "engine:host/log@0.1.0",
    "engine:host/progress@0.1.0",
];

/// Takes what one guest tells.
struct Told<'a>(&'a Record);

struct HasTold;

impl HasData for HasTold {
    type Data<'a> = Told<'a>;
}

pub(super) fn add_to_linker<T: HostView>(linker: &mut Linker<T>) -> wasmtime::Result<()> {
    log::add_to_linker::<T, HasTold>(linker, |t| Told(&t.host().record))?;
    progress::add_to_linker::<T, HasTold>(linker, |t| Told(&t.host().record))?;
    artifacts::add_to_linker::<T, HasTold>(linker, |t| Told(&t.host().record))?;
    actions::add_to_linker(linker)
}

impl artifacts::Host for Told<'_> {
    fn make(
        &mut self,
        name: String,
        media_type: Option<String>,
        content: Vec<u8>,
    ) -> wasmtime::Result<Result<(), String>> {
        Ok(self.0.make(Offered {
            name,
            media_type,
            content,
        })?)
    }
}

impl log::Host for Told<'_> {
    fn write(&mut self, level: log::Level, message: String) -> wasmtime::Result<()> {
        let level = match level {
            log::Level::Trace => Level::Trace,
            log::Level::Debug => Level::Debug,
            log::Level::Info => Level::Info,
            log::Level::Warn => Level::Warn,
            log::Level::Error => Level::Error,
        };
        Ok(self.0.log(level, &message)?)
    }
}

impl progress::Host for Told<'_> {
    fn report(&mut self, done: u64, total: Option<u64>, message: String) -> wasmtime::Result<()> {
        Ok(self.0.progress(Progress {
            done,
            total,
            message,
        })?)
    }
}
