//! Files of code that was compiled ahead of time, with the component that it was made of.
//!
//! ```text
//! magic 16 · key of the code 64 · length of the component 8 · component · code · seal 32
//! ```
//!
//! The component is there so that what is run can be described, digested and compiled anew; the seal is over everything,
//! over the component by its digest.

use std::ops::Range;
use std::sync::Arc;

use hmac::Mac as _;
use wasmtime::component::Component;

use super::Source;
use super::cache::{self, CodeCache};
use crate::types::{Bytes, Digest, Fault, FaultKind, Phase};

/// What these files begin with. The first byte is in no text, the second one in no WebAssembly and no native program.
const MAGIC: &[u8; 16] = b"\0engine's code 1";
/// The characters of a key.
const KEY: usize = 64;
const HEADER: usize = MAGIC.len() + KEY + size_of::<u64>();
const SEAL: usize = 32;

/// Code that came with a component.
#[derive(Clone)]
pub(super) struct Ahead {
    file: Arc<[u8]>,
    code: Range<usize>,
}

impl Ahead {
    /// How many bytes tell whether a file is one of these.
    pub(super) const ENOUGH: usize = MAGIC.len();
    /// The largest file that is read.
    pub(super) const LARGEST: u64 = Source::LARGEST.get() + (512 << 20);

    pub(super) fn is(file: &[u8]) -> bool {
        file.starts_with(MAGIC)
    }

    /// Takes a file apart; nothing in it is trusted by that. Returns the component, and the code.
    pub(super) fn open(name: &str, file: Arc<[u8]>) -> Result<(Arc<[u8]>, Self), Fault> {
        let damaged = || refused(name, "the file is cut short or damaged");
        if file.len() as u64 > Self::LARGEST {
            return Err(Fault::new(FaultKind::Structure {
                name: name.to_owned(),
                what: "bytes or more",
                found: file.len() as u64,
                limit: Self::LARGEST,
                compile: false,
            })
            .at(Phase::Load));
        }
        let length = file
            .get(HEADER - size_of::<u64>()..HEADER)
            .and_then(|length| length.try_into().ok())
            .map(u64::from_le_bytes)
            .ok_or_else(damaged)?;
        let begin = usize::try_from(length)
            .ok()
            .and_then(|length| HEADER.checked_add(length))
            .ok_or_else(damaged)?;
        let end = file.len().checked_sub(SEAL).ok_or_else(damaged)?;
        let component: Arc<[u8]> = file.get(HEADER..begin).ok_or_else(damaged)?.into();
        if begin > end {
            return Err(damaged());
        }
        let code = begin..end;
        Ok((component, Self { file, code }))
    }

    /// The component, if its code was sealed with this cache's key, and for one of these engines.
    pub(super) fn load(
        &self,
        source: &Source,
        cache: Option<&CodeCache>,
        engines: &[&wasmtime::Engine],
    ) -> Result<(Component, String), Fault> {
        let refused = |why| refused(source.name(), why);
        let Some(cache) = cache else {
            return Err(refused(
                "this engine has no cache, whose key would tell that it is its own",
            ));
        };
        let header = self.file.get(..HEADER).unwrap_or_default();
        let code = self.file.get(self.code.clone()).unwrap_or_default();
        let seal = self.file.get(self.code.end..).unwrap_or_default();
        let sealed = over(cache, header, source.digest(), code);
        if sealed.verify_slice(seal).is_err() {
            return Err(refused("this engine did not seal it, or it was changed"));
        }
        let key = engines.first().map(|engine| cache::key(engine, source));
        let own = header.get(MAGIC.len()..MAGIC.len() + KEY);
        let Some(key) = key.filter(|key| Some(key.as_bytes()) == own) else {
            return Err(refused(
                "it is of another version of the compiler, for other settings or for another processor",
            )
            .hint("a deterministic run takes what `engine compile --deterministic` made, and no other does"));
        };
        let component =
            super::compile::first_that_fits(engines, |engine| cache::made(engine, code)).map_err(
                |error| {
                    refused("the compiler does not know it")
                        .caused_by(super::compile::Opaque::from(error))
                },
            )?;
        Ok((component, key.get(..12).unwrap_or(&key).to_owned()))
    }
}

/// Makes a file of a component and its code.
pub(super) fn file(cache: &CodeCache, source: &Source, made: &Component) -> Result<Vec<u8>, Fault> {
    let code = made.serialize().map_err(|error| {
        Fault::system("reading compiled code").caused_by(super::compile::Opaque::from(error))
    })?;
    let component = source.as_bytes();
    let mut file = Vec::with_capacity(HEADER + component.len() + code.len() + SEAL);
    file.extend_from_slice(MAGIC);
    file.extend_from_slice(cache::key(made.engine(), source).as_bytes());
    file.extend_from_slice(&Bytes::of_len(component.len()).get().to_le_bytes());
    let seal = over(cache, &file, source.digest(), &code)
        .finalize()
        .into_bytes();
    file.extend_from_slice(component);
    file.extend_from_slice(&code);
    file.extend_from_slice(&seal);
    Ok(file)
}

/// The seal over a file. Its header tells it from the seal of an entry of the cache, which begins with a key.
fn over(cache: &CodeCache, header: &[u8], component: Digest, code: &[u8]) -> cache::Seal {
    let mut seal = cache.begin_seal();
    seal.update(header);
    seal.update(component.as_bytes());
    seal.update(code);
    seal
}

fn refused(name: &str, why: &'static str) -> Fault {
    Fault::new(FaultKind::ForeignCode {
        name: name.to_owned(),
        why,
    })
    .hint("compile it here: `engine compile` takes this file, too, because the component is in it")
    .at(Phase::Load)
}

#[cfg(test)]
mod tests;
