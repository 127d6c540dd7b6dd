//! Approvals: one answer, for one call, once.

use std::sync::{Arc, Mutex};

use engine::data::{
    ApprovalAnswer, ApprovalDesk, ApprovalRequest, Approver, Bundle, JournalOptions, Policies,
    PoliciesBuilder, Principal, Timestamp, Token,
};
use engine::{Call, Compiled, Config, Engine, Grants, Journal, Memory, Outcome, Rights};
use engine_tests::{Hands, sample, sample_manifest};
use serde_json::json;

/// An engine that asks before it stores, with a desk in a journal.
pub(super) struct Office {
    pub(super) dir: tempfile::TempDir,
    pub(super) hands: Arc<Hands>,
    pub(super) desk: ApprovalDesk,
    pub(super) events: Arc<Memory>,
    pub(super) engine: Engine,
    pub(super) component: Compiled,
}

impl Office {
    pub(super) async fn open() -> Self {
        Self::with(Policies::builder().bundle(Bundle::Paranoid)).await
    }

    pub(super) async fn with(policies: PoliciesBuilder) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let journal = JournalOptions::new()
            .open(dir.path().join("journal.db"))
            .unwrap();
        let desk = ApprovalDesk::new(Arc::new(journal));
        let hands = Hands::new();
        let events = Arc::new(Memory::default());
        let out = dir.path().join("out");
        std::fs::create_dir(&out).unwrap();
        let grants = Grants::builder()
            .dir(out, "out", Rights::ReadWrite)
            .build()
            .unwrap();
        let config = Config::new()
            .policies(policies.build().unwrap())
            .grants(grants);
        let engine = Engine::builder()
            .config(config)
            .clock(hands.clone())
            .shared_sink(events.clone())
            .approvals(desk.clone())
            .build()
            .unwrap();
        let component = engine.load(sample(Some(&sample_manifest()))).await.unwrap();
        Self {
            dir,
            hands,
            desk,
            events,
            engine,
            component,
        }
    }

    pub(super) async fn run(&self, call: Call) -> Outcome {
        self.engine.run(&self.component, call).await
    }

    /// The kinds of all events so far.
    pub(super) fn told(&self) -> Vec<String> {
        let events = self.events.events();
        let names = events.iter().map(|event| event.kind.name());
        names.map(str::to_owned).collect()
    }

    /// Runs a call that needs approval, and returns the token that it is told.
    pub(super) async fn asked(&self) -> Token {
        token(&self.run(store("out/a.txt")).await)
    }

    pub(super) fn answer(&self, token: &Token, approved: bool) {
        self.desk
            .answer(&token.id(), &says(approved, "ann"), &*self.hands)
            .unwrap();
    }
}

pub(super) fn store(path: &str) -> Call {
    Call::function("store", json!([path]))
}

pub(super) fn says(approved: bool, who: &str) -> ApprovalAnswer {
    ApprovalAnswer {
        approved,
        principal: Principal::new(who),
        reason: String::new(),
        at: Timestamp::UNIX_EPOCH,
    }
}

pub(super) fn code(outcome: &Outcome) -> &str {
    outcome.fault().map_or("ok", |fault| fault.code().as_str())
}

pub(super) fn token(outcome: &Outcome) -> Token {
    assert_eq!(code(outcome), "E-DENIED-APPROVAL");
    let confided = outcome.fault().unwrap().confided().first().unwrap();
    let (_, token) = confided.split_once("--approval ").unwrap();
    token.trim_end_matches('`').parse().unwrap()
}

/// Ask, approve, run once; then the same token is used up.
#[tokio::test]
async fn an_approval_lets_one_call_run_once() {
    let office = Office::open().await;
    let token = office.asked().await;
    let pending = office.run(store("out/a.txt").approval(token)).await;
    assert_eq!(code(&pending), "E-DENIED-APPROVAL", "nobody has answered");
    office.answer(&token, true);
    let outcome = office.run(store("out/a.txt").approval(token)).await;
    assert_eq!(code(&outcome), "ok");
    assert_eq!(outcome.verdict().unwrap().reason, "approved by `ann`");
    let again = office.run(store("out/a.txt").approval(token)).await;
    assert_eq!(code(&again), "E-APPROVAL-USED");
    let names: Vec<String> = office
        .told()
        .into_iter()
        .filter(|name| name.starts_with("approval") || name == "call_started")
        .collect();
    assert_eq!(
        names,
        ["approval_requested", "approval_resolved", "call_started"]
    );
}

/// F8, F12: each way of misusing an approval has a code of its own, and leaves the approval as it was.
#[tokio::test]
async fn each_misuse_is_refused_by_name() {
    let office = Office::open().await;
    let token = office.asked().await;
    office.answer(&token, true);
    let unknown: Token = "0".repeat(64).parse().unwrap();
    let mallory = Principal::new("mallory");
    let narrower = Grants::builder()
        .dir(office.dir.path().join("out"), "out", Rights::ReadWrite)
        .build()
        .unwrap();
    for (call, expected) in [
        (store("out/a.txt").approval(unknown), "E-APPROVAL-UNKNOWN"),
        (store("out/b.txt").approval(token), "E-APPROVAL-ALTERED"),
        (
            Call::function("send", json!(["https://example.com"])).approval(token),
            "E-APPROVAL-ALTERED",
        ),
        (
            store("out/a.txt").principal(mallory).approval(token),
            "E-APPROVAL-FOREIGN",
        ),
    ] {
        assert_eq!(code(&office.run(call).await), expected);
    }
    // The same grants from the caller are the same grants.
    let same = store("out/a.txt").grants(narrower).approval(token);
    assert_eq!(code(&office.run(same).await), "ok");

    // Another component under the same name.
    let token = office.asked().await;
    office.answer(&token, true);
    let mut manifest = sample_manifest();
    manifest["description"] = json!("Another one.");
    let swapped = office.engine.load(sample(Some(&manifest))).await.unwrap();
    let outcome = office
        .engine
        .run(&swapped, store("out/a.txt").approval(token))
        .await;
    assert_eq!(code(&outcome), "E-APPROVAL-ALTERED");
    assert!(
        outcome
            .fault()
            .unwrap()
            .to_string()
            .contains("the component")
    );

    // Other policies.
    let stricter = Policies::builder()
        .bundle(Bundle::Paranoid)
        .rule(engine::data::Rule::new(
            "more",
            engine::data::RuleDecision::Warn,
        ));
    office.engine.replace_policies(stricter.build().unwrap());
    let outcome = office.run(store("out/a.txt").approval(token)).await;
    assert_eq!(code(&outcome), "E-APPROVAL-STALE");

    // A no.
    let token = office.asked().await;
    office.answer(&token, false);
    let outcome = office.run(store("out/a.txt").approval(token)).await;
    assert_eq!(code(&outcome), "E-APPROVAL-DENIED");
}

/// A hundred at once with one token: one runs.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_a_hundred_uses_of_one_approval_one_runs() {
    let office = Office::open().await;
    let token = office.asked().await;
    office.answer(&token, true);
    let runs: Vec<_> = (0..100)
        .map(|_| {
            let (engine, component) = (office.engine.clone(), office.component.clone());
            tokio::spawn(async move {
                let outcome = engine
                    .run(&component, store("out/a.txt").approval(token))
                    .await;
                code(&outcome).to_owned()
            })
        })
        .collect();
    let mut codes = Vec::new();
    for run in runs {
        codes.push(run.await.unwrap());
    }
    let count = |wanted: &str| codes.iter().filter(|code| *code == wanted).count();
    assert_eq!((count("ok"), count("E-APPROVAL-USED")), (1, 99));
}

/// F12: whoever asks does not answer, and where approvers are named nobody else does.
#[tokio::test]
async fn only_approvers_approve() {
    let rule = r#"@id("ask") @approval("security") forbid (principal, action in Action::"spend", resource);
        permit (principal, action in Action::"spend", resource);"#;
    let cedar =
        engine::data::CedarPolicies::parse(&[("p.cedar".to_owned(), rule.to_owned())]).unwrap();
    let office = Office::with(Policies::builder().cedar(cedar)).await;
    let pay = || Call::function("pay", json!(["10"]));
    let token = token(&office.run(pay()).await);
    for who in ["local", "ann"] {
        let refused = office
            .desk
            .answer(&token.id(), &says(true, who), &*office.hands);
        assert_eq!(refused.unwrap_err().code().as_str(), "E-APPROVAL-FOREIGN");
    }
    office
        .desk
        .answer(&token.id(), &says(true, "security"), &*office.hands)
        .unwrap();
    let twice = office
        .desk
        .answer(&token.id(), &says(false, "security"), &*office.hands);
    assert_eq!(twice.unwrap_err().code().as_str(), "E-APPROVAL-USED");
    assert_eq!(code(&office.run(pay().approval(token)).await), "ok");
}

/// What anybody could approve, and somebody did, is not approved by those who have to: by token or without.
#[tokio::test]
async fn an_approval_is_none_of_other_approvers() {
    let office = Office::open().await;
    let anybody = || Call::function("compute", json!(["x"])).asking("");
    let security = || Call::function("compute", json!(["x"])).asking("security");
    let token = token(&office.run(anybody()).await);
    office
        .desk
        .answer(&token.id(), &says(true, "bob"), &*office.hands)
        .unwrap();
    let by_token = office.run(security().approval(token)).await;
    assert_eq!(code(&by_token), "E-APPROVAL-ALTERED");
    let told = by_token.fault().unwrap().to_string();
    assert!(told.contains("who has to approve it"), "{told}");
    let without = office.run(security().redeem_answered()).await;
    assert_eq!(code(&without), "E-DENIED-APPROVAL");
    assert_eq!(code(&office.run(anybody().redeem_answered()).await), "ok");
}

/// F10: tokens do not repeat, events and the store never have one, and guessing is locked out.
#[tokio::test]
async fn tokens_are_kept_from_everybody_but_whoever_asked() {
    let office = Office::open().await;
    let mut tokens = std::collections::BTreeSet::new();
    for _ in 0..20 {
        tokens.insert(office.asked().await.to_string());
    }
    assert_eq!(tokens.len(), 20);
    let told: String = office
        .events
        .events()
        .iter()
        .map(|event| event.to_json())
        .collect();
    let mut stored = Vec::new();
    for entry in std::fs::read_dir(office.dir.path()).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            stored.extend(std::fs::read(path).unwrap());
        }
    }
    for token in &tokens {
        assert!(!told.contains(token), "an event has a token");
        let found = stored
            .windows(token.len())
            .any(|window| window == token.as_bytes());
        assert!(!found, "the store has a token");
    }
    let right = office.asked().await;
    office.answer(&right, true);
    let mut codes = Vec::new();
    for guess in 0..7 {
        let guess: Token = format!("{guess:064x}").parse().unwrap();
        let outcome = office.run(store("out/a.txt").approval(guess)).await;
        codes.push(code(&outcome).to_owned());
    }
    assert_eq!(&codes[..5], ["E-APPROVAL-UNKNOWN"; 5]);
    assert_eq!(&codes[5..], ["E-APPROVAL-LOCKED"; 2]);
    let guessed = office.run(store("out/a.txt").approval(right)).await;
    assert_eq!(code(&guessed), "E-APPROVAL-LOCKED", "also a right guess");
    // A minute after the last guess that was looked at, and not before.
    office.hands.pass(50);
    let early = office.run(store("out/a.txt").approval(right)).await;
    assert_eq!(code(&early), "E-APPROVAL-LOCKED");
    office.hands.pass(11);
    let late = office.run(store("out/a.txt").approval(right)).await;
    assert_eq!(code(&late), "ok", "what was locked is not lost");
}

/// F10: a token is of 256 bits, and no bit of it is more likely than another.
#[tokio::test]
async fn tokens_tell_nothing_about_each_other() {
    let office = Office::open().await;
    let mut set = [0_u32; 256];
    const ASKED: u32 = 300;
    for _ in 0..ASKED {
        let token = office.asked().await.to_string();
        assert_eq!(token.len(), 64);
        office.answer(&token.parse().unwrap(), false);
        for (at, digit) in token.chars().enumerate() {
            let digit = digit.to_digit(16).unwrap();
            for bit in 0..4 {
                set[at * 4 + bit] += digit >> bit & 1;
            }
        }
    }
    // Six times the deviation of a fair coin.
    let (fewest, most) = (ASKED / 2 - 52, ASKED / 2 + 52);
    for (bit, count) in set.iter().enumerate() {
        assert!(
            (fewest..=most).contains(count),
            "bit {bit} was set {count} times"
        );
    }
}

/// Somebody who is there is shown the whole call, and what they say holds for it.
#[tokio::test]
async fn somebody_who_is_there_is_asked_first() {
    #[derive(Default)]
    struct There {
        answer: Option<ApprovalAnswer>,
        seen: Arc<Mutex<Vec<ApprovalRequest>>>,
    }
    impl Approver for There {
        fn ask(&self, request: &ApprovalRequest) -> Option<ApprovalAnswer> {
            self.seen.lock().unwrap().push(request.clone());
            self.answer.clone()
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let run = async |answer: Option<ApprovalAnswer>| {
        let grants = Grants::builder()
            .dir(dir.path(), "out", Rights::ReadWrite)
            .build()
            .unwrap();
        let policies = Policies::builder()
            .bundle(Bundle::Paranoid)
            .build()
            .unwrap();
        let approver = There {
            answer,
            seen: seen.clone(),
        };
        let engine = Engine::builder()
            .config(Config::new().policies(policies).grants(grants))
            .approver(approver)
            .build()
            .unwrap();
        let component = engine.load(sample(Some(&sample_manifest()))).await.unwrap();
        engine.run(&component, store("out/a.txt")).await
    };
    assert_eq!(code(&run(Some(says(true, "ann"))).await), "ok");
    assert_eq!(
        code(&run(Some(says(false, "ann"))).await),
        "E-APPROVAL-DENIED"
    );
    assert_eq!(
        code(&run(Some(says(true, "local"))).await),
        "E-APPROVAL-FOREIGN",
        "whoever asks does not approve"
    );
    assert_eq!(
        code(&run(None).await),
        "E-DENIED-APPROVAL",
        "nobody is there"
    );
    let seen = seen.lock().unwrap();
    assert_eq!(seen[0].arguments, json!({ "path": "out/a.txt" }));
    assert_eq!(seen[0].action, "sample.store");
    assert_eq!(seen[0].grants.len(), 1);
}

/// A store that is damaged denies, and says so.
#[tokio::test]
async fn a_damaged_store_denies() {
    struct Damaged;
    impl engine::data::Approvals for Damaged {
        fn ask(&self, _: &str, _: &str, _: Timestamp, _: &str) -> Result<(), engine::Fault> {
            Err(engine::Fault::config("the disk is gone"))
        }
        fn about(
            &self,
            _: &str,
            _: Timestamp,
            _: usize,
        ) -> Result<Vec<engine::data::Asked>, engine::Fault> {
            Ok(vec![engine::data::Asked {
                token: "a".to_owned(),
                request: "{".to_owned(),
                answer: Some("yes".to_owned()),
            }])
        }
        fn starting(&self, _: &str, _: usize) -> Result<Vec<engine::data::Asked>, engine::Fault> {
            Ok(Vec::new())
        }
        fn asked(&self, _: &str) -> Result<Option<String>, engine::Fault> {
            Ok(Some("{".to_owned()))
        }
        fn answer(&self, _: &str, _: &str) -> Result<bool, engine::Fault> {
            Ok(true)
        }
        fn answered(&self, _: &str) -> Result<Option<String>, engine::Fault> {
            Ok(Some("yes".to_owned()))
        }
        fn waiting(&self, _: Timestamp) -> Result<Vec<(String, String)>, engine::Fault> {
            Ok(vec![("a".to_owned(), "b".to_owned())])
        }
    }
    impl engine::data::Nonces for Damaged {
        fn spend(
            &self,
            _: &str,
            _: &str,
            _: Timestamp,
            _: Timestamp,
        ) -> Result<bool, engine::Fault> {
            Ok(true)
        }
        fn spent(&self, _: &str, _: &str) -> Result<bool, engine::Fault> {
            Ok(false)
        }
    }
    let policies = Policies::builder()
        .bundle(Bundle::Paranoid)
        .build()
        .unwrap();
    let dir = tempfile::tempdir().unwrap();
    let grants = Grants::builder()
        .dir(dir.path(), "out", Rights::ReadWrite)
        .build()
        .unwrap();
    let engine = Engine::builder()
        .config(Config::new().policies(policies).grants(grants))
        .approvals(ApprovalDesk::new(Arc::new(Damaged)))
        .build()
        .unwrap();
    let component = engine.load(sample(Some(&sample_manifest()))).await.unwrap();
    let asked = engine.run(&component, store("out/a.txt")).await;
    assert!(
        asked
            .fault()
            .unwrap()
            .to_string()
            .contains("the disk is gone")
    );
    let token: Token = "1".repeat(64).parse().unwrap();
    for call in [
        store("out/a.txt").approval(token),
        store("out/a.txt").redeem_answered(),
    ] {
        let redeemed = engine.run(&component, call).await;
        let fault = redeemed.fault().unwrap().to_string();
        assert!(
            fault.contains("the store of approvals is damaged"),
            "{fault}"
        );
    }
}

/// Questions survive the process: another one answers, a third redeems.
#[tokio::test]
async fn questions_are_kept_in_the_journals_file() {
    let office = Office::open().await;
    let token = office.asked().await;
    let other: Journal = JournalOptions::new()
        .open(office.dir.path().join("journal.db"))
        .unwrap();
    let desk = ApprovalDesk::new(Arc::new(other));
    let waiting = desk.waiting(&*office.hands).unwrap();
    assert_eq!(waiting.len(), 1);
    let (found, answer) = desk.find(&token.id()[..12], &*office.hands).unwrap();
    assert_eq!((found.id, answer), (token.id(), None));
    desk.answer(&token.id()[..12], &says(true, "ann"), &*office.hands)
        .unwrap();
    assert_eq!(
        code(&office.run(store("out/a.txt").approval(token)).await),
        "ok"
    );
    assert_eq!(
        desk.find("0000", &*office.hands)
            .unwrap_err()
            .code()
            .as_str(),
        "E-APPROVAL-UNKNOWN"
    );
}

/// Two policies that ask different people cannot be answered by one of them; an answer is for its limits.
#[tokio::test]
async fn everybody_who_has_to_is_asked() {
    use engine::data::{Rule, RuleDecision};
    let asks = |id: &str, who: &str| Rule {
        approver: Some(who.to_owned()),
        ..Rule::new(id, RuleDecision::Ask)
    };
    let apart = Policies::builder()
        .rule(asks("one", "anna"))
        .rule(asks("two", "bob"));
    let office = Office::with(apart).await;
    let outcome = office.run(Call::function("compute", json!(["x"]))).await;
    assert_eq!(code(&outcome), "E-DENIED-POLICY");
    let together = Policies::builder()
        .rule(asks("one", "anna, bob"))
        .rule(asks("two", "bob"));
    let office = Office::with(together).await;
    let compute = || Call::function("compute", json!(["x"]));
    let token = token(&office.run(compute()).await);
    let anna = office
        .desk
        .answer(&token.id(), &says(true, "anna"), &*office.hands);
    assert_eq!(anna.unwrap_err().code().as_str(), "E-APPROVAL-FOREIGN");
    office
        .desk
        .answer(&token.id(), &says(true, "bob"), &*office.hands)
        .unwrap();
    let shorter = engine::Limits::builder()
        .wall(engine::WallTime::secs(1))
        .build()
        .unwrap();
    let other = office.run(compute().limits(shorter).approval(token)).await;
    assert_eq!(code(&other), "E-APPROVAL-ALTERED");
    assert_eq!(code(&office.run(compute().approval(token)).await), "ok");
}
