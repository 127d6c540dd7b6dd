use super::*;
use crate::event::{Judged, Level, Stream};
use crate::types::{RunId, Status, TraceId, Usage};

fn event(kind: EventKind) -> Event {
    let run = RunId::fresh();
    Event {
        id: crate::types::EventId::fresh(),
        seq: 0,
        ts: crate::types::Timestamp::UNIX_EPOCH,
        source: crate::event::Source::Run { run_id: run },
        scope: Vec::new(),
        trace_id: TraceId::from(run),
        kind,
    }
}

fn failure(message: &str) -> Option<Failure> {
    Some(Failure {
        code: crate::types::Code::InvalidArgs,
        message: message.to_owned(),
        limit: None,
        hint: message.to_owned(),
        source: crate::types::FailureSource {
            causes: vec![message.to_owned()],
            ..crate::types::FailureSource::default()
        },
    })
}

fn denial(target: &str) -> Denial {
    Denial {
        code: crate::types::Code::DeniedGrant,
        interface: "i".to_owned(),
        operation: "o".to_owned(),
        target: target.to_owned(),
        reason: "r".to_owned(),
        hint: target.to_owned(),
        count: 1,
    }
}

/// Every kind that carries words of a guest or a caller, with those words.
fn telling(words: &str) -> Vec<Event> {
    let bounded = || Bounded::new(words, 1000);
    [
        EventKind::CallStarted {
            function: "f".to_owned(),
            arguments: bounded(),
            absent: Vec::new(),
        },
        EventKind::Output {
            stream: Stream::Stderr.into(),
            text: words.to_owned(),
            base64: Some(STANDARD.encode(words)),
            bytes: words.len() as u64,
            digest: None,
        },
        EventKind::Logged {
            level: Level::Info.into(),
            message: bounded(),
        },
        EventKind::Progressed {
            done: 1,
            total: None,
            message: bounded(),
        },
        EventKind::CallCompleted {
            status: Status::Invalid,
            usage: Usage::default(),
            exit_code: None,
            value: bounded(),
            denials: 0,
            error: failure(words),
        },
        EventKind::RunCompleted {
            status: Status::Invalid,
            error: failure(words),
        },
        EventKind::UserActed {
            principal: "p".to_owned(),
            action: "a".to_owned(),
            detail: bounded(),
        },
        EventKind::Other {
            name: "later".to_owned(),
            data: serde_json::json!({ "deep": [words] }),
        },
    ]
    .map(event)
    .into()
}

#[test]
fn metadata_leaves_lengths_and_digests() {
    for event in telling("some private words") {
        let kept = Audit::Metadata.of(&event).to_json();
        assert!(!kept.contains("private"), "{kept}");
        assert!(
            !kept.contains(&STANDARD.encode("some private words")),
            "{kept}"
        );
        assert!(kept.contains("sha256:"), "{kept}");
        assert!(Audit::Full.of(&event).to_json().contains("private"));
    }
}

#[test]
fn secrets_are_in_neither() {
    let secret = "AKIAIOSFODNN7EXAMPLE";
    let also = [
        EventKind::AccessDenied(denial(secret)),
        EventKind::PermitDenied {
            denials: vec![denial(secret)],
            verdict: crate::types::Verdict::new(crate::types::Decision::Deny, &[]),
        },
    ]
    .map(event);
    for event in telling(secret).into_iter().chain(also) {
        for audit in [Audit::Full, Audit::Metadata] {
            let kept = audit.of(&event).to_json();
            assert!(!kept.contains(secret), "{audit:?}: {kept}");
            assert!(
                !kept.contains(&STANDARD.encode(secret)),
                "{audit:?}: {kept}"
            );
        }
    }
}

#[test]
fn what_has_no_secret_is_not_copied() {
    let plain = event(EventKind::VerdictAllowed(Judged {
        principal: "ada".to_owned(),
        action: "fs.read.v1".to_owned(),
        policies: Vec::new(),
        reason: "it may".to_owned(),
        hint: String::new(),
    }));
    assert!(matches!(Audit::Full.of(&plain), Cow::Borrowed(_)));
}
