//! Events: to memory, to JSON Lines, to the journal; and what an acknowledged intent waits for.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput};
use engine::data::JournalOptions;
use engine::{Broadcast, Event, Journal, Memory, Sink};

/// Events of one run, each with the next number.
struct Events {
    sample: Event,
    next: AtomicU64,
}

impl Events {
    fn new(run: u32) -> Self {
        let id = format!("01a1fe9d-17ef-7275-bb60-{run:012x}");
        let json = format!(
            r#"{{"id":"{id}","seq":0,"ts":"2026-11-21T08:09:10Z","source":{{"type":"run","run_id":"{id}"}},
            "scope":["run:{id}","call:{id}"],"type":"call_started",
            "data":{{"function":"engine:text/analysis@1.0.0#count-words",
            "arguments":{{"text":"{{\"text\":\"to be or not to be\"}}","bytes":29,"truncated":false}}}}}}"#
        );
        Self {
            sample: Event::from_json(&json).unwrap(),
            next: AtomicU64::new(0),
        }
    }

    fn next(&self) -> Arc<Event> {
        Arc::new(Event {
            seq: self.next.fetch_add(1, Ordering::Relaxed),
            ..self.sample.clone()
        })
    }
}

fn commit(runtime: &tokio::runtime::Runtime, journal: &Journal, events: &Events) {
    runtime
        .block_on(journal.commit(&events.sample.source))
        .unwrap();
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
}

pub(crate) fn define(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("events");
    group.throughput(Throughput::Elements(1));

    let events = Events::new(1);
    let nobody = Broadcast::new();
    group.bench_function("to a broadcast nobody hears", |bencher| {
        let event = events.next();
        bencher.iter(|| {
            if nobody.is_heard() {
                nobody.emit(&event);
            }
        });
    });
    let memory = Memory::default();
    group.bench_function("made and kept in memory", |bencher| {
        bencher.iter(|| memory.emit(&events.next()));
    });
    drop(memory);
    group.bench_function("to a line of JSON", |bencher| {
        let event = events.next();
        bencher.iter(|| event.to_json());
    });

    let dir = tempfile::tempdir().unwrap();
    let journal = JournalOptions::new()
        .open(dir.path().join("single.db"))
        .unwrap();
    let (events, runtime) = (Events::new(2), runtime());
    group.bench_function("to the journal, 1,000 in one commit", |bencher| {
        bencher.iter_custom(|count| {
            let start = Instant::now();
            for done in 1..=count {
                journal.emit(&events.next());
                if done % 1000 == 0 || done == count {
                    commit(&runtime, &journal, &events);
                }
            }
            start.elapsed()
        });
    });
    group.bench_function("to the journal, each acknowledged", |bencher| {
        bencher.iter(|| {
            journal.emit(&events.next());
            commit(&runtime, &journal, &events);
        });
    });
    journal.close().unwrap();
    group.finish();
    latencies(dir.path());
}

/// How long an intent waits to be durable, with one producer and with eight.
fn latencies(dir: &std::path::Path) {
    for producers in [1u32, 8] {
        let path = dir.join(format!("latency-{producers}.db"));
        let journal = JournalOptions::new().open(path).unwrap();
        let start = Instant::now();
        let mut waits: Vec<Duration> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..producers)
                .map(|producer| {
                    let journal = &journal;
                    scope.spawn(move || {
                        let (events, runtime) = (Events::new(10 + producer), runtime());
                        (0..1000)
                            .map(|_| {
                                let start = Instant::now();
                                journal.emit(&events.next());
                                commit(&runtime, journal, &events);
                                start.elapsed()
                            })
                            .collect::<Vec<_>>()
                    })
                })
                .collect();
            threads
                .into_iter()
                .flat_map(|thread| thread.join().unwrap())
                .collect()
        });
        let took = start.elapsed();
        waits.sort();
        let at = |share: usize| waits.get(waits.len() * share / 1000).unwrap();
        println!(
            "events/acknowledged intents, {producers} producers: {:.0} a second, p50 {:?}, p99 {:?}, p99.9 {:?}",
            waits.len() as f64 / took.as_secs_f64(),
            at(500),
            at(990),
            at(999),
        );
        journal.close().unwrap();
    }
}
