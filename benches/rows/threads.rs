//! Many calls on one thread and on two.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;
use wasmtime::component::ComponentExportIndex;

use crate::bare::{Bare, Setting};
use crate::subject::{Guarding, Latest, Subject, VALUES, measured, runtime, text};
use crate::table::{Row, Target};

/// How long calls are counted at a time.
const SPELL: Duration = Duration::from_millis(400);
/// How often each takes its turn.
const TURNS: usize = 5;

/// Calls a second on so many threads; each thread gets a function of its own to call.
pub(crate) fn throughput<'a, F>(threads: usize, spell: Duration, caller: &F) -> f64
where
    F: Fn() -> Box<dyn FnMut() + 'a> + Sync,
{
    let (stop, calls) = (AtomicBool::new(false), AtomicU64::new(0));
    let began = std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut call = caller();
                let mut done = 0;
                while !stop.load(Ordering::Relaxed) {
                    call();
                    done += 1;
                }
                calls.fetch_add(done, Ordering::Relaxed);
            });
        }
        let began = Instant::now();
        std::thread::sleep(spell);
        stop.store(true, Ordering::Relaxed);
        began
    });
    calls.load(Ordering::Relaxed) as f64 / began.elapsed().as_secs_f64()
}

/// The median.
fn middle(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

fn by_bare<'a>(
    (bare, echo): &'a (Bare, ComponentExportIndex),
    text: &'a str,
) -> Box<dyn FnMut() + 'a> {
    Box::new(move || {
        let _: String = bare.call(echo, (text,));
    })
}

pub(super) fn rows() -> Vec<Row> {
    let bytes = measured();
    let [default, tuned] = [Setting::DefaultPool, Setting::Tuned].map(|setting| {
        let bare = Bare::load(setting, &bytes);
        let echo = bare.find(VALUES, "echo");
        (bare, echo)
    });
    let subject = Subject::new(&bytes, Guarding::Cedar(20), Latest::default());
    let text = text(64);
    let arguments = json!({ "text": text }).to_string();
    let by_engine = || -> Box<dyn FnMut() + '_> {
        let runtime = runtime();
        Box::new({
            let (subject, arguments) = (&subject, &arguments);
            move || {
                subject.value(&runtime, "echo", arguments);
            }
        })
    };
    let by_default = || by_bare(&default, &text);
    let by_tuned = || by_bare(&tuned, &text);
    let mut found = [const { Vec::new() }; 5];
    for _ in 0..TURNS {
        let turn = [
            throughput(1, SPELL, &by_engine),
            throughput(2, SPELL, &by_engine),
            throughput(2, SPELL, &by_default),
            throughput(1, SPELL, &by_tuned),
            throughput(2, SPELL, &by_tuned),
        ];
        for (found, calls) in found.iter_mut().zip(turn) {
            found.push(calls);
        }
    }
    let [one, two, others, tuned_one, tuned_two] = found.map(middle);
    vec![
        Row::times(
            "calls a second, 2 threads ÷ 1 thread",
            Target::AtLeast(1.7),
            two / one,
            format!(
                "{two:.0} and {one:.0} calls a second; bare tuned {tuned_two:.0} and {tuned_one:.0}: {:.2} ×",
                tuned_two / tuned_one
            ),
        ),
        Row::times(
            "calls a second on 2 threads ÷ bare default pool on 2 threads",
            Target::AtLeast(4.0),
            two / others,
            format!("engine {two:.0}, bare {others:.0} calls a second"),
        ),
    ]
}
