//! One call on a fresh instance: `count-words` of the shipped capability `text`.

use std::hint::black_box;
use std::path::PathBuf;

use criterion::Criterion;
use engine::{Call, Config, Engine, Event, Limits, Sink, Source};
use serde_json::json;
use wasmtime::component::Val;

use crate::bare::Bare;

/// Takes events and forgets them.
struct Deaf;

impl Sink for Deaf {
    fn emit(&self, event: &std::sync::Arc<Event>) {
        black_box(event);
    }
}

/// A shipped component, from where `cargo xtask bench` or the tests build it.
pub(crate) fn component(name: &str) -> Vec<u8> {
    let dir = std::env::var_os("ENGINE_BENCH_GUESTS").map(PathBuf::from);
    let dir = dir.unwrap_or_else(|| {
        PathBuf::from(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../target/guests/wasm32-wasip2/release"
        ))
    });
    std::fs::read(dir.join(format!("{name}.wasm"))).unwrap()
}

pub(crate) fn define(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let bytes = component("text");
    let bare = Bare::load(&bytes, "engine:text/analysis@1.0.0", "count-words");
    let source = Source::bytes("text", bytes).unwrap();

    let quiet = Engine::builder()
        .config(Config::new().limits(Limits::default()))
        .build()
        .unwrap();
    let heard = Engine::builder().sink(Deaf).build().unwrap();
    let on_quiet = quiet.load_blocking(&source).unwrap();
    let on_heard = heard.load_blocking(&source).unwrap();

    for (size, text) in [
        (
            "64B",
            "to be or not to be, that is the question: whether it is nobler in",
        ),
        ("4KiB", &"to be or not to be, that is it. ".repeat(128)),
    ] {
        let mut group = criterion.benchmark_group(format!("call/count-words/{size}"));
        let values = [Val::String(text.to_owned())];
        group.bench_function("bare wasmtime", |bencher| {
            bencher.iter(|| runtime.block_on(bare.call(&values)));
        });
        let arguments = json!({ "text": text });
        group.bench_function("engine", |bencher| {
            bencher.iter(|| {
                let call = Call::function("count-words", arguments.clone());
                runtime.block_on(quiet.run(&on_quiet, call))
            });
        });
        group.bench_function("engine with events", |bencher| {
            bencher.iter(|| {
                let call = Call::function("count-words", arguments.clone());
                runtime.block_on(heard.run(&on_heard, call))
            });
        });
        group.finish();
    }
}
