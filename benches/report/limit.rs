//! More callers than a pool has room for.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use engine::data::Pool;
use engine::{Code, Engine};
use tokio::task::LocalSet;

use super::chart::Plot;
use super::{line, plain, wide};
use crate::subject::{Guarding, Latest, Subject, measured, runtime};
use crate::timing::Times;

/// The instances that there is room for.
const ROOM: u32 = 32;
/// The most calls that wait for room.
const WAITING: u32 = 256;
/// How often all callers call at once.
const WAVES: usize = 5;

/// What came of the calls of so many callers.
#[derive(Default)]
struct Came {
    times: Vec<Duration>,
    refused: usize,
}

pub(super) fn plots() -> anyhow::Result<Vec<Plot>> {
    let bytes = measured();
    let pool = Pool::new(ROOM).waiting(WAITING);
    let builder = Engine::builder().sink(Latest::default());
    let subject = Rc::new(Subject::of(&bytes, builder, pool, Guarding::Rules(20)));
    let (mut medians, mut slowest) = (Vec::new(), Vec::new());
    let (mut done, mut refused) = (Vec::new(), Vec::new());
    for callers in [1, 8, 32, 64, 128, 256, 512, 1_024] {
        let began = Instant::now();
        let came = waves(&subject, callers);
        let took = began.elapsed();
        let (at, count) = (callers as f64, came.times.len() as f64);
        let times = Times::new(came.times).spread();
        medians.push((at, times.median_us / 1e3));
        slowest.push((at, times.p99_us / 1e3));
        done.push((at, count / took.as_secs_f64()));
        refused.push((at, 100.0 * came.refused as f64 / (callers * WAVES) as f64));
    }
    let note = format!(
        "Room for {ROOM} instances, {WAITING} calls may wait, each caller naps for 5 ms at the same time as all others."
    );
    Ok(vec![
        Plot {
            title: "Past the limit of the pool: how long calls take".to_owned(),
            note: format!("{note} Of the calls that ran."),
            across: wide("callers"),
            up: plain("ms"),
            lines: vec![line("median", medians), line("99th percentile", slowest)],
        },
        Plot {
            title: "Past the limit of the pool: how many are refused".to_owned(),
            note: format!("{note} Refused with E-LIMIT-BUSY; nothing else fails."),
            across: wide("callers"),
            up: plain("per cent refused"),
            lines: vec![line("refused", refused)],
        },
        Plot {
            title: "Past the limit of the pool: how many are done".to_owned(),
            note,
            across: wide("callers"),
            up: plain("calls in a second"),
            lines: vec![line("done", done)],
        },
    ])
}

fn waves(subject: &Rc<Subject>, callers: usize) -> Came {
    let came = Rc::new(RefCell::new(Came::default()));
    for _ in 0..WAVES {
        let (runtime, tasks) = (runtime(), LocalSet::new());
        for _ in 0..callers {
            let (subject, came) = (subject.clone(), came.clone());
            tasks.spawn_local(async move {
                let began = Instant::now();
                let outcome = subject.call("nap", r#"{"millis":5}"#).await;
                let took = began.elapsed();
                let mut came = came.borrow_mut();
                let fault = outcome.fault().map(|fault| fault.code());
                if fault == Some(Code::LimitBusy) {
                    came.refused += 1;
                } else {
                    assert_eq!(fault, None, "with {callers} callers");
                    came.times.push(took);
                }
            });
        }
        runtime.block_on(tasks);
    }
    came.take()
}
