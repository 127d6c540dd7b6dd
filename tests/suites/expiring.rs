//! When approvals are over.

use std::sync::atomic::Ordering;

use engine_tests::engine_binary;

use super::approvals::{Office, code, says, store};

/// F11: an approval is over after fifteen minutes, and a clock that is set back does not make it last.
#[tokio::test]
async fn an_approval_expires_whatever_the_clock_says() {
    let office = Office::open().await;
    let token = office.asked().await;
    office.answer(&token, true);
    office.hands.pass(15 * 60 - 1);
    office.hands.seconds.fetch_sub(600, Ordering::Relaxed);
    office.hands.since_boot.fetch_add(1, Ordering::Relaxed);
    let outcome = office.run(store("out/a.txt").approval(token)).await;
    assert_eq!(code(&outcome), "E-APPROVAL-EXPIRED", "set back");

    let token = office.asked().await;
    office.answer(&token, true);
    office.hands.pass(15 * 60);
    let outcome = office.run(store("out/a.txt").approval(token)).await;
    assert_eq!(code(&outcome), "E-APPROVAL-EXPIRED");
    let late = office.desk.answer(
        &office.asked().await.id(),
        &says(true, "ann"),
        &*office.hands,
    );
    assert!(late.is_ok());

    let token = office.asked().await;
    office.hands.pass(15 * 60);
    let late = office
        .desk
        .answer(&token.id(), &says(true, "ann"), &*office.hands);
    assert_eq!(late.unwrap_err().code().as_str(), "E-APPROVAL-EXPIRED");
    let names = office.told();
    assert_eq!(
        names
            .iter()
            .filter(|name| *name == "approval_expired")
            .count(),
        2
    );
}

/// F11: after a restart the time since the machine started says nothing, and the calendar alone counts.
#[tokio::test]
async fn an_approval_outlasts_a_restart_by_the_calendar() {
    let office = Office::open().await;
    let restart = || {
        office.hands.boots.fetch_add(1, Ordering::Relaxed);
        office.hands.since_boot.store(3, Ordering::Relaxed);
    };
    let token = office.asked().await;
    office.answer(&token, true);
    restart();
    let outcome = office.run(store("out/a.txt").approval(token)).await;
    assert_eq!(code(&outcome), "ok");

    let token = office.asked().await;
    office.answer(&token, true);
    office.hands.pass(15 * 60);
    restart();
    let outcome = office.run(store("out/a.txt").approval(token)).await;
    assert_eq!(code(&outcome), "E-APPROVAL-EXPIRED");

    // A calendar that is set back behind the question ends it, restart or not.
    let token = office.asked().await;
    office.answer(&token, true);
    office.hands.seconds.fetch_sub(1, Ordering::Relaxed);
    restart();
    let outcome = office.run(store("out/a.txt").approval(token)).await;
    assert_eq!(code(&outcome), "E-APPROVAL-EXPIRED");
}

/// What nobody can answer any more does not look as if it waited, and looking for questions where nobody ever asked one
/// makes no journal.
#[tokio::test]
async fn questions_are_shown_as_they_are() {
    let office = Office::open().await;
    // The office's clock is long past, so that the question is over for everybody else.
    let token = office.asked().await;
    let journal = office.dir.path().join("journal.db");
    let show = |journal: &std::path::Path, words: &[&str]| {
        let output = std::process::Command::new(engine_binary())
            .args(["approvals", words[0]])
            .args(&words[1..])
            .arg("--journal")
            .arg(journal)
            .env("ENGINE_HOME", office.dir.path().join("home"))
            .output()
            .unwrap();
        let told = [output.stdout, output.stderr].concat();
        (
            output.status.code().unwrap(),
            String::from_utf8(told).unwrap(),
        )
    };
    let (code, told) = show(&journal, &["show", &token.id()]);
    assert_eq!(code, 0, "{told}");
    assert!(told.contains("expired before anybody answered"), "{told}");
    let (code, told) = show(&journal, &["ls"]);
    assert_eq!(code, 0, "{told}");
    assert!(told.contains("nothing waits for an answer"), "{told}");

    let typo = office.dir.path().join("journall.db");
    for words in [
        &["ls"][..],
        &["show", "3f9a0c1d22b7"],
        &["deny", "3f9a0c1d22b7"],
    ] {
        let (code, told) = show(&typo, words);
        assert_eq!(code, 2, "{words:?}: {told}");
        assert!(told.contains("journall.db"), "{words:?}: {told}");
        assert!(!typo.exists(), "{words:?} made a journal");
    }
}
