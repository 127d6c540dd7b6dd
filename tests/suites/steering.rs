//! Plans that use configured capabilities, and workflows that are steered from the command line.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use engine_tests::{engine_binary, guest, repository};

use super::registry::Place;

const PLAN: &str = r#"version = 1
goal = "count the words of a file"

[[steps]]
id = "read"
capability = "fs.read.v1"
args = { path = "docs/a.txt" }

[[steps]]
id = "count"
capability = "text"
function = "count-words"
args = { text = "${steps.read.output.content.value}" }
"#;

const CHECK: [&str; 7] = [
    "plan",
    "check",
    "plan.toml",
    "--component",
    "text.wasm",
    "--config",
    "engine.toml",
];

/// A place with the capabilities of `fs` configured, and a plan that uses one of them.
fn place() -> Place {
    let place = Place::new();
    for name in ["fs", "text"] {
        place.write(&format!("{name}.wasm"), guest(name).as_bytes());
    }
    std::fs::create_dir_all(place.path().join("docs/inner")).unwrap();
    std::fs::create_dir(place.path().join("other")).unwrap();
    place.write("docs/a.txt", "to be or not to be\n");
    place.write("plan.toml", PLAN);
    place.write("engine.toml", "[grants]\ndirs = [\"docs\"]\n");
    place.works(&["add", "fs.wasm", "--config", "engine.toml"]);
    place
}

fn edited(place: &Place, from: &str, to: &str) {
    let file = place.path().join("engine.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(text.contains(from), "{text}");
    std::fs::write(file, text.replacen(from, to, 1)).unwrap();
}

/// A configured capability is found by its name, and its labels go with what it returns.
#[test]
fn a_plan_uses_configured_capabilities_with_their_labels() {
    let place = place();
    let table = place.works(&CHECK);
    assert!(table.contains("read   fs.read.v1 "), "{table}");
    assert!(!table.contains("secret"), "{table}");
    edited(
        &place,
        "[capabilities.\"fs.read.v1\"]\n",
        "[capabilities.\"fs.read.v1\"]\nlabels = [\"secret\"]\n",
    );
    let table = place.works(&CHECK);
    let count = table.lines().find(|line| line.starts_with("count"));
    assert!(
        count.is_some_and(|line| line.contains(" secret ")),
        "{table}"
    );
    place.write(
        "keep.cedar",
        "@id(\"keep\") forbid (principal, action, resource) when { context.labels.contains(\"secret\") };",
    );
    let run = [
        "run",
        "plan.toml",
        "--component",
        "text.wasm",
        "--config",
        "engine.toml",
    ];
    place.works(&run);
    // What the labels mean is for policies to say, before and while it runs.
    let denied = [&run[..], &["--policy", "keep.cedar"]].concat();
    let told = place.fails(&denied, 7, "E-DENIED-POLICY");
    assert!(told.contains("count: denied"), "{told}");
}

/// What nobody has looked at, or is another component now, is not run under its name.
#[test]
fn a_plan_uses_only_what_is_locked() {
    let place = place();
    place.write("fs.wasm", guest("text").as_bytes());
    let told = place.fails(&CHECK, 6, "E-DENIED-DIGEST");
    assert!(told.contains("plan.toml:6:14"), "{told}");
    std::fs::remove_file(place.path().join("engine.lock")).unwrap();
    let told = place.fails(&CHECK, 2, "E-INVALID-CONFIG");
    assert!(told.contains("`fs.read.v1` is not locked"), "{told}");
}

/// Grants and limits of the command line narrow those of the configuration, and never widen them.
#[test]
fn the_command_line_narrows_the_configuration() {
    let place = place();
    let with = |more: &[&'static str]| [&CHECK[..], more].concat();
    place.fails(&with(&["--dir", "other"]), 6, "E-DENIED-GRANT");
    place.works(&with(&["--dir", "docs"]));
    let told = place.works(&with(&["--fuel", "1000000", "--timeout", "2s"]));
    assert!(told.contains("fuel 1000000, 2.0 s"), "{told}");
    // What is outside of the narrower grant cannot be read any more.
    let run = [
        "run",
        "plan.toml",
        "--component",
        "text.wasm",
        "--config",
        "engine.toml",
    ];
    let narrow = [&run[..], &["--dir", "docs/inner"]].concat();
    let (exit, told) = place.told(&narrow);
    assert_eq!(exit, 7, "{told}");
    assert!(told.contains("read: error"), "{told}");
}

/// Ids and tokens may be cut, but not to what could be anything.
#[test]
fn a_workflow_is_named_by_the_start_of_its_id() {
    let place = place();
    let run = [
        "run",
        "plan.toml",
        "--component",
        "text.wasm",
        "--config",
        "engine.toml",
    ];
    place.works(&run);
    place.works(&run);
    let list = place.works(&["workflow", "ls"]);
    let ids: Vec<&str> = list.lines().filter_map(|line| line.get(..36)).collect();
    let [newest, oldest] = ids.as_slice() else {
        unreachable!("{list}")
    };
    assert!(newest > oldest, "the newest comes first: {list}");
    let show = |id: &str| place.works(&["workflow", "show", id]);
    assert_eq!(show(newest), show(&newest[..18]));
    assert!(show(oldest).contains(&format!("completed {oldest}: 2 calls")));
    // Two that began within the same hours begin alike; at the turn of one they do not.
    if newest[..6] == oldest[..6] {
        let told = place.fails(&["workflow", "show", &newest[..6]], 2, "E-USAGE");
        assert!(told.contains("more than one workflow"), "{told}");
    }
    let told = place.fails(&["workflow", "show", &newest[..5]], 2, "E-USAGE");
    assert!(told.contains("too short"), "{told}");
    for act in ["pause", "resume", "stop"] {
        place.fails(&["workflow", act, newest], 2, "E-WORKFLOW-STATE");
    }
}

/// The example is killed while it waits for a person, and goes on: everything is written once.
#[test]
fn the_example_survives_a_kill() {
    let place = place();
    std::fs::create_dir(place.path().join("out")).unwrap();
    let policy = repository().join("examples/report/policy.cedar");
    let docs = format!("{}::docs", repository().join("docs").display());
    let policy = policy.display().to_string();
    let options = [
        "--component",
        "fs.wasm",
        "--component",
        "text.wasm",
        "--dir",
        &docs,
        "--dir",
        "out:rw",
        "--policy",
        &policy,
    ];
    let plan = repository().join("examples/report/plan.toml");
    let mut driver = Command::new(engine_binary())
        .arg("run")
        .arg(plan)
        .args(options)
        .current_dir(place.path())
        .env("ENGINE_HOME", place.path().join("home"))
        .env_remove("ENGINE_CONFIG")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let until = Instant::now() + Duration::from_secs(60);
    let question = loop {
        if let Some(question) = place.works(&["approvals", "ls"]).get(..12) {
            break question.to_owned();
        }
        assert!(Instant::now() < until, "nobody is asked");
        std::thread::sleep(Duration::from_millis(100));
    };
    // The question is an input of the workflow before long.
    let asks = |shown: &str| shown.contains("publish  asking");
    let id = place.works(&["workflow", "ls"])[..36].to_owned();
    while !asks(&place.works(&["workflow", "show", &id])) {
        assert!(Instant::now() < until, "the step does not wait");
    }
    driver.kill().unwrap();
    driver.wait().unwrap();
    let written = |name: &str| std::fs::read_to_string(place.path().join("out").join(name));
    let report = written("report.md").unwrap();
    assert!(
        written("published.md").is_err(),
        "published without approval"
    );
    place.works(&["approvals", "approve", &question]);
    let resume = [&["workflow", "resume", id.as_str()], &options[..]].concat();
    let summary = place.works(&resume);
    assert!(summary.contains(&format!("completed {id}: ")), "{summary}");
    assert!(summary.contains("peek     failed"), "{summary}");
    assert_eq!(written("report.md").unwrap(), report);
    assert_eq!(written("published.md").unwrap(), report);
    assert_eq!(report.lines().count(), 5, "{report}");
}

const NAPS: &str = r#"version = 1
goal = "sleep twice"

[[steps]]
id = "first"
capability = "steps"
function = "nap"
args = { ms = 3000 }

[[steps]]
id = "second"
capability = "steps"
function = "nap"
args = { ms = 300 }
depends_on = ["first"]
"#;

/// A driver in another process, which ends with the test.
struct Driver(std::process::Child);

impl Driver {
    fn of_naps(place: &Place) -> (Self, String) {
        let child = Command::new(engine_binary())
            .args(["run", "naps.toml", "--component", "steps.wasm"])
            .current_dir(place.path())
            .env("ENGINE_HOME", place.path().join("home"))
            .env_remove("ENGINE_CONFIG")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let driver = Self(child);
        let until = Instant::now() + Duration::from_secs(60);
        loop {
            // At first there is no journal yet, or an empty one.
            let known = String::from_utf8(place.run(&["workflow", "ls"]).stdout).unwrap();
            let running = known.lines().find(|line| line.contains("executing"));
            if let Some(id) = running.and_then(|line| line.get(..36)) {
                return (driver, id.to_owned());
            }
            assert!(Instant::now() < until, "{known}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// How it ended, and what it said.
    fn ended(mut self) -> (Option<i32>, String) {
        let mut said = String::new();
        std::io::Read::read_to_string(self.0.stdout.as_mut().unwrap(), &mut said).unwrap();
        (self.0.wait().unwrap().code(), said)
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// Rows 41 and 42: a workflow of another process is paused, answered once, and stopped.
#[test]
fn a_workflow_of_another_process_is_steered() {
    let place = Place::new();
    place.write("steps.wasm", guest("steps").as_bytes());
    place.write("naps.toml", NAPS);
    let (driver, id) = Driver::of_naps(&place);
    place.works(&["workflow", "pause", &id]);
    let show = || -> serde_json::Value {
        let shown = place.works(&["workflow", "show", &id, "--output", "json"]);
        serde_json::from_str(&shown).unwrap()
    };
    let until = Instant::now() + Duration::from_secs(60);
    let paused = loop {
        let shown = show();
        if shown["state"] == "paused" && shown["steps"][0]["status"] == "completed" {
            break shown;
        }
        assert!(Instant::now() < until, "{shown}");
        std::thread::sleep(Duration::from_millis(50));
    };
    std::thread::sleep(Duration::from_millis(400));
    assert_eq!(
        show()["steps"][1]["status"],
        "ready",
        "nothing begins in a pause"
    );
    let token = paused["questions"][0]["token"].as_str().unwrap();
    let answer = |token: &str, answer: &str| {
        [["workflow", "answer", &id].as_slice(), &[token, answer]]
            .concat()
            .into_iter()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let told = |line: Vec<String>| {
        let line: Vec<&str> = line.iter().map(String::as_str).collect();
        place.told(&line)
    };
    let (exit, said) = told(answer(token, r#"{"action":"dance"}"#));
    assert_eq!(exit, 2, "{said}");
    let wrong = "0".repeat(64);
    let (exit, said) = told(answer(&wrong, r#"{"action":"continue"}"#));
    assert_eq!(exit, 2, "{said}");
    let (exit, said) = told(answer(token, r#"{"action":"continue"}"#));
    assert_eq!(exit, 0, "{said}");
    let (exit, said) = told(answer(token, r#"{"action":"continue"}"#));
    assert_eq!(exit, 2, "a second answer: {said}");
    let (exit, said) = driver.ended();
    assert_eq!(exit, Some(0), "{said}");
    assert!(said.contains(&format!("completed {id}: 2 calls")), "{said}");

    let (driver, id) = Driver::of_naps(&place);
    place.works(&["workflow", "stop", &id]);
    let (exit, said) = driver.ended();
    assert_ne!(exit, Some(0), "{said}");
    assert!(said.contains(&format!("cancelled {id}: ")), "{said}");
}

/// What a stopped workflow asked waits for nobody any more.
#[test]
fn questions_end_with_their_workflow() {
    let place = Place::new();
    place.write("steps.wasm", guest("steps").as_bytes());
    place.write(
        "naps.toml",
        NAPS.replace("ms = 3000 }", "ms = 1 }\napproval = \"\""),
    );
    let (driver, id) = Driver::of_naps(&place);
    let until = Instant::now() + Duration::from_secs(60);
    let question = loop {
        let asked = place.works(&["approvals", "ls"]);
        if asked.contains(&id) {
            break asked[..12].to_owned();
        }
        assert!(Instant::now() < until, "nobody is asked");
        std::thread::sleep(Duration::from_millis(50));
    };
    assert!(
        place
            .works(&["approvals", "show", &question])
            .ends_with("waits for an answer\n")
    );
    place.works(&["workflow", "stop", &id]);
    driver.ended();
    assert_eq!(place.works(&["approvals", "ls"]), "");
    let shown = place.works(&["approvals", "show", &question]);
    assert!(
        shown.ends_with("the workflow that asked has ended\n"),
        "{shown}"
    );
}

/// The JSON Schema of plans fits the plan that newcomers run.
#[test]
fn the_example_fits_the_schema_of_plans() {
    let schema = Place::new().works(&["plan", "schema"]);
    let schema: serde_json::Value = serde_json::from_str(&schema).unwrap();
    let plan = repository().join("examples/report/plan.toml");
    let plan: toml::Value = toml::from_str(&std::fs::read_to_string(plan).unwrap()).unwrap();
    let mut plan = serde_json::to_value(plan).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    assert!(validator.is_valid(&plan));
    plan["steps"][0]["capabilty"] = "fs".into();
    assert!(!validator.is_valid(&plan));
}
