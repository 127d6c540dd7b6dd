//! Compiled code that is kept between runs of the program.

use engine::{Event, EventKind};
use serde_json::Value;

use super::registry::Place;

/// The kinds of the events of a run that are about kept code.
fn told(place: &Place) -> Vec<String> {
    place.works(&[
        "exec",
        "tool.wasm",
        "look",
        r#"{"path":"a"}"#,
        "--events",
        "seen.jsonl",
    ]);
    let seen = std::fs::read_to_string(place.path().join("seen.jsonl")).unwrap();
    let events = seen.lines().map(|line| Event::from_json(line).unwrap());
    events
        .filter(|event| {
            matches!(
                event.kind,
                EventKind::CacheHit { .. } | EventKind::CacheRefused { .. }
            )
        })
        .map(|event| event.kind.name().to_owned())
        .collect()
}

/// The second run finds what the first one compiled; what somebody changed meanwhile is compiled anew, and said.
#[test]
fn a_component_is_compiled_once() {
    let place = Place::new();
    place.sample("tool.wasm", |_| {});
    assert_eq!(told(&place), Vec::<String>::new());
    assert_eq!(told(&place), ["cache_hit"]);
    let listed: Value =
        serde_json::from_str(&place.works(&["cache", "ls", "--output", "json"])).unwrap();
    let entries = listed["entries"].as_array().unwrap();
    assert_eq!(entries.len(), 1, "{listed}");
    let key = entries[0]["key"].as_str().unwrap();
    let file = place.path().join("home/cache").join(format!("{key}.code"));
    let mut code = std::fs::read(&file).unwrap();
    code[1000] ^= 1;
    std::fs::write(&file, code).unwrap();
    assert_eq!(told(&place), ["cache_refused"]);
    assert_eq!(told(&place), ["cache_hit"]);
    place.works(&["cache", "clear"]);
    assert_eq!(told(&place), Vec::<String>::new());
}

/// E17: where others could have put code, nothing runs.
#[test]
fn a_cache_of_others_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = Place::new();
    place.sample("tool.wasm", |_| {});
    told(&place);
    let cache = place.path().join("home/cache");
    std::fs::set_permissions(&cache, std::fs::Permissions::from_mode(0o777)).unwrap();
    let call = ["exec", "tool.wasm", "look", r#"{"path":"a"}"#];
    let said = place.fails(&call, 2, "E-INVALID-CONFIG");
    assert!(
        said.contains("others may read or write it") && said.contains("chmod 700"),
        "{said}"
    );
}
