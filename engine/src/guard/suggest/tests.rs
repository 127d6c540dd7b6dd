use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::event::{Access, Emitter, Memory};
use crate::session::SystemClock;
use crate::types::{Bounded, Digest, Limits, Verdict};

/// The events of one run of `fs.read.v1` that read these paths, and was not told to `follow`.
fn run(memory: &Arc<Memory>, arguments: &Value, grants: &[Grant], paths: &[&str]) {
    let emitter = Emitter::new(
        RunId::fresh(),
        Arc::new(SystemClock::new()),
        Arc::new([memory.clone() as Arc<dyn crate::event::Sink>]),
    );
    emitter.emit(|| EventKind::ComponentLoaded {
        name: "fs".to_owned(),
        digest: Digest::of(b""),
        size: crate::types::Bytes::ZERO,
        imports: [].into(),
        functions: [].into(),
        ungranted: [].into(),
    });
    emitter.emit(|| EventKind::PermitIssued {
        digest: Digest::of(b""),
        principal: "ann".to_owned(),
        action: "fs.read.v1".to_owned(),
        function: None,
        limits: Limits::default(),
        grants: grants.to_vec(),
        verdict: Verdict::new(crate::types::Decision::Allow, &[]),
        unused: Vec::new(),
    });
    emitter.emit(|| EventKind::CallStarted {
        function: "read".to_owned(),
        arguments: Bounded::new(&arguments.to_string(), 1 << 16),
        absent: vec!["follow".to_owned()],
    });
    for path in paths {
        emitter.emit(|| {
            EventKind::AccessAllowed(Access {
                interface: "wasi:filesystem/types".to_owned(),
                operation: "open-at".to_owned(),
                target: (*path).to_owned(),
            })
        });
    }
}

fn docs(rights: Rights) -> Grant {
    Grant::Dir {
        host: "/srv/docs".into(),
        guest: "docs".to_owned(),
        rights,
    }
}

#[test]
fn nothing_is_broader_than_what_was_seen() {
    let memory = Arc::new(Memory::default());
    let arguments = json!({ "path": "docs/a/x.md", "offset": null, "length": 7 });
    for _ in 0..2 {
        run(
            &memory,
            &arguments,
            &[docs(Rights::ReadOnly)],
            &["docs/a/x.md"],
        );
    }
    let events = memory.events();
    let found = suggest(&events, Broader::default());
    assert_eq!(
        found.policies,
        [
            "@id(\"suggested-1\")\npermit (\n  principal == Principal::\"ann\",\n  action == \
          Action::\"fs.read.v1\",\n  resource == Component::\"fs\"\n) when {\n  resource.digest == \"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\" &&\n  \
          context.args.path \
          == \"docs/a/x.md\" &&\n  !(context.args has \"offset\") &&\n  context.args.length == 7 &&\n  !(context.args has \"follow\")\n};"
        ]
    );
    assert_eq!(found.flags, ["--dir /srv/docs/a::docs/a:ro"]);
    assert_eq!(found.left_out, [""; 0]);
    let all = Broader {
        arguments: true,
        principals: true,
    };
    assert_eq!(
        suggest(&events, all).policies,
        [
            "@id(\"suggested-1\")\npermit (\n  principal,\n  action == Action::\"fs.read.v1\",\n  \
          resource == Component::\"fs\"\n) when {\n  resource.digest == \"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\"\n};"
        ]
    );
}

#[test]
fn grants_cover_what_was_reached_and_no_more() {
    let memory = Arc::new(Memory::default());
    let env = Grant::Env {
        name: "LANG".to_owned(),
    };
    let other = Grant::Dir {
        host: "/srv/other".into(),
        guest: "/other".to_owned(),
        rights: Rights::ReadWrite,
    };
    let arguments = json!({ "path": "docs/a/x.md" });
    let grants = [docs(Rights::ReadOnly), other, env];
    run(
        &memory,
        &arguments,
        &grants,
        &["docs/a/x.md", "docs/a/b/y.md"],
    );
    run(
        &memory,
        &json!({}),
        &[docs(Rights::ReadWrite)],
        &["docs/a/z.md"],
    );
    let found = suggest(&memory.events(), Broader::default());
    assert_eq!(found.flags, ["--dir /srv/docs/a::docs/a:rw", "--env LANG"]);
    assert_eq!(found.policies.len(), 2);
}

#[test]
fn what_cannot_be_said_exactly_is_left_out_and_told() {
    let memory = Arc::new(Memory::default());
    run(&memory, &json!(["docs/a.md"]), &[], &[]);
    run(&memory, &json!({ "items": [1] }), &[], &[]);
    run(&memory, &json!({ "share": 0.5 }), &[], &[]);
    let events = memory.events();
    let found = suggest(&events, Broader::default());
    assert_eq!(found.policies, [""; 0]);
    assert_eq!(found.left_out.len(), 3);
    let arguments = Broader {
        arguments: true,
        principals: false,
    };
    assert_eq!(suggest(&events, arguments).policies.len(), 1);
}
