//! The guard: one decision among many policies, and its share of one small call.

use std::hint::black_box;
use std::time::{Duration, Instant};

use engine::data::{
    Action, CedarPolicies, Counters, Declared, Digest, Effect, Guard, Mode, Parameter, Policies,
    PoliciesBuilder, Principal, Question, Via, WitType,
};
use engine::{Call, Config, Engine, Function, Grants, Source};
use serde_json::json;

use crate::calls::component;

/// Decisions that are timed one by one.
const DECISIONS: usize = 20_000;
/// Calls that are timed one by one, for each set of policies.
const CALLS: usize = 10_000;

pub(crate) fn define() {
    for spread in [Spread::FiveEach, Spread::AllOfOne] {
        for count in [1, 100, 1000] {
            decisions(count, spread);
        }
    }
    share();
}

/// Which capabilities the policies speak of.
#[derive(Clone, Copy)]
enum Spread {
    /// Five policies for each capability, as somebody would write them.
    FiveEach,
    /// All of them for the one that is asked about, so that no index helps.
    AllOfOne,
}

/// So many policies, each with two conditions; every fifth forbids.
fn policies(count: usize, spread: Spread) -> CedarPolicies {
    let text: String = (0..count)
        .map(|n| {
            let capability = match spread {
                Spread::FiveEach => n / 5,
                Spread::AllOfOne => 0,
            };
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
        also: None,
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
fn decisions(count: usize, spread: Spread) {
    let policies = policies(count, spread);
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
    let of = match spread {
        Spread::FiveEach => "five for each capability",
        Spread::AllOfOne => "all for the one capability",
    };
    println!(
        "guard: one decision among {count} policies, {of}: median {:?}, p99 {:?}",
        times.get(DECISIONS / 2).unwrap(),
        times.get(DECISIONS * 99 / 100).unwrap(),
    );
}

/// Prints what one call of `count-words` takes without a guard, with the bundle `strict`, and with a hundred policies
/// of which five speak of it; in turns, so that a machine that gets slower does so for all.
fn share() {
    let source = Source::bytes("text", component("text")).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let cedar: String = (0..100)
        .map(|n| {
            let function = if n % 20 == 0 { "count-words" } else { "search" };
            format!(
                "@id(\"p{n}\") forbid (principal, action == Action::\"text.{function}\", resource)
                 when {{ context.args.text == \"{n}\" }};\n"
            )
        })
        .collect();
    let cedar = CedarPolicies::parse(&[("bench.cedar".to_owned(), cedar)]).unwrap();
    let sets: [(&str, PoliciesBuilder); 3] = [
        ("no guard", Policies::builder().mode(Mode::Off)),
        ("`strict`", Policies::builder()),
        (
            "`strict` and 100 policies",
            Policies::builder().cedar(cedar),
        ),
    ];
    let mut sets = sets.map(|(name, policies)| {
        let config = Config::new().policies(policies.build().unwrap());
        let engine = Engine::builder().config(config).build().unwrap();
        let text = engine.load_blocking(&source).unwrap();
        (name, engine, text, Vec::with_capacity(CALLS))
    });
    for turn in 0..CALLS + CALLS / 10 {
        for (_, engine, text, times) in &mut sets {
            let call = Call::function("count-words", json!({ "text": "to be or not to be" }));
            let start = Instant::now();
            let outcome = runtime.block_on(engine.run(text, call));
            let took = start.elapsed();
            assert!(outcome.fault().is_none());
            // The first calls warm up.
            if turn >= CALLS / 10 {
                times.push(took);
            }
        }
    }
    let [without, ..] = sets.each_mut().map(|(.., times)| {
        times.sort();
        *times.get(CALLS / 2).unwrap()
    });
    for (name, .., times) in &sets {
        let median = *times.get(CALLS / 2).unwrap();
        let share = median.saturating_sub(without).as_secs_f64() / median.as_secs_f64();
        println!(
            "guard: one call of count-words, {name}: median {median:?}, p99 {:?}, the guard's share {:.1} %",
            times.get(CALLS * 99 / 100).unwrap(),
            share * 100.0,
        );
    }
}
