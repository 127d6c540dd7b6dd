//! What is measured: the guests, and engines that are set up as people would.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use engine::data::{
    CedarPolicies, Effect, EngineBuilder, Glob, Mode, Policies, Pool, Rule, RuleDecision,
};
use engine::{Bytes, Call, Compiled, Config, Engine, Event, Json, Limits, Outcome, Sink, Source};
use tokio::runtime::Runtime;

pub(crate) const VALUES: &str = "bench:measured/values@1.0.0";
pub(crate) const WORK: &str = "bench:works/work@1.0.0";
pub(crate) const TIME: &str = "bench:measured/time@1.0.0";

/// The functions that policies are written for, five each.
const FUNCTIONS: [&str; 4] = ["echo", "add", "bytes", "entries"];

/// A guest, from where `cargo xtask bench` builds it.
pub(crate) fn guest(name: &str) -> PathBuf {
    let dir = std::env::var_os("ENGINE_BENCH_GUESTS").map(PathBuf::from);
    let dir = dir.unwrap_or_else(|| target().join("guests/wasm32-wasip2/release"));
    dir.join(format!("{name}.wasm"))
}

/// The guest that does nothing with values.
pub(crate) fn measured() -> Vec<u8> {
    std::fs::read(guest("measured")).unwrap()
}

/// The guest that computes.
pub(crate) fn works() -> Vec<u8> {
    std::fs::read(guest("works")).unwrap()
}

/// The project's target directory: on the disk that is measured.
pub(crate) fn target() -> PathBuf {
    let dir = std::env::var_os("ENGINE_BENCH_TARGET").map(PathBuf::from);
    dir.unwrap_or_else(|| PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../target")))
}

/// Keeps the latest events in memory, and lets the others go: what is measured does not grow.
#[derive(Debug, Default)]
pub(crate) struct Latest(Mutex<VecDeque<Arc<Event>>>);

impl Latest {
    const KEPT: usize = 1_000;
}

impl Sink for Latest {
    fn emit(&self, event: &Arc<Event>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() == Self::KEPT {
            kept.pop_front();
        }
        kept.push_back(event.clone());
    }
}

/// What judges a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Guarding {
    /// The bundle `strict`, and so many Cedar policies, five for each function.
    Cedar(usize),
    /// The bundle `strict`, and so many rules of the core, five for each function.
    Rules(usize),
    /// The bundle `strict`.
    Bundle,
    /// Nothing.
    Off,
}

impl Guarding {
    pub(crate) fn policies(self) -> Policies {
        let builder = Policies::builder();
        match self {
            Guarding::Cedar(count) => {
                let text: String = (0..count).map(cedar).collect();
                let parsed = CedarPolicies::parse(&[("bench.cedar".to_owned(), text)]).unwrap();
                builder.cedar(parsed)
            }
            Guarding::Rules(count) => builder.rules((0..count).map(rule)),
            Guarding::Bundle => builder,
            Guarding::Off => builder.mode(Mode::Off),
        }
        .build()
        .unwrap()
    }
}

fn function(number: usize) -> &'static str {
    FUNCTIONS.get(number / 5 % 4).unwrap()
}

/// The first of five permits, the others forbid under a condition that does not hold.
fn cedar(number: usize) -> String {
    let function = function(number);
    let (effect, condition) = match (number % 5, function) {
        (0, _) => ("permit", "context.calls.all < 1000".to_owned()),
        (_, "echo") => (
            "forbid",
            format!("context.args.text like \"/data/{number}/*\""),
        ),
        (_, _) => ("forbid", format!("context.calls.all > {}", 1000 + number)),
    };
    format!(
        "@id(\"p{number}\") {effect} (principal, action == Action::\"measured.{function}\", resource)
         when {{ {condition} }};\n"
    )
}

fn rule(number: usize) -> Rule {
    let function = function(number);
    let capability = Glob::new(format!("measured.{function}"));
    let permits = number.is_multiple_of(5);
    let rule = Rule::new(
        format!("r{number}"),
        if permits {
            RuleDecision::Allow
        } else {
            RuleDecision::Deny
        },
    );
    Rule {
        capability,
        effects: if permits {
            [].into()
        } else {
            [Effect::Network].into()
        },
        argument: (!permits).then(|| Glob::new(format!("/data/{number}/*"))),
        ..rule
    }
}

/// An engine with every limit on, and one loaded component.
pub(crate) struct Subject {
    pub(crate) engine: Engine,
    pub(crate) component: Compiled,
}

impl Subject {
    /// With room for 64 instances.
    pub(crate) fn new(bytes: &[u8], guarding: Guarding, sink: impl Sink + 'static) -> Self {
        let pool = Pool::new(64);
        Self::of(bytes, Engine::builder().sink(sink), pool, guarding)
    }

    pub(crate) fn of(bytes: &[u8], builder: EngineBuilder, pool: Pool, guarding: Guarding) -> Self {
        let config = Config::new()
            .limits(Limits::builder().output(Bytes::mib(8)).build().unwrap())
            .policies(guarding.policies())
            .pool(pool);
        let engine = builder.config(config).build().unwrap();
        let source = Source::bytes("measured", bytes.to_vec()).unwrap();
        let component = engine.load_blocking(&source).unwrap();
        Self { engine, component }
    }

    /// One call from JSON text to the outcome.
    pub(crate) async fn call(&self, function: &str, arguments: &str) -> Outcome {
        let arguments = Json::from_text(arguments.to_owned()).unwrap();
        self.engine
            .run(&self.component, Call::function(function, arguments))
            .await
    }

    /// The same; fails unless it gave a value.
    pub(crate) fn value(&self, runtime: &Runtime, function: &str, arguments: &str) -> Outcome {
        let outcome = runtime.block_on(self.call(function, arguments));
        assert!(outcome.fault().is_none(), "{:?}", outcome.fault());
        outcome
    }
}

/// A runtime of one thread, as each thread of a host has one.
pub(crate) fn runtime() -> Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

/// A text of so many bytes.
pub(crate) fn text(bytes: usize) -> String {
    "to be or not to be, that is it. "
        .repeat(bytes / 32 + 1)
        .chars()
        .take(bytes)
        .collect()
}
