use super::super::tests::{action, decision, function};
use super::*;
use crate::guard::RuleDecision;
use crate::session::SystemClock;

/// What a guard does when it is asked.
#[derive(Debug)]
enum Stub {
    Says(Judgement),
    Fails,
    Panics,
    Sleeps(Duration),
}

impl Guard for Stub {
    fn judge(&self, _: &Question<'_>) -> Result<Judgement, Fault> {
        match self {
            Stub::Says(said) => Ok(said.clone()),
            Stub::Fails => Err(Fault::config("no connection")),
            // Without the hook, which takes its time to print a backtrace.
            Stub::Panics => std::panic::resume_unwind(Box::new("a bug of the embedder")),
            Stub::Sleeps(long) => {
                std::thread::sleep(*long);
                Ok(Judgement {
                    permission: Some(Permission::default()),
                    ban: None,
                })
            }
        }
    }

    fn digest(&self) -> Digest {
        Digest::of(format!("{self:?}").as_bytes())
    }
}

use crate::guard::Permission;

/// What a guard says; asked again where a busy machine made it late.
async fn consulted(stub: Stub) -> Judgement {
    let slow = matches!(stub, Stub::Sleeps(_));
    let policies = Policies::builder().guard(stub).build().unwrap();
    let asked = Arc::new(Asked {
        action: action("a.b.v1", Some(&[])),
        function: Some(function("t")),
        grants: Grants::none(),
        counters: Counters::default(),
        arguments: serde_json::json!({ "t": "" }),
    });
    loop {
        let said = policies.consult(&asked).await;
        let late = |ban: &Ban| ban.reason.contains("longer than 50 ms");
        if slow || !said.ban.as_ref().is_some_and(late) {
            return said;
        }
    }
}

/// F6: a guard that cannot answer denies, and the verdict says why.
#[tokio::test]
async fn a_guard_that_fails_panics_or_dawdles_denies() {
    for (stub, why) in [
        (Stub::Fails, "no connection"),
        (Stub::Panics, "it panicked"),
        (
            Stub::Sleeps(Duration::from_millis(400)),
            "longer than 50 ms",
        ),
    ] {
        let said = consulted(stub).await;
        let ban = said.ban.unwrap();
        assert_eq!(ban.force, Force::Deny);
        assert!(ban.reason.contains(why), "{}", ban.reason);
        assert_eq!(ban.policies, [PolicyRef::builtin("guard-error")]);
    }
}

#[tokio::test]
async fn a_guard_of_ones_own_is_heard() {
    let ban = Ban {
        force: Force::Kill,
        policies: vec![PolicyRef::builtin("mine")],
        reason: "no".to_owned(),
    };
    let said = consulted(Stub::Says(Judgement {
        permission: None,
        ban: Some(ban.clone()),
    }))
    .await;
    assert_eq!(said.ban, Some(ban));
}

/// F6: what no policy could say is no answer; a long reason is cut, and a ban wins over the permission beside it.
#[tokio::test]
async fn a_guard_that_answers_garbage_denies() {
    let named = |id: &str| PolicyRef::builtin(id);
    let ban = |force: Force, policies: Vec<PolicyRef>| Judgement {
        permission: None,
        ban: Some(Ban {
            force,
            policies,
            reason: String::new(),
        }),
    };
    let permits = |policies: Vec<PolicyRef>| Judgement {
        permission: Some(Permission {
            policies,
            ..Permission::default()
        }),
        ban: None,
    };
    for garbage in [
        ban(Force::Ask("ann\nbob".to_owned()), Vec::new()),
        ban(Force::Ask("x".repeat(10 << 20)), Vec::new()),
        ban(Force::Deny, vec![named("\u{1b}[2J")]),
        ban(Force::Deny, vec![named("a"); 65]),
        permits(vec![named(&"x".repeat(257))]),
        permits(vec![PolicyRef {
            file: Some("a\u{202e}b".to_owned()),
            ..named("a")
        }]),
    ] {
        let said = consulted(Stub::Says(garbage)).await;
        assert_eq!(said.permission, None);
        let ban = said.ban.unwrap();
        assert_eq!(
            (ban.force, ban.policies),
            (Force::Deny, vec![named("guard-error")])
        );
        assert!(ban.reason.contains("no policy can have"), "{}", ban.reason);
    }

    let both = Judgement {
        permission: Some(Permission::default()),
        ban: Some(Ban {
            force: Force::Deny,
            policies: vec![named("mine")],
            reason: "\u{1b}[31mno".repeat(1 << 20),
        }),
    };
    let policies = Policies::default();
    let (action, function) = (action("a.b.v1", Some(&[])), function("t"));
    let (grants, arguments) = (Grants::none(), || serde_json::json!({ "t": "" }));
    let question = Question::new(
        &action,
        Some(&function),
        &grants,
        Counters::default(),
        &arguments,
    );
    let verdict = policies.verdict(&consulted(Stub::Says(both)).await, &question);
    assert_eq!(verdict.decision, Decision::Deny);
    assert_eq!(verdict.policies, ["mine"]);
    assert!(verdict.reason.len() <= 520 && !verdict.reason.contains('\u{1b}'));
}

/// The rules are asked on the thread of the call, so a slow answer is noticed after it came.
#[test]
fn a_late_or_broken_answer_on_the_same_thread_denies() {
    /// Real time jumps each time that somebody looks, and the processor's as well if the thread computes.
    #[derive(Debug)]
    struct Jumping {
        looks: std::sync::atomic::AtomicU64,
        computes: bool,
    }
    impl Jumping {
        fn new(computes: bool) -> Self {
            Self {
                looks: 0.into(),
                computes,
            }
        }
    }
    impl Clock for Jumping {
        fn timestamp(&self) -> crate::types::Timestamp {
            crate::types::Timestamp::UNIX_EPOCH
        }
        fn thread_cpu(&self) -> Duration {
            if self.computes {
                self.elapsed()
            } else {
                Duration::ZERO
            }
        }
        fn elapsed(&self) -> Duration {
            let jumps = self
                .looks
                .fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            Duration::from_millis(51 * jumps)
        }
    }
    let fine = || {
        Ok(Judgement {
            permission: Some(Permission::default()),
            ban: None,
        })
    };
    let in_time = within_patience("the rules", &SystemClock::new(), fine);
    assert!(in_time.ban.is_none() && in_time.permission.is_some());
    let late = within_patience("the rules", &Jumping::new(true), fine);
    assert!(late.ban.unwrap().reason.contains("longer than 50 ms"));
    // A machine that does something else meanwhile denies nobody.
    let busy = within_patience("the rules", &Jumping::new(false), fine);
    assert!(busy.ban.is_none() && busy.permission.is_some());
    let broken = within_patience("the rules", &SystemClock::new(), || panic!("a bug"));
    assert!(broken.ban.unwrap().reason.contains("panicked"));
}

/// Every change of the policies changes their digest, so that decisions under the old ones are stale.
#[test]
fn other_policies_have_another_digest() {
    let build = |builder: PoliciesBuilder| builder.build().unwrap().digest();
    let rule = || Rule::new("r", RuleDecision::Deny);
    let digests = [
        Policies::default().digest(),
        build(Policies::builder().bundle(Bundle::Paranoid)),
        build(Policies::builder().bundle(Bundle::None)),
        build(Policies::builder().mode(Mode::Observe)),
        build(Policies::builder().mode(Mode::Off)),
        build(Policies::builder().rule(rule())),
        build(Policies::builder().rule(Rule {
            reason: "why".to_owned(),
            ..rule()
        })),
        build(Policies::builder().guard(Stub::Fails)),
        build(Policies::builder().guard(Stub::Panics)),
    ];
    let different: std::collections::BTreeSet<_> = digests.iter().collect();
    assert_eq!(different.len(), digests.len());
    assert_eq!(Policies::default().digest(), build(Policies::builder()));
}

#[test]
fn a_verdict_names_who_decided_and_where_that_is_written() {
    let written = Rule {
        place: Some(("engine.toml".to_owned(), 14)),
        reason: "not today".to_owned(),
        ..Rule::new("mine", RuleDecision::Deny)
    };
    let policies = Policies::builder().rule(written).build().unwrap();
    let action = action("a.b.v1", Some(&[]));
    assert_eq!(decision(&policies, &action, ("t", "")), Decision::Deny);
    let verdict = super::super::tests::verdict(
        &policies,
        &action,
        ("t", ""),
        &Grants::none(),
        Counters::default(),
    );
    assert_eq!(verdict.policies, ["mine"]);
    assert_eq!(verdict.places[0].to_string(), "mine (engine.toml:14)");
    assert_eq!(verdict.reason, "not today");
    assert_eq!(verdict.policy_set, Some(policies.digest()));
}
