//! Actions that call other actions, through the guard and inside the caller's bounds.

use std::sync::Arc;

use engine::data::{
    Bundle, Cancel, Capability, CedarPolicies, Glob, Grant, Policies, Rule, RuleDecision,
};
use engine::{
    Bytes, Call, Compiled, Config, Engine, EventKind, Fuel, Grants, Limits, Memory, Outcome,
    Rights, Scope,
};
use engine_tests::guest;
use serde_json::{Value, json};

use super::registry::Place;

/// An engine whose `relay` may call these actions.
struct Exchange {
    engine: Engine,
    events: Arc<Memory>,
    relay: Compiled,
}

impl Exchange {
    async fn of(actions: &[&str], change: impl FnOnce(Config) -> Config) -> Self {
        let dir = tempfile::tempdir().unwrap().keep();
        let grants = Grants::builder().dir(&dir, "out", Rights::ReadWrite);
        let grants = actions
            .iter()
            .fold(grants, |grants, name| grants.action(*name));
        let config = change(Config::new().grants(grants.build().unwrap()));
        Self::with(config).await
    }

    async fn with(config: Config) -> Self {
        let events = Arc::new(Memory::default());
        let engine = Engine::builder()
            .config(config)
            .shared_sink(events.clone())
            .build()
            .unwrap();
        let relay = engine.load(guest("relay")).await.unwrap();
        let steps = engine.load(guest("steps")).await.unwrap();
        engine.offer(&relay);
        engine.offer(&steps);
        Self {
            engine,
            events,
            relay,
        }
    }

    async fn call(&self, function: &str, arguments: Value) -> Outcome {
        let call = Call::function(function, arguments);
        self.engine.run(&self.relay, call).await
    }

    /// The failure that the guest was told.
    async fn failure(&self, function: &str, action: &str, arguments: &Value) -> (String, String) {
        let arguments = json!({"action": action, "arguments": arguments.to_string()});
        let outcome = self.call(function, arguments).await;
        let told: Value = outcome.value().parse().unwrap();
        let text = |name: &str| {
            let part = told.get(name).and_then(Value::as_str);
            part.unwrap_or_default().to_owned()
        };
        (text("code"), text("message"))
    }
}

fn relayed(action: &str, arguments: &Value) -> Value {
    json!({"action": action, "arguments": arguments.to_string()})
}

fn echo() -> Value {
    json!({"text": "hi"})
}

fn code(outcome: &Outcome) -> &str {
    outcome.fault().map_or("ok", |fault| fault.code().as_str())
}

/// The result comes back as JSON; the inner run has events of its own, inside the outer call.
#[tokio::test]
async fn an_action_calls_another_one() {
    let exchange = Exchange::of(&["steps.echo"], |config| config).await;
    let outcome = exchange.call("relay", relayed("steps.echo", &echo())).await;
    assert_eq!(
        outcome.value().as_str(),
        r#""\"hi\"""#,
        "{}",
        outcome.to_json()
    );
    let events = exchange.events.events();
    let names: Vec<_> = events.iter().map(|event| event.kind.name()).collect();
    assert_eq!(
        names,
        [
            "run_started",
            "component_loaded",
            "permit_issued",
            "call_started",
            "access_allowed",
            "run_started",
            "component_loaded",
            "permit_issued",
            "call_started",
            "call_completed",
            "run_completed",
            "call_completed",
            "run_completed",
        ]
    );
    let scopes = |event: &engine::Event| -> Vec<&'static str> {
        let names = event.scope.iter().map(|scope| {
            if matches!(scope, Scope::Run(_)) {
                "run"
            } else if matches!(scope, Scope::Call(_)) {
                "call"
            } else {
                "else"
            }
        });
        names.collect()
    };
    assert_eq!(scopes(&events[8]), ["run", "call", "run", "call"]);
    assert_eq!(events[8].scope[..2], events[4].scope[..]);
    assert!(
        events
            .iter()
            .all(|event| event.trace_id == events[0].trace_id)
    );
}

/// What was not granted is refused, whatever the manifest asks for; so is what the manifest does not ask for, whatever was
/// granted. Nothing of it starts.
#[tokio::test]
async fn nothing_is_called_that_was_not_granted() {
    let exchange = Exchange::of(&["steps.nap", "steps.is"], |config| config).await;
    for (action, arguments) in [
        ("steps.echo", echo()),
        // Granted, and not asked for by the manifest.
        ("steps.is", json!({"answer": true})),
        ("", json!({})),
        ("steps", json!({})),
        ("steps.nap ", json!({"ms": 1})),
        ("STEPS.NAP", json!({"ms": 1})),
        ("relay.test:relay/hops@0.1.0#relay", json!({})),
    ] {
        let (code, message) = exchange.failure("relay", action, &arguments).await;
        assert_eq!(code, "E-DENIED-GRANT", "{action}: {message}");
    }
    let events = exchange.events.events();
    let starts = events
        .iter()
        .filter(|event| event.kind.name() == "call_started");
    assert_eq!(starts.count(), 7, "the relay's own, and no other");
    let outcome = exchange.call("relay", relayed("steps.echo", &echo())).await;
    let [denial] = outcome.denials() else {
        panic!("{}", outcome.to_json())
    };
    assert_eq!(
        (denial.interface.as_str(), denial.target.as_str()),
        ("engine:host/actions", "steps.echo")
    );
    assert!(
        denial.hint.contains("--allow-action steps.echo"),
        "{}",
        denial.hint
    );
    let unused = events.iter().find_map(|event| {
        if let EventKind::PermitIssued { unused, .. } = &event.kind {
            Some(unused.clone())
        } else {
            None
        }
    });
    let is = Grant::Action {
        name: "steps.is".to_owned(),
    };
    assert!(unused.unwrap().contains(&is), "a grant in vain is told of");
}

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
    let (code, message) = exchange.failure("relay", "steps.echo", &echo()).await;
    assert_eq!(code, "E-DENIED-POLICY", "{message}");
    assert!(message.contains("no-echo"), "{message}");
    let (code, _) = exchange
        .failure("relay", "steps.nap", &json!({"ms": 1}))
        .await;
    assert_eq!(code, "", "the other one runs");

    // A question that nobody answers denies, and whoever asked for the outer call is told how to answer, not the guest.
    let policies = Policies::builder()
        .bundle(Bundle::Paranoid)
        .build()
        .unwrap();
    let exchange = Exchange::of(&["steps.append"], |config| config.policies(policies)).await;
    let line = json!({"path": "out/a", "line": "x"});
    let outcome = exchange.call("relay", relayed("steps.append", &line)).await;
    assert_ne!(self::code(&outcome), "ok");
}

/// A caller gets no further by way of others than it declares itself.
#[tokio::test]
async fn declared_effects_hold_for_what_others_do() {
    let actions = ["steps.echo", "steps.append", "steps.nap"];
    let exchange = Exchange::of(&actions, |config| config).await;
    let line = json!({"path": "out/a", "line": "x"});
    for (function, action, arguments, allowed) in [
        ("purely", "steps.echo", echo(), true),
        ("purely", "steps.nap", json!({"ms": 1}), false),
        ("purely", "steps.append", line.clone(), false),
        ("again", "steps.nap", json!({"ms": 1}), true),
        ("again", "steps.append", line.clone(), false),
        ("relay", "steps.append", line, true),
    ] {
        let (code, message) = exchange.failure(function, action, &arguments).await;
        let expected = if allowed { "" } else { "E-DENIED-GRANT" };
        assert_eq!(code, expected, "{function} {action}: {message}");
    }
}

/// What is wrong with a call is an answer, and the caller goes on.
#[tokio::test]
async fn mistakes_are_answers() {
    let actions = [
        "steps.echo",
        "steps.no-such",
        "relay.big-secret",
        "test.echo.v1",
    ];
    let exchange = Exchange::of(&actions, |config| config).await;
    for (action, arguments, expected) in [
        ("steps.echo", "nothing".to_owned(), "E-INVALID-ARGS"),
        ("steps.echo", "{}".to_owned(), "E-INVALID-ARGS"),
        ("steps.echo", r#"{"text": 3}"#.to_owned(), "E-INVALID-ARGS"),
        ("steps.echo", "[".repeat(100_000), "E-INVALID-ARGS"),
        ("steps.no-such", "{}".to_owned(), "E-INVALID-FUNCTION"),
        ("relay.big-secret", "{}".to_owned(), "E-INVALID-FUNCTION"),
        ("test.echo.v1", "{}".to_owned(), "E-UNKNOWN-CAPABILITY"),
    ] {
        let arguments = json!({"action": action, "arguments": arguments});
        let outcome = exchange.call("relay", arguments).await;
        let told: Value = outcome.value().parse().unwrap();
        assert_eq!(told["code"], expected, "{action}: {told}");
    }
}

/// All that inner actions use is the caller's: fuel, time, output and memory together stay within its limits.
#[tokio::test]
async fn inner_actions_spend_what_the_caller_has() {
    let limits = Limits::builder()
        .fuel(Fuel::new(50_000_000))
        .output(Bytes::kib(64))
        .memory(Bytes::mib(8))
        .build()
        .unwrap();
    let exchange = Exchange::of(
        &[
            "steps.spin",
            "steps.echo",
            "steps.nap",
            "steps.tell",
            "steps.big",
        ],
        |config| config.limits(limits),
    )
    .await;

    let outcome = exchange
        .call("relay", relayed("steps.spin", &json!({})))
        .await;
    assert_eq!(code(&outcome), "E-LIMIT-FUEL", "{}", outcome.to_json());
    assert!(outcome.usage().fuel <= 50_000_000);

    // The totals are the sums.
    let times = json!({"action": "steps.echo", "arguments": echo().to_string(), "times": 3});
    let outcome = exchange.call("many", times).await;
    assert_eq!(outcome.value().as_str(), "3", "{}", outcome.to_json());
    let inner: u64 = exchange
        .events
        .events()
        .iter()
        .rev()
        .take_while(|event| event.trace_id == exchange.events.events().last().unwrap().trace_id)
        .filter(|event| event.scope.len() == 4)
        .filter_map(|event| {
            if let EventKind::CallCompleted { usage, .. } = &event.kind {
                Some(usage.fuel)
            } else {
                None
            }
        })
        .sum();
    assert!(inner > 0 && outcome.usage().fuel > inner, "{inner}");

    // What an inner action tells counts for the caller.
    let tell = json!({"messages": 20, "bytes": 1000});
    let times = json!({"action": "steps.tell", "arguments": tell.to_string(), "times": 100});
    let outcome = exchange.call("many", times).await;
    assert_eq!(outcome.value().as_str(), "3", "{}", outcome.to_json());

    // Memory is held by both at the same time.
    let hold = |bytes: u32| json!({"bytes": bytes, "action": "steps.echo", "arguments": echo().to_string()});
    let outcome = exchange.call("hold", hold(1 << 20)).await;
    assert_eq!(code(&outcome), "ok", "{}", outcome.to_json());
    let small = outcome.usage().memory_peak;
    let outcome = exchange.call("hold", hold(6 << 20)).await;
    let told: Value = outcome.value().parse().unwrap();
    assert_eq!(told["code"], "E-LIMIT-MEMORY", "{}", outcome.to_json());
    assert!(small <= Bytes::mib(8) && small > Bytes::mib(3), "{small}");
}

/// The deadline of the caller is that of everything it calls; and whoever stops it stops all.
#[tokio::test]
async fn time_and_cancellation_reach_inner_actions() {
    let limits = Limits::builder()
        .wall(engine::WallTime::millis(300))
        .fuel(Fuel::new(u64::MAX))
        .build()
        .unwrap();
    let exchange = Exchange::of(&["steps.spin", "steps.nap"], |config| config.limits(limits)).await;
    for (action, arguments) in [
        ("steps.spin", json!({})),
        ("steps.nap", json!({"ms": 60_000})),
    ] {
        let outcome = exchange.call("relay", relayed(action, &arguments)).await;
        let told: Value = outcome.value().parse().unwrap_or_default();
        assert!(
            code(&outcome) == "E-LIMIT-TIME" || told["code"] == "E-LIMIT-TIME",
            "{}",
            outcome.to_json()
        );
        assert!(outcome.usage().wall.as_millis() < 5_000);
    }
    // Every run has its end, the inner ones too.
    let events = exchange.events.events();
    let count = |name: &str| {
        events
            .iter()
            .filter(|event| event.kind.name() == name)
            .count()
    };
    assert_eq!(count("run_started"), 4);
    assert_eq!(count("run_completed"), 4);

    let exchange = Exchange::of(&["steps.nap"], |config| config).await;
    let cancel = Cancel::new();
    let call = Call::function("relay", relayed("steps.nap", &json!({"ms": 20_000})));
    let call = call.cancelled_by(cancel.clone());
    let (outcome, ()) = tokio::join!(exchange.engine.run(&exchange.relay, call), async {
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
        cancel.cancel();
    });
    assert_eq!(code(&outcome), "E-CANCELLED");
    let events = exchange.events.events();
    let ended = events
        .iter()
        .filter(|event| event.kind.name() == "run_completed");
    assert_eq!(ended.count(), 2);
}

/// Actions call each other eight deep and no deeper, and a call makes a thousand calls.
#[tokio::test]
async fn calls_have_a_depth_and_a_number() {
    // Cedar wants some stack, on every level.
    let text = "@id(\"no\") forbid (principal, action == Action::\"steps.nap\", resource);";
    let cedar = CedarPolicies::parse(&[("a.cedar".to_owned(), text.to_owned())]).unwrap();
    let policies = Policies::builder().cedar(cedar).build().unwrap();
    let exchange = Exchange::of(&["relay.relay", "steps.echo"], |config| {
        config.policies(policies)
    })
    .await;
    let deep = |depth: usize| {
        let innermost = relayed("steps.echo", &echo());
        (1..depth).fold(innermost, |inner, _| relayed("relay.relay", &inner))
    };
    let outcome = exchange.call("relay", deep(8)).await;
    assert_eq!(code(&outcome), "ok", "{}", outcome.to_json());
    let outcome = exchange.call("relay", deep(9)).await;
    assert!(
        outcome.to_json().contains("E-LIMIT-CALLS"),
        "{}",
        outcome.to_json()
    );
    let starts = exchange.events.events();
    let deepest = starts.iter().map(|event| event.scope.len()).max();
    assert_eq!(
        deepest,
        Some(18),
        "the first one and eight inside it, each a run and a call"
    );

    let times = json!({"action": "steps.echo", "arguments": echo().to_string(), "times": 1_010});
    let outcome = exchange.call("many", times).await;
    assert_eq!(outcome.value().as_str(), "1000", "{}", outcome.to_json());
    assert_eq!(outcome.denials()[0].code.as_str(), "E-LIMIT-CALLS");
}

/// What an inner action is given is what the operator gives it, inside what the caller of the outermost call has.
#[tokio::test]
async fn layers_narrow_inner_actions() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| {
        let path = dir.path().join(name);
        std::fs::create_dir_all(&path).unwrap();
        path
    };
    let of = |host: &str, guest: &str| {
        let grants = Grants::builder().dir(path(host), guest, Rights::ReadWrite);
        grants.action("steps.append").build().unwrap()
    };
    let most = Grants::builder()
        .dir(path("in"), "in", Rights::ReadWrite)
        .dir(path("out"), "out", Rights::ReadWrite)
        .action("steps.append")
        .build()
        .unwrap();
    let exchange = Exchange::with(Config::new().grants(most)).await;
    let run = async |own: Option<Grants>, place: &str| {
        let line = json!({"path": format!("{place}/a"), "line": "x"});
        let call = Call::function("relay", relayed("steps.append", &line));
        let call = match own {
            Some(own) => call.grants(own),
            None => call,
        };
        let outcome = exchange.engine.run(&exchange.relay, call).await;
        code(&outcome).to_owned()
    };
    assert_eq!(run(None, "in").await, "ok");
    assert_eq!(run(None, "out").await, "ok");
    assert_eq!(run(Some(of("in", "in")), "in").await, "ok");
    assert_ne!(
        run(Some(of("in", "in")), "out").await,
        "ok",
        "the caller gave less"
    );
    let none = Grants::builder().action("steps.append").build().unwrap();
    assert_ne!(run(Some(none), "in").await, "ok");
    let no_action = Grants::builder().dir(path("in"), "in", Rights::ReadWrite);
    assert_ne!(run(Some(no_action.build().unwrap()), "in").await, "ok");

    // A caller cannot give what the operator does not.
    let more = Grants::builder().action("steps.nap").build().unwrap();
    let call = Call::function("relay", relayed("steps.nap", &json!({"ms": 1}))).grants(more);
    let outcome = exchange.engine.run(&exchange.relay, call).await;
    assert_eq!(code(&outcome), "E-DENIED-GRANT");
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
    let exchange = Exchange::of(&["test.echo.v1", "steps.append"], |config| {
        config.policies(policies).capability(secret)
    })
    .await;
    let line = json!({"path": "out/a", "line": "x", "text": "x"});
    let (code, message) = exchange
        .failure(
            "relay",
            "steps.append",
            &json!({"path": "out/a", "line": "x"}),
        )
        .await;
    assert_eq!(code, "", "{message}");
    let both =
        json!({"first": "test.echo.v1", "second": "steps.append", "arguments": line.to_string()});
    let outcome = exchange.call("both", both).await;
    let told: Value = outcome.value().parse().unwrap();
    assert_ne!(self::code(&outcome), "ok", "{told}");
}

/// What can be no action's name is refused when it is granted.
#[test]
fn names_of_actions_are_checked() {
    for odd in ["", "steps", ".echo", "steps.", "a b.c", "steps.\u{1b}x"] {
        let fault = Grants::builder().action(odd).build().unwrap_err();
        assert_eq!(fault.code().as_str(), "E-INVALID-CONFIG", "{odd:?}");
    }
}

/// The same through the program: a configured capability is called once its name is granted, artifacts are written, and
/// the token of a question reaches whoever runs the command.
#[test]
fn the_program_grants_actions_and_keeps_artifacts() {
    let place = Place::new();
    for name in ["relay", "steps"] {
        place.write(&format!("{name}.wasm"), guest(name).as_bytes());
    }
    let add = [
        "add",
        "steps.wasm",
        "--name",
        "test.echo.v1",
        "--function",
        "echo",
    ];
    place.works(&[&add[..], &["--config", "engine.toml"]].concat());
    let arguments = relayed("test.echo.v1", &echo()).to_string();
    let call = [
        "exec",
        "relay.wasm",
        "relay",
        &arguments,
        "--config",
        "engine.toml",
    ];
    let allowed = [&call[..], &["--allow-action", "test.echo.v1"]].concat();
    let (code, told) = place.told(&call);
    assert_eq!(code, 1, "{told}");
    assert!(told.contains("--allow-action test.echo.v1"), "{told}");
    assert_eq!(place.works(&allowed), "\"\\\"hi\\\"\"\n");

    // Another call of the same, which a policy has approved.
    place.write(
        "ask.cedar",
        "@id(\"ask\") @approval(\"ann\") forbid (principal, action == Action::\"test.echo.v1\", resource);",
    );
    let asking = [&allowed[..], &["--policy", "ask.cedar"]].concat();
    let told = place.fails(&asking, 1, "E-GUEST-ERROR");
    let (_, token) = told.split_once("--approval ").expect(&told);
    let token: String = token.chars().take_while(char::is_ascii_hexdigit).collect();
    place.works(&["approvals", "approve", &token_id(&place), "--as", "ann"]);
    let redeemed = [&asking[..], &["--approval", &token]].concat();
    assert_eq!(place.works(&redeemed), "\"\\\"hi\\\"\"\n");
    place.fails(&redeemed, 1, "E-GUEST-ERROR");

    let unknown = [&call[..], &["--allow-action", "test.nothing.v1"]].concat();
    let told = place.fails(&unknown, 3, "E-UNKNOWN-CAPABILITY");
    assert!(told.contains("engine add"), "{told}");

    let make = r#"{"name": "a.txt", "media-type": "text/plain", "content": "aGk="}"#;
    let make = ["exec", "relay.wasm", "make", make];
    let (code, told) = place.told(&make);
    assert_eq!(code, 0, "{told}");
    assert!(
        told.contains("made `a.txt` (2 bytes)") && told.contains("--artifacts DIR"),
        "{told}"
    );
    let kept = [&make[..], &["--artifacts", "made/here"]].concat();
    place.works(&kept);
    let written = std::fs::read_to_string(place.path().join("made/here/a.txt")).unwrap();
    assert_eq!(written, "hi");
    let told = place.fails(&kept, 2, "E-USAGE");
    assert!(told.contains("is not empty"), "{told}");
}

fn token_id(place: &Place) -> String {
    place.works(&["approvals", "ls"])[..12].to_owned()
}
