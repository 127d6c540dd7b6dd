use std::panic;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use engine::{Compiled, Engine, Memory};
use serde_json::json;

use crate::process::Process;
use crate::test_engine::check_events;
use crate::{TestEngine, wat};

/// What an attack works with.
#[derive(Debug)]
pub struct Attack {
    /// The engine under attack.
    pub engine: Engine,
    events: Arc<Memory>,
}

/// How much more than its cap an attack may make the process hold.
const SLACK: u64 = 64 << 20;
/// An attack that is over sooner may be over before the canary's turn.
const QUICK: Duration = Duration::from_millis(500);
/// How long the process may take to be as it was.
const RECOVERY: Duration = Duration::from_secs(2);

/// Runs an attack beside a canary of another tenant, and checks that afterwards
///
/// 1. nothing panicked,
/// 2. memory is back within 64 MiB of where it was, and its peak was at most `cap` and 64 MiB above,
/// 3. descriptors and threads are back,
/// 4. every run has exactly one last event and no gap before it,
/// 5. the canary was served all the time.
///
/// (6. that nothing outside the grants was touched, is for each attack to check.)
pub fn attack<F, Out>(tests: &TestEngine, cap: u64, act: F)
where
    F: AsyncFnOnce(&Attack) -> Out,
{
    // One at a time: the checks are about the whole process.
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let panics = Arc::new(AtomicU32::new(0));
    let counter = panics.clone();
    let usual = Arc::new(panic::take_hook());
    let hook = usual.clone();
    panic::set_hook(Box::new(move |info| {
        counter.fetch_add(1, Ordering::Relaxed);
        hook(info);
    }));

    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_keep_alive(Duration::from_millis(10))
        .enable_all()
        .build()
        .unwrap();
    let (engine, events) = tests.build();
    let attacked = Attack { engine, events };
    let (took, served) = runtime.block_on(async {
        let (canary_engine, _) = TestEngine::new().build();
        let canary = canary_engine.load(wat("add")).await.unwrap();
        sing(&canary_engine, &canary).await;
        thread::sleep(Duration::from_millis(30));
        let before = Process::now();
        Process::forget_peak();

        let (stop, count) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicU32::new(0)),
        );
        let singing = tokio::spawn(keep_singing(
            canary_engine.clone(),
            canary.clone(),
            stop.clone(),
            count.clone(),
        ));
        // The canary is there before the attack is, however short that is.
        while count.load(Ordering::Relaxed) == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let before_attack = count.load(Ordering::Relaxed);
        let start = Instant::now();
        act(&attacked).await;
        let (took, served) = (
            start.elapsed(),
            count.load(Ordering::Relaxed) - before_attack,
        );
        stop.store(true, Ordering::Relaxed);
        singing.await.unwrap();
        sing(&canary_engine, &canary).await;

        let peak = Process::now().peak;
        assert!(
            peak <= before.resident + cap + SLACK,
            "memory peaked {} MiB above where it was",
            (peak - before.resident) >> 20
        );
        recovered(&before);
        (took, served)
    });
    assert!(
        took < QUICK || served > 0,
        "the canary was not served in {took:?}"
    );
    let events = attacked.events.events();
    let mut runs: Vec<_> = events
        .iter()
        .map(|event| {
            let engine::data::Source::Run { run_id } = event.source else {
                panic!("an event of nobody")
            };
            run_id
        })
        .collect();
    runs.sort();
    runs.dedup();
    for run in runs {
        check_events(&events, run);
    }
    drop(panic::take_hook());
    panic::set_hook(Box::new(move |info| usual(info)));
    assert_eq!(panics.load(Ordering::Relaxed), 0, "something panicked");
}

/// Waits until the process is as it was.
fn recovered(before: &Process) {
    let start = Instant::now();
    loop {
        let now = Process::now();
        let memory = now.resident <= before.resident + SLACK;
        let descriptors = now.descriptors <= before.descriptors;
        let threads = now.threads <= before.threads;
        if memory && descriptors && threads {
            return;
        }
        assert!(
            start.elapsed() < RECOVERY,
            "not as it was: {before:?}, now {now:?}"
        );
        thread::sleep(Duration::from_millis(20));
    }
}

async fn sing(engine: &Engine, canary: &Compiled) {
    let outcome = engine.call(canary, "add", json!([2, 3])).await.unwrap();
    assert_eq!(outcome.value().as_str(), "5");
}

async fn keep_singing(
    engine: Engine,
    canary: Compiled,
    stop: Arc<AtomicBool>,
    count: Arc<AtomicU32>,
) {
    while !stop.load(Ordering::Relaxed) {
        sing(&engine, &canary).await;
        count.fetch_add(1, Ordering::Relaxed);
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
