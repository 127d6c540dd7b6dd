use super::*;
use crate::types::{Bytes, Fuel, Rights};

fn shape() -> Descriptor {
    Descriptor {
        name: "sample".into(),
        digest: Digest::of(b"sample"),
        size: Bytes::ZERO,
        imports: Vec::new(),
        functions: Vec::new(),
        command: true,
    }
}

fn ask(grants: Option<Grants>, limits: Option<Limits>) -> Ask {
    Ask {
        target: Target::Command,
        grants,
        limits,
    }
}

fn reading(path: &str) -> Grants {
    Grants::builder()
        .dir(path, path, Rights::ReadOnly)
        .build()
        .unwrap()
}

#[test]
fn without_any_layer_nothing_is_granted() {
    let permit = decide(&shape(), ask(None, None), &Policy::default())
        .unwrap()
        .spend();
    assert_eq!(permit.grants, Grants::none());
    assert_eq!(permit.limits, Limits::default());
    assert_eq!(permit.digest, Digest::of(b"sample"));
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
    let permit = decide(&shape(), ask(None, Some(more)), &policy)
        .unwrap()
        .spend();
    assert_eq!(permit.limits.fuel(), Fuel::new(10));
    assert_eq!(permit.limits.memory(), Bytes::mib(16));
}

#[test]
fn a_call_outside_the_operators_grants_is_denied_with_every_reason() {
    let policy = Policy::default().grants(reading("/usr/share"));
    let asked = Grants::builder()
        .dir("/etc", "/etc", Rights::ReadOnly)
        .env("TOKEN", "x")
        .build()
        .unwrap();
    let fault = decide(&shape(), ask(Some(asked), None), &policy).unwrap_err();
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
    let fault = decide(&shape(), ask(Some(reading("/usr/share")), None), &policy).unwrap_err();
    assert_eq!(fault.code().as_str(), "E-INVALID-CONFIG");
    let policy = policy.grants(reading("/usr"));
    assert_eq!(
        policy.check().unwrap_err().code().as_str(),
        "E-INVALID-CONFIG"
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
