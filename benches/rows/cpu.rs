//! Guests that compute, with all limits and with none.

use std::hint::black_box;

use serde_json::json;

use crate::bare::{Bare, Setting};
use crate::subject::{Guarding, Latest, Subject, WORK, runtime, works};
use crate::table::{Row, Target};
use crate::timing::turns;

/// Each kind of work, what it is called in performance.md, and how much of it takes some milliseconds.
const KINDS: [(&str, &str, &str, u32); 6] = [
    ("fib", "n", "fib", 27),
    ("sieve", "below", "sieve", 1_000_000),
    ("json", "rounds", "JSON", 10),
    ("regex", "rounds", "regex", 10),
    ("words", "rounds", "word count", 30),
    ("hash", "rounds", "hash rounds", 60_000),
];
const ROUNDS: usize = 60;

pub(super) fn rows() -> Vec<Row> {
    let bytes = works();
    let bare = Bare::load(Setting::Limitless, &bytes);
    let fuelled = Bare::load(Setting::Tuned, &bytes);
    let subject = Subject::new(&bytes, Guarding::Bundle, Latest::default());
    let runtime = runtime();
    let row = |&(function, parameter, name, amount): &(&str, &str, &str, u32)| {
        let (at, in_fuelled) = (bare.find(WORK, function), fuelled.find(WORK, function));
        let arguments = json!({ parameter: amount }).to_string();
        let by_engine = subject.value(&runtime, function, &arguments);
        let by_bare: u64 = bare.call(&at, (amount,));
        assert_eq!(
            by_engine.value().as_str().trim_matches('"'),
            by_bare.to_string(),
            "{function}"
        );
        let [engine, limitless, fuelled] = turns(
            ROUNDS,
            [
                &mut || {
                    black_box(subject.value(&runtime, function, &arguments));
                },
                &mut || {
                    black_box(bare.call::<_, u64>(&at, (amount,)));
                },
                &mut || {
                    black_box(fuelled.call::<_, u64>(&in_fuelled, (amount,)));
                },
            ],
        );
        Row::times(
            format!("work for the processor, {name}: all limits ÷ none"),
            Target::AtMost(1.35),
            engine.over(&limitless),
            format!(
                "engine {engine}, bare without any limit {limitless}, bare with fuel {fuelled}: fuel alone {:.2} ×",
                fuelled.over(&limitless)
            ),
        )
    };
    KINDS.iter().map(row).collect()
}
