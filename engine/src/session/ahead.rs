use super::{Cancel, Engine};
use crate::component::Source;
use crate::types::Fault;

impl Engine {
    /// Compiles a component ahead of time, on the calling thread, and returns the bytes of a file that holds it and its
    /// code. [`Source::file`] reads it, and loading it compiles nothing.
    ///
    /// The file carries a seal of the key of this engine's [`CodeCache`](crate::data::CodeCache): engines with the same
    /// cache load it, if they have the same version and settings and the same kind of processor. All others refuse it.
    /// It can be compiled anew from what is in it.
    ///
    /// # Errors
    ///
    /// Those of [`load`](Engine::load), and `E-INVALID-CONFIG` if this engine has no cache.
    ///
    /// # Example
    ///
    /// ```
    /// use engine::data::CodeCache;
    /// use engine::{Engine, Source};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let dir = tempfile::tempdir()?;
    /// # let dir = dir.path().join("cache");
    /// let engine = Engine::builder().cache(CodeCache::open(dir)?).build()?;
    /// let source = Source::bytes("empty", wat::parse_str("(component)")?)?;
    /// let file = engine.compile_ahead(&source)?;
    /// let loaded = engine.load_blocking(&Source::bytes("empty", file)?)?;
    /// assert_eq!(loaded.describe().digest(), source.digest());
    /// # Ok(()) }
    /// ```
    pub fn compile_ahead(&self, source: &Source) -> Result<Vec<u8>, Fault> {
        self.inner().runtime.compile_ahead(source, &Cancel::new())
    }
}
