//! `engine test`: the cases of the shipped capabilities, and what it says of those that fail.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use engine_tests::{engine_binary, guest, repository};
use serde_json::Value;

/// A project with a component and files of cases.
struct Project {
    dir: tempfile::TempDir,
}

impl Project {
    /// With this guest as its component, and these cases in `tests/some.toml`.
    fn new(component: &str, cases: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let project = Self { dir };
        std::fs::create_dir_all(project.at("target")).unwrap();
        std::fs::create_dir_all(project.at("tests")).unwrap();
        std::fs::write(
            project.at("target").join(format!("{component}.wasm")),
            guest(component).as_bytes(),
        )
        .unwrap();
        project.write("tests/some.toml", cases);
        project
    }

    fn at(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.at(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.at(path)).unwrap()
    }

    fn test(&self, args: &[&str]) -> Ran {
        engine_test(self.dir.path(), args)
    }
}

/// What came of `engine test`.
#[derive(Debug)]
struct Ran {
    exit: i32,
    stdout: String,
    stderr: String,
}

impl Ran {
    /// Standard output without times.
    fn lines(&self) -> Vec<String> {
        let time = regex::Regex::new(r"[0-9]+\.[0-9] ms").unwrap();
        self.stdout
            .lines()
            .map(|line| time.replace_all(line, "N ms").into_owned())
            .collect()
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap()
    }
}

fn engine_test(dir: &Path, args: &[&str]) -> Ran {
    let home = tempfile::tempdir().unwrap();
    let Output {
        status,
        stdout,
        stderr,
    } = Command::new(engine_binary())
        .arg("test")
        .args(args)
        .current_dir(dir)
        .env("ENGINE_HOME", home.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    Ran {
        exit: status.code().unwrap(),
        stdout: String::from_utf8(stdout).unwrap(),
        stderr: String::from_utf8(stderr).unwrap(),
    }
}

fn case(name: &str, rest: &str) -> String {
    format!("[[case]]\nname = \"{name}\"\n{rest}\n")
}

/// Every member of `capabilities` has cases, and they pass on the component that the tests built.
#[test]
fn the_cases_of_every_shipped_capability_pass() {
    let manifest = std::fs::read_to_string(repository().join("capabilities/Cargo.toml")).unwrap();
    let manifest: toml::Table = manifest.parse().unwrap();
    let members: Vec<&str> = manifest["workspace"]["members"]
        .as_array()
        .unwrap()
        .iter()
        .map(|member| member.as_str().unwrap())
        .collect();
    assert!(members.len() >= 2, "{members:?}");
    let components = tempfile::tempdir().unwrap();
    for member in members {
        let dir = repository().join("capabilities").join(member);
        let component = components.path().join(format!("{member}.wasm"));
        let built = guest(&member.replace('-', "_"));
        std::fs::write(&component, built.as_bytes()).unwrap();
        let component = component.to_str().unwrap();
        let args = [".", "--component", component];
        let ran = engine_test(&dir, &[&args[..], &["--output", "json"]].concat());
        if ran.exit != 0 {
            // For people: what differs, as lines.
            panic!("{member}: {:?}", engine_test(&dir, &args));
        }
        let told = ran.json();
        assert!(told["passed"].as_u64().unwrap() >= 5, "{member}: {told}");
        assert_eq!(told["snapshots"], serde_json::json!([]), "{member}: unused");
        let from_files = told["cases"].as_array().unwrap().iter();
        assert!(from_files.filter(|case| !case["file"].is_null()).count() >= 5);
    }
}

/// A line for each case, and the manifest's examples are cases too.
#[test]
fn each_case_is_a_line() {
    let cases = case(
        "counts",
        "call = \"count-words\"\nargs = [\"a\"]\nvalue = [{ count = 1, word = \"a\" }]",
    );
    let project = Project::new("text", &cases);
    let ran = project.test(&[]);
    assert_eq!(ran.exit, 0, "{ran:?}");
    let lines = ran.lines();
    assert_eq!(lines[0], "ok      some/counts  N ms");
    assert!(
        lines
            .iter()
            .any(|line| line == "ok      example/count-words 1  N ms"),
        "{lines:?}"
    );
    let last = lines.last().unwrap();
    assert!(last.ends_with("passed, 0 failed, in N ms"), "{lines:?}");
    assert_eq!(ran.stderr, "");
    // From elsewhere, by the directory and by the file.
    let dir = project.dir.path().to_str().unwrap();
    assert_eq!(engine_test(Path::new("/"), &[dir]).exit, 0);
    let file = project.at("tests/some.toml");
    assert_eq!(
        engine_test(Path::new("/"), &[file.to_str().unwrap()]).exit,
        0
    );
}

/// Each way to fail is told with what was expected and what was found.
#[test]
fn whoever_fails_learns_why() {
    let call = "call = \"count-words\"\nargs = [\"to be to\"]\n";
    for (rest, wanted) in [
        (
            format!("{call}value = [{{ word = \"to\", count = 1 }}, {{ word = \"be\", count = 1 }}]"),
            "    value: `-` is expected, `+` was found\n\
             \u{20}       [\n\
             \u{20}         {\n\
             \u{20}     -     \"count\": 1,\n\
             \u{20}     +     \"count\": 2,\n\
             \u{20}           \"word\": \"to\"\n\
             \u{20}         },",
        ),
        (
            format!("{call}value-none = true"),
            "    outcome: `-` is expected, `+` was found\n\
             \u{20}     - success, without a value",
        ),
        (
            format!("{call}error = \"E-TRAP\""),
            "    outcome: `-` is expected, `+` was found\n\
             \u{20}     - E-TRAP\n",
        ),
        (
            format!("{call}fuel = 10\nvalue = 1"),
            "    outcome\n      expected  1\n      found     E-LIMIT-FUEL: the guest spent its fuel of 10",
        ),
        (
            format!("{call}fuel = 10\nerror = \"E-LIMIT-TIME\""),
            "    error\n      expected  E-LIMIT-TIME\n      found     E-LIMIT-FUEL: the guest spent its fuel of 10",
        ),
        (
            "call = \"search\"\nargs = [\"\", \"(\"]\nerror = \"E-GUEST-ERROR\"\nmessage = \"brackets\"".to_owned(),
            "    message\n      expected  … brackets …\n      found     E-GUEST-ERROR: the guest returned an error",
        ),
        (
            "call = \"search\"\nargs = [\"\", \"(\"]\nerror = \"E-GUEST-ERROR\"\nvalue = \"no\"".to_owned(),
            "    value\n      expected  \"no\"\n      found     \"",
        ),
        (
            format!("{call}events = [\"call_started\", \"logged\"]"),
            "    events\n      expected  call_started, logged\n      found     run_started, component_loaded,",
        ),
        (
            format!("{call}events = [\"call_completed\", \"call_started\"]"),
            "    events\n      expected  call_completed, call_started\n",
        ),
        (
            format!("{call}snapshot = true"),
            "    hint: if it is right, take it: `engine test . --bless`",
        ),
        (
            "call = \"count-wrods\"\nvalue = 1".to_owned(),
            "      found     E-INVALID-FUNCTION: ",
        ),
    ] {
        let project = Project::new("text", &case("fails", &rest));
        let ran = project.test(&["--filter", "some/"]);
        assert_eq!(ran.exit, 1, "{ran:?}");
        let text = ran.lines().join("\n");
        assert!(
            text.starts_with("FAILED  some/fails  N ms\n    ./tests/some.toml:1, `"),
            "{text}"
        );
        assert!(text.contains(wanted), "--- wanted\n{wanted}\n--- found\n{text}");
        assert!(text.contains("0 passed, 1 failed, "), "{text}");
    }
}

/// A case has exactly the directories that it names, and changes none of them.
#[test]
fn a_case_is_given_what_it_names_and_changes_nothing() {
    let write = |name: &str, dirs: &str, expects: &str| {
        let rest = format!(
            "call = \"write\"\n\
             args = {{ path = \"out/a.txt\", content = {{ tag = \"text\", value = \"new\" }}, mode = \"append\" }}\n\
             {dirs}\n{expects}"
        );
        case(name, &rest)
    };
    let read = |name: &str, value: &str| {
        let rest = format!(
            "call = \"read\"\nargs = {{ path = \"out/a.txt\" }}\ndirs = [\"data::out\"]\n\
             value-json = '{{\"content\": {{\"tag\": \"text\", \"value\": \"{value}\"}}, \"size\": 3, \"next\": null}}'"
        );
        case(name, &rest)
    };
    let cases = [
        write("one", "dirs = [\"data::out:rw\"]", "value = 3"),
        read("after one", "old"),
        write("fresh", "dirs = [\"nothing/there::out:rw\"]", "value = 3"),
        write("none", "", "error = \"E-DENIED-POLICY\""),
        write(
            "read-only",
            "dirs = [\"data::out\"]",
            "error = \"E-DENIED-POLICY\"",
        ),
    ];
    let project = Project::new("fs", &cases.concat());
    project.write("tests/data/a.txt", "old");
    let ran = project.test(&[]);
    assert_eq!(ran.exit, 0, "{}", ran.stdout);
    assert!(
        ran.stdout.contains("examples need grants and were not run"),
        "{}",
        ran.stdout
    );
    assert_eq!(project.read("tests/data/a.txt"), "old");
    assert!(!project.at("tests/nothing").exists());
    // Refusals are told where a case fails over them.
    project.write("tests/some.toml", &write("none", "", "value = 3"));
    let ran = project.test(&[]);
    assert_eq!(ran.exit, 1);
    assert!(
        ran.stdout.contains("refused: the action `fs.write`"),
        "{}",
        ran.stdout
    );
}

/// Snapshots are made, compared, changed and removed, and only `--bless` does it.
#[test]
fn snapshots_are_taken_when_somebody_says_so() {
    let words = |text: &str| {
        case(
            "words of a text",
            &format!("call = \"count-words\"\nargs = [\"{text}\"]\nsnapshot = true"),
        )
    };
    let project = Project::new("text", &words("a b a"));
    let place = "tests/snapshots/some/words of a text.json";

    let ran = project.test(&[]);
    assert_eq!(ran.exit, 1, "{ran:?}");
    assert!(ran.stdout.contains("(there is no `"), "{}", ran.stdout);
    assert!(!project.at("tests/snapshots").exists());

    let ran = project.test(&["--bless"]);
    assert_eq!(ran.exit, 0, "{ran:?}");
    assert!(
        ran.stdout.contains(&format!("new snapshot: ./{place}")),
        "{}",
        ran.stdout
    );
    let first = project.read(place);
    let value: Value = serde_json::from_str(&first).unwrap();
    assert_eq!(value[0], serde_json::json!({"word": "a", "count": 2}));
    assert!(
        first.ends_with("]\n") && first.lines().count() > 5,
        "{first}"
    );
    // What is the same is left alone.
    let ran = project.test(&["--bless"]);
    assert_eq!(
        (ran.exit, ran.stdout.contains("snapshot")),
        (0, false),
        "{ran:?}"
    );
    assert_eq!(project.test(&[]).exit, 0);

    project.write("tests/some.toml", &words("a b b"));
    let ran = project.test(&[]);
    assert_eq!(ran.exit, 1, "{ran:?}");
    assert!(
        ran.stdout.contains("    snapshot: `-` is expected"),
        "{}",
        ran.stdout
    );
    assert_eq!(project.read(place), first);
    let ran = project.test(&["--bless"]);
    assert!(ran.stdout.contains("changed snapshot: "), "{}", ran.stdout);
    assert_ne!(project.read(place), first);

    let other = case(
        "another",
        "call = \"count-words\"\nargs = [\"\"]\nvalue = []",
    );
    project.write("tests/some.toml", &other);
    let ran = project.test(&[]);
    assert_eq!(ran.exit, 0, "{ran:?}");
    assert!(ran.stdout.contains("unused snapshot: "), "{}", ran.stdout);
    // Cases that were not looked at may have snapshots.
    project.test(&["--bless", "--filter", "another"]);
    project.test(&["--bless", "tests/some.toml"]);
    assert!(project.at(place).exists());
    let ran = project.test(&["--bless"]);
    assert!(ran.stdout.contains("removed snapshot: "), "{}", ran.stdout);
    assert!(!project.at(place).exists());
}

/// A case that fails has nothing to take.
#[test]
fn a_failure_is_no_snapshot() {
    let rest = "call = \"search\"\nargs = [\"\", \"(\"]\nsnapshot = true";
    let project = Project::new("text", &case("fails", rest));
    let ran = project.test(&["--bless"]);
    assert_eq!(ran.exit, 1, "{ran:?}");
    assert!(ran.stdout.contains("E-GUEST-ERROR"), "{}", ran.stdout);
    assert!(!project.at("tests/snapshots").exists());
    project.write("tests/snapshots/some/fails.json", "{");
    project.write(
        "tests/some.toml",
        &case(
            "fails",
            "call = \"search\"\nargs = [\"\", \"a\"]\nsnapshot = true",
        ),
    );
    let ran = project.test(&[]);
    assert_eq!(ran.exit, 2, "{ran:?}");
    assert!(ran.stderr.contains("is not JSON"), "{}", ran.stderr);
    assert_eq!(project.test(&["--bless"]).exit, 0);
    assert_eq!(project.read("tests/snapshots/some/fails.json"), "[]\n");
}

/// Nothing runs if a file is wrong; every mistake has its line.
#[test]
fn wrong_files_are_told_with_their_lines() {
    let project = Project::new(
        "text",
        "[[case]]\nname = \"a\"\ncall = \"f\"\nvalue = 1\nfule = 3\n",
    );
    project.write("tests/other.toml", "[[case]]\nname = 1\n");
    project.write("tests/broken.toml", "[[case\n");
    let ran = project.test(&[]);
    assert_eq!((ran.exit, ran.stdout.as_str()), (2, ""), "{ran:?}");
    for wanted in [
        "--> ./tests/broken.toml:1:",
        "--> ./tests/other.toml:2:8",
        "--> ./tests/some.toml:5:1",
        "unknown key `fule` [E-INVALID-CONFIG]",
        "hint: did you mean `fuel`?",
        "error: 3 mistakes in files of cases; nothing was run [E-INVALID-CONFIG]",
    ] {
        assert!(ran.stderr.contains(wanted), "{wanted}\n{}", ran.stderr);
    }
    let ran = project.test(&["--output", "json"]);
    let told = ran.json();
    assert_eq!(ran.exit, 2);
    assert_eq!(told["status"], "invalid");
    assert_eq!(told["error"]["code"], "E-INVALID-CONFIG");
    assert_eq!(told["problems"].as_array().unwrap().len(), 3);
    assert_eq!(told["problems"][2]["line"], 5);
}

/// What is missing is told with what to do.
#[test]
fn a_test_of_nothing_is_a_mistake() {
    let good = case(
        "counts",
        "call = \"count-words\"\nargs = [\"\"]\nvalue = []",
    );
    let project = Project::new("text", &good);
    let told = |args: &[&str], wanted: &str| {
        let ran = project.test(args);
        assert_eq!(ran.exit, 2, "{ran:?}");
        assert!(ran.stderr.contains(wanted), "{wanted}\n{}", ran.stderr);
        let told = project.test(&[args, &["--output", "json"]].concat()).json();
        assert_eq!(told["status"], "invalid", "{told}");
    };
    told(
        &["nowhere"],
        "there is no project or file of cases `nowhere`",
    );
    told(&["--filter", "nothing of it"], "none of ");
    told(&["tests"], "there is no component in `tests/target`");
    told(&["--component", "nothing.wasm"], "nothing.wasm");
    std::fs::copy(project.at("target/text.wasm"), project.at("target/a.wasm")).unwrap();
    told(
        &[],
        "there are several components in `./target`: `a.wasm`, `text.wasm`",
    );
    assert_eq!(project.test(&["--component", "target/a.wasm"]).exit, 0);
    std::fs::remove_dir_all(project.at("target")).unwrap();
    told(&[], "build it with `engine build .`");
    // A component without examples, in a project without cases.
    let empty = Project::new("values", "");
    let ran = empty.test(&[]);
    assert_eq!(ran.exit, 2, "{ran:?}");
    assert!(
        ran.stderr.contains("there are no cases in `./tests`"),
        "{}",
        ran.stderr
    );
}

/// The document has everything that the lines have.
#[test]
fn the_document_has_every_key() {
    let cases = [
        case("good", "call = \"count-words\"\nargs = [\"\"]\nvalue = []"),
        case("bad", "call = \"count-words\"\nargs = [\"\"]\nvalue = [1]"),
    ];
    let project = Project::new("text", &cases.concat());
    let ran = project.test(&["--output", "json", "--filter", "some/"]);
    assert_eq!(ran.exit, 1);
    let told = ran.json();
    let keys: Vec<&String> = told.as_object().unwrap().keys().collect();
    assert_eq!(
        keys,
        [
            "status",
            "passed",
            "failed",
            "filtered",
            "examples_left",
            "wall_ms",
            "cases",
            "snapshots",
            "error"
        ]
    );
    assert_eq!(
        (&told["status"], &told["passed"], &told["failed"]),
        (&"error".into(), &1.into(), &1.into())
    );
    let bad = &told["cases"][1];
    assert_eq!(bad["name"], "some/bad");
    assert_eq!((&bad["passed"], &bad["line"]), (&false.into(), &6.into()));
    assert_eq!(bad["mismatches"][0]["what"], "value");
    assert_eq!(bad["mismatches"][0]["expected"], "[\n  1\n]");
    assert_eq!(bad["mismatches"][0]["found"], "[]");
    assert!(told["cases"][0]["fuel"].as_u64().unwrap() > 0);
}

/// Cases are deterministic unless they say otherwise, and run within the limits that they name.
#[test]
fn cases_are_deterministic_unless_they_say_otherwise() {
    let stat = |name: &str, more: &str| {
        let rest = format!(
            "call = \"stat\"\nargs = {{ path = \"d/a.txt\" }}\ndirs = [\"data::d\"]\n{more}\n\
             value = {{ name = \"a.txt\", kind = \"file\", size = 1, modified-ms = 1767225600000 }}"
        );
        case(name, &rest)
    };
    let project = Project::new(
        "fs",
        &[stat("fixed", ""), stat("real", "deterministic = false")].concat(),
    );
    project.write("tests/data/a.txt", "a");
    let ran = project.test(&[]);
    assert_eq!(ran.exit, 1, "{ran:?}");
    assert!(ran.stdout.contains("ok      some/fixed"), "{}", ran.stdout);
    assert!(ran.stdout.contains("FAILED  some/real"), "{}", ran.stdout);
}
