//! What becomes of a stall: told once, counted, escalated, kept.

use super::*;

#[test]
fn a_stall_is_told_again_only_after_it_was_over() {
    let mut detector = detector();
    let moved = |at_ms, moved_ms| Sample {
        moved_ms,
        ..hung(at_ms)
    };
    let told: Vec<usize> = [
        moved(40_000, 0),
        moved(50_000, 0),
        moved(60_000, 0),
        moved(500_000, 0),
        moved(501_000, 501_000),
        moved(540_000, 501_000),
        moved(550_000, 501_000),
        moved(551_000, 501_000),
    ]
    .into_iter()
    .map(|sample| detector.observe(sample).len())
    .collect();
    assert_eq!(told, [0, 1, 0, 0, 0, 0, 1, 0]);
}

#[test]
fn a_cycle_is_told_once_however_long_it_goes_round() {
    assert_eq!(kinds(in_states(&"ab".repeat(50))), [Kind::Cyclical]);
    // While it goes round, progress goes up and down with the states.
    let mut samples = in_states(&"abc".repeat(10));
    for sample in &mut samples {
        sample.progress = if sample.state == "a" { 0.5 } else { 0.3 };
    }
    assert_eq!(kinds(samples), [Kind::Cyclical]);
}

#[test]
fn kinds_are_told_of_beside_each_other() {
    let mut samples = in_states("ababab");
    samples.last_mut().unwrap().memory = Bytes::mib(100);
    assert_eq!(kinds(samples), [Kind::Resource, Kind::Cyclical]);
}

#[test]
fn only_what_is_asked_for_is_looked_for() {
    for (kind, samples) in problems() {
        let mut config = Config::default();
        config.kinds.remove(&kind);
        let mut detector = Detector::new(config).unwrap();
        for sample in samples {
            assert_eq!(detector.observe(sample), [], "{kind}");
        }
    }
}

#[test]
fn waiting_longer_ends_the_stall_until_the_new_threshold() {
    let mut detector = detector();
    let at = |detector: &mut Detector, at_ms| -> Option<u64> {
        let stall = detector.observe(hung(at_ms)).pop()?;
        match stall.interventions.first()?.parameter? {
            Parameter::NewTimeoutMs(threshold_ms) => Some(threshold_ms),
            Parameter::MemoryLimitReduction(_) => None,
        }
    };
    assert_eq!(at(&mut detector, 46_000), Some(60_000));
    detector.wait_at_least(60_000);
    assert_eq!(detector.threshold_ms(), 60_000);
    assert_eq!(at(&mut detector, 47_000), None);
    assert_eq!(at(&mut detector, 90_000), None);
    assert_eq!(at(&mut detector, 90_001), Some(120_000));
    detector.wait_at_least(1);
    assert_eq!(detector.threshold_ms(), 60_000, "it never gets shorter");
}

/// Memory that grows by this many percent and falls again, so often.
fn jumps(percent: u64, times: u64) -> Vec<Sample> {
    (0..2 * times)
        .map(|i| Sample {
            memory: Bytes::new(if i % 2 == 0 { 100 } else { 100 + percent }),
            ..well(i * 1000)
        })
        .collect()
}

#[test]
fn a_person_is_asked_as_the_strategy_says() {
    let weak = 120; // a confidence of 0.6
    let sure = 200; // a confidence of 1
    for (escalation, percent, expected) in [
        (Escalation::None, sure, [false; 4]),
        (Escalation::Immediate, weak, [true; 4]),
        (Escalation::Progressive, weak, [false, false, true, true]),
        (Escalation::Progressive, sure, [false, false, true, true]),
        (Escalation::Adaptive, weak, [false, false, true, true]),
        (Escalation::Adaptive, 140, [false, false, true, true]), // exactly 0.7
        (Escalation::Adaptive, 141, [true; 4]),
        (Escalation::Adaptive, sure, [true; 4]),
    ] {
        let config = Config {
            escalation,
            ..Config::default()
        };
        let mut detector = Detector::new(config).unwrap();
        let escalated: Vec<bool> = jumps(percent, 4)
            .into_iter()
            .flat_map(|sample| detector.observe(sample))
            .map(|stall| stall.escalate)
            .collect();
        assert_eq!(escalated, expected, "{escalation:?} {percent}");
    }
}

#[test]
fn stalls_of_all_kinds_count_towards_asking() {
    let mut detector = detector();
    let mut escalated = Vec::new();
    for sample in [
        deadlocked(1000),
        Sample {
            memory: Bytes::mib(30),
            ..well(2000)
        },
        hung(60_000),
        waiting(70_000),
    ] {
        for stall in detector.observe(sample) {
            escalated.push((stall.kind, stall.escalate));
        }
    }
    assert_eq!(
        escalated,
        [
            (Kind::DependencyDeadlock, false),
            (Kind::Resource, false),
            (Kind::TimeBased, true),
            (Kind::ExternalWait, true),
        ]
    );
}

#[test]
fn the_history_keeps_the_last_hundred() {
    let mut detector = detector();
    for sample in jumps(200, 150) {
        detector.observe(sample);
    }
    assert_eq!(detector.history().len(), 100);
    assert_eq!(detector.history().front().unwrap().at_ms, 101_000);
    assert_eq!(detector.history().back().unwrap().at_ms, 299_000);
    let statistics = detector.statistics();
    assert_eq!((statistics.total, statistics.escalations), (150, 148));
}

#[test]
fn the_statistics_are_those_of_the_history() {
    let mut detector = detector();
    assert_eq!(
        detector.statistics(),
        Statistics {
            total: 0,
            current: 0,
            mean_ms: None,
            escalations: 0,
            most_common: None,
        }
    );
    for sample in [
        hung(50_000),
        busy(52_000), // after 2 s it moves
        hung(53_000),
        busy(57_000), // after 4 s
        deadlocked(58_000),
    ] {
        detector.observe(sample);
    }
    assert_eq!(
        detector.statistics(),
        Statistics {
            total: 3,
            current: 1,
            mean_ms: Some(3_000),
            escalations: 1,
            most_common: Some(Kind::TimeBased),
        }
    );
    let cleared: Vec<Option<u64>> = detector
        .history()
        .iter()
        .map(|past| past.cleared_ms)
        .collect();
    assert_eq!(cleared, [Some(52_000), Some(57_000), None]);
}

#[test]
fn each_kind_has_its_interventions() {
    use InterventionKind as Way;
    for (kind, severity, expected) in [
        (
            Kind::TimeBased,
            Severity::Medium,
            vec![(Way::IncreaseTimeout, true, 3)],
        ),
        (
            Kind::ProgressStagnation,
            Severity::Medium,
            vec![(Way::RestartAction, false, 2)],
        ),
        (
            Kind::Resource,
            Severity::High,
            vec![(Way::ReduceResources, true, 1)],
        ),
        (
            Kind::DependencyDeadlock,
            Severity::Critical,
            vec![(Way::BreakDeadlock, false, 1)],
        ),
        (
            Kind::Cyclical,
            Severity::High,
            vec![(Way::ClearAndRestart, false, 2)],
        ),
        (
            Kind::ErrorCascade,
            Severity::High,
            vec![
                (Way::SkipAction, false, 2),
                (Way::ManualIntervention, false, 3),
            ],
        ),
        (
            Kind::MemoryLeak,
            Severity::High,
            vec![(Way::RestartAction, false, 1)],
        ),
        (
            Kind::ExternalWait,
            Severity::Medium,
            vec![
                (Way::EscalateToHuman, false, 2),
                (Way::SkipAction, false, 3),
            ],
        ),
    ] {
        let (_, samples) = problems()
            .into_iter()
            .find(|(problem, _)| *problem == kind)
            .unwrap();
        let [stall] = &stalls(samples)[..] else {
            panic!("not one stall of {kind}");
        };
        let found: Vec<_> = stall
            .interventions
            .iter()
            .map(|way| (way.kind, way.automatic, way.priority))
            .collect();
        assert_eq!((stall.severity, found), (severity, expected), "{kind}");
        for way in &stall.interventions {
            assert!((0.5..=0.9).contains(&way.effectiveness), "{kind}");
            let expected = match way.kind {
                Way::IncreaseTimeout => Some(Parameter::NewTimeoutMs(60_000)),
                Way::ReduceResources => Some(Parameter::MemoryLimitReduction(0.5)),
                Way::RestartAction
                | Way::SkipAction
                | Way::BreakDeadlock
                | Way::ClearAndRestart
                | Way::ManualIntervention
                | Way::EscalateToHuman => None,
            };
            assert_eq!(way.parameter, expected, "{kind}");
        }
    }
}

#[test]
fn a_progress_that_is_no_number_is_none() {
    let mut detector = detector();
    for i in 0..5 {
        let sample = Sample {
            progress: f64::NAN,
            ..busy(i * 10_000)
        };
        let kinds: Vec<Kind> = detector
            .observe(sample)
            .iter()
            .map(|stall| stall.kind)
            .collect();
        let expected: &[Kind] = if i == 4 {
            &[Kind::ProgressStagnation]
        } else {
            &[]
        };
        assert_eq!(kinds, expected, "{i}");
    }
}
