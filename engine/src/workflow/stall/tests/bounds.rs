//! Each threshold, from both sides.

use super::*;

/// The first samples raise nothing; the others, which hardly differ, raise just this kind.
fn both_sides(kind: Kind, below: Vec<Sample>, above: Vec<Sample>) {
    assert_eq!(kinds(below), [], "below the bound of {kind}");
    assert_eq!(kinds(above), [kind], "above the bound of {kind}");
}

/// The samples, with the last one changed.
fn at_last(mut samples: Vec<Sample>, change: impl FnOnce(&mut Sample)) -> Vec<Sample> {
    change(samples.last_mut().unwrap());
    samples
}

#[test]
fn silence_above_one_and_a_half_thresholds() {
    both_sides(
        Kind::TimeBased,
        vec![hung(0), hung(45_000)],
        vec![hung(0), hung(45_001)],
    );
    for steps in [21, 51] {
        let mut detector = Detector::new(Config::for_steps(steps)).unwrap();
        let bound_ms = detector.threshold_ms() * 3 / 2;
        assert_eq!(detector.observe(hung(bound_ms)), []);
        assert_eq!(detector.observe(hung(bound_ms + 1)).len(), 1);
    }
}

#[test]
fn silence_and_waiting_get_worse_with_time() {
    for (at_ms, expected) in [
        (60_000, Severity::Medium),
        (60_001, Severity::High),
        (90_000, Severity::High),
        (90_001, Severity::Critical),
    ] {
        for sample in [hung(at_ms), waiting(at_ms)] {
            let [stall] = &stalls(vec![sample])[..] else {
                panic!("not one stall at {at_ms}");
            };
            assert_eq!(stall.severity, expected, "{at_ms}");
        }
    }
}

#[test]
fn only_what_explains_silence_excuses_it() {
    let sample = hung(50_000);
    for (excused, sample) in [
        (false, sample.clone()),
        (
            false,
            Sample {
                running: 0,
                ..sample.clone()
            },
        ),
        (
            false,
            Sample {
                running: 0,
                queued: 0,
                blocked: 0,
                ..sample.clone()
            },
        ),
        (
            true,
            Sample {
                on_time: 1,
                ..sample.clone()
            },
        ),
        (
            true,
            Sample {
                running: 2,
                on_time: 1,
                ..sample.clone()
            },
        ),
        (
            true,
            Sample {
                running: 0,
                waiting_since_ms: Some(49_000),
                ..sample.clone()
            },
        ),
        (
            false,
            Sample {
                waiting_since_ms: Some(49_000),
                ..sample
            },
        ),
    ] {
        let expected: &[Kind] = if excused { &[] } else { &[Kind::TimeBased] };
        assert_eq!(kinds(vec![sample.clone()]), expected, "{sample:?}");
    }
}

#[test]
fn three_movements_without_progress_for_longer_than_the_threshold() {
    let end = |at_ms, progress| {
        vec![
            busy(0),
            busy(10_000),
            Sample {
                progress,
                ..busy(at_ms)
            },
        ]
    };
    let kind = Kind::ProgressStagnation;
    both_sides(kind, end(30_000, 0.5), end(30_001, 0.5));
    both_sides(kind, end(40_000, 0.505), end(40_000, 0.5049));
    both_sides(
        kind,
        vec![busy(0), busy(40_000)],
        vec![busy(0), busy(20_000), busy(40_000)],
    );
    both_sides(
        kind,
        // The sample in the middle shows nothing new.
        vec![
            busy(0),
            Sample {
                moved_ms: 0,
                ..busy(20_000)
            },
            busy(40_000),
        ],
        vec![
            busy(0),
            Sample {
                moved_ms: 1,
                ..busy(20_000)
            },
            busy(40_000),
        ],
    );
}

/// A plan that grew has less of it done, and that is no progress; what is then done is.
#[test]
fn a_fall_is_no_progress_and_a_rise_from_there_is() {
    let fall = |later| {
        vec![
            busy(0),
            Sample {
                progress: 0.3,
                ..busy(20_000)
            },
            Sample {
                progress: later,
                ..busy(40_000)
            },
        ]
    };
    both_sides(Kind::ProgressStagnation, fall(0.31), fall(0.304));
}

#[test]
fn memory_that_more_than_doubles_at_once_without_progress() {
    let jump = |bytes, progress| {
        at_last(with_memory(&[10, 10]), |last| {
            last.memory = Bytes::new(bytes);
            last.progress = progress;
        })
    };
    let ten = Bytes::mib(10).get();
    both_sides(Kind::Resource, jump(2 * ten, 0.5), jump(2 * ten + 1, 0.5));
    both_sides(Kind::Resource, jump(3 * ten, 0.52), jump(3 * ten, 0.509));
    assert_eq!(
        kinds(with_memory(&[0, 1000])),
        [],
        "a first use is no growth"
    );
}

#[test]
fn a_deadlock_is_every_step_waiting_for_another() {
    for sample in [
        Sample {
            blocked: 2,
            ..deadlocked(0)
        },
        Sample {
            running: 1,
            ..deadlocked(0)
        },
        Sample {
            queued: 0,
            blocked: 0,
            ..deadlocked(0)
        },
        Sample {
            waiting_since_ms: Some(0),
            ..deadlocked(0)
        },
    ] {
        both_sides(Kind::DependencyDeadlock, vec![sample], vec![deadlocked(0)]);
    }
}

#[test]
fn six_states_that_repeat_without_progress() {
    let kind = Kind::Cyclical;
    both_sides(kind, in_states("ababa"), in_states("ababab"));
    both_sides(kind, in_states("abcab"), in_states("abcabc"));
    both_sides(kind, in_states("abcabd"), in_states("dabcabc"));
    both_sides(kind, in_states("abacab"), in_states("cbababab"));
    // A state that stays for several samples is one state.
    both_sides(kind, in_states("aabbaabbaa"), in_states("aabbaabbaabb"));
    both_sides(kind, in_states("aabaab"), in_states("aabaabaab"));
    for states in ["ababab", "abcabc"] {
        let end = |progress| at_last(in_states(states), |last| last.progress = progress);
        both_sides(kind, end(0.52), end(0.509));
    }
}

#[test]
fn four_states_in_turn_are_no_short_cycle() {
    assert_eq!(kinds(in_states("abcdabcdabcdabcd")), []);
}

#[test]
fn three_failures_of_one_code_within_the_window() {
    let one = Some("E-TIMEOUT");
    let ok = None;
    let kind = Kind::ErrorCascade;
    both_sides(kind, with_ends(&[one; 2]), with_ends(&[one; 3]));
    // In ten samples there are nine ends.
    both_sides(
        kind,
        with_ends(&[one, ok, ok, ok, one, ok, ok, ok, ok, one]),
        with_ends(&[one, ok, ok, ok, one, ok, ok, ok, one]),
    );
    both_sides(
        kind,
        with_ends(&[ok, ok, ok, ok, one, Some("E-OTHER"), one]),
        with_ends(&[ok, ok, ok, ok, one, Some("E-OTHER"), one, one]),
    );
}

#[test]
fn more_than_half_of_four_attempts() {
    let (a, b, c) = (Some("a"), Some("b"), Some("c"));
    let kind = Kind::ErrorCascade;
    both_sides(kind, with_ends(&[a, b, c]), with_ends(&[a, b, None, c]));
    both_sides(
        kind,
        with_ends(&[a, b, None, None]),
        with_ends(&[a, None, b, c]),
    );
}

/// What failed before the detector began is not held against the workflow.
#[test]
fn the_first_sample_is_where_counting_begins() {
    let first = Sample {
        ended: 100,
        failures: BTreeMap::from([("E-TIMEOUT".to_owned(), 30)]),
        ..well(0)
    };
    let with_more = |more| {
        let mut second = first.clone();
        second.at_ms = 1000;
        *second.failures.get_mut("E-TIMEOUT").unwrap() += more;
        second.ended += more;
        vec![first.clone(), second]
    };
    both_sides(Kind::ErrorCascade, with_more(2), with_more(3));
}

#[test]
fn memory_that_grows_in_five_samples_by_more_than_a_half() {
    let kind = Kind::MemoryLeak;
    both_sides(
        kind,
        with_memory(&[10, 12, 14, 16]),
        with_memory(&[10, 12, 14, 15, 16]),
    );
    let end = |bytes, progress| {
        at_last(with_memory(&[10, 11, 12, 13, 14]), |last| {
            last.memory = Bytes::new(bytes);
            last.progress = progress;
        })
    };
    let bound = Bytes::mib(15).get();
    both_sides(kind, end(bound, 0.5), end(bound + 1, 0.5));
    both_sides(kind, end(bound + 9, 0.52), end(bound + 9, 0.509));
    both_sides(
        kind,
        with_memory(&[10, 12, 14, 14, 16, 18]),
        with_memory(&[12, 10, 12, 14, 16, 18]),
    );
    assert_eq!(kinds(with_memory(&[0, 2, 3, 4, 5])), []);
}

#[test]
fn waiting_for_longer_than_the_threshold() {
    both_sides(
        Kind::ExternalWait,
        vec![waiting(0), waiting(30_000)],
        vec![waiting(0), waiting(30_001)],
    );
    let beside_work = |at_ms| Sample {
        waiting_since_ms: Some(0),
        ..well(at_ms)
    };
    both_sides(
        Kind::ExternalWait,
        vec![beside_work(30_000)],
        vec![beside_work(30_001)],
    );
}

/// The threshold after attempts that ended `apart_ms` from each other.
fn adapted(ends: u64, apart_ms: u64, adaptive: bool) -> u64 {
    let config = Config {
        adaptive,
        ..Config::default()
    };
    let mut detector = Detector::new(config).unwrap();
    for ended in 0..=ends {
        let sample = Sample {
            ended,
            ..well(ended * apart_ms)
        };
        assert_eq!(detector.observe(sample), []);
    }
    detector.threshold_ms()
}

#[test]
fn the_threshold_follows_the_pace() {
    for (ends, apart_ms, expected) in [
        (5, 29_999, 15_000),
        (5, 30_000, 30_000),
        (5, 120_000, 30_000),
        (5, 120_001, 60_000),
        (4, 1_000, 30_000),
        (4, 600_000, 30_000),
        (90, 1_000, 15_000),
    ] {
        assert_eq!(
            adapted(ends, apart_ms, true),
            expected,
            "{ends} × {apart_ms}"
        );
        assert_eq!(adapted(ends, apart_ms, false), 30_000);
    }
}

/// The pace is that of the last five attempts, and silence after them does not change it.
#[test]
fn the_pace_is_that_of_the_last_five() {
    let mut detector = detector();
    let mut at_ms = 0;
    for (ended, apart_ms) in (0..).zip([0, 1, 1, 1, 1, 1, 300_000, 300_000, 300_000, 300_000]) {
        at_ms += apart_ms;
        detector.observe(Sample {
            ended,
            ..well(at_ms)
        });
    }
    assert_eq!(detector.threshold_ms(), 60_000);
    let later = Sample {
        ended: 9,
        ..well(at_ms + 9_000_000)
    };
    detector.observe(later);
    assert_eq!(detector.threshold_ms(), 60_000);
}

#[test]
fn the_default_threshold_grows_with_the_plan() {
    for (steps, expected) in [
        (0, 30_000),
        (20, 30_000),
        (21, 45_000),
        (50, 45_000),
        (51, 60_000),
    ] {
        assert_eq!(Config::for_steps(steps).threshold_ms, expected, "{steps}");
    }
}

#[test]
fn numbers_that_make_no_sense_are_refused() {
    let refusal = |change: fn(&mut Config)| {
        let mut config = Config::default();
        change(&mut config);
        Detector::new(config).unwrap_err().to_string()
    };
    assert_eq!(
        refusal(|config| config.threshold_ms = 0),
        "a stall threshold of 0 ms makes everything a stall: the smallest is 1 ms"
    );
    assert_eq!(
        refusal(|config| config.window = 4),
        "a window of 4 samples shows too little: the smallest is 5"
    );
    for (min_progress, text) in [(0.0, "0"), (1.5, "1.5"), (-0.1, "-0.1"), (f64::NAN, "NaN")] {
        let config = Config {
            min_progress,
            ..Config::default()
        };
        assert_eq!(
            Detector::new(config).unwrap_err().to_string(),
            format!("a smallest progress of {text} is not above 0 and up to 1")
        );
    }
    assert_eq!(
        refusal(|config| config.stalls = 0),
        "asking a person at stall 0 comes before any stall: the smallest is 1"
    );
}
