//! The network: linked, and refused, in the interface's own words.

use std::net::TcpListener;

use engine_tests::{TestEngine, guest, wat};
use serde_json::json;

/// B23, D1. Every way to the network is answered with a refusal, and written down.
#[tokio::test]
async fn sockets_names_and_requests_are_refused_with_the_interfaces_own_errors() {
    // Nobody may knock here.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let authority = listener.local_addr().unwrap().to_string();
    let run = TestEngine::new()
        .command(guest("network"), &[&authority])
        .await;
    assert!(run.outcome.fault().is_none(), "{}", run.outcome.to_json());
    let text = run.stdout();
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("tcp Err(\"access-denied\")"), "{text}");
    assert!(lines[1].starts_with("udp Err(\"access-denied\")"), "{text}");
    assert!(
        lines[2].starts_with("name Err(\"access-denied\")"),
        "{text}"
    );
    assert!(lines[3].contains("HttpRequestDenied"), "{text}");
    assert_eq!(
        run.denials(),
        [
            "create-tcp-socket ipv4",
            "create-udp-socket ipv6",
            "resolve-addresses secret.example.test",
            &format!("handle POST http://{authority}/steal?all=1"),
        ]
    );
    assert_eq!(
        run.event_names()
            .iter()
            .filter(|name| **name == "access_denied")
            .count(),
        4
    );
    assert!(listener.accept().is_err(), "somebody connected");
    assert_eq!(run.outcome.usage().http_requests, 0);
}

/// D6, D7: whatever an address is written as, nobody connects to it.
#[tokio::test]
async fn no_spelling_of_an_address_reaches_a_listener() {
    let four = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = four.local_addr().unwrap().port();
    // Where the machine has no IPv6, the other listener is enough.
    let six = TcpListener::bind(("::1", port)).ok();
    let hosts = [
        "127.0.0.1",
        "127.1",
        "2130706433",
        "0x7f.1",
        "0177.0.0.1",
        "localhost",
        "0.0.0.0",
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
    ];
    let authorities: Vec<String> = hosts.iter().map(|host| format!("{host}:{port}")).collect();
    let authorities: Vec<&str> = authorities.iter().map(String::as_str).collect();
    let run = TestEngine::new()
        .command(guest("network"), &authorities)
        .await;
    assert!(run.outcome.fault().is_none(), "{}", run.outcome.to_json());
    let denied = run.denials();
    let sent = denied
        .iter()
        .filter(|denial| denial.contains("/steal"))
        .count();
    let unsaid = run.stdout().matches("http no authority").count();
    assert_eq!(sent + unsaid, hosts.len(), "{denied:?}");
    assert!(sent >= 7, "{denied:?}");
    for listener in six.iter().chain([&four]) {
        listener.set_nonblocking(true).unwrap();
        assert!(listener.accept().is_err(), "somebody connected");
    }
}

/// An import that nobody granted is a stub: the component loads, and using the import ends the call.
#[tokio::test]
async fn an_ungranted_import_is_a_typed_denial_when_it_is_used() {
    let tests = TestEngine::new();
    let run = tests.call(wat("foreign"), "abstain", json!([])).await;
    assert_eq!(run.outcome.value().as_str(), "1", "not used, not denied");

    let run = tests.call(wat("foreign"), "send", json!([])).await;
    assert_eq!(run.code(), "E-DENIED-IMPORT");
    assert_eq!(
        run.fault().to_string(),
        "the guest called `demo:mail/box@1.0.0#send`, which was not granted"
    );
    assert_eq!(run.denials(), ["send demo:mail/box@1.0.0#send"]);
    assert_eq!(
        run.event_names(),
        [
            "run_started",
            "component_loaded",
            "permit_issued",
            "call_started",
            "access_denied",
            "call_completed",
            "run_completed"
        ]
    );
    let run = tests.call(wat("foreign"), "ring", json!([])).await;
    assert_eq!(
        run.fault().to_string(),
        "the guest called the import `ring`, which was not granted"
    );
}

/// Row 13, D18. A guest sees the variables it was granted, and none of the host's.
#[tokio::test]
async fn only_granted_variables_are_seen() {
    assert!(std::env::var_os("PATH").is_some());
    let run = TestEngine::new()
        .call(guest("values"), "environment", json!([]))
        .await;
    assert_eq!(run.outcome.value().as_str(), "[]");
    let run = TestEngine::new()
        .env("LANG", "en")
        .env("EMPTY", "")
        .call(guest("values"), "environment", json!([]))
        .await;
    assert_eq!(
        run.outcome.value().as_str(),
        r#"[["EMPTY",""],["LANG","en"]]"#
    );
    assert!(!run.outcome.to_json().contains("\"value\":\"en\""));
}
