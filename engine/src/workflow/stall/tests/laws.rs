//! What holds for every workflow.

use proptest::prelude::*;

use super::*;

fn any_progress() -> impl Strategy<Value = f64> {
    prop_oneof![
        8 => (0_u32..=1000).prop_map(|part| f64::from(part) / 1000.0),
        4 => Just(0.5),
        1 => Just(f64::NAN),
        1 => Just(f64::INFINITY),
    ]
}

fn any_sample() -> impl Strategy<Value = Sample> {
    let times = (0_u64..20_000, 0_u64..100_000, any_progress(), "[abc]");
    let steps = (0_usize..3, 0_usize..3, 0_usize..4, 0_usize..4);
    let rest = (
        0_u64..1000,
        proptest::option::of(0_u64..200_000),
        0_u64..3,
        proptest::collection::btree_map("[xy]", 0_u64..3, 0..3),
    );
    (times, steps, rest).prop_map(|(times, steps, rest)| {
        let (at_ms, still_ms, progress, state) = times;
        let (running, on_time, queued, blocked) = steps;
        let (memory, waiting_since_ms, ended, failures) = rest;
        Sample {
            at_ms,
            moved_ms: still_ms,
            progress,
            state,
            memory: Bytes::new(memory),
            running,
            on_time: on_time.min(running),
            queued,
            blocked,
            waiting_since_ms,
            ended,
            failures,
        }
    })
}

/// Samples in the order of their time, with counts that only grow.
fn any_samples() -> impl Strategy<Value = Vec<Sample>> {
    proptest::collection::vec(any_sample(), 0..60).prop_map(|mut samples| {
        let (mut at_ms, mut ended) = (0, 0);
        let mut failures = BTreeMap::<String, u64>::new();
        for sample in &mut samples {
            at_ms += sample.at_ms;
            ended += sample.ended;
            for (code, count) in &sample.failures {
                *failures.entry(code.clone()).or_default() += count;
            }
            sample.at_ms = at_ms;
            sample.moved_ms = at_ms.saturating_sub(sample.moved_ms);
            sample.ended = ended;
            sample.failures.clone_from(&failures);
        }
        samples
    })
}

fn any_config() -> impl Strategy<Value = Config> {
    let escalation = prop_oneof![
        Just(Escalation::None),
        Just(Escalation::Immediate),
        Just(Escalation::Progressive),
        Just(Escalation::Adaptive),
    ];
    (1_u64..60_000, any::<bool>(), 5_usize..12, escalation).prop_map(
        |(threshold_ms, adaptive, window, escalation)| Config {
            threshold_ms,
            adaptive,
            window,
            escalation,
            ..Config::default()
        },
    )
}

proptest! {
    #[test]
    fn the_same_samples_give_the_same_stalls(config in any_config(), samples in any_samples()) {
        let mut one = Detector::new(config.clone()).unwrap();
        let mut two = Detector::new(config).unwrap();
        for sample in samples {
            prop_assert_eq!(one.observe(sample.clone()), two.observe(sample));
        }
        prop_assert_eq!(one, two);
    }

    /// A detector that is stored and read back goes on as if nothing had been; so does a stall.
    #[test]
    fn a_stored_detector_goes_on(config in any_config(), samples in any_samples()) {
        let mut kept = Detector::new(config).unwrap();
        let mut stored = kept.clone();
        for sample in samples {
            let json = serde_json::to_string(&stored).unwrap();
            stored = serde_json::from_str(&json).unwrap();
            prop_assert_eq!(&stored, &kept);
            let stalls = kept.observe(sample.clone());
            prop_assert_eq!(&stored.observe(sample), &stalls);
            let json = serde_json::to_string(&stalls).unwrap();
            prop_assert_eq!(serde_json::from_str::<Vec<Stall>>(&json).unwrap(), stalls);
        }
    }

    /// A stall is sure, is told in order, and not again before it cleared; what is kept is bounded.
    #[test]
    fn every_stall_is_sound(config in any_config(), samples in any_samples()) {
        let mut detector = Detector::new(config).unwrap();
        let mut total = 0;
        for sample in samples {
            let before = detector.clone();
            let stalls = detector.observe(sample);
            total += stalls.len() as u64;
            prop_assert!(stalls.is_sorted_by(|one, two| one.kind < two.kind));
            for stall in &stalls {
                prop_assert!(stall.confidence > 0.5 && stall.confidence <= 1.0);
                prop_assert!(!stall.evidence.is_empty() && !stall.interventions.is_empty());
                // Told now, it was over before, unless it cleared in this very sample.
                let went_on = before
                    .history()
                    .iter()
                    .any(|past| past.kind == stall.kind && past.cleared_ms.is_none());
                prop_assert!(!went_on);
            }
            let statistics = detector.statistics();
            prop_assert_eq!(statistics.total, total);
            prop_assert!(statistics.current <= Kind::ALL.len());
            prop_assert!(detector.history().len() <= 100);
        }
    }

    /// Steps that are on time, hold what they hold and do not fail raise nothing, at whatever pace.
    #[test]
    fn a_healthy_workflow_raises_nothing(config in any_config(), samples in any_samples()) {
        let mut detector = Detector::new(config).unwrap();
        for sample in samples {
            let healthy = Sample {
                running: 1,
                on_time: 1,
                state: "read".to_owned(),
                memory: Bytes::mib(10),
                waiting_since_ms: None,
                failures: BTreeMap::new(),
                ..sample
            };
            prop_assert_eq!(detector.observe(healthy), []);
        }
    }
}
