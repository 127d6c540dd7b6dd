//! The guard's share of one small call.

use std::time::Instant;

use engine::data::{CedarPolicies, Mode, Policies, PoliciesBuilder};
use engine::{Call, Config, Engine, Source};
use serde_json::json;

use crate::calls::component;

/// Calls that are timed one by one, for each set of policies.
const CALLS: usize = 10_000;

/// Prints what one call of `count-words` takes without a guard, with the bundle `strict`, and with a hundred policies
/// of which five speak of it; in turns, so that a machine that gets slower does so for all.
pub(crate) fn share() {
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
