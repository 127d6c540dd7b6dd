use serde_json::json;

use super::*;
use crate::event::EventKind;
use crate::workflow::machine::tests::{Run, plan};
use crate::workflow::machine::{Effect, What};
use crate::workflow::stall::tests::problems;

/// A watch that is about to see its first sample.
fn watching() -> Watch {
    Watch {
        detector: Some(Detector::new(Config::default()).unwrap()),
        ..Watch::default()
    }
}

/// The kinds of stall that the machine tells when it is given what a watch said.
fn told(run: &mut Run, stalled: Stalled) -> Vec<String> {
    run.feed(What::Stalled(Box::new(stalled)));
    let told = run.effects.iter().filter_map(|effect| {
        if let Effect::Tell { kind, .. } = effect
            && let EventKind::StallDetected { issue, .. } = &**kind
        {
            Some(issue.clone())
        } else {
            None
        }
    });
    told.collect()
}

/// Row 39: a workflow that has one problem alone gets an event of that kind, and what helps against it at once.
#[test]
fn each_kind_is_told_as_what_it_is() {
    for (kind, samples) in problems() {
        let mut watch = watching();
        let mut before = watch.detector.as_ref().unwrap().threshold_ms();
        let found = samples.into_iter().find_map(|sample| {
            before = watch.detector.as_ref().unwrap().threshold_ms();
            watch.judge(sample)
        });
        let stalled = found.unwrap_or_else(|| panic!("{kind} was not found"));
        let longer = watch.detector.as_ref().unwrap().threshold_ms() > before;
        let fewer = stalled.remedies == [Remedy::FewerAtOnce];
        let asked = stalled.asked.is_some();
        // What helps by itself; whether it lasts longer until the next one; whether a person has to come.
        let expected = match kind {
            Kind::TimeBased => (false, true, false),
            Kind::Resource => (true, false, false),
            Kind::ExternalWait | Kind::ErrorCascade => (false, false, false),
            Kind::ProgressStagnation
            | Kind::DependencyDeadlock
            | Kind::Cyclical
            | Kind::MemoryLeak => (false, false, true),
        };
        assert_eq!((fewer, longer, asked), expected, "{kind}");

        let mut run = Run::begun(plan(
            &["a", "b"],
            json!({ "resource_limits": { "max_parallel_executions": 2 } }),
        ));
        let parallel = run.state.parallel();
        assert_eq!(told(&mut run, stalled), [kind.name()]);
        let halved = if fewer { parallel / 2 } else { parallel };
        assert_eq!(run.state.parallel(), halved, "{kind}");
        let paused = run.state.phase() == WorkflowState::Paused;
        assert_eq!(paused, asked, "{kind}");
    }
}

/// The third stall is for a person, unless the plan says that nobody is to be asked.
#[test]
fn the_third_stall_is_escalated() {
    let nobody = json!({ "preferences": { "auto_escalation": false } });
    for (others, expected) in [(json!({}), [false, false, true]), (nobody, [false; 3])] {
        let run = Run::begun(plan(&["a"], others));
        let mut watch = Watch {
            detector: Detector::new(config(run.state.plan().unwrap())).ok(),
            ..Watch::default()
        };
        // What waits too long, again and again.
        let mut at_ms = 0;
        let mut asked = Vec::new();
        while asked.len() < 3 {
            at_ms += 1_000;
            let waits = Sample {
                waiting_since_ms: Some(at_ms / 100_000 * 100_000),
                running: 0,
                on_time: 0,
                moved_ms: at_ms,
                ..watch.sample(&run.state, at_ms)
            };
            if let Some(stalled) = watch.judge(waits) {
                assert_eq!(stalled.issue, "external_wait");
                asked.push(stalled.asked.is_some());
            }
            assert!(at_ms < 1_000_000, "{asked:?}");
        }
        assert_eq!(asked, expected);
    }
}

/// A step that goes on beyond its own time, and tells nothing, is a stall; within its time it is none.
#[test]
fn a_step_beyond_its_time_is_a_stall() {
    let mut run = Run::begun(plan(&["a"], json!({})));
    let begun_ms = run.now_ms;
    let mut watch = Watch::default();
    let mut found = Vec::new();
    while run.now_ms < begun_ms + 400_000 {
        if let Some(stalled) = watch.look(&run.state, run.now_ms) {
            found.push((run.now_ms - begun_ms, stalled));
        }
        run.now_ms += 500;
    }
    // The step may take 30 s, and is looked at every five; the threshold is 30 s, and doubled with each stall.
    let told: Vec<_> = found
        .iter()
        .map(|(ms, stalled)| (ms / 1_000, stalled.issue.as_str(), stalled.asked.is_some()))
        .collect();
    assert_eq!(
        told,
        [
            (50, "time_based", false),
            (95, "time_based", false),
            (185, "time_based", true),
            (365, "time_based", true)
        ],
        "from the third on a person is asked"
    );
}

/// Failures that are repeated are told as such, and the workflow goes on as its plan says.
#[test]
fn attempts_that_fail_are_a_cascade() {
    let retry =
        json!({ "max_retries": 9, "backoff": "fixed", "base_delay_ms": 1_000, "on": ["E-TRAP"] });
    let steps = json!([{ "id": "a", "capability": "test.act.v1", "retry": retry }]);
    let mut run = Run::begun(json!({ "version": 1, "goal": "fail", "steps": steps }));
    let mut watch = Watch::default();
    let mut found = Vec::new();
    for _ in 0..5 {
        for _ in 0..10 {
            found.extend(watch.look(&run.state, run.now_ms));
            run.now_ms += 100;
        }
        watch.ended(run.now_ms, Some(Code::Trap), Bytes::mib(1));
        run.fails("a", Code::Trap);
        run.tick(1_000);
    }
    let kinds: Vec<&str> = found.iter().map(|stalled| stalled.issue.as_str()).collect();
    assert_eq!(kinds, ["error_cascade"]);
    assert_eq!(found[0].asked, None);
    assert!(
        found[0].evidence.contains("E-TRAP"),
        "{}",
        found[0].evidence
    );
}

/// Memory that jumps from one attempt to the next while nothing is done lets fewer steps run at the same time.
#[test]
fn memory_that_jumps_makes_room() {
    let mut run = Run::begun(plan(&["a", "b"], json!({})));
    let mut watch = Watch::default();
    let mut found = Vec::new();
    for (second, mib) in [(0, 10), (10, 10), (20, 30), (30, 30)] {
        let at_ms = run.now_ms + second * 1_000;
        watch.ended(at_ms, None, Bytes::mib(mib));
        found.extend(watch.look(&run.state, at_ms));
    }
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].issue, "resource");
    assert_eq!(found[0].remedies, [Remedy::FewerAtOnce]);
    run.feed(What::Stalled(Box::new(found.remove(0))));
    assert_eq!(run.state.phase(), WorkflowState::Executing);
}
