//! The guard: one decision among many policies, and its share of one small call.

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::Criterion;
use engine::data::{
    Action, CedarPolicies, Counters, Declared, Digest, Effect, Guard, Mode, Parameter, Policies,
    PoliciesBuilder, Principal, Question, Via, WitType,
};
use engine::{Call, Config, Engine, Function, Grants, Source};
use serde_json::json;

/// Decisions that are timed one by one.
const DECISIONS: usize = 20_000;

pub(crate) fn define(criterion: &mut Criterion) {
    for count in [1, 100, 1000] {
        decisions(count);
    }
    share(criterion);
}

/// So many policies, five for each capability, each with two conditions.
fn policies(count: usize) -> CedarPolicies {
    let text: String = (0..count)
        .map(|n| {
            let capability = n / 5;
            let effect = if n % 5 == 4 { "forbid" } else { "permit" };
            format!(
                "@id(\"p{n}\") {effect} (principal, action == Action::\"c{capability}.read.v1\", resource)
                 when {{ context.args.path like \"/data/{n}/*\" && context.calls.all < 100 }};\n"
            )
        })
        .collect();
    CedarPolicies::parse(&[("bench.cedar".to_owned(), text)]).unwrap()
}

fn action() -> Action {
    Action {
        principal: Principal::default(),
        via: Via::Direct,
        name: "c0.read.v1".to_owned(),
        component: "c0".to_owned(),
        version: Some("1.0.0".to_owned()),
        digest: Digest::of(b"component"),
        function: "read".to_owned(),
        declared: Some(Declared {
            effects: [Effect::Read].into(),
            pure: false,
            idempotent: true,
        }),
        arguments: Digest::of(b"arguments"),
        step: None,
        labels: [].into(),
    }
}

/// Prints the median and the 99th percentile of one decision, arguments included.
fn decisions(count: usize) {
    let policies = policies(count);
    let (action, grants) = (action(), Grants::none());
    let function = Function {
        interface: None,
        name: "read".to_owned(),
        parameters: vec![Parameter {
            name: "path".to_owned(),
            ty: WitType::String,
        }],
        result: None,
    };
    let make = || json!({ "path": "/data/0/file.txt" });
    let decide = || {
        let question = Question::new(
            &action,
            Some(&function),
            &grants,
            Counters::default(),
            &make,
        );
        policies.judge(&question).unwrap()
    };
    assert!(decide().permission.is_some());
    let mut times: Vec<Duration> = (0..DECISIONS)
        .map(|_| {
            let start = Instant::now();
            black_box(decide());
            start.elapsed()
        })
        .collect();
    times.sort();
    println!(
        "guard: one decision among {count} policies: median {:?}, p99 {:?}",
        times.get(DECISIONS / 2).unwrap(),
        times.get(DECISIONS * 99 / 100).unwrap(),
    );
}

/// One call of `count-words` without a guard, with the bundle `strict`, and with a hundred policies.
fn share(criterion: &mut Criterion) {
    let Some(guests) = std::env::var_os("ENGINE_BENCH_GUESTS") else {
        println!("guard: ENGINE_BENCH_GUESTS is not set; `cargo xtask bench` sets it");
        return;
    };
    let source = Source::file(std::path::Path::new(&guests).join("text.wasm")).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let mut group = criterion.benchmark_group("guard");
    let cedar: String = (0..100)
        .map(|n| format!("@id(\"p{n}\") forbid (principal, action == Action::\"text.search\", resource) when {{ context.args.text == \"{n}\" }};\n"))
        .collect();
    let cedar = CedarPolicies::parse(&[("bench.cedar".to_owned(), cedar)]).unwrap();
    let sets: [(&str, PoliciesBuilder); 3] = [
        ("off", Policies::builder().mode(Mode::Off)),
        ("strict", Policies::builder()),
        ("strict and 100 policies", Policies::builder().cedar(cedar)),
    ];
    for (name, policies) in sets {
        let config = Config::new().policies(policies.build().unwrap());
        let engine = Engine::builder().config(config).build().unwrap();
        let text = engine.load_blocking(&source).unwrap();
        group.bench_function(format!("count-words, {name}"), |bencher| {
            bencher.iter(|| {
                let call = Call::function("count-words", json!({ "text": "to be or not to be" }));
                let outcome = runtime.block_on(engine.run(&text, call));
                assert!(outcome.fault().is_none());
                outcome
            });
        });
    }
    group.finish();
}
