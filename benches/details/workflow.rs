//! Workflows: what a step costs besides its call, and how a transition of the machine grows with the plan.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use engine::data::{JournalOptions, WorkflowId};
use engine::workflow::{
    CallEnd, Effect, Input, Known, MemoryStore, Output, Plan, PlanSpec, Start, State, What,
    WorkflowStore, Workflows, step,
};
use engine::{Call, Engine, Source, Status};
use serde_json::json;

use crate::calls::component;

/// The most steps that a plan can have.
const STEPS: usize = 1_000;
/// Runs that are timed.
const RUNS: usize = 5;

pub(crate) fn define() {
    let mut words = std::env::args().skip(1);
    if words.any(|word| !word.starts_with('-') && !"workflow".contains(&word)) {
        return;
    }
    transitions();
    steps();
}

/// A chain of `count` steps, all of the same pure function.
fn plan(count: usize, args: &serde_json::Value) -> PlanSpec {
    let steps: Vec<_> = (0..count)
        .map(|number| {
            json!({
                "id": format!("s{number}"), "capability": "text", "function": "count-words",
                "args": args,
            })
        })
        .collect();
    serde_json::from_value(json!({
        "version": 1, "goal": "measure", "steps": steps, "max_steps": count,
        "preferences": {"stall_detection_ms": 3_600_000},
    }))
    .unwrap()
}

/// Prints what one step of 1,000 costs, beside a call of the same function that is no step.
fn steps() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let source = Source::bytes("text", component("text")).unwrap();
    let plan = Plan::new(plan(STEPS, &json!({"text": "to be"})), BTreeMap::new()).unwrap();
    let alone = Engine::builder().build().unwrap();
    let loaded = alone.load_blocking(&source).unwrap();
    let calls = || {
        let began = Instant::now();
        for _ in 0..STEPS {
            let call = Call::function("count-words", json!({"text": "to be"}));
            black_box(runtime.block_on(alone.run(&loaded, call)));
        }
        began.elapsed()
    };
    let run = |engine: Engine, store: Arc<dyn WorkflowStore>| {
        let text = engine.load_blocking(&source).unwrap();
        let workflows = Workflows::new(engine, store).component(text);
        runtime.block_on(async {
            let checked = workflows.check(&plan).await;
            let began = Instant::now();
            let summary = workflows.run(checked, Start::default()).await.unwrap();
            let took = began.elapsed();
            assert_eq!(summary.calls, STEPS as u64, "{:?}", summary.error);
            took
        })
    };
    let (mut bare, mut memory, mut journaled) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..RUNS {
        bare.push(calls());
        memory.push(run(
            Engine::builder().build().unwrap(),
            Arc::new(MemoryStore::default()),
        ));
        let dir = tempfile::tempdir().unwrap();
        let journal = JournalOptions::new()
            .open(dir.path().join("journal.db"))
            .unwrap();
        let engine = Engine::builder().sink(journal.clone()).build().unwrap();
        journaled.push(run(engine, Arc::new(journal.clone())));
        journal.close().unwrap();
    }
    for (name, times) in [
        ("a call that is no step", &mut bare),
        ("a step, kept in memory", &mut memory),
        ("a step, kept in the journal", &mut journaled),
    ] {
        times.sort();
        let median = times.get(RUNS / 2).copied().unwrap_or_default();
        println!(
            "workflow/{STEPS} steps/{name}: {:.1} µs each",
            median.as_secs_f64() * 1e6 / STEPS as f64
        );
    }
}

/// Prints what one transition of the machine costs in workflows of more and more steps.
fn transitions() {
    for count in [100, 1_000, 10_000, 100_000] {
        let known = vec![
            Known {
                action: "text.count-words".to_owned(),
                fuel: 1,
                wall_ms: 1,
                output_bytes: 1,
                repeatable: true,
                ..Known::default()
            };
            count
        ];
        // Without arguments, so that a hundred thousand are within the bounds of a plan.
        let plan = plan(count, &json!({}));
        let plan = Plan::within(plan, BTreeMap::new(), count as u64).unwrap();
        let mut state = State::with(WorkflowId::fresh(), &plan, known);
        let mut times: Vec<Duration> = Vec::with_capacity(count);
        let mut next: Vec<(usize, u32)> = Vec::new();
        let mut what = Some(What::Checked {
            approvals: Vec::new(),
        });
        while let Some(input) = what.take().or_else(|| next.pop().map(ended)) {
            let began = Instant::now();
            let (after, effects) = step(
                state,
                Input {
                    at_ms: 1,
                    what: input,
                },
            );
            times.push(began.elapsed());
            state = after;
            next.extend(effects.iter().filter_map(|effect| match effect {
                Effect::Call { step, attempt, .. } => Some((*step, *attempt)),
                Effect::Undo { .. }
                | Effect::Interrupt { .. }
                | Effect::Verify
                | Effect::Tell { .. }
                | Effect::Refuse { .. } => None,
            }));
        }
        assert!(times.len() > count, "{} transitions", times.len());
        times.sort();
        let at = |share: usize| times.get(times.len() * share / 100).copied();
        println!(
            "workflow/transition/{count} steps: median {:.2} µs, p99 {:.2} µs",
            at(50).unwrap_or_default().as_secs_f64() * 1e6,
            at(99).unwrap_or_default().as_secs_f64() * 1e6,
        );
    }
}

fn ended((step, attempt): (usize, u32)) -> What {
    What::Ended {
        step,
        attempt,
        end: Box::new(CallEnd {
            status: Status::Ok,
            started: true,
            killed: false,
            output: Some(Output::inline("null")),
            failure: None,
            usage: engine::data::Usage::default(),
            run: None,
            cached: None,
        }),
    }
}
