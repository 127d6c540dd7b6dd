//! Answers for always: what they answer, and what is asked all the same.

use engine::data::{Bundle, Decision, Grant, Lesson, Policies, Principal};
use engine::{Config, Engine, Grants, Rights};
use engine_tests::{sample, sample_manifest};

use super::approvals::{Office, code, store};

/// An answer for always spares the question, for these policies, this action and this principal alone.
#[tokio::test]
async fn an_answer_for_always_is_remembered() {
    let digest = sample(Some(&sample_manifest())).digest();
    let lesson = |allow: bool| Lesson {
        // The directory of each office is another one.
        grants: vec![everywhere()],
        digest,
        labels: [].into(),
        approvers: String::new(),
        principal: Principal::default(),
        action: "sample.store".to_owned(),
        asked_by: vec!["paranoid.ask".to_owned()],
        allow,
        by: Principal::new("ann"),
    };
    let with = |lessons: Vec<Lesson>| {
        Policies::builder()
            .bundle(Bundle::Paranoid)
            .lessons(lessons)
    };
    let office = Office::with(with(vec![lesson(true)])).await;
    let outcome = office.run(store("out/a.txt")).await;
    assert_eq!(code(&outcome), "ok");
    let names = office.told();
    assert!(names.contains(&"approval_skipped".to_owned()), "{names:?}");
    let other = office
        .run(store("out/a.txt").principal(Principal::new("bob")))
        .await;
    assert_eq!(code(&other), "E-DENIED-APPROVAL");
    let labelled = office.run(store("out/a.txt").labels(["untrusted"])).await;
    assert_eq!(
        code(&labelled),
        "E-DENIED-APPROVAL",
        "nobody was asked about such data"
    );
    let outside = office.run(store("elsewhere/a.txt")).await;
    assert_eq!(code(&outside), "E-DENIED-POLICY", "a ban does not give way");

    let office = Office::with(with(vec![lesson(true), lesson(false)])).await;
    let outcome = office.run(store("out/a.txt")).await;
    assert_eq!(code(&outcome), "E-DENIED-POLICY", "a no counts for more");
}

/// All that is a temporary directory of a test.
fn everywhere() -> Grant {
    Grant::Dir {
        host: std::env::temp_dir().canonicalize().unwrap(),
        guest: "out".to_owned(),
        rights: Rights::ReadWrite,
    }
}

/// An answer for always is for no more than the call was given that somebody was asked about, and never for what a
/// plan wants approved.
#[tokio::test]
async fn an_answer_for_always_is_for_its_grants_and_no_plan() {
    let office = Office::open().await;
    let deep = office.dir.path().join("out/deep");
    std::fs::create_dir(&deep).unwrap();
    let asked = office.asked().await;
    let (request, _) = office.desk.find(&asked.id(), &*office.hands).unwrap();
    let lesson = |allow: bool| Lesson {
        principal: request.principal.clone(),
        action: request.action.clone(),
        digest: request.digest,
        labels: request.labels.clone(),
        approvers: request.approvers.clone(),
        asked_by: vec!["paranoid.ask".to_owned(), "plan.approval".to_owned()],
        allow,
        by: Principal::new("ann"),
        grants: request.grants.clone(),
    };
    let more = office.dir.path().join("other");
    std::fs::create_dir(&more).unwrap();
    let engine = |allow: bool| {
        let policies = Policies::builder()
            .bundle(Bundle::Paranoid)
            .lessons([lesson(allow)])
            .build()
            .unwrap();
        Engine::builder()
            .config(Config::new().policies(policies))
            .clock(office.hands.clone())
            .approvals(office.desk.clone())
            .build()
            .unwrap()
    };
    let grants = |host: &std::path::Path, guest: &str| {
        let grants = Grants::builder().dir(host, guest, Rights::ReadWrite);
        grants.build().unwrap()
    };
    let out = office.dir.path().join("out");
    let wider = Grants::builder()
        .dir(&out, "out", Rights::ReadWrite)
        .env("LANG", "en")
        .build()
        .unwrap();
    for (what, call, allowed) in [
        ("the same", store("out/a").grants(grants(&out, "out")), true),
        ("less", store("deep/a").grants(grants(&deep, "deep")), true),
        (
            "another directory",
            store("other/a").grants(grants(&more, "other")),
            false,
        ),
        (
            "the directory around it",
            store("all/a").grants(grants(office.dir.path(), "all")),
            false,
        ),
        ("a variable more", store("out/a").grants(wider), false),
        (
            "a plan's own",
            store("out/a").grants(grants(&out, "out")).asking(""),
            false,
        ),
    ] {
        for allow in [true, false] {
            let engine = engine(allow);
            let outcome = engine.run(&office.component, call.clone()).await;
            let expected = match (allowed, allow) {
                (true, true) => "ok",
                (true, false) => "E-DENIED-POLICY",
                (false, _) => "E-DENIED-APPROVAL",
            };
            assert_eq!(code(&outcome), expected, "{what}, {allow}");
            // Nor is anything else foreseen.
            let explained = engine.explain(&office.component, call.clone()).await;
            let foreseen = explained.unwrap().verdict.decision;
            let expected = match (allowed, allow) {
                (true, true) => Decision::Allow,
                (true, false) => Decision::Deny,
                (false, _) => Decision::Ask,
            };
            assert_eq!(foreseen, expected, "{what}, {allow}");
        }
    }
}
