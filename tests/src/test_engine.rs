use std::sync::Arc;

use engine::data::{Cancel, Compiler, GrantsBuilder, LimitsBuilder, Mode, Policies, Pool, RunId};
use engine::{
    Call, Config, Engine, Event, EventKind, Fault, Grants, Limits, Memory, Outcome, Rights, Source,
    Stdin,
};

/// An engine whose events are kept, with limits and grants of its own.
#[derive(Debug)]
pub struct TestEngine {
    limits: LimitsBuilder,
    grants: GrantsBuilder,
    mode: Mode,
    deterministic: bool,
    compiler: Option<Compiler>,
}

/// One run, its outcome and its events.
#[derive(Debug)]
pub struct Run {
    /// What came of it.
    pub outcome: Outcome,
    /// Its events, oldest first.
    pub events: Vec<Event>,
}

impl Default for TestEngine {
    fn default() -> Self {
        Self::new()
    }
}

impl TestEngine {
    /// Starts from the engine's defaults.
    pub fn new() -> Self {
        Self {
            limits: Limits::builder(),
            grants: Grants::builder(),
            mode: Mode::Enforce,
            deterministic: false,
            compiler: None,
        }
    }

    /// Changes limits.
    pub fn limits(mut self, change: impl FnOnce(LimitsBuilder) -> LimitsBuilder) -> Self {
        self.limits = change(self.limits);
        self
    }

    /// Asks no policy, so that what is tested is the sandbox alone.
    pub fn unguarded(mut self) -> Self {
        self.mode = Mode::Off;
        self
    }

    /// Makes every call deterministic.
    pub fn deterministic(mut self) -> Self {
        self.deterministic = true;
        self
    }

    /// Compiles in processes of their own.
    pub fn compiler(mut self, compiler: Compiler) -> Self {
        self.compiler = Some(compiler);
        self
    }

    /// Grants a directory.
    pub fn dir(mut self, host: &std::path::Path, guest: &str, rights: Rights) -> Self {
        self.grants = self.grants.dir(host, guest, rights);
        self
    }

    /// Grants an environment variable.
    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.grants = self.grants.env(name, value);
        self
    }

    /// The engine, and where its events are kept.
    pub fn build(&self) -> (Engine, Arc<Memory>) {
        let events = Arc::new(Memory::default());
        let mut config = Config::new()
            .policies(Policies::builder().mode(self.mode).build().unwrap())
            .limits(self.limits.clone().build().unwrap())
            .grants(self.grants.clone().build().unwrap());
        if self.deterministic {
            config = config.deterministic();
        }
        if let Some(pool) = pool() {
            config = config.pool(pool);
        }
        let mut builder = Engine::builder().config(config).shared_sink(events.clone());
        if let Some(compiler) = &self.compiler {
            builder = builder.compiler(compiler.clone());
        }
        let engine = builder.build().unwrap();
        (engine, events)
    }

    /// Calls a function on a fresh engine.
    pub async fn call(&self, source: Source, function: &str, arguments: serde_json::Value) -> Run {
        self.run(source, Call::function(function, arguments)).await
    }

    /// Runs a command on a fresh engine, with nothing to read.
    pub async fn command(&self, source: Source, args: &[&str]) -> Run {
        let args = std::iter::once("guest").chain(args.iter().copied());
        self.run(source, Call::command(args, Stdin::Empty)).await
    }

    /// Runs a call on a fresh engine and checks that its events are in order.
    pub async fn run(&self, source: Source, call: Call) -> Run {
        let (engine, events) = self.build();
        let outcome = engine.run_source(source, call).await;
        let run = Run {
            events: events.events(),
            outcome,
        };
        run.check_events();
        run
    }

    /// Runs a call that is cancelled after a while.
    pub async fn cancelled_after(
        &self,
        source: Source,
        call: Call,
        wait: std::time::Duration,
    ) -> Run {
        let cancel = Cancel::new();
        let call = call.cancelled_by(cancel.clone());
        let cancelling = tokio::spawn(async move {
            tokio::time::sleep(wait).await;
            cancel.cancel();
        });
        let run = self.run(source, call).await;
        cancelling.abort();
        run
    }
}

/// The pool that all engines of the tests have, if `ENGINE_TEST_POOL` says how many instances it has: what holds without one
/// has to hold with one.
fn pool() -> Option<Pool> {
    let instances = std::env::var("ENGINE_TEST_POOL").ok()?;
    Some(Pool::new(instances.parse().expect("a number of instances")))
}

impl Run {
    /// Why there is no value; panics if there is one.
    pub fn fault(&self) -> &Fault {
        self.outcome
            .fault()
            .unwrap_or_else(|| panic!("expected a fault, found {}", self.outcome.to_json()))
    }

    /// The fault's code; panics if there is none.
    pub fn code(&self) -> &'static str {
        self.fault().code().as_str()
    }

    /// What a command wrote to standard output.
    pub fn stdout(&self) -> String {
        String::from_utf8_lossy(self.outcome.stdout()).into_owned()
    }

    /// The kinds of its events in order, output left out.
    pub fn event_names(&self) -> Vec<&str> {
        self.events
            .iter()
            .map(|event| event.kind.name())
            .filter(|name| *name != "output")
            .collect()
    }

    /// The denials as `operation target`.
    pub fn denials(&self) -> Vec<String> {
        let denials = self.outcome.denials().iter();
        denials
            .map(|denial| format!("{} {}", denial.operation, denial.target))
            .collect()
    }

    /// Checks what holds for the events of every run: numbered without gaps, one last event for the
    /// run, one for the call if it began, and no text over its bound.
    pub fn check_events(&self) {
        check_events(&self.events, self.outcome.run());
    }
}

/// Checks the events of one run, see [`Run::check_events`].
pub(crate) fn check_events(events: &[Event], run: RunId) {
    let own: Vec<&Event> = events
        .iter()
        .filter(
            |event| matches!(event.source, engine::data::Source::Run { run_id } if run_id == run),
        )
        .collect();
    let count = |wanted: &str| {
        own.iter()
            .filter(|event| event.kind.name() == wanted)
            .count()
    };
    for (position, event) in own.iter().enumerate() {
        assert_eq!(event.seq, position as u64, "a gap in the events of {run}");
        assert!(
            event.to_json().len() < (64 << 10) + 2048,
            "an event of {} bytes",
            event.to_json().len()
        );
    }
    assert_eq!(count("run_started"), 1);
    assert_eq!(count("run_completed"), 1);
    assert_eq!(count("call_completed"), count("call_started"));
    assert!(
        matches!(own.last().unwrap().kind, EventKind::RunCompleted { .. }),
        "the run ends last"
    );
}
