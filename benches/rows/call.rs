//! One call on a fresh instance, from JSON to JSON.

use std::hint::black_box;

use serde_json::json;

use crate::bare::{Bare, Setting};
use crate::subject::{Guarding, Latest, Subject, VALUES, measured, runtime, text};
use crate::table::{Row, Target};
use crate::timing::{Times, turns};

/// How long a call takes in each setting.
struct Compared {
    cedar: Times,
    rules: Times,
    tuned: Times,
    default: Times,
}

pub(super) fn rows() -> Vec<Row> {
    let bytes = measured();
    let tuned = Bare::load(Setting::Tuned, &bytes);
    let default = Bare::load(Setting::DefaultPool, &bytes);
    let cedar = Subject::new(&bytes, Guarding::Cedar(20), Latest::default());
    let rules = Subject::new(&bytes, Guarding::Rules(20), Latest::default());
    let compare = |size, rounds| {
        let (text, runtime) = (text(size), runtime());
        let arguments = json!({ "text": text }).to_string();
        let echoed = cedar.value(&runtime, "echo", &arguments);
        assert_eq!(echoed.value().as_str(), json!(text).to_string());
        let engine = |subject: &Subject| {
            black_box(subject.value(&runtime, "echo", &arguments));
        };
        let (in_tuned, in_default) = (tuned.find(VALUES, "echo"), default.find(VALUES, "echo"));
        let bare = |bare: &Bare, at| {
            let echoed: String = bare.call(at, (text.as_str(),));
            black_box(echoed);
        };
        let [cedar, rules, tuned, default] = turns(
            rounds,
            [
                &mut || engine(&cedar),
                &mut || engine(&rules),
                &mut || bare(&tuned, &in_tuned),
                &mut || bare(&default, &in_default),
            ],
        );
        Compared {
            cedar,
            rules,
            tuned,
            default,
        }
    };
    let small = compare(64, 10_000);
    let large = compare(64 << 10, 3_000);
    let row = |figure: &str, most, engine: &Times, bare: &Times| {
        let detail = format!("engine {engine}, bare {bare}");
        Row::times(figure, Target::AtMost(most), engine.over(bare), detail)
    };
    vec![
        row(
            "call, 64 B string, guard with 20 Cedar policies ÷ tuned bare",
            2.0,
            &small.cedar,
            &small.tuned,
        ),
        row(
            "call, 64 B string, guard with 20 Cedar policies ÷ bare default pool",
            0.7,
            &small.cedar,
            &small.default,
        ),
        row(
            "call, 64 B string, guard with 20 rules ÷ tuned bare",
            1.5,
            &small.rules,
            &small.tuned,
        ),
        row(
            "call, 64 KiB string, guard with 20 Cedar policies ÷ tuned bare",
            1.5,
            &large.cedar,
            &large.tuned,
        ),
        row(
            "call, 64 KiB string, guard with 20 rules ÷ tuned bare",
            1.5,
            &large.rules,
            &large.tuned,
        ),
    ]
}
