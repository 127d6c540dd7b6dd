use engine::Rights;
use engine::data::{Digest, Grant, Principal};

use super::*;

fn lesson(action: &str) -> Lesson {
    Lesson {
        principal: Principal::new("ann"),
        action: action.to_owned(),
        digest: Digest::of(b"sample"),
        labels: [].into(),
        approvers: String::new(),
        asked_by: vec!["paranoid.ask".to_owned()],
        allow: true,
        by: Principal::new("bob"),
        grants: vec![Grant::Dir {
            host: "/srv/out".into(),
            guest: "out".to_owned(),
            rights: Rights::ReadWrite,
        }],
    }
}

/// However many answer at once, no answer is lost; what is written is read, and its operator's alone.
#[test]
fn no_answer_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let config = dir.path().join("engine.toml");
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let config = &config;
            scope.spawn(move || {
                for number in 0..8 {
                    learn(config, lesson(&format!("a.n{thread}-{number}"))).unwrap();
                }
            });
        }
    });
    learn(&config, lesson("a.n0-0")).unwrap();
    let mut lessons = load(&config).unwrap();
    assert_eq!(lessons.len(), 64);
    lessons.sort_by(|one, other| one.action.cmp(&other.action));
    assert_eq!(lessons[0], lesson("a.n0-0"));
    for file in [place(&config), lock_place(&config)] {
        let mode = file.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", file.display());
    }
}
