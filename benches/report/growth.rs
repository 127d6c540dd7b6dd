//! How a call grows with its input, with policies and with events.

use std::hint::black_box;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use engine::data::{JournalOptions, Pool};
use engine::{Broadcast, Engine};
use serde_json::json;

use super::chart::Plot;
use super::{line, wide};
use crate::bare::{Bare, Setting};
use crate::rows::guard::{About, decisions};
use crate::subject::{Guarding, Latest, Subject, VALUES, measured, runtime, target, text};
use crate::timing::{Times, turns};

pub(super) fn plots() -> anyhow::Result<Vec<Plot>> {
    let bytes = measured();
    let [strings, lists] = sizes(&bytes);
    Ok(vec![strings, lists, policies(&bytes), events(&bytes)?])
}

/// Microseconds.
fn of(times: &Times) -> f64 {
    times.spread().median_us
}

/// Fewer rounds of what is larger.
fn rounds(size: usize) -> usize {
    (2_000_000 / (size + 1_000)).max(20)
}

fn sizes(bytes: &[u8]) -> [Plot; 2] {
    let runtime = runtime();
    let subject = Subject::new(bytes, Guarding::Rules(20), Latest::default());
    let bare = Bare::load(Setting::Tuned, bytes);
    let (echo, echo_bytes) = (bare.find(VALUES, "echo"), bare.find(VALUES, "bytes"));
    let (mut string, mut bare_string) = (Vec::new(), Vec::new());
    let (mut list, mut bare_list) = (Vec::new(), Vec::new());
    for size in [64, 1 << 10, 4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20] {
        let text = text(size);
        let arguments = json!({ "text": text }).to_string();
        let [engine, other] = turns(
            rounds(size),
            [
                &mut || {
                    black_box(subject.value(&runtime, "echo", &arguments));
                },
                &mut || {
                    black_box(bare.call::<_, String>(&echo, (text.as_str(),)));
                },
            ],
        );
        string.push((size as f64, of(&engine)));
        bare_string.push((size as f64, of(&other)));
        let written = STANDARD.encode(&text);
        let arguments = json!({ "data": written }).to_string();
        let [engine, other] = turns(
            rounds(size).min(200),
            [
                &mut || {
                    black_box(subject.value(&runtime, "bytes", &arguments));
                },
                &mut || {
                    let data = STANDARD.decode(&written).unwrap();
                    let data: Vec<u8> = bare.call(&echo_bytes, (data.as_slice(),));
                    black_box(STANDARD.encode(data));
                },
            ],
        );
        list.push((size as f64, of(&engine)));
        bare_list.push((size as f64, of(&other)));
    }
    [
        Plot {
            title: "A string of so many bytes".to_owned(),
            note: "As parameter and as result, on a fresh instance, guarded by 20 rules, events to memory.".to_owned(),
            across: wide("bytes"),
            up: wide("µs"),
            lines: vec![line("engine, JSON", string), line("bare, tuned", bare_string)],
        },
        Plot {
            title: "A list<u8> of so many bytes".to_owned(),
            note: "As parameter and as result; base64 in JSON for the engine, base64 and a typed copy for bare wasmtime."
                .to_owned(),
            across: wide("bytes"),
            up: wide("µs"),
            lines: vec![line("engine, JSON", list), line("bare, tuned, with base64", bare_list)],
        },
    ]
}

fn policies(bytes: &[u8]) -> Plot {
    let runtime = runtime();
    let arguments = json!({ "text": text(64) }).to_string();
    let (mut cedar, mut rules) = (Vec::new(), Vec::new());
    let (mut spread, mut gathered) = (Vec::new(), Vec::new());
    for count in [1, 5, 20, 100, 400, 1_000] {
        let by_cedar = Subject::new(bytes, Guarding::Cedar(count), Latest::default());
        let by_rules = Subject::new(bytes, Guarding::Rules(count), Latest::default());
        let [of_cedar, of_rules] = turns(
            1_000,
            [
                &mut || {
                    black_box(by_cedar.value(&runtime, "echo", &arguments));
                },
                &mut || {
                    black_box(by_rules.value(&runtime, "echo", &arguments));
                },
            ],
        );
        let at = count as f64;
        cedar.push((at, of(&of_cedar)));
        rules.push((at, of(&of_rules)));
        spread.push((at, of(&decisions(count, About::FiveEach))));
        gathered.push((at, of(&decisions(count, About::AllOfOne))));
    }
    Plot {
        title: "So many policies".to_owned(),
        note: "Whole calls of a component with four functions that all policies speak of in equal parts; and one decision by Cedar alone."
            .to_owned(),
        across: wide("policies"),
        up: wide("µs"),
        lines: vec![
            line("call, Cedar", cedar),
            line("call, rules", rules),
            line("decision, five policies for each capability", spread),
            line("decision, all for one capability", gathered),
        ],
    }
}

fn events(bytes: &[u8]) -> anyhow::Result<Plot> {
    let runtime = runtime();
    let dir = tempfile::tempdir_in(target())?;
    let journal = JournalOptions::new().open(dir.path().join("journal.db"))?;
    let guarding = Guarding::Rules(20);
    let builder = Engine::builder().sink(Broadcast::new());
    let unheard = Subject::of(bytes, builder, Pool::new(64), guarding);
    let memory = Subject::new(bytes, guarding, Latest::default());
    let journaled = Subject::new(bytes, guarding, journal.clone());
    let mut lines = [Vec::new(), Vec::new(), Vec::new()];
    for count in [1, 10, 100, 1_000, 10_000] {
        let arguments = json!({ "count": count }).to_string();
        let tell = |subject: &Subject| {
            black_box(subject.value(&runtime, "tell", &arguments));
        };
        let times = turns(
            (100_000 / (count + 200)).max(10),
            [&mut || tell(&unheard), &mut || tell(&memory), &mut || {
                tell(&journaled)
            }],
        );
        for (line, times) in lines.iter_mut().zip(&times) {
            line.push((count as f64, of(times)));
        }
    }
    journal.close()?;
    let [unheard, memory, journaled] = lines;
    Ok(Plot {
        title: "A call that tells so many things".to_owned(),
        note: "Each message of the guest is an event. To the journal, the call also waits twice until the disk has it."
            .to_owned(),
        across: wide("messages"),
        up: wide("µs"),
        lines: vec![
            line("nobody listens", unheard),
            line("to memory", memory),
            line("to the journal", journaled),
        ],
    })
}
