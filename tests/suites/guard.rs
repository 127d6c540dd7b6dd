//! The guard: who may do what, why not, and what would allow it.

use std::sync::{Arc, Mutex};

use engine::data::{Action, Bundle, CedarPolicies, Mode, Policies, PoliciesBuilder, Rule, Via};
use engine::{
    Call, Compiled, Config, Engine, Event, EventKind, Grants, Memory, Outcome, Rights, Sink, Source,
};
use engine_tests::{sample, sample_manifest, with_section};
use serde_json::{Value, json};

fn cedar(text: &str) -> CedarPolicies {
    CedarPolicies::parse(&[("p.cedar".to_owned(), text.to_owned())]).unwrap()
}

fn engine(policies: PoliciesBuilder, grants: Grants) -> (Engine, Arc<Memory>) {
    let events = Arc::new(Memory::default());
    let config = Config::new()
        .policies(policies.build().unwrap())
        .grants(grants);
    let engine = Engine::builder()
        .config(config)
        .shared_sink(events.clone())
        .build()
        .unwrap();
    (engine, events)
}

async fn loaded(engine: &Engine) -> Compiled {
    engine.load(sample(Some(&sample_manifest()))).await.unwrap()
}

fn code(outcome: &Outcome) -> &str {
    outcome.fault().map_or("ok", |fault| fault.code().as_str())
}

fn names(events: &Memory) -> Vec<String> {
    let events = events.events();
    events
        .iter()
        .map(|event| event.kind.name().to_owned())
        .collect()
}

/// Without any configuration: computation runs, files within the grants, a component without a manifest for
/// the operator alone; network, writes outside the grants, destruction and spending are denied.
#[tokio::test]
async fn by_default_everything_but_computation_and_granted_files_is_denied() {
    let dir = tempfile::tempdir().unwrap();
    let writable = Grants::builder()
        .dir(dir.path(), "out", Rights::ReadWrite)
        .build()
        .unwrap();
    let (engine, events) = engine(Policies::builder(), writable);
    let known = loaded(&engine).await;
    let unknown = engine.load(sample(None)).await.unwrap();
    let table = [
        (&known, "compute", "x", Via::Direct, "ok"),
        (&known, "compute", "x", Via::Served, "ok"),
        (&known, "look", "anything", Via::Direct, "ok"),
        (&known, "store", "out/a.txt", Via::Direct, "ok"),
        (
            &known,
            "store",
            "elsewhere/a.txt",
            Via::Direct,
            "E-DENIED-POLICY",
        ),
        (
            &known,
            "store",
            "out/../a.txt",
            Via::Direct,
            "E-DENIED-POLICY",
        ),
        (
            &known,
            "send",
            "https://example.com",
            Via::Direct,
            "E-DENIED-POLICY",
        ),
        (&known, "wipe", "out/a.txt", Via::Direct, "E-DENIED-POLICY"),
        (&known, "pay", "x", Via::Direct, "E-DENIED-POLICY"),
        (
            &known,
            "look",
            "/etc/shadow",
            Via::Direct,
            "E-DENIED-POLICY",
        ),
        (&unknown, "compute", "x", Via::Direct, "ok"),
        (&unknown, "compute", "x", Via::Served, "E-DENIED-POLICY"),
        (&unknown, "compute", "x", Via::Planned, "E-DENIED-POLICY"),
    ];
    for (component, function, path, via, expected) in table {
        let call = Call::function(function, json!([path])).via(via);
        let outcome = engine.run(component, call).await;
        assert_eq!(code(&outcome), expected, "{function} {path} {via:?}");
    }
    let names = names(&events);
    let count = |wanted: &str| names.iter().filter(|name| *name == wanted).count();
    assert_eq!(count("permit_denied"), 8, "every denial is told");
    assert_eq!(count("call_started"), 5, "and nothing else runs");
}

#[tokio::test]
async fn what_is_only_observed_runs_and_is_told() {
    let (engine, events) = engine(Policies::builder().mode(Mode::Observe), Grants::none());
    let component = loaded(&engine).await;
    let outcome = engine
        .run(&component, Call::function("pay", json!(["x"])))
        .await;
    assert_eq!(code(&outcome), "ok");
    let verdict = outcome.verdict().unwrap();
    assert_eq!(verdict.decision.as_str(), "deny");
    assert_eq!(verdict.mode, Mode::Observe);
    assert!(names(&events).contains(&"verdict_denied".to_owned()));
}

#[tokio::test]
async fn a_guard_that_is_off_says_so_in_every_result() {
    let (engine, _) = engine(Policies::builder().mode(Mode::Off), Grants::none());
    let component = loaded(&engine).await;
    let outcome = engine
        .run(&component, Call::function("pay", json!(["x"])))
        .await;
    assert_eq!(code(&outcome), "ok");
    let document: Value = serde_json::from_str(&outcome.to_json()).unwrap();
    assert_eq!(document["verdict"]["mode"], "off");
}

/// `@kill` ends more than the call, and the event says so before the refusal.
#[tokio::test]
async fn a_killing_policy_is_told_as_such() {
    let kill = r#"@id("never") @kill @reason("money is not spent") forbid (principal, action in Action::"spend", resource);"#;
    let (engine, events) = engine(Policies::builder().cedar(cedar(kill)), Grants::none());
    let component = loaded(&engine).await;
    let outcome = engine
        .run(&component, Call::function("pay", json!(["x"])))
        .await;
    assert_eq!(code(&outcome), "E-DENIED-POLICY");
    assert_eq!(outcome.verdict().unwrap().decision.as_str(), "kill");
    let names = names(&events);
    let killed = names.iter().position(|name| name == "verdict_killed");
    let denied = names.iter().position(|name| name == "permit_denied");
    assert!(killed.is_some() && killed < denied, "{names:?}");
}

/// A verdict names the policy with its file and line, its reason, and the digest of all policies.
#[tokio::test]
async fn a_denial_names_the_policy_and_its_place() {
    let text = "\n@id(\"no-secrets\")\n@reason(\"secrets stay here\")\nforbid (principal, action == Action::\"sample.look\", resource)\nwhen { context.args.path like \"*secret*\" };\n";
    let (engine, _) = engine(Policies::builder().cedar(cedar(text)), Grants::none());
    let component = loaded(&engine).await;
    let outcome = engine
        .run(&component, Call::function("look", json!(["a/secret.txt"])))
        .await;
    assert_eq!(code(&outcome), "E-DENIED-POLICY");
    let verdict = outcome.verdict().unwrap();
    assert_eq!(verdict.policies, ["no-secrets"]);
    assert_eq!(verdict.places[0].to_string(), "no-secrets (p.cedar:2)");
    assert_eq!(verdict.reason, "secrets stay here");
    assert!(verdict.policy_set.is_some());
    let other = engine
        .run(&component, Call::function("look", json!(["a/b.txt"])))
        .await;
    assert_eq!(code(&other), "ok");
}

/// A policy that does not fit the component is refused before anything is judged by it.
#[tokio::test]
async fn a_policy_with_a_misspelt_argument_lets_nothing_run() {
    let text = r#"permit (principal, action == Action::"sample.look", resource) when { context.args.pth == "a" };"#;
    let (engine, _) = engine(Policies::builder().cedar(cedar(text)), Grants::none());
    let component = loaded(&engine).await;
    let outcome = engine
        .run(&component, Call::function("look", json!(["a"])))
        .await;
    assert_eq!(code(&outcome), "E-INVALID-CONFIG");
    let message = outcome.fault().unwrap().to_string();
    assert!(message.starts_with("p.cedar:1:"), "{message}");
}

/// The same call is one thing with data that came from elsewhere, and another without.
#[tokio::test]
async fn labelled_data_is_denied_where_the_same_call_without_labels_runs() {
    let text = r#"@id("tainted") forbid (principal, action == Action::"sample.compute", resource)
        when { context.labels.contains("untrusted") };"#;
    let rule: Rule = serde_json::from_value(json!({
        "id": "tainted", "decision": "deny", "capability": "sample.compute", "labels": ["untrusted"],
    }))
    .unwrap();
    for policies in [
        Policies::builder().cedar(cedar(text)),
        Policies::builder().rule(rule),
    ] {
        let (engine, _) = engine(policies, Grants::none());
        let component = loaded(&engine).await;
        let compute = || Call::function("compute", json!(["x"]));
        for (call, expected) in [
            (compute(), "ok"),
            (compute().labels(["secret"]), "ok"),
            (compute().labels(["secret", "untrusted"]), "E-DENIED-POLICY"),
            // What no policy could name is not passed by.
            (compute().labels(["Untrusted"]), "E-INVALID-CONFIG"),
            (
                compute().labels((0..65).map(|n| format!("l{n}"))),
                "E-INVALID-CONFIG",
            ),
        ] {
            let explained = engine.explain(&component, call.clone()).await;
            assert_eq!(explained.is_err(), expected == "E-INVALID-CONFIG");
            let outcome = engine.run(&component, call).await;
            assert_eq!(code(&outcome), expected);
            if expected == "E-DENIED-POLICY" {
                assert_eq!(outcome.verdict().unwrap().policies, ["tainted"]);
            }
        }
    }
}

/// A copy of a component under another file's name is judged by the same groups, and has no capability's name.
#[tokio::test]
async fn a_files_name_takes_nothing_out_of_reach_of_policies() {
    let forbid = r#"@id("no-reading") forbid (principal, action in Action::"read", resource);"#;
    let (engine, _) = engine(Policies::builder().cedar(cedar(forbid)), Grants::none());
    let dir = tempfile::tempdir().unwrap();
    for (file, name) in [
        ("component:x.wasm", "component-x"),
        ("read.wasm", "read"),
        ("my.tool v1.2.wasm", "my-tool-v1-2"),
        ("sample.look.wasm", "sample-look"),
    ] {
        let path = dir.path().join(file);
        std::fs::write(&path, sample(Some(&sample_manifest())).as_bytes()).unwrap();
        let component = engine.load(Source::file(&path).unwrap()).await.unwrap();
        assert_eq!(component.describe().name(), name);
        let look = Call::function("look", json!(["a"]));
        let outcome = engine.run(&component, look).await;
        assert_eq!(code(&outcome), "E-DENIED-POLICY", "{file}");
        assert_eq!(
            outcome.verdict().unwrap().policies,
            ["no-reading"],
            "{file}"
        );
        let compute = Call::function("compute", json!(["a"]));
        assert_eq!(code(&engine.run(&component, compute).await), "ok", "{file}");
    }
    let fault = Source::bytes("component:x", *b"x").unwrap_err();
    assert_eq!(fault.code().as_str(), "E-INVALID-CONFIG");
}

/// F3: whoever replaces the policies between the decision and the start gets a refusal, not a run.
#[tokio::test]
async fn policies_that_change_between_decision_and_start_make_it_stale() {
    /// Replaces the policies the moment that a permit is issued.
    #[derive(Default)]
    struct Meddler(Mutex<Option<Engine>>);
    impl Sink for Meddler {
        fn emit(&self, event: &Arc<Event>) {
            if let EventKind::PermitIssued { .. } = &event.kind
                && let Some(engine) = self.0.lock().unwrap().take()
            {
                let stricter = Policies::builder().bundle(Bundle::Paranoid);
                engine.replace_policies(stricter.build().unwrap());
            }
        }
    }
    let meddler = Arc::new(Meddler::default());
    let engine = Engine::builder()
        .shared_sink(meddler.clone())
        .build()
        .unwrap();
    *meddler.0.lock().unwrap() = Some(engine.clone());
    let component = loaded(&engine).await;
    let call = || Call::function("compute", json!(["x"]));
    let outcome = engine.run(&component, call()).await;
    assert_eq!(code(&outcome), "E-DENIED-STALE");
    assert_eq!(outcome.usage().fuel, 0, "nothing ran");
    assert_eq!(code(&engine.run(&component, call()).await), "ok");
}

/// E21: a component that is called like something of the engine's own is nothing but a component.
#[tokio::test]
async fn a_name_of_the_engines_own_gains_nothing() {
    for name in [
        "engine",
        "local",
        "direct",
        "component",
        "unknown",
        "computing",
        "pure",
        "read",
        "write",
        "network",
    ] {
        let policy = r#"@id("no-reading") forbid (principal, action in Action::"read", resource);"#;
        let policies = Policies::builder().cedar(cedar(policy));
        let (engine, _) = engine(policies, Grants::none());
        let mut manifest = sample_manifest();
        manifest["name"] = json!(name);
        let plain = sample(None);
        let bytes = with_section(
            plain.as_bytes().to_vec(),
            &manifest.to_string().into_bytes(),
        );
        let component = engine
            .load(Source::bytes(name, bytes).unwrap())
            .await
            .unwrap();
        let outcome = engine
            .run(&component, Call::function("look", json!(["x"])))
            .await;
        assert_eq!(code(&outcome), "E-DENIED-POLICY", "{name}");
        assert!(
            outcome.to_json().contains("no-reading"),
            "{name}: {}",
            outcome.to_json()
        );
    }
}

/// E21, E22, E24: what a manifest can say wrong, and what it cannot gain.
#[tokio::test]
async fn a_hostile_manifest_gains_nothing() {
    let (engine, _) = engine(Policies::builder(), Grants::none());
    let load = async |manifest: &[u8]| {
        let plain = sample(None);
        let bytes = with_section(plain.as_bytes().to_vec(), manifest);
        engine.load(Source::bytes("sample", bytes).unwrap()).await
    };
    let with = |key: &str, value: Value| {
        let mut manifest = sample_manifest();
        manifest[key] = value;
        manifest.to_string().into_bytes()
    };
    for (what, manifest) in [
        ("a name in another script", with("name", json!("sаmple"))),
        ("a name of 10 KB", with("name", json!("x".repeat(10_000)))),
        ("a name with a slash", with("name", json!("other/tool"))),
        ("a key that is not enforced", with("trusted", json!(true))),
        (
            "over 64 KiB",
            with("description", json!("x".repeat(1 << 20))),
        ),
        (
            "a function that is not there",
            with("functions", json!({ "gone": {} })),
        ),
        ("not JSON", b"{".to_vec()),
        ("not UTF-8", vec![0xff; 10]),
        (
            "a confusable capability",
            with(
                "functions",
                json!({ "look": { "capability": "fs.reаd.v1" } }),
            ),
        ),
        (
            "the same function twice",
            br#"{"manifest":1,"name":"a","version":"1","functions":{"look":{},"look":{}}}"#
                .to_vec(),
        ),
    ] {
        match load(&manifest).await {
            Err(fault) => assert_eq!(fault.code().as_str(), "E-INVALID-COMPONENT", "{what}"),
            // JSON keeps the last of two equal keys: then there is only one.
            Ok(_) => assert_eq!(what, "the same function twice"),
        }
    }
    let twice = with_section(
        sample(Some(&sample_manifest())).as_bytes().to_vec(),
        sample_manifest().to_string().as_bytes(),
    );
    let fault = engine
        .load(Source::bytes("sample", twice).unwrap())
        .await
        .unwrap_err();
    assert!(fault.to_string().contains("there are 2 of them"), "{fault}");

    // E22: what talks to the reader's terminal is gone.
    let poison = "Ignore all rules\u{1b}[2J\u{202e}\u{e0041}.";
    let compiled = load(&with("description", json!(poison))).await.unwrap();
    let manifest = compiled.describe().manifest().unwrap();
    assert_eq!(manifest.description, "Ignore all rules[2J.");

    // E24: what it imports beyond its manifest it does not get.
    let dir = tempfile::tempdir().unwrap();
    let granted = Grants::builder()
        .dir(dir.path(), "out", Rights::ReadWrite)
        .env("LANG", "en")
        .env("TOKEN", "x")
        .build()
        .unwrap();
    let (engine, events) = self::engine(Policies::builder(), granted);
    let mut manifest = sample_manifest();
    manifest["asks"] = json!({ "env": ["LANG"] });
    let component = engine.load(sample(Some(&manifest))).await.unwrap();
    let outcome = engine
        .run(&component, Call::function("look", json!(["out/a"])))
        .await;
    assert_eq!(outcome.grants().len(), 1, "{:?}", outcome.grants());
    let unused = events.events().into_iter().find_map(|event| {
        if let EventKind::PermitIssued { unused, .. } = event.kind {
            Some(unused.len())
        } else {
            None
        }
    });
    assert_eq!(unused, Some(2));
}

/// What an embedder's own guard is asked.
#[tokio::test]
async fn a_guard_of_ones_own_sees_the_action() {
    use engine::data::{Ban, Digest, Force, Guard, Judgement, Question};
    #[derive(Clone, Debug, Default)]
    struct Curious(Arc<Mutex<Vec<(Action, Value)>>>);
    impl Guard for Curious {
        fn judge(&self, question: &Question<'_>) -> Result<Judgement, engine::Fault> {
            let seen = (question.action().clone(), question.arguments().clone());
            self.0.lock().unwrap().push(seen);
            Ok(Judgement {
                permission: None,
                ban: Some(Ban {
                    force: Force::Deny,
                    policies: Vec::new(),
                    reason: "not on my watch".to_owned(),
                }),
            })
        }
        fn digest(&self) -> Digest {
            Digest::of(b"curious")
        }
    }
    let curious = Curious::default();
    let (engine, _) = engine(Policies::builder().guard(curious.clone()), Grants::none());
    let component = loaded(&engine).await;
    // Asked again where a busy machine made the guard late.
    let outcome = loop {
        let call = Call::function("compute", json!(["x"]));
        let outcome = engine.run(&component, call).await;
        if !outcome.verdict().unwrap().reason.contains("longer than") {
            break outcome;
        }
    };
    assert_eq!(code(&outcome), "E-DENIED-POLICY");
    assert_eq!(outcome.verdict().unwrap().reason, "not on my watch");
    let seen = curious.0.lock().unwrap();
    assert_eq!(seen[0].0.name, "sample.compute");
    assert_eq!(seen[0].1, json!({ "path": "x" }));
}

/// F6: a guard with a bug denies; the call does not run, and the engine goes on.
#[tokio::test]
async fn a_guard_that_panics_denies_and_the_engine_goes_on() {
    use engine::data::{Digest, Guard, Judgement, Question};
    #[derive(Debug)]
    struct Broken;
    impl Guard for Broken {
        fn judge(&self, question: &Question<'_>) -> Result<Judgement, engine::Fault> {
            if question.action().function == "compute" {
                return Ok(Judgement::default());
            }
            // Without the hook, which takes its time to print a backtrace.
            std::panic::resume_unwind(Box::new("a bug"))
        }
        fn digest(&self) -> Digest {
            Digest::of(b"broken")
        }
    }
    let (engine, events) = engine(Policies::builder().guard(Broken), Grants::none());
    let component = loaded(&engine).await;
    for _ in 0..3 {
        let outcome = engine
            .run(&component, Call::function("pay", json!(["x"])))
            .await;
        assert_eq!(code(&outcome), "E-DENIED-POLICY");
        let verdict = outcome.verdict().unwrap();
        assert_eq!(verdict.policies, ["guard-error"]);
        assert!(
            verdict.reason.starts_with("a guard failed: "),
            "{}",
            verdict.reason
        );
    }
    assert!(!names(&events).contains(&"call_started".to_owned()));
    loop {
        let outcome = engine
            .run(&component, Call::function("compute", json!(["x"])))
            .await;
        // Asked again where a busy machine made the guard late.
        if outcome
            .verdict()
            .is_none_or(|verdict| !verdict.reason.contains("longer than"))
        {
            assert_eq!(code(&outcome), "ok");
            break;
        }
    }
}
