#![expect(clippy::disallowed_methods, reason = "tests make files")]

use std::fs;

use super::*;

/// A project with one file of cases, and a directory for them.
struct Written {
    dir: tempfile::TempDir,
}

impl Written {
    fn new(text: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir_all(dir.path().join("tests/data")).unwrap();
        fs::write(dir.path().join("tests/words.toml"), text).unwrap();
        Self { dir }
    }

    fn file(&self) -> CaseFile {
        let root = self.dir.path().canonicalize().unwrap();
        CaseFile::read(&root.join("tests/words.toml"), &root).unwrap()
    }

    fn cases(&self) -> Vec<Case> {
        self.file()
            .cases()
            .unwrap_or_else(|wrong| panic!("{}", told(&wrong).join("\n")))
    }

    /// `LINE: MESSAGE (HINT)` for each mistake.
    fn wrong(&self) -> Vec<String> {
        match self.file().cases() {
            Ok(cases) => panic!("nothing is wrong: {cases:?}"),
            Err(wrong) => told(&wrong),
        }
    }
}

fn told(wrong: &[Placed]) -> Vec<String> {
    wrong
        .iter()
        .map(|placed| {
            let problem = &placed.problem;
            format!("{}: {} ({})", placed.line, problem.message, problem.hint)
        })
        .collect()
}

/// What is wrong with a case that has these lines, besides its name and what it calls.
fn wrong(lines: &str) -> String {
    let text = format!("[[case]]\nname = \"a\"\ncall = \"f\"\n{lines}\n");
    let wrong = Written::new(&text).wrong();
    assert_eq!(wrong.len(), 1, "{wrong:?}");
    wrong[0].clone()
}

#[test]
fn a_case_says_what_is_called_with_what_and_what_comes() {
    let written = Written::new(
        r#"
[[case]]
name = "all of it"
call = "count"
args = { text = "a b", most = 18446744073709551615, deep = [{ x = 1.5 }, true] }
value = [{ word = "a" }]
fuel = 5000
memory = "64MiB"
timeout = "2s"
max-output = "1KiB"
dirs = ["data::/data", "scratch::/out:rw"]
env = ["LANG=en=x"]
events = ["call_started", "call_completed"]
deterministic = false

[[case]]
name = "texts"
call = "count"
args-json = '[18446744073709551616]'
value-json = "null"

[[case]]
name = "nothing"
call = "count"
value-none = true

[[case]]
name = "an error"
call = "count"
error = "E-GUEST-ERROR"
message = "not found"
value = { tag = "not-found" }

[[case]]
name = "a snapshot"
call = "count"
snapshot = true

[[case]]
name = "only events"
call = "count"
events = ["logged"]
"#,
    );
    let cases = written.cases();
    let root = written.dir.path().canonicalize().unwrap();
    let [all, texts, nothing, error, snapshot, events] = cases.as_slice() else {
        panic!("{cases:?}")
    };
    assert_eq!((all.line, all.full_name().as_str()), (2, "words/all of it"));
    assert_eq!(
        all.args.parse::<Value>().unwrap(),
        serde_json::json!({"text": "a b", "most": u64::MAX, "deep": [{"x": 1.5}, true]})
    );
    assert_eq!(
        all.expected,
        Expected::Value(serde_json::json!([{"word": "a"}]))
    );
    let limits = &all.limits;
    assert_eq!(
        [
            limits.fuel().to_string(),
            limits.memory().to_string(),
            limits.wall().to_string(),
            limits.output().to_string()
        ],
        ["5000", "64MiB", "2s", "1KiB"]
    );
    let dir = |name: &str, guest: &str, rights| Dir {
        host: root.join("tests").join(name),
        guest: guest.to_owned(),
        rights,
    };
    assert_eq!(
        all.dirs,
        [
            dir("data", "/data", Rights::ReadOnly),
            dir("scratch", "/out", Rights::ReadWrite)
        ]
    );
    assert_eq!(all.env, [("LANG".to_owned(), "en=x".to_owned())]);
    assert_eq!(all.events, ["call_started", "call_completed"]);
    assert!(!all.deterministic);

    assert_eq!(texts.args.as_str(), "[18446744073709551616]");
    assert_eq!(texts.expected, Expected::Value(Value::Null));
    assert_eq!(texts.limits, Limits::default());
    assert!(texts.deterministic);
    assert_eq!(nothing.args.as_str(), "{}");
    assert_eq!(nothing.expected, Expected::Nothing);
    assert_eq!(
        error.expected,
        Expected::Failure {
            code: Code::GuestError,
            message: Some("not found".to_owned()),
            value: Some(serde_json::json!({"tag": "not-found"})),
        }
    );
    let file = root.join("tests/snapshots/words/a snapshot.json");
    assert_eq!(snapshot.expected, Expected::Snapshot(file));
    assert_eq!(events.expected, Expected::Success);
}

/// All of them at once, each with its line.
#[test]
fn mistakes_have_places_and_hints() {
    let written = Written::new(
        r#"cases = 1
[[case]]
nmae = "a"
call = "f"
value = 1

[[case]]
name = "b"
valeu = 1

[[case]]
name = "c"
value = 1

[[case]]
call = "f"
value = 1

[[case]]
name = "C"
call = "f"
value = 1
"#,
    );
    assert_eq!(
        written.wrong(),
        [
            "1: unknown key `cases` (did you mean `case`?)",
            "3: unknown key `nmae` (did you mean `name`?)",
            "9: unknown key `valeu` (did you mean `value`?)",
            "11: the case has no `call` ()",
            "15: the case has no `name` ()",
            "20: there is a case `c` already (a case's name is its own in its file)",
        ]
    );
    assert_eq!(
        Written::new("[[case]]\nname = \n").wrong().len(),
        1,
        "what is no TOML has its place as well"
    );
    let table = Written::new("[case]\nname = \"a\"\n").wrong();
    assert!(table[0].contains("`[[case]]`"), "{table:?}");
}

#[test]
fn a_case_expects_one_thing() {
    for (lines, wanted) in [
        ("", "1: the case expects nothing (add one of"),
        (
            "value = 1\nsnapshot = true",
            "5: the case expects `snapshot` and `value`",
        ),
        (
            "value = 1\nvalue-none = true",
            "5: the case expects `value-none` and `value`",
        ),
        (
            "value = 1\nvalue-json = '1'",
            "5: the case has `value` and `value-json`",
        ),
        ("snapshot = false", "4: `snapshot = false` says nothing"),
        ("value-json = 'x'", "4: `value-json` is not JSON"),
        (
            "value = 1\nmessage = 'x'",
            "5: `message` belongs to an `error`",
        ),
        (
            "error = 'E-TRAP'\nvalue = 1",
            "5: an error `E-TRAP` carries no value",
        ),
        (
            "error = 'E-TARP'",
            "4: there is no error `E-TARP` (did you mean `E-TRAP`?)",
        ),
        ("error = 'no'", "4: there is no error `no` (`docs/errors`"),
        (
            "events = ['log']",
            "4: there is no kind of event `log` (`engine events schema`",
        ),
        (
            "events = ['loged']",
            "4: there is no kind of event `loged` (did you mean `logged`?)",
        ),
    ] {
        let found = wrong(lines);
        assert!(found.starts_with(wanted), "{lines}\n{found}");
    }
}

#[test]
fn values_have_to_have_a_form_in_json() {
    for (lines, wanted) in [
        ("value = 2026-01-01", "4: JSON has no dates"),
        ("value = [1, nan]", "4: `nan` has no form in JSON"),
        (
            "value = 1\nargs = 'x'",
            "5: `args` is a text, and has to be a table",
        ),
        (
            "value = 1\nargs = {}\nargs-json = '{}'",
            "6: the case has `args` and `args-json`",
        ),
        ("value = 1\nargs-json = '{'", "5: `args-json` is not JSON"),
        (
            "value = 1\nfuel = true",
            "5: `fuel` is `true` or `false`, and has to be a text",
        ),
        ("value = 1\nfuel = '5'\nmemory = '1XB'", "6: `memory`: "),
        (
            "value = 1\nmemory = '1B'",
            "5: a memory limit of 1B is below",
        ),
        (
            "value = 1\ndeterministic = 'no'",
            "5: `deterministic` is a text",
        ),
    ] {
        let found = wrong(lines);
        assert!(found.starts_with(wanted), "{lines}\n{found}");
    }
}

/// A case reaches what is in its project, and depends on nothing else.
#[test]
fn a_case_stays_in_its_project() {
    for (lines, wanted) in [
        ("dirs = ['/etc::/x']", "5: `/etc` is not in the project"),
        ("dirs = ['../..::/x']", "5: `../..` is not in the project"),
        (
            "dirs = ['../../new::/x:rw']",
            "5: `../../new` is not in the project",
        ),
        ("dirs = ['data/../../../x::/x:rw']", "5: "),
        (
            "dirs = ['nowhere::/x']",
            "5: there is no directory `nowhere`",
        ),
        (
            "dirs = ['words.toml::/x']",
            "5: `words.toml` is no directory",
        ),
        ("dirs = ['::']", "5: `dirs`: `::` names no directory"),
        ("env = ['HOME']", "5: `HOME` has no value"),
        ("env = ['=x']", "5: "),
    ] {
        let found = wrong(&format!("value = 1\n{lines}"));
        assert!(found.starts_with(wanted), "{lines}\n{found}");
    }
    let links =
        Written::new("[[case]]\nname = \"a\"\ncall = \"f\"\nvalue = 1\ndirs = [\"out::/x\"]\n");
    std::os::unix::fs::symlink("/etc", links.dir.path().join("tests/out")).unwrap();
    assert!(links.wrong()[0].contains("not in the project"));
}

#[test]
fn a_name_is_the_name_of_a_file() {
    for name in ["", "a/b", "..", ".a", "a.", " a", "a\\nb", "a:b"] {
        let text = format!("[[case]]\nname = \"{name}\"\ncall = \"f\"\nvalue = 1\n");
        let wrong = Written::new(&text).wrong();
        assert!(
            wrong[0].contains("cannot be the name of a case"),
            "{wrong:?}"
        );
    }
    let text = "[[case]]\nname = \"it's (not) a b-c.d, é\"\ncall = \"f\"\nvalue = 1\n";
    assert_eq!(Written::new(text).cases().len(), 1);
}
