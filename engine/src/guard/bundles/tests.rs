use super::super::tests::{action, decision};
use super::*;
use crate::guard::{Counters, Grants, Policies, tests as samples};
use crate::types::{Action, Decision};

fn policies(bundle: Bundle) -> Policies {
    Policies::builder().bundle(bundle).build().unwrap()
}

fn decisions(actions: &[Action], argument: (&str, &str)) -> Vec<[Decision; 4]> {
    let sets = Bundle::ALL.map(policies);
    actions
        .iter()
        .map(|action| sets.each_ref().map(|set| decision(set, action, argument)))
        .collect()
}

/// The table of what each bundle says: strict, permissive, paranoid, none.
#[test]
fn each_bundle_draws_its_own_line() {
    use Decision::{Allow, Ask, Deny, Warn};
    use Effect::{Destructive, Network, Read, Spend, Write};
    let known = |effects: &[Effect]| action("a.b.v1", Some(effects));
    let served = |action: Action| Action {
        via: Via::Served,
        ..action
    };
    let planned = |action: Action| Action {
        via: Via::Planned,
        ..action
    };
    let unknown = || action("x.y", None);
    let table = [
        (known(&[]), [Allow, Allow, Allow, Deny]),
        (known(&[Read]), [Allow, Allow, Allow, Deny]),
        (known(&[Write]), [Allow, Allow, Ask, Deny]),
        (known(&[Read, Write]), [Allow, Allow, Ask, Deny]),
        (known(&[Network]), [Deny, Allow, Ask, Deny]),
        (known(&[Destructive]), [Deny, Warn, Deny, Deny]),
        (known(&[Spend]), [Deny, Warn, Deny, Deny]),
        (known(&[Read, Spend]), [Deny, Warn, Deny, Deny]),
        (served(known(&[])), [Allow, Allow, Allow, Deny]),
        (unknown(), [Allow, Warn, Deny, Deny]),
        (served(unknown()), [Deny, Warn, Deny, Deny]),
        (planned(unknown()), [Deny, Warn, Deny, Deny]),
    ];
    let actions: Vec<Action> = table.iter().map(|(action, _)| action.clone()).collect();
    let found = decisions(&actions, ("text", "nothing special"));
    for ((action, expected), found) in table.iter().zip(found) {
        assert_eq!(*expected, found, "{action:?}");
    }
}

#[test]
fn the_tenth_call_of_a_paranoid_caller_is_the_last() {
    let paranoid = policies(Bundle::Paranoid);
    for (calls, expected) in [(9, Decision::Allow), (10, Decision::Deny)] {
        let counters = Counters {
            calls,
            ..Counters::default()
        };
        let verdict = samples::verdict(
            &paranoid,
            &action("a.b.v1", Some(&[])),
            ("text", ""),
            &Grants::none(),
            counters,
        );
        assert_eq!(verdict.decision, expected);
    }
}

/// Row 35, D6, D7: what is found in arguments decides, however deep it lies and however it is written.
#[test]
fn what_is_in_the_arguments_is_denied() {
    let set = |bundle: Bundle| {
        let all = Rule::new("all", RuleDecision::Allow);
        Policies::builder()
            .bundle(bundle)
            .rule(all)
            .build()
            .unwrap()
    };
    let (strict, paranoid) = (set(Bundle::Strict), set(Bundle::Paranoid));
    let of = |policies: &Policies, effect: Effect, arguments: serde_json::Value| {
        let action = action("a.b.v1", Some(&[effect]));
        let make = || arguments.clone();
        let none = Grants::none();
        let question =
            crate::guard::Question::new(&action, None, &none, Counters::default(), &make);
        let said = policies.judge(&question, &crate::session::SystemClock::new());
        let verdict = policies.verdict(&said, &question);
        (
            verdict.decision,
            verdict.policies.first().cloned().unwrap_or_default(),
        )
    };
    let nested = |text: &str| serde_json::json!({ "a": [{ "b": [["fine", { "path": text }]] }] });
    for text in ["/etc/shadow", "x/../../../etc/shadow", "%2e%2e/.ssh/id_rsa"] {
        for policies in [&strict, &paranoid] {
            let (decision, by) = of(policies, Effect::Read, nested(text));
            assert_eq!(decision, Decision::Deny, "{text}");
            assert!(by.ends_with(".blocked-path"), "{text}: {by}");
        }
    }
    let sent =
        |text: &str| serde_json::json!({ "list": [{ "text": format!("see {text} for it") }] });
    for text in [
        "AKIAIOSFODNN7EXAMPLE",
        "http://user:pass@example.com/",
        "http://127.1/",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://0177.0.0.1/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::127.0.0.1]/",
        "http://[64:ff9b::7f00:1]/",
        "http://[2002:7f00:1::]/",
        "http://[::]/",
        "http://0.0.0.0/",
        "http://[fe80::1%25lo]/",
        "http://169.254.169.254/",
        "http://100.64.0.1/",
        "http://198.18.0.1/",
        "http://240.0.0.1/",
        "http://224.0.0.1/",
        "http://metadata.google.internal/",
        "http://localhost/",
    ] {
        let (decision, by) = of(&strict, Effect::Network, sent(text));
        assert_eq!(
            (decision, by.as_str()),
            (Decision::Deny, "strict.leak"),
            "{text}"
        );
        let (decision, by) = of(&paranoid, Effect::Network, sent(text));
        assert_eq!(
            (decision, by.as_str()),
            (Decision::Deny, "paranoid.arguments"),
            "{text}"
        );
    }
    for text in ["rm  -rf /", "sudo ls"] {
        let (decision, by) = of(&paranoid, Effect::Read, sent(text));
        assert_eq!(
            (decision, by.as_str()),
            (Decision::Deny, "paranoid.arguments"),
            "{text}"
        );
    }
    let (decision, _) = of(&strict, Effect::Network, sent("https://example.com/"));
    assert_eq!(decision, Decision::Allow, "the rule of the operator");
    let (decision, _) = of(&paranoid, Effect::Read, sent("nothing special"));
    assert_eq!(decision, Decision::Allow);
}

#[test]
fn a_bundle_only_lowers_limits() {
    let limits = Limits::builder()
        .memory(Bytes::mib(8192))
        .wall(WallTime::secs(86_400))
        .build()
        .unwrap();
    for (bundle, memory, wall) in [
        (Bundle::Strict, 1024, 3600),
        (Bundle::Permissive, 4096, 86_400),
        (Bundle::Paranoid, 256, 30),
        (Bundle::None, 8192, 86_400),
    ] {
        let narrow = bundle.limit(&limits);
        assert_eq!(narrow.memory(), Bytes::mib(memory), "{bundle}");
        assert_eq!(narrow.wall(), WallTime::secs(wall), "{bundle}");
        assert_eq!(bundle.limit(&Limits::default()), Limits::default());
    }
}

/// Rules are found by their ids in docs and verdicts, so an id says which bundle it is of.
#[test]
fn ids_begin_with_the_bundles_name() {
    for bundle in Bundle::ALL {
        for rule in bundle.rules() {
            assert!(rule.id.starts_with(&format!("{bundle}.")), "{}", rule.id);
        }
    }
}
