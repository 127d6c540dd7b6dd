#![expect(
    clippy::disallowed_methods,
    reason = "a test makes the files it looks at"
)]

use super::*;

fn read(wit: &str) -> Result<Capability, Problem> {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("a.wit"), wit).unwrap();
    Capability::read(dir.path(), None)
}

/// A world with one function, whose documentation this is.
fn function(docs: &str) -> Result<Value, Problem> {
    let docs: String = docs
        .lines()
        .map(|line| format!("    /// {line}\n"))
        .collect();
    let read = read(&format!(
        "package a:b@2.1.0;\ninterface i {{\n{docs}    f: func();\n}}\nworld w {{ export i; }}"
    ))?;
    let manifest: Value = serde_json::from_str(read.manifest()).unwrap();
    Ok(manifest["functions"]["f"].clone())
}

fn world(docs: &str) -> Result<Value, Problem> {
    let docs: String = docs.lines().map(|line| format!("/// {line}\n")).collect();
    let read = read(&format!(
        "package a:b@2.1.0;\ninterface i {{\n/// @pure\nf: func(); }}\n{docs}world w {{ export i; }}"
    ))?;
    Ok(serde_json::from_str(read.manifest()).unwrap())
}

#[test]
fn what_is_said_of_a_function_is_in_the_manifest() {
    assert_eq!(
        function("Does it.\n\nTwice.\n\n@effects read, write\n@idempotent\n@capability x.y.v3")
            .unwrap(),
        json!({
            "capability": "x.y.v3", "description": "Does it.\n\nTwice.",
            "effects": ["read", "write"], "idempotent": true,
        })
    );
    assert_eq!(
        function("@pure\n@example {\"a\": [1,\n2]}\n-> \"x\"\n@example []").unwrap(),
        json!({
            "capability": "b.f.v2", "description": "", "pure": true,
            "examples": [{"args": {"a": [1, 2]}, "value": "x"}, {"args": []}],
        })
    );
    let nothing = function("@effects none").unwrap();
    assert_eq!(nothing, json!({"capability": "b.f.v2", "description": ""}));
}

#[test]
fn what_is_said_of_a_world_is_in_the_manifest() {
    let plain = world("For tests.").unwrap();
    assert_eq!(plain["name"], "b");
    assert_eq!(plain["version"], "2.1.0");
    assert_eq!(plain["description"], "For tests.");
    assert_eq!(plain.get("asks"), None);
    let asks = world(
        "@name other\n@version 3.0.0\n@asks files ro\n@asks env A\n@asks env B\n@asks memory 64MiB\n@asks timeout 2s",
    )
    .unwrap();
    assert_eq!(asks["name"], "other");
    assert_eq!(asks["functions"]["f"]["capability"], "other.f.v3");
    assert_eq!(
        asks["asks"],
        json!({"files": "ro", "env": ["A", "B"], "limits": {"memory": "64MiB", "timeout": "2s"}})
    );
}

#[test]
fn what_makes_no_sense_is_told_with_what_to_write() {
    for (docs, message) in [
        (
            "Does it.",
            "`f`: it does not say what it does; add a line to its documentation: `@pure` if",
        ),
        (
            "@pur",
            "`f`: `@pur` is not known here; known are `@pure`, `@effects`",
        ),
        ("@pure\n@pure", "`f`: `@pure` is there twice"),
        (
            "@pure and more",
            "`f`: nothing follows `@pure`, and here `and more` does; descriptions",
        ),
        (
            "@pure\n@effects read",
            "`f`: it is `@pure` and yet has `@effects`",
        ),
        (
            "@effects",
            "`f`: `@effects` names none; write `none`, or some of",
        ),
        ("@effects reads", "`f`: `reads` is no effect"),
        ("@effects none read", "`f`: `none` is no effect"),
        (
            "@pure\n@capability a b",
            "`f`: one word follows `@capability`, and here `a b` does",
        ),
        ("@pure\n@example", "`f`: an `@example` is empty"),
        (
            "@pure\n@example 5",
            "`f`: an `@example` has `5` for arguments",
        ),
        (
            "@pure\n@example {\"a\"",
            "`f`: an `@example` has no JSON: EOF",
        ),
        (
            "@pure\n@example {} 5",
            "`f`: an `@example` has `5` after its arguments",
        ),
        (
            "@pure\n@example {} -> x",
            "`f`: an `@example` has no JSON after `->`",
        ),
    ] {
        let problem = function(docs).unwrap_err().to_string();
        assert!(problem.starts_with(message), "{docs:?}: {problem}");
    }
    for (docs, message) in [
        ("@pure", "`w`: `@pure` is not known here; known are `@name`"),
        ("@asks", "`w`: two words follow `@asks`, and here `` does"),
        ("@asks files x", "`w`: `x` is neither `ro` nor `rw`"),
        ("@asks wings 2", "`w`: nobody can ask for `wings`"),
        (
            "@asks fuel 1\n@asks fuel 2",
            "`w`: `@asks fuel` is there twice",
        ),
    ] {
        let problem = world(docs).unwrap_err().to_string();
        assert!(problem.starts_with(message), "{docs:?}: {problem}");
    }
}

#[test]
fn functions_at_world_level_are_refused_with_the_reason() {
    let problem = read("package a:b@1.0.0;\nworld w { export read: func(); }").unwrap_err();
    assert!(problem.location().unwrap().ends_with("a.wit:2:18"));
    assert_eq!(problem.message(), "it is exported at world level");
    assert!(
        problem
            .what_to_do()
            .contains("the C library's own function")
    );
    let nothing = read("package a:b@1.0.0;\nworld w { }").unwrap_err();
    assert_eq!(nothing.message(), "the world exports no function");
    let unversioned =
        read("package a:b;\ninterface i { /// @pure\nf: func(); }\nworld w { export i; }")
            .unwrap_err();
    assert_eq!(unversioned.what_to_do(), "write `package a:b@0.1.0;`");
}

#[test]
fn functions_with_one_name_are_told_apart() {
    let read = read(
        "package a:b@0.3.0;\ninterface i { /// @pure\nf: func(); /// @pure\ng: func(); }\n\
         interface j { /// @pure\nf: func(); }\nworld w { export i; export j; }",
    )
    .unwrap();
    assert_eq!(read.functions(), ["a:b/i@0.3.0#f", "g", "a:b/j@0.3.0#f"]);
    let exports = read.exports().iter();
    let exports: Vec<_> = exports
        .map(|export| (export.interface.as_str(), export.function.as_str()))
        .collect();
    assert_eq!(exports, [("i", "f"), ("i", "g"), ("j", "f")]);
}

#[test]
fn what_the_code_has_to_have_is_told() {
    let read = read(
        "package a:b@1.0.0;\ninterface i { /// @pure\nf-g: func(a-b: u32, c: string); }\nworld w { export i; }",
    )
    .unwrap();
    assert_eq!(
        read.exports(),
        [Export {
            interface: "i".to_owned(),
            function: "f-g".to_owned(),
            parameters: vec!["a-b".to_owned(), "c".to_owned()],
        }]
    );
}

/// What cannot be read is told with its place.
#[test]
fn broken_wit_is_told_with_its_line() {
    let problem = read("package a:b@1.0.0;\nworld w { exprt i; }")
        .unwrap_err()
        .to_string();
    assert!(problem.contains("a.wit:2:11"), "{problem}");
    let untold = read("package a:b@1.0.0;\ninterface i {\n  f: func();\n}\nworld w { export i; }");
    let untold = untold.unwrap_err();
    assert_eq!(untold.place(), "f");
    let location = untold.location().unwrap();
    assert!(location.ends_with("a.wit:3:3"), "{location}");
    let nothing = Capability::read(Path::new("/no/such/place"), None)
        .unwrap_err()
        .to_string();
    assert!(nothing.contains("/no/such/place"), "{nothing}");
}
