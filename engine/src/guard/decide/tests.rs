use proptest::prelude::*;

use super::super::tests::action;
use super::super::{Counters, Layer, Target};
use super::*;
use crate::guard::Bundle;
use crate::session::SystemClock;
use crate::types::{AskedLimits, Asks, Bytes, Digest, Fuel, Import, Manifest, WallTime};

fn shape() -> Descriptor {
    Descriptor {
        name: "sample".into(),
        digest: Digest::of(b"sample"),
        size: Bytes::ZERO,
        imports: [
            "wasi:filesystem/types@0.2.6",
            "wasi:cli/environment@0.2.6",
            "engine:host/actions@0.1.0",
        ]
        .map(|name| Import {
            name: name.to_owned(),
            functions: Vec::new(),
            provided: true,
        })
        .into(),
        functions: Vec::new(),
        command: true,
        manifest: None,
        about: Vec::new(),
    }
}

fn asking(asks: Asks) -> Descriptor {
    Descriptor {
        manifest: Some(Manifest {
            manifest: 1,
            name: "sample".to_owned(),
            version: "1.0.0".to_owned(),
            description: String::new(),
            functions: std::collections::BTreeMap::new(),
            asks,
        }),
        ..shape()
    }
}

fn ask(layers: Vec<Layer>) -> Ask {
    Ask {
        target: Target::Command,
        action: action("sample.run", None),
        capability: Layer::default(),
        layers,
        approvers: None,
        counters: Counters::default(),
    }
}

fn layer(grants: Option<Grants>, limits: Option<Limits>) -> Layer {
    Layer {
        grants,
        limits,
        keep: None,
    }
}

fn granting(path: &str, rights: Rights) -> Grants {
    Grants::builder().dir(path, path, rights).build().unwrap()
}

fn reading(path: &str) -> Grants {
    granting(path, Rights::ReadOnly)
}

fn draft<'a>(shape: &Descriptor, ask: Ask, policy: &'a Policy) -> Draft<'a> {
    // A draft looks at the shape for as long as it is there.
    let shape = Box::leak(Box::new(shape.clone()));
    Draft::new(shape, ask, policy).unwrap()
}

#[test]
fn without_any_layer_nothing_is_granted() {
    let policy = Policy::default();
    let draft = draft(&shape(), ask(Vec::new()), &policy);
    assert_eq!(draft.grants, Grants::none());
    assert_eq!(draft.limits, Limits::default());
}

#[test]
fn asking_for_more_than_the_policy_allows_does_not_raise_a_limit() {
    let policy =
        Policy::default().limited_to(Limits::builder().fuel(Fuel::new(10)).build().unwrap());
    let more = Limits::builder()
        .fuel(Fuel::UNLIMITED)
        .memory(Bytes::mib(16))
        .build()
        .unwrap();
    let draft = draft(&shape(), ask(vec![layer(None, Some(more))]), &policy);
    assert_eq!(draft.limits.fuel(), Fuel::new(10));
    assert_eq!(draft.limits.memory(), Bytes::mib(16));
}

#[test]
fn a_call_outside_the_operators_grants_is_denied_with_every_reason() {
    let policy = Policy::default().grants(reading("/usr/share"));
    let asked = Grants::builder()
        .dir("/etc", "/etc", Rights::ReadOnly)
        .env("TOKEN", "x")
        .build()
        .unwrap();
    let fault = Draft::new(&shape(), ask(vec![layer(Some(asked), None)]), &policy).unwrap_err();
    assert_eq!(fault.code().as_str(), "E-DENIED-GRANT");
    let FaultKind::Denied(denials) = fault.kind() else {
        panic!("wrong fault: {fault}")
    };
    let targets: Vec<&str> = denials
        .iter()
        .map(|denial| denial.target.as_str())
        .collect();
    assert_eq!(targets, ["/etc", "TOKEN"]);
}

#[test]
fn the_engines_home_is_refused_in_every_layer() {
    let policy = Policy::default().home("/usr/share/engine");
    let own = layer(Some(reading("/usr/share")), None);
    let fault = Draft::new(&shape(), ask(vec![own]), &policy).unwrap_err();
    assert_eq!(fault.code().as_str(), "E-INVALID-CONFIG");
    let policy = policy.grants(reading("/usr"));
    assert_eq!(
        policy.check().unwrap_err().code().as_str(),
        "E-INVALID-CONFIG"
    );
}

/// A manifest gives nothing: what it does not ask for is taken away, and told.
#[test]
fn a_component_gets_no_more_than_its_manifest_asks_for() {
    let granted = {
        let grants = Grants::builder()
            .dir("/usr/share", "/docs", Rights::ReadWrite)
            .env("LANG", "en")
            .env("TOKEN", "x");
        Policy::default().grants(grants.build().unwrap())
    };
    let asks = |files, env: &[&str]| Asks {
        files,
        env: env.iter().map(|name| (*name).to_owned()).collect(),
        actions: BTreeSet::new(),
        limits: AskedLimits::default(),
    };
    let of = |asks: Asks| draft(&asking(asks), ask(Vec::new()), &granted);

    let nothing = of(asks(None, &[]));
    assert_eq!(nothing.grants, Grants::none());
    assert_eq!(nothing.unused.len(), 3);
    let some = of(asks(Some(Rights::ReadOnly), &["LANG"]));
    assert_eq!(some.grants.dirs()[0].rights, Rights::ReadOnly);
    assert_eq!(some.grants.env().len(), 1);
    assert_eq!(
        some.unused,
        [Grant::Env {
            name: "TOKEN".to_owned()
        }]
    );
    let all = of(asks(Some(Rights::ReadWrite), &["LANG", "TOKEN", "OTHER"]));
    assert_eq!(all.grants.dirs()[0].rights, Rights::ReadWrite);
    assert_eq!(all.grants.env().len(), 2);
    assert_eq!(all.unused, []);
}

/// A function that declares less gets less: one that only reads cannot write, one that computes sees no file.
#[test]
fn a_function_gets_no_more_than_its_effects_need() {
    let policy = Policy::default().grants(granting("/usr/share", Rights::ReadWrite));
    for (effects, expected) in [
        (None, Some(Rights::ReadWrite)),
        (Some([].as_slice()), None),
        (Some(&[Effect::Read]), Some(Rights::ReadOnly)),
        (Some(&[Effect::Write]), Some(Rights::ReadWrite)),
        (Some(&[Effect::Destructive]), Some(Rights::ReadWrite)),
        (Some(&[Effect::Network]), None),
        (
            Some(&[Effect::Network, Effect::Read]),
            Some(Rights::ReadOnly),
        ),
    ] {
        let ask = Ask {
            action: action("a.b.v1", effects),
            ..ask(Vec::new())
        };
        let draft = draft(&shape(), ask, &policy);
        let found = draft.grants.dirs().first().map(|dir| dir.rights);
        assert_eq!(found, expected, "{effects:?}");
    }
}

#[test]
fn what_is_not_imported_is_not_given() {
    let grants = Grants::builder()
        .dir("/usr/share", "/docs", Rights::ReadOnly)
        .env("LANG", "en");
    let policy = Policy::default().grants(grants.build().unwrap());
    let shape = Descriptor {
        imports: Vec::new(),
        ..shape()
    };
    let draft = draft(&shape, ask(Vec::new()), &policy);
    assert_eq!(draft.grants, Grants::none());
    assert_eq!(draft.unused.len(), 2);
}

/// The places and rights that layers are made of in the law below.
const PLACES: [&str; 4] = ["/usr", "/usr/share", "/usr/lib", "/etc"];

fn some_grants() -> impl Strategy<Value = Option<Grants>> {
    let dirs = proptest::collection::vec((0..PLACES.len(), any::<bool>()), 0..3);
    let env = proptest::collection::vec(0..3usize, 0..3);
    let actions = proptest::collection::vec(0..3usize, 0..3);
    proptest::option::of((dirs, env, actions).prop_filter_map(
        "overlapping",
        |(dirs, env, actions)| {
            let mut grants = Grants::builder();
            for (place, writable) in dirs {
                let rights = if writable {
                    Rights::ReadWrite
                } else {
                    Rights::ReadOnly
                };
                grants = grants.dir(PLACES[place], PLACES[place], rights);
            }
            for name in env.into_iter().collect::<BTreeSet<_>>() {
                grants = grants.env(format!("V{name}"), "x");
            }
            for name in actions {
                grants = grants.action(format!("a.f{name}"));
            }
            grants.build().ok()
        },
    ))
}

fn some_limits() -> impl Strategy<Value = Option<Limits>> {
    proptest::option::of((1..100u64, 1..100u32).prop_map(|(fuel, memory)| {
        Limits::builder()
            .fuel(Fuel::new(fuel))
            .memory(Bytes::mib(memory))
            .build()
            .unwrap()
    }))
}

fn some_asks() -> impl Strategy<Value = Option<Asks>> {
    let files = proptest::option::of(any::<bool>().prop_map(|writable| {
        if writable {
            Rights::ReadWrite
        } else {
            Rights::ReadOnly
        }
    }));
    let env = proptest::collection::btree_set((0..3usize).prop_map(|n| format!("V{n}")), 0..3);
    let fuel = proptest::option::of((1..100u64).prop_map(Fuel::new));
    let actions =
        proptest::collection::btree_set((0..3usize).prop_map(|n| format!("a.f{n}")), 0..3);
    proptest::option::of(
        (files, env, actions, fuel).prop_map(|(files, env, actions, fuel)| Asks {
            files,
            env,
            actions,
            limits: AskedLimits {
                fuel,
                ..AskedLimits::default()
            },
        }),
    )
}

/// Whether everything in `inner` is in `outer` as well.
fn within(inner: &Grants, outer: &Grants) -> bool {
    inner.dirs().iter().all(|dir| {
        outer
            .dirs()
            .iter()
            .any(|wide| dir.host.starts_with(&wide.host) && dir.rights <= wide.rights)
    }) && inner
        .env()
        .iter()
        .all(|(name, value)| outer.env().get(name) == Some(value))
        && inner.actions().is_subset(outer.actions())
}

proptest! {
    /// The law of narrowing: what is granted in the end exceeds none of the layers that speak.
    #[test]
    fn no_grant_exceeds_any_of_its_layers(
        operator in some_grants(), most in some_limits(),
        capability in (some_grants(), some_limits()),
        own in (some_grants(), some_limits()),
        step in (some_grants(), some_limits()),
        asks in some_asks(),
        effects in proptest::option::of(proptest::sample::subsequence(Effect::ALL.to_vec(), 0..=5)),
    ) {
        let mut policy = Policy::default();
        if let Some(grants) = operator.clone() {
            policy = policy.grants(grants);
        }
        if let Some(limits) = most {
            policy = policy.limited_to(limits);
        }
        let shape = match asks.clone() {
            Some(asks) => asking(asks),
            None => shape(),
        };
        let all = Ask {
            action: action("a.b.v1", effects.as_deref()),
            capability: layer(capability.0.clone(), capability.1),
            ..ask(vec![layer(own.0.clone(), own.1), layer(step.0.clone(), step.1)])
        };
        let Ok(draft) = Draft::new(&shape, all, &policy) else { return Ok(()) };
        let outermost = capability.0.or(operator);
        for speaks in [&outermost, &own.0, &step.0].into_iter().flatten() {
            prop_assert!(within(&draft.grants, speaks), "{:?} in {speaks:?}", draft.grants);
        }
        if outermost.is_none() && own.0.is_none() && step.0.is_none() {
            prop_assert_eq!(&draft.grants, &Grants::none());
        }
        for limits in [most, capability.1, own.1, step.1].into_iter().flatten() {
            prop_assert_eq!(draft.limits.narrowed_by(&limits), draft.limits);
        }
        if let Some(asks) = asks {
            prop_assert!(draft.grants.dirs().iter().all(|dir| Some(dir.rights) <= asks.files));
            prop_assert!(draft.grants.env().keys().all(|name| asks.env.contains(name)));
            prop_assert!(draft.grants.actions().is_subset(&asks.actions));
            prop_assert!(asks.limits.fuel.is_none_or(|fuel| draft.limits.fuel() <= fuel));
        }
        if let Some(effects) = effects {
            let most = rights(&effects.into_iter().collect());
            prop_assert!(draft.grants.dirs().iter().all(|dir| Some(dir.rights) <= most));
        }
    }
}

#[tokio::test]
async fn a_bundles_limits_hold_for_its_permits() {
    let paranoid = Policies::builder()
        .bundle(Bundle::Paranoid)
        .rule(crate::guard::Rule::new(
            "all",
            crate::guard::RuleDecision::Allow,
        ))
        .build()
        .unwrap();
    let long = Limits::builder()
        .wall(WallTime::secs(3600))
        .build()
        .unwrap();
    let policy = Policy::default().limited_to(long);
    let draft = draft(&shape(), ask(Vec::new()), &policy);
    let arguments = || serde_json::Value::Null;
    let decided = draft
        .decide(&paranoid, &SystemClock::new(), &arguments)
        .await;
    let Decided::Permitted(permit) = decided else {
        panic!("{decided:?}")
    };
    assert_eq!(permit.peek().limits.wall(), WallTime::secs(30));
}

/// A guard that only observes says what it would have done, also where a plan asks somebody.
#[tokio::test]
async fn what_is_observed_is_told_where_a_plan_asks_somebody() {
    let arguments = || serde_json::Value::Null;
    for (bundle, decision, policy) in [
        (Bundle::Strict, Decision::Allow, "strict.unknown-direct"),
        (Bundle::None, Decision::Deny, ""),
    ] {
        let policies = Policies::builder()
            .bundle(bundle)
            .mode(Mode::Observe)
            .build()
            .unwrap();
        let policy_of = Policy::default();
        let asked = Ask {
            approvers: Some("ann".to_owned()),
            ..ask(Vec::new())
        };
        let draft = draft(&shape(), asked, &policy_of);
        let decided = draft
            .decide(&policies, &SystemClock::new(), &arguments)
            .await;
        let Decided::Waits(waiting) = decided else {
            panic!("{decided:?}")
        };
        assert_eq!(waiting.approvers(), "ann");
        assert_eq!(waiting.judged().policies, ["plan.approval"]);
        let permit = waiting.approved("approved by `ann`".to_owned());
        let verdict = &permit.peek().verdict;
        assert_eq!((verdict.decision, verdict.mode), (decision, Mode::Observe));
        assert_eq!(verdict.policies.join(""), policy);
        assert!(
            verdict.reason.ends_with("; approved by `ann`"),
            "{}",
            verdict.reason
        );
    }
}
