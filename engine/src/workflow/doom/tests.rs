use proptest::prelude::*;

use super::*;
use crate::event::LoopKind::{self, Exact, Fuzzy};
use crate::types::Digest;

fn call(name: &str, arguments: &str) -> Call {
    Call {
        name: name.to_owned(),
        arguments: Digest::of(arguments.as_bytes()),
    }
}

fn detector(exact: u32, fuzzy: Option<u32>) -> Detector {
    Detector::new(Config::new(Some(exact), fuzzy).unwrap())
}

fn soft(kind: LoopKind, count: u32, threshold: u32) -> Verdict {
    Verdict::Soft {
        kind,
        count,
        threshold,
    }
}

fn hard(kind: LoopKind, count: u32, threshold: u32) -> Verdict {
    Verdict::Hard {
        kind,
        count,
        threshold,
    }
}

/// G runs, S is refused, H stops: a letter for each batch.
fn letters(verdicts: &[Verdict]) -> String {
    verdicts
        .iter()
        .map(|verdict| match verdict {
            Verdict::Go => 'G',
            Verdict::Soft { .. } => 'S',
            Verdict::Hard { .. } => 'H',
        })
        .collect()
}

#[test]
fn the_same_batch_is_refused_at_the_threshold_and_stops_two_later() {
    for (threshold, expected) in [(1, "SSHHH"), (2, "GSSHH"), (3, "GGSSH"), (4, "GGGSS")] {
        for all_succeeded in [false, true] {
            let mut detector = detector(threshold, None);
            let verdicts: Vec<Verdict> = (1..=5)
                .map(|_| {
                    let verdict = detector.record(&[call("read", "a")], 0);
                    detector.ended(all_succeeded);
                    verdict
                })
                .collect();
            assert_eq!(letters(&verdicts), expected, "threshold {threshold}");
            for (count, verdict) in (1..).zip(verdicts) {
                let expected = match verdict {
                    Verdict::Go => Verdict::Go,
                    Verdict::Soft { .. } => soft(Exact, count, threshold),
                    Verdict::Hard { .. } => hard(Exact, count, threshold),
                };
                assert_eq!(verdict, expected);
            }
        }
    }
}

#[test]
fn the_same_functions_are_refused_at_the_fuzzy_threshold() {
    for (threshold, expected) in [(1, "SSHHH"), (2, "GSSHH"), (3, "GGSSH"), (4, "GGGSS")] {
        let mut detector = detector(2, Some(threshold));
        let verdicts: Vec<Verdict> = (1..=5)
            .map(|i| {
                let verdict = detector.record(&[call("read", &i.to_string())], 0);
                detector.ended(false);
                verdict
            })
            .collect();
        assert_eq!(letters(&verdicts), expected, "threshold {threshold}");
        for (count, verdict) in (1..).zip(verdicts) {
            let expected = match verdict {
                Verdict::Go => Verdict::Go,
                Verdict::Soft { .. } => soft(Fuzzy, count, threshold),
                Verdict::Hard { .. } => hard(Fuzzy, count, threshold),
            };
            assert_eq!(verdict, expected);
        }
    }
}

#[test]
fn a_permuted_batch_counts_as_the_same() {
    let (a, b) = (call("read", "a"), call("write", "b"));
    let mut detector = detector(3, None);
    assert_eq!(
        [
            detector.record(&[a.clone(), b.clone()], 0),
            detector.record(&[b.clone(), a.clone()], 0),
            detector.record(&[b, a], 0),
        ],
        [Verdict::Go, Verdict::Go, soft(Exact, 3, 3)]
    );
}

#[test]
fn how_often_a_call_is_in_a_batch_matters() {
    let (a, b) = (call("read", "a"), call("read", "b"));
    let mut detector = detector(2, None);
    let batches = [
        vec![a.clone()],
        vec![a.clone(), a.clone()],
        vec![a.clone(), a.clone(), b.clone()],
        vec![a, b.clone(), b],
    ];
    for batch in batches {
        assert_eq!(detector.record(&batch, 0), Verdict::Go);
    }
}

#[test]
fn another_batch_begins_another_row() {
    let (a, b) = ([call("read", "a")], [call("read", "b")]);
    let mut detector = detector(3, None);
    let verdicts = [&a, &a, &b, &a, &a, &a].map(|batch| detector.record(batch, 0));
    assert_eq!(letters(&verdicts), "GGGGGS");
}

/// What one function is given is never taken for the name of the next.
#[test]
fn names_and_arguments_do_not_run_together() {
    let mut detector = detector(2, Some(2));
    for batch in [
        vec![call("ab", "x"), call("c", "x")],
        vec![call("a", "x"), call("bc", "x")],
        vec![call("abc", "x")],
    ] {
        assert_eq!(detector.record(&batch, 0), Verdict::Go);
    }
}

#[test]
fn distinct_writes_that_succeed_are_work() {
    let mut detector = detector(2, Some(2));
    for i in 0..50 {
        let write = [call("write", &format!("file-{i}"))];
        assert_eq!(detector.record(&write, 0), Verdict::Go, "file {i}");
        detector.ended(true);
    }
}

#[test]
fn distinct_writes_that_fail_are_a_loop_until_one_succeeds() {
    let mut detector = detector(3, Some(3));
    let mut try_one = |file: &str, succeeds| {
        let verdict = detector.record(&[call("write", file)], 0);
        detector.ended(succeeds);
        verdict
    };
    assert_eq!(try_one("a", false), Verdict::Go);
    assert_eq!(try_one("b", false), Verdict::Go);
    assert_eq!(try_one("c", false), soft(Fuzzy, 3, 3));
    assert_eq!(try_one("d", false), soft(Fuzzy, 4, 3));
    // It cannot succeed while it is refused, but a driver may let one through.
    assert_eq!(try_one("e", true), hard(Fuzzy, 5, 3));
    assert_eq!(try_one("f", false), Verdict::Go);
    assert_eq!(try_one("g", false), Verdict::Go);
    assert_eq!(try_one("h", false), soft(Fuzzy, 3, 3));
}

/// A batch that is told of as an exact loop is not a fuzzy one, too, and does not lengthen its row.
#[test]
fn fuzzy_is_counted_only_below_the_exact_threshold() {
    let mut detector = detector(2, Some(3));
    let verdicts = ["a", "a", "a", "b", "c"].map(|argument| {
        let verdict = detector.record(&[call("read", argument)], 0);
        detector.ended(false);
        verdict
    });
    assert_eq!(
        verdicts,
        [
            Verdict::Go,       // exact 1, fuzzy 1
            soft(Exact, 2, 2), // fuzzy stays 1
            soft(Exact, 3, 2), // fuzzy stays 1
            Verdict::Go,       // exact 1, fuzzy 2
            soft(Fuzzy, 3, 3), // exact 1
        ]
    );
}

/// Denied batches are recorded like any other, and end without success.
#[test]
fn a_caller_that_insists_on_what_is_denied_is_stopped() {
    let mut detector = detector(3, Some(3));
    let denied = [call("shell", "rm")];
    let mut ends = Vec::new();
    for _ in 0..5 {
        ends.push(detector.record(&denied, 0));
        detector.ended(false);
    }
    assert_eq!(letters(&ends), "GGSSH");
    assert_eq!(ends.last(), Some(&hard(Exact, 5, 3)));
}

#[test]
fn without_a_threshold_nothing_is_a_loop() {
    let mut detector = Detector::new(Config::default());
    for _ in 0..50 {
        assert_eq!(detector.record(&[call("read", "a")], 0), Verdict::Go);
        detector.ended(false);
    }
    let mut exact_only = self::detector(9, None);
    for i in 0..50 {
        let read = [call("read", &i.to_string())];
        assert_eq!(exact_only.record(&read, 0), Verdict::Go);
        exact_only.ended(false);
    }
}

#[test]
fn a_batch_without_calls_is_none() {
    let mut detector = detector(2, Some(2));
    for _ in 0..5 {
        assert_eq!(detector.record(&[], 0), Verdict::Go);
    }
    assert_eq!(detector.record(&[call("read", "a")], 0), Verdict::Go);
    assert_eq!(detector.record(&[], 0), Verdict::Go);
    assert_eq!(detector.record(&[call("read", "a")], 0), soft(Exact, 2, 2));
}

#[test]
fn thresholds_that_make_no_sense_are_refused() {
    for (exact, fuzzy, expected) in [
        (
            Some(0),
            None,
            "a threshold of 0 for `exact` loops refuses everything: the smallest is 1",
        ),
        (
            Some(1),
            Some(0),
            "a threshold of 0 for `fuzzy` loops refuses everything: the smallest is 1",
        ),
        (
            None,
            Some(3),
            "a threshold of 3 for `fuzzy` loops needs one for `exact` loops, too",
        ),
    ] {
        let error: ConfigError = Config::new(exact, fuzzy).unwrap_err();
        assert_eq!(error.to_string(), expected);
        let written = serde_json::json!({ "exact": exact, "fuzzy": fuzzy });
        let error = serde_json::from_value::<Config>(written).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
    let unknown = serde_json::json!({ "exact": 3, "fuzzi": 3 });
    assert!(serde_json::from_value::<Config>(unknown).is_err());
    assert_eq!(
        serde_json::from_str::<Config>("{}").unwrap(),
        Config::default()
    );
}

#[test]
fn the_largest_threshold_does_not_overflow() {
    let mut detector = detector(u32::MAX, Some(u32::MAX));
    assert_eq!(detector.record(&[call("read", "a")], 0), Verdict::Go);
}

#[test]
fn a_refusal_says_how_often() {
    assert_eq!(Verdict::Go.refusal(), None);
    assert_eq!(
        soft(Exact, 3, 3).refusal().unwrap(),
        "the same calls with the same arguments came 3 times in a row: try another way"
    );
    assert!(
        hard(Fuzzy, 6, 4)
            .refusal()
            .unwrap()
            .contains("came 6 times")
    );
}

fn any_call() -> impl Strategy<Value = Call> {
    ("[ab]", "[xy]").prop_map(|(name, arguments)| call(&name, &arguments))
}

fn any_batches() -> impl Strategy<Value = Vec<(Vec<Call>, bool)>> {
    let batch = proptest::collection::vec(any_call(), 0..4);
    proptest::collection::vec((batch, any::<bool>()), 0..20)
}

fn any_config() -> impl Strategy<Value = Config> {
    (1_u32..5, proptest::option::of(1_u32..5))
        .prop_map(|(exact, fuzzy)| Config::new(Some(exact), fuzzy).unwrap())
}

proptest! {
    /// In whatever order the calls of each batch come, the verdicts are the same.
    #[test]
    fn the_order_within_a_batch_does_not_matter(
        config in any_config(),
        batches in any_batches(),
        turn in 0_usize..4,
        backwards: bool,
    ) {
        let (mut one, mut two) = (Detector::new(config), Detector::new(config));
        for (batch, succeeded) in batches {
            let mut permuted = batch.clone();
            permuted.rotate_left(turn.min(batch.len()));
            if backwards {
                permuted.reverse();
            }
            prop_assert_eq!(one.record(&batch, 0), two.record(&permuted, 0));
            one.ended(succeeded);
            two.ended(succeeded);
        }
        prop_assert_eq!(one, two);
    }

    /// A detector that is stored and read back goes on as if nothing had been.
    #[test]
    fn a_stored_detector_goes_on(config in any_config(), batches in any_batches()) {
        let mut kept = Detector::new(config);
        let mut stored = kept.clone();
        for (batch, succeeded) in batches {
            let json = serde_json::to_string(&stored).unwrap();
            stored = serde_json::from_str(&json).unwrap();
            prop_assert_eq!(&stored, &kept);
            let verdict = kept.record(&batch, 0);
            prop_assert_eq!(verdict, stored.record(&batch, 0));
            let json = serde_json::to_string(&verdict).unwrap();
            prop_assert_eq!(serde_json::from_str::<Verdict>(&json).unwrap(), verdict);
            kept.ended(succeeded);
            stored.ended(succeeded);
        }
    }

    /// The verdict on the last batch follows from the length of the row that it ends.
    #[test]
    fn an_exact_verdict_follows_from_the_row(exact in 1_u32..5, batches in any_batches()) {
        let mut detector = detector(exact, None);
        let mut row: (Vec<Call>, u32) = (Vec::new(), 0);
        for (mut batch, succeeded) in batches {
            let verdict = detector.record(&batch, 0);
            detector.ended(succeeded);
            if batch.is_empty() {
                prop_assert_eq!(verdict, Verdict::Go);
                continue;
            }
            batch.sort();
            row = if row.0 == batch { (batch, row.1 + 1) } else { (batch, 1) };
            let expected = match row.1 {
                count if count >= exact + 2 => hard(Exact, count, exact),
                count if count >= exact => soft(Exact, count, exact),
                _ => Verdict::Go,
            };
            prop_assert_eq!(verdict, expected);
        }
    }
}

#[test]
fn batches_that_have_not_ended_are_no_loop_yet() {
    let mut detector = detector(10, Some(3));
    for open in 0..6 {
        let file = open.to_string();
        assert_eq!(detector.record(&[call("write", &file)], open), Verdict::Go);
    }
    for _ in 0..6 {
        detector.ended(false);
    }
    let verdict = detector.record(&[call("write", "seventh")], 0);
    assert_ne!(verdict, Verdict::Go);
}
