use std::collections::BTreeMap;

use super::*;
use crate::types::Bytes;

mod bounds;
mod laws;
mod rules;

/// A workflow that is well: one step runs, within its time, and has just told something.
fn well(at_ms: u64) -> Sample {
    Sample {
        at_ms,
        moved_ms: at_ms,
        progress: 0.5,
        state: "read".to_owned(),
        memory: Bytes::mib(10),
        running: 1,
        on_time: 1,
        queued: 2,
        blocked: 1,
        waiting_since_ms: None,
        ended: 2,
        failures: BTreeMap::new(),
    }
}

/// A workflow whose one step is past its time, and has told nothing since the beginning.
fn hung(at_ms: u64) -> Sample {
    Sample {
        moved_ms: 0,
        on_time: 0,
        ..well(at_ms)
    }
}

/// A workflow whose step tells something, and is past its time.
fn busy(at_ms: u64) -> Sample {
    Sample {
        on_time: 0,
        ..well(at_ms)
    }
}

/// A workflow in which every step that is left waits for another one.
fn deadlocked(at_ms: u64) -> Sample {
    Sample {
        running: 0,
        queued: 3,
        blocked: 3,
        ..hung(at_ms)
    }
}

/// A workflow that has waited for an approval since the beginning.
fn waiting(at_ms: u64) -> Sample {
    Sample {
        running: 0,
        waiting_since_ms: Some(0),
        ..hung(at_ms)
    }
}

fn in_states(states: &str) -> Vec<Sample> {
    (0..)
        .zip(states.chars())
        .map(|(i, state)| Sample {
            state: state.to_string(),
            ..well(i * 1000)
        })
        .collect()
}

fn with_memory(mib: &[u32]) -> Vec<Sample> {
    (0..)
        .zip(mib)
        .map(|(i, mib)| Sample {
            memory: Bytes::mib(*mib),
            ..well(i * 1000)
        })
        .collect()
}

/// One sample for each attempt that ended, with the code of its failure, if it failed.
fn with_ends(ends: &[Option<&str>]) -> Vec<Sample> {
    let mut samples = vec![Sample {
        ended: 0,
        ..well(0)
    }];
    for (i, end) in (1..).zip(ends) {
        let mut next = Sample {
            ended: i,
            at_ms: i * 1000,
            moved_ms: i * 1000,
            ..samples.last().unwrap().clone()
        };
        if let Some(code) = end {
            *next.failures.entry((*code).to_owned()).or_default() += 1;
        }
        samples.push(next);
    }
    samples
}

fn every(step_ms: u64, most_ms: u64, sample: fn(u64) -> Sample) -> Vec<Sample> {
    (0..=most_ms / step_ms)
        .map(|i| sample(i * step_ms))
        .collect()
}

fn detector() -> Detector {
    Detector::new(Config::default()).unwrap()
}

fn stalls(samples: Vec<Sample>) -> Vec<Stall> {
    let mut detector = detector();
    samples
        .into_iter()
        .flat_map(|sample| detector.observe(sample))
        .collect()
}

fn kinds(samples: Vec<Sample>) -> Vec<Kind> {
    stalls(samples).iter().map(|stall| stall.kind).collect()
}

/// For each kind, workflows that have just this one problem.
pub(in crate::workflow) fn problems() -> Vec<(Kind, Vec<Sample>)> {
    let timeout = Some("E-TIMEOUT");
    vec![
        (Kind::TimeBased, every(1000, 200_000, hung)),
        (Kind::TimeBased, every(60_000, 120_000, hung)),
        (Kind::ProgressStagnation, every(1000, 200_000, busy)),
        (Kind::ProgressStagnation, every(20_000, 200_000, busy)),
        (Kind::Resource, with_memory(&[10, 10, 25, 25, 25])),
        (Kind::DependencyDeadlock, every(1000, 200_000, deadlocked)),
        (Kind::Cyclical, in_states("ababababab")),
        (Kind::Cyclical, in_states("abcabcabcabc")),
        (Kind::Cyclical, in_states("aaabbbaaabbbaaabbb")),
        (Kind::ErrorCascade, with_ends(&[timeout; 3])),
        (Kind::ErrorCascade, with_ends(&[timeout; 9])),
        (
            Kind::ErrorCascade,
            with_ends(&[Some("E-ONE"), None, Some("E-TWO"), Some("E-THREE")]),
        ),
        (
            Kind::MemoryLeak,
            with_memory(&[10, 12, 14, 16, 18, 20, 22, 24]),
        ),
        (Kind::ExternalWait, every(1000, 200_000, waiting)),
    ]
}

#[test]
fn a_workflow_with_one_problem_raises_that_kind_once() {
    let mut seen = Vec::new();
    for (kind, samples) in problems() {
        let length = samples.len();
        assert_eq!(kinds(samples), [kind], "{length} samples");
        seen.push(kind);
    }
    assert!(Kind::ALL.iter().all(|kind| seen.contains(kind)));
}

#[test]
fn a_healthy_action_of_20_seconds_raises_nothing() {
    let silent = |at_ms| Sample {
        moved_ms: 0,
        ..well(at_ms)
    };
    assert_eq!(kinds(every(100, 20_000, silent)), []);
    assert_eq!(
        kinds(every(100, 20_000, well)),
        [],
        "one that tells of itself"
    );
    assert_eq!(
        kinds(every(100, 20_000, hung)),
        [],
        "one without a time limit"
    );
}

#[test]
fn an_action_within_its_own_time_limit_is_no_stall_however_long_it_takes() {
    let silent = |at_ms| Sample {
        moved_ms: 0,
        ..well(at_ms)
    };
    assert_eq!(kinds(every(1000, 600_000, silent)), []);
    assert_eq!(kinds(every(1000, 600_000, well)), []);
}

#[test]
fn a_workflow_that_comes_forward_raises_nothing() {
    let steps = |at_ms: u64| Sample {
        progress: (at_ms / 1000) as f64 / 100.0,
        state: ["read", "write"][usize::try_from(at_ms / 1000 % 2).unwrap()].to_owned(),
        memory: Bytes::mib(u32::try_from(at_ms / 1000).unwrap() + 1),
        ended: at_ms / 1000,
        ..busy(at_ms)
    };
    assert_eq!(kinds(every(1000, 100_000, steps)), []);
}

#[test]
fn a_state_that_stays_is_no_cycle() {
    assert_eq!(kinds(in_states("aaaaaaaaaaaaaaaaaaaa")), []);
}

#[test]
fn the_evidence_has_the_numbers() {
    for (samples, expected) in [
        (
            vec![hung(0), hung(48_000)],
            "nothing happened for 48000 ms, 1.6 times the threshold of 30000 ms",
        ),
        (
            every(20_000, 40_000, busy),
            "something happened 3 times in 40000 ms, and progress changed by 0.0000 to 0.5000",
        ),
        (
            with_memory(&[10, 25]),
            "memory went from 10485760 to 26214400 bytes, 2.5 times as much, at a progress of 0.5000",
        ),
        (
            vec![deadlocked(0)],
            "no step runs, and all 3 that are left wait for another one",
        ),
        (
            in_states("abcabc"),
            "`a`, `b`, `c` came 2 times in a row, at a progress of 0.5000",
        ),
        (
            with_ends(&[Some("E-TIMEOUT"); 3]),
            "`E-TIMEOUT` came 3 times within 3000 ms",
        ),
        (
            with_ends(&[Some("a"), Some("b"), None, Some("c")]),
            "3 of 4 attempts failed",
        ),
        (
            with_memory(&[10, 12, 14, 15, 16]),
            "memory grew in each of 5 samples, from 10485760 to 16777216 bytes, at a progress of 0.5000",
        ),
        (
            vec![waiting(31_000)],
            "a step has waited 31000 ms for something outside, above the threshold of 30000 ms",
        ),
    ] {
        let evidence: Vec<String> = stalls(samples)
            .into_iter()
            .map(|stall| stall.evidence)
            .collect();
        assert_eq!(evidence, [expected]);
    }
}

/// Names come from plans, codes from guests: neither reaches a terminal as it is.
#[test]
fn the_evidence_is_one_plain_line() {
    let mut cycle = in_states("ababab");
    for sample in &mut cycle {
        sample.state = format!("\u{1b}[2J\n{}{}", sample.state, "x".repeat(500));
    }
    let failures = with_ends(&[Some("\u{1b}]0;\n"); 3]);
    for samples in [cycle, failures] {
        let [stall] = &stalls(samples)[..] else {
            panic!("not one stall");
        };
        assert!(!stall.evidence.contains(char::is_control), "{stall:?}");
        assert!(stall.evidence.len() < 250, "{stall:?}");
    }
}

#[test]
fn a_kind_has_one_name_everywhere() {
    for kind in Kind::ALL {
        assert_eq!(serde_json::to_value(kind).unwrap(), kind.name());
        assert_eq!(kind.to_string(), kind.name());
    }
}
