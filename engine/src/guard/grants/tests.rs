use proptest::prelude::*;

use super::*;

fn dir(host: &str, rights: Rights) -> DirGrant {
    DirGrant {
        host: host.into(),
        guest: host.to_owned(),
        rights,
    }
}

/// Sets as the builder would make them, over a small tree so that they often meet.
fn any_grants() -> impl Strategy<Value = Grants> {
    let name = prop::sample::select(vec!["a", "b", "c"]);
    let path = prop::collection::vec(name, 1..4).prop_map(|parts| format!("/{}", parts.join("/")));
    let rights = prop::sample::select(vec![Rights::ReadOnly, Rights::ReadWrite]);
    let dirs = prop::collection::vec((path, rights), 0..4);
    let env = prop::collection::btree_map("[A-C]", "[0-1]", 0..3);
    let actions = prop::collection::btree_set("[a-c]\\.x", 0..3);
    (dirs, env, actions).prop_map(|(asked, env, actions)| {
        let mut dirs: Vec<DirGrant> = Vec::new();
        for (host, rights) in asked {
            let new = dir(&host, rights);
            if dirs
                .iter()
                .all(|other| !paths::touches(&other.host, &new.host))
            {
                dirs.push(new);
            }
        }
        Grants { dirs, env, actions }
    })
}

/// The rights that a set gives on one path.
fn rights_on(grants: &Grants, path: &str) -> Option<Rights> {
    grants
        .dirs
        .iter()
        .find(|dir| Path::new(path).starts_with(&dir.host))
        .map(|dir| dir.rights)
}

proptest! {
    #[test]
    fn a_narrowed_grant_never_exceeds_either_layer(outer in any_grants(), inner in any_grants()) {
        let Ok(both) = outer.narrowed_by(&inner) else { return Ok(()) };
        for a in ["a", "b", "c"] {
            for b in ["a", "b", "c"] {
                for path in [format!("/{a}"), format!("/{a}/{b}"), format!("/{a}/{b}/{a}"), format!("/{a}/{b}/c/d")] {
                    let got = rights_on(&both, &path);
                    prop_assert!(got <= rights_on(&outer, &path), "{path}: {both:?}");
                    prop_assert!(got <= rights_on(&inner, &path), "{path}: {both:?}");
                    // Nothing that both grant is lost.
                    prop_assert_eq!(got, rights_on(&outer, &path).min(rights_on(&inner, &path)));
                }
            }
        }
        for (name, value) in &both.env {
            prop_assert_eq!(outer.env.get(name), Some(value));
            prop_assert_eq!(inner.env.get(name), Some(value));
        }
        let shared: BTreeSet<String> = outer.actions.intersection(&inner.actions).cloned().collect();
        prop_assert_eq!(&both.actions, &shared);
        // Where nothing is refused, leaving out what only one grants is the same.
        prop_assert_eq!(&outer.shared_with(&inner), &both);
        // The result keeps the law of the builder: no two directories overlap.
        for (i, one) in both.dirs.iter().enumerate() {
            for other in both.dirs.iter().skip(i + 1) {
                prop_assert!(!paths::touches(&one.host, &other.host));
            }
        }
    }

    #[test]
    fn a_refusal_names_everything_asked_for_in_vain(outer in any_grants(), inner in any_grants()) {
        let Err(denials) = outer.narrowed_by(&inner) else { return Ok(()) };
        let in_vain = inner.dirs.iter().filter(|asked| outer.dirs.iter().all(|dir| dir.shared_with(asked).is_none())).count()
            + inner.env.iter().filter(|(name, value)| outer.env.get(*name) != Some(value)).count()
            + inner.actions.difference(&outer.actions).count();
        prop_assert_eq!(denials.len(), in_vain);
        prop_assert!(denials.iter().all(|denial| !denial.hint.is_empty()));
    }

    /// What an action is given when another one calls it exceeds neither layer, and nothing that both grant is refused.
    #[test]
    fn what_is_shared_exceeds_neither(outer in any_grants(), inner in any_grants()) {
        let both = outer.shared_with(&inner);
        for path in ["/a", "/a/b", "/b/c/a", "/c/c/c/c"] {
            let got = rights_on(&both, path);
            prop_assert_eq!(got, rights_on(&outer, path).min(rights_on(&inner, path)), "{}", path);
        }
        prop_assert!(outer.narrowed_by(&both).is_ok_and(|again| again == both));
        let keep = Keep {
            dirs: [("/a".to_owned(), Rights::ReadOnly)].into(),
            env: ["A".to_owned()].into(),
            actions: ["a.x".to_owned()].into(),
        };
        let kept = both.clone().kept(&keep);
        prop_assert!(kept.dirs.iter().all(|dir| dir.guest == "/a" && dir.rights == Rights::ReadOnly));
        prop_assert!(kept.env.keys().all(|name| name == "A") && kept.actions.iter().all(|name| name == "a.x"));
        prop_assert!(both.narrowed_by(&kept).is_ok());
    }
}

#[test]
fn overlapping_directories_and_twice_used_names_are_refused() {
    let build = |dirs: &[(&str, &str)]| {
        let builder = dirs
            .iter()
            .fold(Grants::builder(), |builder, (host, guest)| {
                builder.dir(*host, *guest, Rights::ReadOnly)
            });
        builder.build().map_err(|fault| fault.to_string())
    };
    assert!(
        build(&[("/usr", "/a"), ("/usr/share", "/b")])
            .unwrap_err()
            .contains("one is inside the other")
    );
    assert!(
        build(&[("/usr", "/a"), ("/usr/./", "/b")])
            .unwrap_err()
            .contains("one is inside the other")
    );
    assert!(
        build(&[("/usr", "/a"), ("/etc", "/a/")])
            .unwrap_err()
            .contains("would both be `/a`")
    );
    assert!(build(&[("/usr", "/a"), ("/etc", "/b")]).is_ok());
    assert!(
        build(&[("/no/such/place", "/a")])
            .unwrap_err()
            .contains("cannot grant `/no/such/place`")
    );
    assert!(
        build(&[("/etc/hostname", "/a")])
            .unwrap_err()
            .contains("not a directory")
    );
}

/// Each layer gives its own names, and a name may not come to mean two directories.
#[test]
fn names_of_two_layers_do_not_meet() {
    let grants = |dirs: &[(&str, &str)]| Grants {
        dirs: dirs
            .iter()
            .map(|(host, guest)| DirGrant {
                guest: (*guest).to_owned(),
                ..dir(host, Rights::ReadOnly)
            })
            .collect(),
        ..Grants::none()
    };
    let outer = grants(&[("/a/b", "n"), ("/c", "c")]);
    let inner = grants(&[("/a", "m"), ("/c", "n")]);
    let denials = outer.narrowed_by(&inner).unwrap_err();
    let [only] = denials.as_slice() else {
        panic!("{denials:?}")
    };
    assert!(only.reason.contains("called `n` as well"), "{only:?}");
    let other = grants(&[("/a", "m"), ("/c", "o")]);
    let both = outer.narrowed_by(&other).unwrap();
    let names: Vec<&str> = both.dirs.iter().map(|dir| dir.guest.as_str()).collect();
    assert_eq!(names, ["n", "o"]);
}

#[test]
fn malformed_variables_are_refused() {
    for (name, value) in [("", "x"), ("A=B", "x"), ("A\0", "x"), ("A", "\0")] {
        assert!(
            Grants::builder().env(name, value).build().is_err(),
            "{name:?}"
        );
    }
    let twice = Grants::builder()
        .env("A", "1")
        .env("A", "2")
        .build()
        .unwrap_err();
    assert_eq!(
        twice.to_string(),
        "the environment variable `A` is set twice"
    );
}
