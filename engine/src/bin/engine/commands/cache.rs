//! `engine cache`: looks after compiled code.

use std::process::ExitCode;

use engine::Fault;
use engine::data::{CodeCache, line};
use serde_json::json;

use super::finish;
use crate::args::{self, CacheClear, CacheCommand, CacheLs, Output};
use crate::render::Printer;
use crate::settings;

/// `engine cache`.
pub(super) fn run(typed: CacheCommand, global: &args::Global, printer: &Printer) -> ExitCode {
    match typed {
        CacheCommand::Ls(CacheLs { output }) => finish(
            list(output, global, printer),
            output == Output::Json,
            printer,
        ),
        CacheCommand::Clear(CacheClear { output }) => finish(
            clear(output, global, printer),
            output == Output::Json,
            printer,
        ),
    }
}

/// The cache, if there is one; looking makes none.
fn cache(global: &args::Global) -> Result<Option<CodeCache>, Fault> {
    let there = settings::home(global).is_some_and(|home| home.join("cache").exists());
    if there {
        settings::code_cache(global)
    } else {
        Ok(None)
    }
}

fn list(output: Output, global: &args::Global, printer: &Printer) -> Result<(), Fault> {
    let cache = cache(global)?;
    let entries = match &cache {
        Some(cache) => cache.entries()?,
        None => Vec::new(),
    };
    let bytes: u64 = entries.iter().map(|entry| entry.size.get()).sum();
    match output {
        Output::Json => {
            let shown: Vec<_> = entries
                .iter()
                .map(|entry| json!({ "key": entry.key, "bytes": entry.size, "used": entry.used }))
                .collect();
            let dir = cache.map(|cache| cache.dir().to_string_lossy().into_owned());
            printer.data(
                &json!({
                    "dir": dir, "entries": shown, "bytes": bytes,
                    "most_bytes": CodeCache::USUAL,
                })
                .to_string(),
            )
        }
        Output::Text => {
            for entry in &entries {
                let key = entry.key.get(..12).unwrap_or(&entry.key);
                printer.data(&format!(
                    "{}  {:>12}  used {}",
                    line(key, 12),
                    entry.size.get(),
                    entry.used
                ))?;
            }
            printer.note(&format!(
                "{} entries, {bytes} bytes of at most {}\n",
                entries.len(),
                CodeCache::USUAL
            ));
            Ok(())
        }
    }
}

fn clear(output: Output, global: &args::Global, printer: &Printer) -> Result<(), Fault> {
    let (entries, bytes) = match cache(global)? {
        Some(cache) => cache.clear()?,
        None => (0, engine::Bytes::ZERO),
    };
    match output {
        Output::Json => printer.data(&json!({ "entries": entries, "bytes": bytes }).to_string()),
        Output::Text => {
            printer.note(&format!(
                "removed {entries} entries, {} bytes\n",
                bytes.get()
            ));
            Ok(())
        }
    }
}
