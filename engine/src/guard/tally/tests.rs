use std::collections::BTreeMap;

use super::Tally;
use crate::guard::tests::action;

#[test]
fn of_several_at_the_same_time_each_sees_the_ones_before() {
    let (tally, action) = (Tally::new(), action("fs.write.v1", None));
    let asked: Vec<_> = (0..5).map(|_| tally.ask(&action)).collect();
    let seen: Vec<u64> = asked.iter().map(|(counters, _)| counters.calls).collect();
    assert_eq!(seen, [0, 1, 2, 3, 4]);
    let of_this: Vec<u64> = asked.iter().map(|(counters, _)| counters.of_this).collect();
    assert_eq!(of_this, [0, 1, 2, 3, 4]);
}

#[test]
fn what_never_starts_does_not_count() {
    let (tally, action) = (Tally::new(), action("fs.write.v1", None));
    let (_, counted) = tally.ask(&action);
    counted.denied();
    drop(counted);
    let (counters, counted) = tally.ask(&action);
    assert_eq!(
        (counters.calls, counters.of_this, counters.denials),
        (0, 0, 1)
    );
    counted.started();
    let counters = tally.look(&action);
    assert_eq!((counters.calls, counters.of_this), (1, 1));
}

#[test]
fn looking_changes_nothing() {
    let (tally, action) = (Tally::new(), action("fs.write.v1", None));
    tally.ask(&action).1.started();
    let first = tally.look(&action);
    assert_eq!(first, tally.look(&action));
    assert_eq!((first.calls, first.repeats), (1, 2));
}

#[test]
fn counting_goes_on_after_somebody_else() {
    let by_name = BTreeMap::from([("fs.write.v1".to_owned(), 3)]);
    let tally = Tally::after(7, 2, by_name);
    let counters = tally.look(&action("fs.write.v1", None));
    assert_eq!(
        (counters.calls, counters.denials, counters.of_this),
        (7, 2, 3)
    );
    assert_eq!(tally.look(&action("fs.read.v1", None)).of_this, 0);
}
