//! Going on with what was answered, as a driver of workflows does: without the token.

use engine::data::{Bundle, Policies, Principal, QuestionState, WorkflowId};
use engine::{Call, Grants, Outcome, Rights};
use serde_json::json;

use super::approvals::{Office, code, says, store};

fn goes_on() -> Call {
    store("out/a.txt").redeem_answered()
}

/// The id of the question that a call was refused with.
fn question(outcome: &Outcome) -> String {
    assert_eq!(code(outcome), "E-DENIED-APPROVAL");
    let id = outcome.fault().unwrap().question().unwrap();
    assert_eq!(id.len(), 64);
    id.to_owned()
}

impl Office {
    fn state(&self, id: &str) -> QuestionState {
        self.desk.state(id, &*self.hands).unwrap()
    }

    fn says(&self, id: &str, approved: bool) {
        self.desk
            .answer(id, &says(approved, "ann"), &*self.hands)
            .unwrap();
    }

    fn count(&self, name: &str) -> usize {
        let events = self.events.events();
        let named = events.iter().filter(|event| event.kind.name() == name);
        named.count()
    }
}

/// Ask once, wait, go on once; then it is asked anew.
#[tokio::test]
async fn a_driver_goes_on_when_somebody_approved() {
    let office = Office::open().await;
    let id = question(&office.run(goes_on()).await);
    assert_eq!(office.state(&id), QuestionState::Waiting);
    assert_eq!(question(&office.run(goes_on()).await), id, "not asked anew");
    assert_eq!(office.count("approval_requested"), 1);

    office.says(&id, true);
    assert_eq!(office.state(&id), QuestionState::Approved);
    let outcome = office.run(goes_on()).await;
    assert_eq!(code(&outcome), "ok");
    assert_eq!(outcome.verdict().unwrap().reason, "approved by `ann`");
    assert_eq!(outcome.fault().and_then(engine::Fault::question), None);
    assert_eq!(office.state(&id), QuestionState::Used);
    assert_eq!(office.count("approval_resolved"), 1);

    let again = question(&office.run(goes_on()).await);
    assert_ne!(again, id);
    office.says(&again, false);
    let denied = QuestionState::Denied {
        by: Principal::new("ann"),
        reason: String::new(),
    };
    assert_eq!(office.state(&again), denied);
    assert_ne!(question(&office.run(goes_on()).await), again);
}

/// What was asked without a driver, with a token, is found all the same; and used up for both.
#[tokio::test]
async fn a_token_and_an_answer_are_one_approval() {
    let office = Office::open().await;
    let token = office.asked().await;
    assert_eq!(question(&office.run(goes_on()).await), token.id());
    office.answer(&token, true);
    assert_eq!(code(&office.run(goes_on()).await), "ok");
    let late = office.run(store("out/a.txt").approval(token)).await;
    assert_eq!(code(&late), "E-APPROVAL-USED");

    let token = office.asked().await;
    office.answer(&token, true);
    let first = office.run(store("out/a.txt").approval(token)).await;
    assert_eq!(code(&first), "ok");
    assert_ne!(question(&office.run(goes_on()).await), token.id());
}

/// An approval is for the very call: whatever differs is asked anew, and the approval stays.
#[tokio::test]
async fn another_call_is_asked_anew() {
    let office = Office::open().await;
    let id = question(&office.run(goes_on()).await);
    office.says(&id, true);
    let narrower = engine::Limits::builder()
        .wall(engine::WallTime::secs(1))
        .build()
        .unwrap();
    let less = Grants::builder()
        .dir(office.dir.path().join("out"), "other", Rights::ReadWrite)
        .build()
        .unwrap();
    let mut asked = std::collections::BTreeSet::from([id.clone()]);
    for (what, call) in [
        ("arguments", store("out/b.txt").redeem_answered()),
        ("principal", goes_on().principal(Principal::new("mallory"))),
        ("labels", goes_on().labels(["untrusted"])),
        ("limits", goes_on().limits(narrower)),
        (
            "grants",
            Call::function("store", json!(["other/a.txt"]))
                .grants(less)
                .redeem_answered(),
        ),
        (
            "step",
            goes_on().step(WorkflowId::fresh(), "one", None, None),
        ),
    ] {
        let outcome = office.run(call).await;
        assert!(asked.insert(question(&outcome)), "{what}");
    }
    let stricter = Policies::builder()
        .bundle(Bundle::Paranoid)
        .rule(engine::data::Rule::new(
            "more",
            engine::data::RuleDecision::Warn,
        ));
    let before = Policies::builder().bundle(Bundle::Paranoid);
    office.engine.replace_policies(stricter.build().unwrap());
    assert!(asked.insert(question(&office.run(goes_on()).await)));
    office.engine.replace_policies(before.build().unwrap());

    assert_eq!(office.state(&id), QuestionState::Approved);
    assert_eq!(code(&office.run(goes_on()).await), "ok");
}

/// F8: what was approved for one step of a workflow lets no other step run, by token or without.
#[tokio::test]
async fn an_approval_of_one_step_is_none_of_the_next() {
    let office = Office::open().await;
    let workflow = WorkflowId::fresh();
    let step = |name: &str| store("out/a.txt").step(workflow, name, None, None);
    let token = super::approvals::token(&office.run(step("one")).await);
    office.answer(&token, true);
    let next = office.run(step("two").approval(token)).await;
    assert_eq!(code(&next), "E-APPROVAL-ALTERED");
    let next = office.run(step("two").redeem_answered()).await;
    assert_ne!(question(&next), token.id());
    let first = office.run(step("one").redeem_answered()).await;
    assert_eq!(code(&first), "ok");
}

/// F11: what is over is asked anew, also where the calendar was set back.
#[tokio::test]
async fn an_expired_question_is_asked_anew() {
    let office = Office::open().await;
    let waiting = question(&office.run(goes_on()).await);
    office.hands.pass(15 * 60);
    assert_eq!(office.state(&waiting), QuestionState::Expired);
    let approved = question(&office.run(goes_on()).await);
    assert_ne!(approved, waiting);
    office.says(&approved, true);
    office.hands.pass(15 * 60);
    let set_back = || {
        let seconds = &office.hands.seconds;
        seconds.fetch_sub(14 * 60, std::sync::atomic::Ordering::Relaxed);
    };
    set_back();
    assert_eq!(office.state(&approved), QuestionState::Late);
    assert_ne!(question(&office.run(goes_on()).await), approved);
    assert_eq!(office.state(&"0".repeat(64)), QuestionState::Unknown);
    assert_eq!(
        office.state(&approved[..12]),
        QuestionState::Unknown,
        "only whole ids"
    );
}

/// Twenty at once: before the answer they wait for one question, after it one of them runs.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_twenty_that_go_on_at_once_one_runs() {
    let office = Office::open().await;
    let all_at_once = async || {
        let runs: Vec<_> = (0..20)
            .map(|_| {
                let (engine, component) = (office.engine.clone(), office.component.clone());
                tokio::spawn(async move { engine.run(&component, goes_on()).await })
            })
            .collect();
        let mut outcomes = Vec::new();
        for run in runs {
            outcomes.push(run.await.unwrap());
        }
        outcomes
    };
    let mut asked: Vec<String> = all_at_once().await.iter().map(question).collect();
    asked.dedup();
    assert_eq!(asked.len(), 1, "{asked:?}");
    office.says(&asked[0], true);
    let outcomes = all_at_once().await;
    let ran = outcomes.iter().filter(|outcome| code(outcome) == "ok");
    assert_eq!(ran.count(), 1);
    assert_eq!(office.count("call_started"), 1);
    let mut again: Vec<String> = outcomes
        .iter()
        .filter(|outcome| code(outcome) != "ok")
        .map(question)
        .collect();
    again.dedup();
    assert_eq!(again.len(), 1, "the others wait for one new question");
    assert_ne!(again, asked);
}
