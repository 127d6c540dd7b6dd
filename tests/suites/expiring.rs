//! When approvals are over.

use std::sync::atomic::Ordering;

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
