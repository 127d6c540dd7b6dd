//! What the guard says of actions that others call, and what becomes of their callers.

use std::sync::Arc;

use engine::EventKind;
use engine::data::{
    ApprovalDesk, Capability, Decision, Glob, JournalOptions, Policies, Rule, RuleDecision,
    SystemClock,
};
use engine_tests::guest;
use serde_json::{Value, json};

use super::{Exchange, code, echo, relayed};

/// Policies judge the inner action as they would judge it alone.
#[tokio::test]
async fn an_inner_action_passes_the_guard() {
    let ban = Rule {
        capability: Glob::new("steps.echo"),
        ..Rule::new("no-echo", RuleDecision::Deny)
    };
    let policies = Policies::builder().rules([ban]).build().unwrap();
    let exchange = Exchange::of(&["steps.echo", "steps.nap"], |config| {
        config.policies(policies)
    })
    .await;
    let outcome = exchange.call("relay", relayed("steps.echo", &echo())).await;
    let told: Value = outcome.value().parse().unwrap();
    assert_eq!(told["code"], "E-DENIED-POLICY");
    // Which policy it was is for people, and not for the guest.
    assert_eq!(told["message"], "the action is denied");
    assert!(
        outcome.denials()[0].reason.contains("no-echo"),
        "{}",
        outcome.to_json()
    );
    let (code, _) = exchange
        .failure("relay", "steps.nap", &json!({"ms": 1}))
        .await;
    assert_eq!(code, "", "the other one runs");
}

/// An action that waits for an answer is denied meanwhile; after four such questions no more are asked for one call.
#[tokio::test]
async fn questions_of_inner_actions_are_few() {
    let ask = Rule {
        capability: Glob::new("steps.append"),
        ..Rule::new("ask", RuleDecision::Ask)
    };
    let policies = Policies::builder().rules([ask]).build().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let journal = JournalOptions::new()
        .open(dir.path().join("journal.db"))
        .unwrap();
    let desk = ApprovalDesk::new(Arc::new(journal));
    let exchange = Exchange::asking(&["steps.append"], policies, desk.clone()).await;
    let line = json!({"path": "out/a", "line": "x"});
    for time in 1..=6 {
        let outcome = exchange.call("relay", relayed("steps.append", &line)).await;
        assert_eq!(code(&outcome), "E-GUEST-ERROR");
        let told: Value = outcome.value().parse().unwrap();
        assert_eq!(
            told["code"], "E-DENIED-APPROVAL",
            "each call has questions of its own: {time}"
        );
        assert!(!told.to_string().contains("approval "), "{told}");
        // Whoever asked for the outer call is told how to go on.
        assert!(outcome.fault().unwrap().confided()[0].contains("--approval"));
    }
    let every = json!({"action": "steps.append", "arguments": line.to_string(), "times": 9});
    let outcome = exchange.call("insist", every).await;
    assert_eq!(outcome.value().as_str(), "4", "{}", outcome.to_json());
    assert_eq!(desk.waiting(&SystemClock::new()).unwrap().len(), 10);
}

/// Who calls what ends the workflow ends with it.
#[tokio::test]
async fn a_kill_ends_the_caller_too() {
    let kill = Rule {
        capability: Glob::new("steps.echo"),
        ..Rule::new("stop-it", RuleDecision::Kill)
    };
    let policies = Policies::builder().rules([kill]).build().unwrap();
    let actions = ["relay.relay", "steps.echo", "steps.nap"];
    let exchange = Exchange::of(&actions, |config| config.policies(policies)).await;
    let direct = json!({"first": "steps.echo", "first-arguments": echo().to_string(),
        "second": "steps.nap", "second-arguments": "{\"ms\": 1}"});
    let deep = relayed("relay.relay", &relayed("steps.echo", &echo()));
    for (function, arguments) in [("both", direct), ("relay", deep)] {
        let outcome = exchange.call(function, arguments).await;
        assert_eq!(code(&outcome), "E-DENIED-POLICY", "{}", outcome.to_json());
        let verdict = outcome.verdict().unwrap();
        assert_eq!(verdict.decision, Decision::Kill);
        assert!(
            verdict
                .policies
                .iter()
                .any(|policy| policy.contains("stop-it"))
        );
    }
    let naps = exchange.events.events();
    let naps = naps.iter().filter(|event| {
        matches!(&event.kind, EventKind::RunStarted { function: Some(function), .. } if function.contains("nap"))
    });
    assert_eq!(naps.count(), 0);
}

/// Data that an action got from a labelled one carries its label on.
#[tokio::test]
async fn labels_follow_what_was_given() {
    let steps = guest("steps");
    let secret = Capability::new("test.echo.v1", steps.digest(), "echo")
        .unwrap()
        .component("steps")
        .labels(["secret"]);
    let no_secrets = Rule {
        capability: Glob::new("steps.append"),
        labels: ["secret".to_owned()].into(),
        ..Rule::new("no-secrets", RuleDecision::Deny)
    };
    let policies = Policies::builder().rules([no_secrets]).build().unwrap();
    let exchange = Exchange::of(&["test.echo.v1", "steps.echo", "steps.append"], |config| {
        config.policies(policies).capability(secret)
    })
    .await;
    let line = json!({"path": "out/a", "line": "x"}).to_string();
    let (code, message) = exchange
        .failure(
            "relay",
            "steps.append",
            &json!({"path": "out/a", "line": "x"}),
        )
        .await;
    assert_eq!(code, "", "{message}");
    let both = |first: &str| {
        json!({"first": first, "first-arguments": echo().to_string(),
            "second": "steps.append", "second-arguments": line})
    };
    // The same function under its other name carries the label, too.
    for first in ["test.echo.v1", "steps.echo"] {
        let outcome = exchange.call("both", both(first)).await;
        let told: Value = outcome.value().parse().unwrap();
        assert_eq!(told["code"], "E-DENIED-POLICY", "{first}: {told}");
        assert!(
            outcome.denials()[0].reason.contains("no-secrets"),
            "{}",
            outcome.to_json()
        );
    }
}
