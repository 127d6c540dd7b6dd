use std::path::{Path, PathBuf};

use engine::data::{CodeCache, Compiler, EngineBuilder, line};
use engine::{Compiled, Engine, Fault, Source};
use minisign_verify::{PublicKey, Signature};

use crate::{args, settings};

/// An engine that uses the cache of compiled code in the engine's home.
pub(super) fn engine(global: &args::Global) -> Result<EngineBuilder, Fault> {
    Ok(loading(Engine::builder(), settings::code_cache(global)?))
}

/// An engine that loads components as commands do: with a cache of compiled code, if there is one, and this very program
/// as the compiler of what is not small.
pub(super) fn loading(builder: EngineBuilder, cache: Option<CodeCache>) -> EngineBuilder {
    let builder = builder.compiler(compiler());
    match cache {
        Some(cache) => builder.cache(cache),
        None => builder,
    }
}

fn compiler() -> Compiler {
    /// More than anybody names on a command line; whoever does waits.
    const WAITING: u32 = 100_000;
    // On Linux this is the program that runs, even after another one was installed in its place.
    let own = if cfg!(target_os = "linux") {
        PathBuf::from("/proc/self/exe")
    } else {
        std::env::current_exe().unwrap_or_else(|_| PathBuf::from("engine"))
    };
    Compiler::new(own).waiting(WAITING).small_here()
}

/// Reads and loads a component.
pub(super) fn compiled(
    path: &Path,
    minisign_key: Option<&str>,
    global: &args::Global,
) -> Result<Compiled, Fault> {
    let source = source(path, minisign_key)?;
    engine(global)?.build()?.load_blocking(&source)
}

/// Reads a component; WebAssembly text is converted here, because the library takes components only.
///
/// With a key, the very bytes that were read have to be signed by it; of a file that was compiled ahead of time, those of
/// the component in it.
pub(super) fn source(path: &Path, minisign_key: Option<&str>) -> Result<Source, Fault> {
    let source = Source::file(path)?;
    if let Some(key) = minisign_key {
        check_signature(path, &source, key)?;
    }
    if !is_text(source.as_bytes()) {
        return Ok(source);
    }
    let name = source.name().to_owned();
    let bytes = wat::parse_bytes(source.as_bytes()).map_err(|error| {
        Fault::malformed(&name, engine::data::line(&placed(&error.to_string()), 600))
            .hint("it was read as WebAssembly text")
    })?;
    Source::bytes(&name, bytes.into_owned())
}

/// The parser's message on one line: what is wrong, and where.
fn placed(message: &str) -> String {
    let what = message.lines().next().unwrap_or_default();
    let place = message
        .lines()
        .find_map(|line| line.trim().strip_prefix("--> <anon>:")?.split_once(':'));
    match place {
        Some((line, column)) => format!("{what} at line {line}, column {column}"),
        None => what.to_owned(),
    }
}

/// Whether bytes begin like WebAssembly text: with a parenthesis or a comment.
fn is_text(bytes: &[u8]) -> bool {
    let start = bytes.trim_ascii_start();
    start.starts_with(b"(") || start.starts_with(b";;")
}

/// Checks the signature in `FILE.minisig`, whose trusted comment has to name the component.
fn check_signature(path: &Path, source: &Source, key: &str) -> Result<(), Fault> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".minisig");
    let name = source.name().to_owned();
    let key = PublicKey::from_base64(key.trim()).map_err(|_| {
        Fault::config("`minisign-key` is no public key of minisign")
            .hint("it is the second line of the `.pub` file, and begins with `RW`")
    })?;
    let text = crate::config::read_text(Path::new(&beside), "the signature").map_err(|fault| {
        Fault::unsigned(&name, "there is no signature beside it").caused_by(fault)
    })?;
    let signature = Signature::decode(&text)
        .map_err(|_| Fault::unsigned(&name, "its signature cannot be read"))?;
    key.verify(source.as_bytes(), &signature, false)
        .map_err(|_| {
            Fault::unsigned(
                &name,
                "its signature is not of the configured key, or of other bytes",
            )
        })?;
    // A signature of another component, put beside this one, is of other bytes; one of an older release is
    // caught by the lock file. The comment tells people which one was signed.
    let comment = signature.trusted_comment();
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let names = |word: &str| {
        let word = word.trim_start_matches("file:").trim_end_matches(".wasm");
        word == name || word == stem
    };
    if !comment.split_whitespace().any(names) {
        return Err(Fault::unsigned(
            &name,
            format!(
                "the signature's trusted comment is `{}`",
                line(comment, 200)
            ),
        )
        .hint(format!("sign it with `minisign -S -t '{name} VERSION'`")));
    }
    Ok(())
}
