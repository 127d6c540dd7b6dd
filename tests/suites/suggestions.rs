//! What a denial suggests, done to the letter: the printed text and nothing else, through the real program.

use std::process::Command;

use serde_json::{Value, json};

use super::registry::Place;

/// A denial, and what is there when it happens.
struct Denied {
    /// The words after `exec` or `policy explain`.
    call: Vec<String>,
    bundle: &'static str,
    cedar: String,
    config: String,
    dirs: Vec<&'static str>,
    flags: Vec<String>,
    /// Words for a command.
    words: Vec<String>,
}

fn denied(function: &str, text: &str) -> Denied {
    Denied::new(&["tool.wasm", function, &json!([text]).to_string()])
}

impl Denied {
    fn new(call: &[&str]) -> Self {
        Self {
            call: call.iter().map(|word| (*word).to_owned()).collect(),
            bundle: "strict",
            cedar: String::new(),
            config: String::new(),
            dirs: Vec::new(),
            flags: Vec::new(),
            words: Vec::new(),
        }
    }

    fn bundle(self, bundle: &'static str) -> Self {
        Self { bundle, ..self }
    }

    fn cedar(self, cedar: &str) -> Self {
        Self {
            cedar: cedar.to_owned(),
            ..self
        }
    }

    fn config(self, config: &str) -> Self {
        Self {
            config: config.to_owned(),
            ..self
        }
    }

    /// A directory that is there.
    fn dir(mut self, dir: &'static str) -> Self {
        self.dirs.push(dir);
        self
    }

    fn flags(mut self, flags: &str) -> Self {
        self.flags.extend(flags.split(' ').map(str::to_owned));
        self
    }

    /// Makes what is there.
    fn place(&self) -> Place {
        let place = Place::new();
        place.sample("tool.wasm", |_| {});
        for dir in &self.dirs {
            std::fs::create_dir_all(place.path().join(dir)).unwrap();
        }
        place.write("args.wasm", engine_tests::guest("args").as_bytes());
        self.written(&place);
        if self.config.contains("[capabilities.") {
            place.works(&["lock", "--config", "engine.toml"]);
        }
        place
    }

    fn written(&self, place: &Place) {
        if !self.cedar.is_empty() {
            place.write("p.cedar", &self.cedar);
        }
        if !self.config.is_empty() {
            place.write("engine.toml", &self.config);
        }
    }

    /// All words of a command line.
    fn line(&self, command: &[&str]) -> Vec<String> {
        let mut line: Vec<String> = command.iter().map(|word| (*word).to_owned()).collect();
        line.extend(self.call.iter().cloned());
        line.extend(["--policy".to_owned(), self.bundle.to_owned()]);
        if !self.cedar.is_empty() {
            line.extend(["--policy", "p.cedar"].map(str::to_owned));
        }
        if !self.config.is_empty() {
            line.extend(["--config", "engine.toml"].map(str::to_owned));
        }
        line.extend(self.flags.iter().cloned());
        line.extend(self.words.iter().cloned());
        line
    }

    fn exec(&self, place: &Place) -> (i32, String) {
        let line = self.line(&["exec"]);
        let line: Vec<&str> = line.iter().map(String::as_str).collect();
        place.told(&line)
    }

    fn changes(&self, place: &Place) -> Vec<Value> {
        let line = self.line(&["policy", "explain", "--output", "json"]);
        let line: Vec<&str> = line.iter().map(String::as_str).collect();
        let told: Value = serde_json::from_str(&place.works(&line)).unwrap();
        told.get("changes").unwrap().as_array().unwrap().clone()
    }

    /// Does to the letter what is suggested.
    fn apply(&mut self, change: &Value, place: &Place) {
        let text = &change["text"];
        let said = |key: &str| text[key].as_str().unwrap();
        match change["type"].as_str().unwrap() {
            "flag" => {
                let flag = text.as_str().unwrap();
                self.flags.extend(flag.split(' ').map(str::to_owned));
            }
            "directory" => {
                let made = Command::new("sh")
                    .args(["-c", text.as_str().unwrap()])
                    .current_dir(place.path())
                    .status()
                    .unwrap();
                assert!(made.success(), "{text}");
            }
            "grants" => {
                assert_eq!(said("file"), "engine.toml");
                let section = self.config.find(said("section")).unwrap();
                let start = section + self.config[section..].find("dirs = ").unwrap();
                let end = start + self.config[start..].find('\n').unwrap();
                self.config.replace_range(start..end, said("line"));
            }
            "policy" => {
                place.write("suggested.cedar", text.as_str().unwrap());
                let more = ["--policy", "suggested.cedar"].map(str::to_owned);
                self.flags.extend(more);
            }
            "exception" => {
                let line = text.pointer("/policy/line").unwrap().as_u64().unwrap();
                let before = self.cedar.split_inclusive('\n');
                let start: usize = before
                    .take(usize::try_from(line).unwrap() - 1)
                    .map(str::len)
                    .sum();
                let end = start + self.cedar[start..].find(';').unwrap();
                self.cedar.insert_str(end, &format!(" {}", said("clause")));
            }
            "rule" => {
                let rule = format!("[[rules]]\nid = \"{}\"", said("id"));
                let start = self.config.find(&rule).unwrap();
                let rest = &self.config[start + 1..];
                let end = rest
                    .find("\n[")
                    .map_or(self.config.len(), |at| start + at + 2);
                self.config.replace_range(start..end, "");
            }
            _ => unreachable!("cannot do {change} for {:?}", self.line(&[])),
        }
        self.written(place);
    }
}

/// Does what each denial suggests, and nothing else: the very call succeeds.
fn each_succeeds(table: Vec<Denied>) {
    for mut case in table {
        let place = case.place();
        let shown = case.line(&[]).join(" ");
        let (exit, told) = case.exec(&place);
        assert_eq!(exit, 3, "{shown}: {told}");
        assert!(told.contains("[E-DENIED-POLICY]"), "{shown}: {told}");
        let changes = case.changes(&place);
        assert!(!changes.is_empty(), "{shown}: {told}");
        for change in &changes {
            let words = change["words"].as_str().unwrap();
            assert!(told.contains(words), "{shown}: {told} has no {words}");
            case.apply(&change["change"], &place);
        }
        let (exit, told) = case.exec(&place);
        assert_eq!(exit, 0, "{shown}: {changes:?}: {told}");
    }
}

/// The suggestions in the words that are printed.
fn suggested(case: &Denied) -> Vec<String> {
    let changes = case.changes(&case.place());
    let words = |change: &Value| change["words"].as_str().unwrap().to_owned();
    changes.iter().map(words).collect()
}

const NO: &str = "@id(\"no\")\nforbid (principal, action, resource)";
const OUT: &str = "[grants]\ndirs = [\"docs:ro\"]\n";

#[test]
fn doing_what_a_denial_suggests_about_policies_makes_the_call_succeed() {
    let mixed = |arguments: Value| Denied::new(&["tool.wasm", "mixed", &arguments.to_string()]);
    let rule = |decision: &str| format!("[[rules]]\nid = \"mine\"\ndecision = \"{decision}\"\n");
    let read = "@id(\"no\")\nforbid (principal, action == Action::\"tool.store\", resource) \
                when { context.args.path like \"out/*\" };";
    each_succeeds(vec![
        denied("send", "https://example.com/a"),
        denied("compute", "quotes \" and \\ and \n and 'ü'").bundle("none"),
        denied("wipe", "x").dir("x").flags("--dir x:rw"),
        denied("pay", "10"),
        mixed(json!([true, 7, -12])),
        mixed(json!({ "on": false, "small": 0, "max-count": 9_007_199_254_740_993_i64 })),
        denied("compute", "x").bundle("none"),
        denied("look", "data/a").bundle("none"),
        denied("look", "/srv/data/x").bundle("none"),
        denied("compute", "x").cedar(&format!("{NO};\n")),
        denied("compute", "x").cedar(&format!("{NO}\nwhen {{ context.args has path }};\n")),
        denied("look", "a/b").cedar(&format!(
            "{NO} when {{ true }} unless {{ context.via == \"served\" }};\n"
        )),
        denied("send", "x").cedar(&format!("{NO};\n")),
        denied("compute", "x").cedar(&format!(
            "{NO};\n\n@id(\"two\") @kill forbid (principal, action, resource);"
        )),
        denied("compute", "x").config(&rule("deny")),
        denied("pay", "x").config(&format!("{}\n[limits]\nfuel = 1000000\n", rule("kill"))),
        denied("store", "out/b.txt")
            .cedar(read)
            .dir("out")
            .flags("--dir out:rw"),
        Denied {
            words: ["--", "secret", "words"].map(str::to_owned).into(),
            ..Denied::new(&["args.wasm"]).bundle("none")
        },
    ]);
}

#[test]
fn doing_what_a_denial_suggests_about_grants_makes_the_call_succeed() {
    each_succeeds(vec![
        denied("store", "out/a.txt"),
        denied("store", "out/deep/er/a.txt"),
        denied("store", "out/deep/er/a.txt").dir("out"),
        denied("store", "-x/a.txt"),
        denied("store", "-x/a.txt").dir("-x"),
        denied("store", "data/a.txt")
            .dir("data")
            .flags("--dir data"),
        denied("store", "data/a.txt")
            .dir("data")
            .flags("--dir data::data:ro"),
        denied("store", "other/a.txt")
            .dir("data")
            .flags("--dir data:rw"),
        denied("store", "out/a.txt").bundle("none"),
        denied("wipe", "out/a.txt"),
        denied("look", "docs").bundle("paranoid").dir("docs"),
        denied("look", "docs/pub")
            .bundle("paranoid")
            .dir("docs/pub"),
        denied("look", "docs/pub/a").bundle("paranoid"),
    ]);
}

/// Where a configuration grants, a flag only narrows: the suggestion is the line of the layer that is too narrow.
#[test]
fn doing_what_a_denial_suggests_about_a_configuration_makes_the_call_succeed() {
    let capability = "[grants]\ndirs = [\"other:rw\"]\n\n[capabilities.\"a.store.v1\"]\n\
                      component = \"tool.wasm\"\nfunction = \"store\"\ndirs = [\"docs\"]\n";
    let named = |path: &str| {
        Denied::new(&["a.store.v1", &json!([path]).to_string()])
            .config(capability)
            .dir("docs")
            .dir("other")
    };
    each_succeeds(vec![
        denied("store", "docs/a.txt").config(OUT).dir("docs"),
        denied("store", "docs/a.txt")
            .config(OUT)
            .dir("docs")
            .flags("--dir docs:rw"),
        denied("store", "docs/a.txt")
            .config(OUT)
            .dir("docs")
            .flags("--dir docs"),
        denied("store", "docs/deep/a.txt")
            .config("[grants]\ndirs = [\"docs::/d\"]\n")
            .dir("docs/deep"),
        denied("store", "out/a.txt").config(OUT).dir("docs"),
        denied("store", "out/a.txt")
            .config(OUT)
            .dir("docs")
            .dir("out"),
        denied("store", "out/a.txt")
            .config("[guard]\nmode = \"enforce\"\n")
            .dir("out"),
        named("docs/a.txt"),
        named("other/a.txt"),
    ]);
    let narrow = denied("store", "docs/a.txt").config(OUT).dir("docs");
    assert_eq!(
        suggested(&narrow),
        ["in `[grants]` of engine.toml, let it be `dirs = [\"docs:rw\"]`"]
    );
    let found = suggested(&narrow.flags("--dir docs"));
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[1].ends_with("/docs::docs:rw`"), "{found:?}");
}

/// A directory that the command line asks for and the configuration does not grant is granted there.
#[test]
fn a_grant_that_is_asked_for_in_vain_is_told_where_to_write_it() {
    let mut case = denied("store", "out/a.txt")
        .config(OUT)
        .dir("docs")
        .dir("out")
        .flags("--dir out:rw");
    let place = case.place();
    let (exit, told) = case.exec(&place);
    assert_eq!(exit, 3, "{told}");
    assert!(told.contains("[E-DENIED-GRANT]"), "{told}");
    let line = "dirs = [\"docs:ro\", \"out:rw\"]";
    let hint = format!("in `[grants]` of engine.toml, let it be `{line}`");
    assert!(told.contains(&hint), "{told}");
    case.config = format!("[grants]\n{line}\n");
    case.written(&place);
    assert_eq!(case.exec(&place).0, 0);
}

/// No more than is needed; and where no grant is enough, that is said instead.
#[test]
fn nothing_is_suggested_that_is_too_wide_or_does_not_work() {
    let paranoid = |path: &str| denied("look", path).bundle("paranoid");
    for (case, expected) in [
        (paranoid("docs").dir("docs"), "add `--dir docs`"),
        (paranoid("docs/pub").dir("docs/pub"), "add `--dir docs/pub`"),
        (denied("store", "-x/a").dir("-x"), "add `--dir=-x:rw`"),
        (
            // The engine's home is in this directory.
            denied("store", "a.txt"),
            "no grant that could be added to those that are there reaches `a.txt`",
        ),
        (
            denied("store", "../x/a.txt"),
            "no grant reaches `../x/a.txt`: a guest cannot leave a directory by `..`, so grant that directory under a \
             name of its own, and ask for the file by that name",
        ),
        (
            denied("store", "docs/a.txt")
                .dir("docs")
                .flags("--dir docs::/d:rw"),
            "as `/d`: ask for the file by that name",
        ),
        (
            denied("store", "a.txt").dir("docs").flags("--dir docs"),
            "no grant that could be added to those that are there reaches `a.txt`",
        ),
        (
            denied("look", "docs//a.txt")
                .dir("docs")
                .flags("--dir docs"),
            "write `docs/a.txt` in the place of `docs//a.txt`",
        ),
        (
            denied("store", "x/../docs/a.txt"),
            "write `docs/a.txt` in the place of `x/../docs/a.txt`",
        ),
    ] {
        let found = suggested(&case);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].ends_with(expected), "{found:?}");
    }
}

/// What is suggested is for this very component, and says what it cannot tell apart.
#[test]
fn a_suggested_policy_is_for_this_component_and_says_what_it_is_wide_about() {
    let command = Denied {
        words: ["--", "secret"].map(str::to_owned).into(),
        ..Denied::new(&["args.wasm"]).bundle("none")
    };
    let found = suggested(&command);
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].contains("resource.digest == \"sha256:"),
        "{found:?}"
    );
    assert!(found[0].contains("; // with any words"), "{found:?}");
    let mut function = denied("compute", "x").bundle("none");
    function.words = command.words;
    let place = function.place();
    let line = function.line(&["policy", "explain"]);
    let line: Vec<&str> = line.iter().map(String::as_str).collect();
    place.fails(&line, 2, "E-USAGE");
}

/// Of a run that was permitted and cannot be described, it is not said that nothing was permitted.
#[test]
fn what_is_left_out_of_a_proposal_was_permitted_all_the_same() {
    let place = Denied::new(&[]).place();
    let run = ["exec", "args.wasm", "--events", "e.jsonl", "--", "secret"];
    place.works(&run);
    let propose = ["policy", "suggest", "--events", "e.jsonl"];
    let (exit, told) = place.told(&propose);
    assert_eq!(exit, 0, "{told}");
    assert!(
        told.contains("policies cannot compare the words of a command"),
        "{told}"
    );
    assert!(!told.contains("no call in these events"), "{told}");
    let any = place.works(&[&propose[..], &["--generalise", "arguments"]].concat());
    assert!(any.contains("resource.digest == \"sha256:"), "{any}");
    place.write("suggested.cedar", any);
    let again = [
        "exec",
        "args.wasm",
        "--policy",
        "none",
        "--policy",
        "suggested.cedar",
        "--",
        "x",
    ];
    place.works(&again);
}
