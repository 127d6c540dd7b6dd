use std::collections::BTreeSet;

use super::super::Policies;
use super::super::tests::action;
use super::*;
use crate::types::Rights;

fn granting(path: &str, rights: Rights) -> Grants {
    Grants::builder().dir(path, path, rights).build().unwrap()
}

fn reading(path: &str) -> Grants {
    granting(path, Rights::ReadOnly)
}

fn permit() -> Permit {
    let given = Given {
        grants: Grants::none(),
        limits: Limits::default(),
        unused: Vec::new(),
        policies: Policies::default().digest(),
        approvers: None,
    };
    let verdict = Verdict::new(Decision::Allow, &[]);
    Permit::new(action("a.b.v1", None), Target::Command, verdict, given)
}

/// F3: a permit is for these bytes, these arguments and these policies alone.
#[test]
fn a_permit_for_something_else_is_stale() {
    let component = Digest::of(b"sample");
    let arguments = Digest::of(b"arguments");
    let policies = Policies::default().digest();
    let other = Digest::of(b"other");
    assert!(permit().spend(component, arguments, policies).is_ok());
    for (component, arguments, policies, what) in [
        (other, arguments, policies, "the component"),
        (component, other, policies, "the arguments"),
        (component, arguments, other, "the policies"),
    ] {
        let fault = permit().spend(component, arguments, policies).unwrap_err();
        assert_eq!(fault.code().as_str(), "E-DENIED-STALE");
        assert!(fault.to_string().contains(what), "{fault}");
    }
}

/// Whatever a decision is about is part of its hash.
#[test]
fn the_decisions_hash_binds_everything() {
    let base = action("a.b.v1", None);
    let policies = Policies::default().digest();
    let none = Grants::none();
    let limits = Limits::default();
    let workflow = crate::types::WorkflowId::fresh();
    let changed = [
        base.clone(),
        Action {
            principal: crate::types::Principal::new("ann"),
            ..base.clone()
        },
        Action {
            via: crate::types::Via::Served,
            ..base.clone()
        },
        Action {
            name: "a.b.v2".to_owned(),
            ..base.clone()
        },
        Action {
            digest: Digest::of(b"x"),
            ..base.clone()
        },
        Action {
            function: "g".to_owned(),
            ..base.clone()
        },
        Action {
            arguments: Digest::of(b"x"),
            ..base.clone()
        },
        Action {
            step: Some((workflow, "one".to_owned())),
            ..base.clone()
        },
        Action {
            step: Some((workflow, "two".to_owned())),
            ..base.clone()
        },
        Action {
            labels: ["secret".to_owned()].into(),
            ..base.clone()
        },
        Action {
            labels: ["secret".to_owned(), "untrusted".to_owned()].into(),
            ..base.clone()
        },
    ];
    let decision = |action: &Action, grants: &Grants, limits: &Limits, policies: Digest| {
        let about = About {
            action,
            grants,
            limits,
            approvers: None,
        };
        about.hash(policies)
    };
    let mut hashes: BTreeSet<Digest> = changed
        .iter()
        .map(|action| decision(action, &none, &limits, policies))
        .collect();
    hashes.insert(decision(&base, &reading("/usr/share"), &limits, policies));
    hashes.insert(decision(
        &base,
        &granting("/usr/share", Rights::ReadWrite),
        &limits,
        policies,
    ));
    let env = |value: &str| Grants::builder().env("A", value).build().unwrap();
    hashes.insert(decision(&base, &env("1"), &limits, policies));
    hashes.insert(decision(&base, &env("2"), &limits, policies));
    hashes.insert(decision(&base, &none, &limits, Digest::of(b"x")));
    for approvers in ["", "ann", "ann, bob"] {
        let about = About {
            action: &base,
            grants: &none,
            limits: &limits,
            approvers: Some(approvers),
        };
        hashes.insert(about.hash(policies));
    }
    assert_eq!(hashes.len(), changed.len() + 8);

    // What is left for an inner call differs each time; elsewhere limits are bound.
    let less = limits.at_most(None, None, Some(crate::types::WallTime::millis(7)), None);
    assert_ne!(
        decision(&base, &none, &limits, policies),
        decision(&base, &none, &less, policies)
    );
    let inner = Action {
        via: crate::types::Via::Called,
        ..base
    };
    assert_eq!(
        decision(&inner, &none, &limits, policies),
        decision(&inner, &none, &less, policies)
    );
}

/// This compiles only as long as a permit cannot be copied: with `Clone` it would be ambiguous.
#[test]
fn a_permit_cannot_be_cloned() {
    trait UniqueUnlessClone<Marker> {
        fn check() {}
    }
    struct Cloned;
    impl<T: ?Sized> UniqueUnlessClone<()> for T {}
    impl<T: Clone> UniqueUnlessClone<Cloned> for T {}
    <Permit as UniqueUnlessClone<_>>::check();
}
