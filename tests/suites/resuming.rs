//! What a workflow goes on with after a crash.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use engine_tests::{engine_binary, guest};
use serde_json::json;

use super::registry::Place;

/// An option that is forgotten on `resume` lets nothing more run, and ends nothing: with those that it began with, the
/// workflow goes on.
#[test]
fn a_workflow_goes_on_as_it_was_checked() {
    let place = Place::new();
    place.write("steps.wasm", guest("steps").as_bytes());
    std::fs::create_dir(place.path().join("out")).unwrap();
    place.write(
        "p.cedar",
        "@id(\"no-secrets\") forbid (principal, action == Action::\"steps.append\", resource) \
         when { context.args.path like \"*secret*\" };",
    );
    let plan = json!({
        "version": 1,
        "goal": "wait, and write",
        "steps": [
            { "id": "wait", "capability": "steps", "function": "nap", "args": { "ms": 2_000 } },
            {
                "id": "write", "capability": "steps", "function": "append",
                "args": { "path": "out/a", "line": "once" }, "depends_on": ["wait"],
            },
        ],
    });
    place.write("plan.json", plan.to_string());
    let component = ["--component", "steps.wasm"];
    let dir = ["--dir", "out:rw"];
    let policy = ["--policy", "p.cedar"];

    let mut driver = Command::new(engine_binary())
        .args([&["run", "plan.json"][..], &component, &dir, &policy].concat())
        .current_dir(place.path())
        .env("ENGINE_HOME", place.path().join("home"))
        .env_remove("ENGINE_CONFIG")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let until = Instant::now() + Duration::from_secs(60);
    let id = loop {
        let known = place.works(&["workflow", "ls"]);
        let running = known.lines().find(|line| line.contains("executing"));
        if let Some(id) = running.and_then(|line| line.get(..36)) {
            break id.to_owned();
        }
        assert!(Instant::now() < until, "{known}");
        std::thread::sleep(Duration::from_millis(20));
    };
    driver.kill().unwrap();
    driver.wait().unwrap();

    let resume = ["workflow", "resume", id.as_str()];
    let without_policy = [&resume[..], &component, &dir].concat();
    let told = place.fails(&without_policy, 3, "E-DENIED-STALE");
    assert!(told.contains("--accept-changes"), "{told}");
    let without_dir = [&resume[..], &component, &policy].concat();
    let told = place.fails(&without_dir, 2, "E-WORKFLOW-STATE");
    assert!(told.contains("does not pass its check any more"), "{told}");
    let whole = [&resume[..], &component, &dir, &policy].concat();
    place.works(&whole);
    let written = std::fs::read_to_string(place.path().join("out/a")).unwrap();
    assert_eq!(written, "once\n");
}
