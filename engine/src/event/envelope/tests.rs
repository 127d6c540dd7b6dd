use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

use proptest::prelude::*;

use super::*;
use crate::event::{
    Access, Answer, Breaker, Cache, Component, Gap, Health, Judged, Level, LoopKind, PlanRef,
    StepEnd, Stream, WorkflowState,
};
use crate::types::{
    Bounded, Budget, Bytes, Code, Decision, Denial, Digest, Failure, FailureSource, Frame, Grant,
    Limits, Phase, Rights, Status, Usage, Verdict,
};

const ID: &str = "01a1fe9d-17ef-7275-bb60-f2edeeff9bd0";

fn id<T: FromStr>() -> T
where
    T::Err: fmt::Debug,
{
    ID.parse().unwrap()
}

fn event(kind: EventKind) -> Event {
    Event {
        id: id(),
        seq: 7,
        ts: "2026-11-21T08:09:10.012345678Z".parse().unwrap(),
        source: Source::Run { run_id: id() },
        scope: vec![Scope::Run(id()), Scope::Call(id())],
        trace_id: TraceId::from(id::<RunId>()),
        kind,
    }
}

fn bounded(text: &str) -> Bounded {
    Bounded::new(text, 16)
}

fn usage() -> Usage {
    Usage {
        fuel: 7720,
        memory_peak: Bytes::mib(1),
        wall: Duration::from_micros(1234),
        cpu: Duration::from_micros(1200),
        stdout: Bytes::new(1),
        stderr: Bytes::new(2),
        fs_operations: 3,
        http_requests: 0,
    }
}

fn failure() -> Failure {
    Failure {
        code: Code::LimitFuel,
        message: "the guest spent its fuel of 1000".to_owned(),
        limit: Some(Budget::Fuel.into()),
        hint: "raise it".to_owned(),
        source: FailureSource {
            phase: Some(Phase::Call.into()),
            causes: vec!["a cause".to_owned()],
            backtrace: vec![Frame {
                function: "spin".to_owned(),
                file: Some("src/lib.rs".to_owned()),
                line: Some(3),
            }],
        },
    }
}

fn denial() -> Denial {
    Denial {
        code: Code::DeniedGrant,
        interface: "wasi:filesystem/types".to_owned(),
        operation: "open-at".to_owned(),
        target: "docs/../x".to_owned(),
        reason: "the path leads outside".to_owned(),
        hint: "grant it".to_owned(),
        count: 1,
    }
}

fn judged() -> Judged {
    Judged {
        principal: "ada".to_owned(),
        action: "fs.write.v1".to_owned(),
        policies: vec!["strict#no-writes".to_owned()],
        reason: "writes are denied".to_owned(),
        hint: "allow it".to_owned(),
    }
}

fn verdict(decision: Decision) -> Verdict {
    Verdict::new(decision, &["builtin:within-grants"])
}

fn digest() -> Digest {
    Digest::of(b"sample")
}

fn plan() -> PlanRef {
    PlanRef {
        hash: digest(),
        steps: 2,
    }
}

fn step() -> StepEnd {
    StepEnd {
        status: Status::Error,
        attempts: 2,
        usage: usage(),
        error: Some(failure()),
    }
}

fn component() -> Component {
    Component {
        name: "fs.read.v1".to_owned(),
        digest: digest(),
    }
}

fn s(text: &str) -> String {
    text.to_owned()
}

/// A call that a limit ended: the kind with most in it.
fn stopped() -> EventKind {
    EventKind::CallCompleted {
        status: Status::Limit,
        usage: usage(),
        exit_code: None,
        value: bounded("null"),
        denials: 1,
        error: Some(failure()),
    }
}

/// One of every kind that this version makes.
fn samples() -> Vec<EventKind> {
    let when: Timestamp = "2026-11-21T09:00:00Z".parse().unwrap();
    vec![
        EventKind::RunStarted {
            component: s("text"),
            function: Some(s("count-words")),
            deterministic: false,
        },
        EventKind::ComponentLoaded {
            name: s("text"),
            digest: digest(),
            size: Bytes::new(588_638),
            imports: [s("wasi:io/error@0.2.6")].into(),
            functions: [s("engine:text/analysis@1.0.0#count-words")].into(),
            ungranted: [].into(),
        },
        EventKind::NameRepaired {
            original: s("fs.raed.v1"),
            repaired: s("fs.read.v1"),
        },
        EventKind::PermitIssued {
            digest: digest(),
            principal: String::new(),
            action: String::new(),
            function: Some(s("f")),
            limits: Limits::default(),
            grants: vec![
                Grant::Dir {
                    host: "/srv/docs".into(),
                    guest: s("docs"),
                    rights: Rights::ReadOnly,
                },
                Grant::Env { name: s("LANG") },
            ],
            verdict: verdict(Decision::Allow),
            unused: Vec::new(),
        },
        EventKind::PermitDenied {
            denials: vec![denial()],
            verdict: verdict(Decision::Deny),
        },
        EventKind::VerdictAllowed(Judged {
            hint: String::new(),
            ..judged()
        }),
        EventKind::VerdictWarned(judged()),
        EventKind::VerdictDenied(judged()),
        EventKind::VerdictKilled(judged()),
        EventKind::ApprovalRequested {
            token: s("t1"),
            action: judged(),
            approvers: s("ops"),
            expires: Some(when),
        },
        EventKind::ApprovalResolved {
            token: s("t1"),
            answer: Answer {
                approved: true,
                principal: s("bob"),
                reason: s("looks right"),
                arguments: Some(bounded("{}")),
            },
        },
        EventKind::ApprovalSkipped { action: judged() },
        EventKind::ApprovalExpired { token: s("t1") },
        EventKind::AccessAllowed(Access {
            interface: s("wasi:filesystem/types"),
            operation: s("open-at"),
            target: s("docs/a.txt"),
        }),
        EventKind::AccessDenied(denial()),
        EventKind::CallStarted {
            function: s("f"),
            arguments: bounded("{\"text\":\"longer than it may be\"}"),
            absent: vec![s("limit")],
        },
        EventKind::ArtifactMade {
            name: s("words.csv"),
            media_type: s("text/csv"),
            bytes: Bytes::new(12),
            digest: Digest::of(b"word,count\n1"),
        },
        EventKind::Output {
            stream: Stream::Stdout.into(),
            text: s("\\u{1b}[31m"),
            base64: Some(s("G1szMW0=")),
            bytes: 5,
            digest: None,
        },
        EventKind::Logged {
            level: Level::Warn.into(),
            message: bounded("two rows were skipped"),
        },
        EventKind::Progressed {
            done: 3,
            total: Some(10),
            message: bounded("page 3"),
        },
        EventKind::CallTimedOut { timeout_ms: 500 },
        EventKind::LimitReached {
            limit: Budget::Memory.into(),
            used: 2,
            maximum: 1,
        },
        stopped(),
        EventKind::RunCompleted {
            status: Status::Ok,
            error: None,
        },
        EventKind::BudgetWarned {
            budget: s("calls"),
            used: 8,
            maximum: 10,
            fraction: 0.8,
        },
        EventKind::BudgetExceeded {
            budget: s("calls"),
            used: 11,
            maximum: 10,
            partial_usage: usage(),
        },
        EventKind::RetryScheduled {
            attempt: 1,
            max_retries: 3,
            computed_delay_ms: 1000,
            selected_delay_ms: 1500,
            adjusted_because: s("jitter"),
            error: failure(),
        },
        EventKind::PlanProposed {
            plan: plan(),
            planner: s("file"),
        },
        EventKind::PlanChecked {
            plan: plan(),
            approvals: vec![s("write")],
        },
        EventKind::PlanRejected {
            plan: plan(),
            problems: vec![failure()],
        },
        EventKind::WorkflowStarted {
            goal: bounded("count the words"),
            workflow_type: s("simple"),
        },
        EventKind::WorkflowStateChanged {
            from: WorkflowState::Planning,
            to: WorkflowState::Executing,
            reason: s("the plan is checked"),
        },
        EventKind::WorkflowSuspended {
            token: s("t2"),
            prompt: bounded("go on?"),
            answer_schema: bounded("{}"),
            expires: None,
        },
        EventKind::WorkflowResumed { token: s("t2") },
        EventKind::WorkflowCompleted {
            state: WorkflowState::Failed,
            usage: usage(),
            steps: 2,
            error: Some(failure()),
        },
        EventKind::StepStarted {
            action: s("text.count.v1"),
            attempt: 1,
        },
        EventKind::StepCompleted(step()),
        EventKind::StepSkipped {
            reason: s("`read` failed"),
        },
        EventKind::StepUndone(step()),
        EventKind::StallDetected {
            issue: s("no_progress"),
            count: 3,
            evidence: s("the same state"),
        },
        EventKind::LoopDetected {
            loop_kind: LoopKind::Fuzzy.into(),
            count: 3,
            maximum: 3,
            actions: vec![s("fs.read.v1")],
        },
        EventKind::UserActed {
            principal: s("ada"),
            action: s("pause"),
            detail: bounded("lunch"),
        },
        EventKind::ReplayUncertain {
            action: s("fs.write.v1"),
            arguments: bounded("{}"),
        },
        EventKind::CacheRefused {
            cache: Cache::Code.into(),
            key_prefix: s("0123456789ab"),
            reason: s("its seal is not of this cache's key"),
        },
        EventKind::CacheHit {
            cache: Cache::Code.into(),
            key_prefix: s("0123ab"),
        },
        EventKind::CircuitChanged {
            service: s("api.example.com"),
            from: Breaker::Closed,
            to: Breaker::Open,
            failures: 5,
        },
        EventKind::ComponentRegistered(component()),
        EventKind::ComponentChanged {
            component: component(),
            previous: Digest::of(b"before"),
        },
        EventKind::ComponentRemoved(component()),
        EventKind::StreamTruncated {
            lost: 3,
            gaps: vec![Gap {
                source: Source::Run { run_id: id() },
                lost: 3,
                first_seq: 4,
                last_seq: 6,
            }],
        },
        EventKind::HealthReported {
            part: s("journal"),
            health: Health::Degraded,
            detail: s("slow disk"),
        },
        EventKind::ErrorReported {
            code: Code::Internal,
            kind: s("network"),
            message: s("connection reset"),
            user_message: s("the service does not answer"),
            retry_after_ms: Some(2000),
            origin: s("planner"),
        },
    ]
}

fn goldens(version: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../tests/goldens/events")
        .join(version)
}

/// Each kind is written exactly as its golden file has it, and read back equal. `BLESS=1` writes new ones.
#[test]
fn every_kind_is_written_and_read_as_its_golden() {
    let mut names = BTreeSet::new();
    for kind in samples() {
        let event = event(kind);
        let name = event.kind.name().to_owned();
        let json = event.to_json();
        let file = goldens("v2").join(format!("{name}.json"));
        if std::env::var_os("BLESS").is_some() && !file.exists() {
            std::fs::create_dir_all(goldens("v2")).unwrap();
            std::fs::write(&file, format!("{json}\n")).unwrap();
        }
        let golden = std::fs::read_to_string(&file).unwrap();
        assert_eq!(json, golden.trim_end(), "{name}");
        assert_eq!(Event::from_json(&golden).unwrap(), event, "{name}");
        assert!(names.insert(name.clone()), "`{name}` twice");
    }
    let all: BTreeSet<String> = EventKind::NAMES
        .iter()
        .map(|name| (*name).to_owned())
        .collect();
    assert_eq!(names, all);
    assert_eq!(all.len(), EventKind::NAMES.len(), "a name is used twice");
}

/// What version 1 wrote, without traces, is still read.
#[test]
fn events_of_the_previous_version_are_read() {
    let mut read = 0;
    for file in std::fs::read_dir(goldens("v1")).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        for line in text.lines() {
            let event = Event::from_json(line).unwrap();
            let Source::Run { run_id } = event.source else {
                panic!("{:?}", event.source)
            };
            assert_eq!(event.trace_id, TraceId::from(run_id));
            assert!(!matches!(event.kind, EventKind::Other { .. }));
            read += 1;
        }
    }
    assert!(read >= 8, "{read} events");
}

fn changed(from: &str, to: &str) -> Result<Event, EventError> {
    let json = event(stopped()).to_json();
    assert!(json.contains(from), "{json}");
    Event::from_json(&json.replacen(from, to, 1))
}

/// Words that describe may be new; what is decided or who it is may not.
#[test]
fn unknown_words_are_kept_where_they_describe_and_refused_where_they_decide() {
    assert!(changed("\"limit\":\"fuel\"", "\"limit\":\"electricity\"").is_ok());
    assert!(changed("\"phase\":\"call\"", "\"phase\":\"afterwards\"").is_ok());
    assert!(changed("\"seq\":7", "\"seq\":7,\"new\":{\"field\":1}").is_ok());
    assert!(changed("\"denials\":1", "\"denials\":1,\"new\":true").is_ok());
    for (from, to) in [
        ("\"status\":\"limit\"", "\"status\":\"fine\""),
        ("{\"type\":\"run\",", "{\"type\":\"elsewhere\","),
        ("\"run:01", "\"planet:01"),
        ("\"E-LIMIT-FUEL\"", "\"E-NEW\""),
        ("\"seq\":7", "\"seq\":-7"),
        ("\"fuel\":7720", "\"fuel\":\"much\""),
        ("\"id\":", "\"other\":"),
    ] {
        assert!(changed(from, to).is_err(), "{from} to {to}");
    }
    // Who speaks is said by `source` alone.
    let lying = changed("\"seq\":7", "\"seq\":7,\"source_id\":\"workflow:x\"").unwrap();
    assert_eq!(lying.source, Source::Run { run_id: id() });
}

/// A kind of a later version goes through a reader unchanged, and cannot pass for a known one.
#[test]
fn an_unknown_kind_is_kept_as_it_is() {
    let json = changed("\"type\":\"call_completed\"", "\"type\":\"call_frozen\"").unwrap();
    assert_eq!(json.kind.name(), "call_frozen");
    let again = Event::from_json(&json.to_json()).unwrap();
    assert_eq!(again, json);
    assert!(
        changed("\"denials\":1", "\"denials\":\"many\"").is_err(),
        "a known kind with other fields"
    );
}

#[test]
fn a_step_is_named_in_the_scope_and_others_are_refused() {
    for text in [
        "workflow:01a1fe9d-17ef-7275-bb60-f2edeeff9bd0",
        "step:read",
        "step:a:b",
    ] {
        assert_eq!(text.parse::<Scope>().unwrap().to_string(), text);
    }
    for text in ["", "run", "run:", "run:x", "step:", "call:1", ":x"] {
        assert!(text.parse::<Scope>().is_err(), "{text}");
    }
}

fn any_event() -> impl Strategy<Value = Event> {
    let source = prop_oneof![
        (0u128..3).prop_map(|n| Source::Run {
            run_id: uuid::Uuid::from_u128(n).to_string().parse().unwrap()
        }),
        "[a-z]{1,3}".prop_map(|name| Source::External { name }),
    ];
    (source, 0u64..4, 0i64..4, any::<u128>()).prop_map(|(source, seq, second, id)| Event {
        id: uuid::Uuid::from_u128(id).to_string().parse().unwrap(),
        seq,
        ts: Timestamp::from_second(second).unwrap(),
        source,
        ..event(EventKind::CallTimedOut { timeout_ms: 1 })
    })
}

proptest! {
    /// Whatever order events come in, sorted they are in the same one.
    #[test]
    fn the_order_is_total(events in proptest::collection::vec(any_event(), 0..20), seed: u64) {
        let mut sorted = events.clone();
        sorted.sort_by(Event::order);
        let mut shuffled = events;
        let length = shuffled.len().max(1);
        shuffled.rotate_left(usize::try_from(seed % length as u64).unwrap());
        shuffled.reverse();
        shuffled.sort_by(Event::order);
        prop_assert_eq!(sorted, shuffled);
    }

    #[test]
    fn no_text_makes_a_reader_panic(text in "\\PC{0,200}") {
        let _ = Event::from_json(&text);
    }
}

/// What is written validates under the schema that is published.
#[cfg(feature = "schema")]
#[test]
fn every_golden_validates_under_the_schema() {
    let schema = Event::schema();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let text = schema.to_string();
    for kind in samples() {
        let value = serde_json::from_str(&event(kind.clone()).to_json()).unwrap();
        let errors: Vec<String> = validator
            .iter_errors(&value)
            .map(|error| error.to_string())
            .collect();
        assert!(errors.is_empty(), "{}: {errors:?}", kind.name());
        assert!(text.contains(&format!("\"{}\"", kind.name())));
    }
    let mut wrong: serde_json::Value =
        serde_json::from_str(&event(EventKind::CallTimedOut { timeout_ms: 1 }).to_json()).unwrap();
    wrong["data"]["timeout_ms"] = "soon".into();
    assert!(!validator.is_valid(&wrong));
}
