//! Many calls on one thread and on two.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

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

pub(super) fn rows() -> Vec<Row> {
    let bytes = measured();
    let bare = Bare::load(Setting::DefaultPool, &bytes);
    let echo = bare.find(VALUES, "echo");
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
    let by_bare = || -> Box<dyn FnMut() + '_> {
        let (bare, echo, text) = (&bare, &echo, &text);
        Box::new(move || {
            let _: String = bare.call(echo, (text.as_str(),));
        })
    };
    let (mut one, mut two, mut others) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..TURNS {
        one.push(throughput(1, SPELL, &by_engine));
        two.push(throughput(2, SPELL, &by_engine));
        others.push(throughput(2, SPELL, &by_bare));
    }
    let (one, two, others) = (middle(one), middle(two), middle(others));
    vec![
        Row::times(
            "calls a second, 2 threads ÷ 1 thread",
            Target::AtLeast(1.7),
            two / one,
            format!("{two:.0} and {one:.0} calls a second"),
        ),
        Row::times(
            "calls a second on 2 threads ÷ bare default pool on 2 threads",
            Target::AtLeast(4.0),
            two / others,
            format!("engine {two:.0}, bare {others:.0} calls a second"),
        ),
    ]
}
