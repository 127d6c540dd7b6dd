//! Bytes as parameter and result, from base64 in JSON and back.

use std::hint::black_box;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use wasmtime::component::Val;

use crate::bare::{Bare, Setting};
use crate::subject::{Guarding, Latest, Subject, VALUES, measured, runtime};
use crate::table::{Row, Target};
use crate::timing::turns;

pub(super) fn rows() -> Vec<Row> {
    let bytes = measured();
    let bare = Bare::load(Setting::Tuned, &bytes);
    let echo = bare.find(VALUES, "bytes");
    let subject = Subject::new(&bytes, Guarding::Rules(20), Latest::default());
    let runtime = runtime();
    let mut rows = Vec::new();
    for (name, size, rounds) in [("64 KiB", 64usize << 10, 500), ("1 MiB", 1 << 20, 60)] {
        let data: Vec<u8> = (0u8..=255).cycle().take(size).collect();
        let written = STANDARD.encode(&data);
        let arguments = json!({ "data": written }).to_string();
        let typed = format!("bytes, {name} both ways from base64 ÷ typed bulk copy and base64");
        let dynamic = format!("bytes, {name} both ways: element-wise values ÷ engine");
        let outcome = runtime.block_on(subject.call("bytes", &arguments));
        if let Some(fault) = outcome.fault() {
            let why = format!("the call failed: {fault}");
            rows.push(Row::missing(typed, Target::AtMost(3.0), why.clone()));
            rows.push(Row::missing(dynamic, Target::AtLeast(100.0), why));
            continue;
        }
        assert_eq!(outcome.value().as_str(), json!(written).to_string());
        let values = [Val::List(data.iter().map(|byte| Val::U8(*byte)).collect())];
        let mut of_engine = || {
            black_box(subject.value(&runtime, "bytes", &arguments));
        };
        let mut of_copy = || {
            let data = STANDARD.decode(black_box(&written)).unwrap();
            let echoed: Vec<u8> = bare.call(&echo, (data.as_slice(),));
            black_box(STANDARD.encode(echoed));
        };
        let [engine, copy] = turns(rounds, [&mut of_engine, &mut of_copy]);
        // Elements take so long that they get fewer turns, with the engine again beside them.
        let mut of_elements = || {
            black_box(bare.call_values(&echo, &values));
        };
        let [beside, elements] = turns(rounds / 10, [&mut of_engine, &mut of_elements]);
        rows.push(Row::times(
            typed,
            Target::AtMost(3.0),
            engine.over(&copy),
            format!("engine {engine}, bare copy and base64 {copy}"),
        ));
        rows.push(Row::times(
            dynamic,
            Target::AtLeast(100.0),
            elements.over(&beside),
            format!("element-wise {elements}, engine {beside}"),
        ));
    }
    rows
}
