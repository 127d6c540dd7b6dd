//! Capabilities from `engine new` to a result, in every language, and what authors are told about their mistakes.

mod author;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use author::{Author, files};
use engine_tests::{AtTerminal, repository};
use serde_json::Value;

/// The tools that a component says it was made with.
fn made_with(file: &Path) -> BTreeSet<String> {
    let bytes = std::fs::read(file).unwrap();
    let producers = wasm_metadata::Producers::from_wasm(&bytes)
        .unwrap()
        .unwrap();
    let tools = producers.get("processed-by").unwrap();
    tools.iter().map(|(name, _)| name.clone()).collect()
}

const CALL: [&str; 4] = [
    "exec",
    "hello/target/hello.wasm",
    "greet",
    r#"{"name": "Ada"}"#,
];

/// From nothing to a result in Rust; then every mistake that an author may make, and what is said about it.
#[test]
fn a_capability_in_rust_is_made_built_and_run() {
    let author = Author::new();
    let made: Value = author
        .does(&["new", "hello", "--output", "json"])
        .parse()
        .unwrap();
    assert_eq!(made["language"], "rust");
    let listed: BTreeSet<PathBuf> = made["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|file| file.as_str().unwrap().into())
        .collect();
    assert_eq!(listed, files(&author.dir.path().join("hello")));

    let answer = author.engine(&["build", "hello"]);
    assert_eq!(answer.code, 0, "{}", answer.err);
    assert!(
        answer.err.starts_with("building with cargo 1."),
        "{}",
        answer.err
    );
    assert!(
        answer
            .err
            .ends_with("try: engine exec hello/target/hello.wasm greet '{\"name\":\"Ada\"}'\n"),
        "{}",
        answer.err
    );
    let told: Vec<&str> = answer.out.lines().collect();
    assert!(
        told[0].starts_with("hello/target/hello.wasm  ") && told[0].contains(" bytes  sha256:"),
        "{told:?}"
    );
    assert_eq!(
        told[1..],
        [
            "exports:",
            "  greet: func(name: string) -> string",
            "    hello.greet.v1, effects: none, pure",
            "asks for: nothing",
        ]
    );
    let component = author.dir.path().join("hello/target/hello.wasm");
    let size = std::fs::metadata(&component).unwrap().len();
    assert!(size < 100 << 10, "a small capability has {size} bytes");
    assert!(made_with(&component).contains("engine"));
    assert_eq!(author.does(&CALL), "\"Hello, Ada!\"\n");

    // The document says the same.
    let built: Value = author
        .does(&["build", "hello", "--output", "json", "-o", "elsewhere.wasm"])
        .parse()
        .unwrap();
    assert_eq!(built["file"], "elsewhere.wasm");
    assert_eq!(built["built_with"]["name"], "cargo");
    assert_eq!(built["component"]["size_bytes"], size);
    assert_eq!(
        built["component"]["manifest"]["functions"]["greet"]["pure"],
        true
    );

    // A function that the WIT has and the code has not.
    let wit = author.replace(
        "hello/wit/hello.wit",
        "    greet:",
        "    greet-all: func(names: list<string>) -> string;\n    /// @pure\n    greet:",
    );
    author.fails(
        "E-BUILD",
        &[
            "src/lib.rs:9: the implementation lacks `greet_all`, which the WIT promises",
            "hint: write in its `impl`: `fn greet_all(",
        ],
    );
    // What the WIT does not say.
    author.write("hello/wit/hello.wit", &wit.replace("    /// @pure\n", ""));
    author.fails(
        "E-BUILD",
        &[
            "wit/hello.wit:8:5: `greet`: it does not say what it does",
            "hint: add a line to its documentation: `@pure`",
        ],
    );
    // What is no WIT.
    author.write("hello/wit/hello.wit", &wit.replace("-> string", "-> strin"));
    author.fails(
        "E-BUILD",
        &[
            "wit/hello.wit:9:34: ",
            "`strin`",
            "9 |     greet: func(name: string) -> strin;",
        ],
    );
    author.write(
        "hello/wit/hello.wit",
        &wit.replace(
            "    export greeting;",
            "    export greeting;\n    export read: func();",
        ),
    );
    author.fails(
        "E-BUILD",
        &[
            "`read`: it is exported at world level",
            "takes the place of the C library's own function",
        ],
    );
    author.write("hello/wit/hello.wit", &wit);
    // Code that does not compile.
    let code = author.replace(
        "hello/src/lib.rs",
        "format!(\"Hello, {name}!\")",
        "name.len()",
    );
    author.fails(
        "E-BUILD",
        &[
            "error[E0308]: mismatched types",
            "the code does not compile: src/lib.rs:11: mismatched types",
        ],
    );
    // A component of another kind.
    author.write("hello/src/lib.rs", &code);
    author.replace(
        "hello/Cargo.toml",
        "crate-type = [\"cdylib\"]",
        "crate-type = [\"rlib\"]",
    );
    author.fails(
        "E-BUILD",
        &["cargo made no component", "crate-type = [\"cdylib\"]"],
    );
}

/// A capability reads nothing that was not granted, and its author is told how to grant it.
#[test]
fn a_directory_that_was_not_granted_is_told_with_the_grant() {
    let author = Author::new();
    author.does(&["new", "notes"]);
    author.replace(
        "notes/wit/notes.wit",
        "/// Greets people.\nworld notes",
        "/// Reads notes.\n///\n/// @asks files ro\nworld notes",
    );
    author.replace(
        "notes/wit/notes.wit",
        "greet: func(name: string) -> string",
        "read: func(path: string) -> result<string, string>",
    );
    author.replace(
        "notes/wit/notes.wit",
        "/// @pure\n    /// @example {\"name\": \"Ada\"} -> \"Hello, Ada!\"",
        "/// @effects read",
    );
    author.replace(
        "notes/src/lib.rs",
        "fn greet(name: String) -> String",
        "fn read(path: String) -> Result<String, String>",
    );
    author.replace(
        "notes/src/lib.rs",
        "format!(\"Hello, {name}!\")",
        "std::fs::read_to_string(path).map_err(|error| error.to_string())",
    );
    assert!(
        author
            .does(&["build", "notes"])
            .ends_with("effects: read\nasks for: files (ro)\n")
    );
    author.write("data/a.txt", "found");
    let call = [
        "exec",
        "notes/target/notes.wasm",
        "read",
        r#"["data/a.txt"]"#,
    ];
    let refused = author.engine(&call);
    assert_eq!(refused.code, 1, "{}", refused.err);
    assert!(
        refused.err.contains(
            "hint: no directory is granted to the guest; `--dir HOST[::GUEST]` grants one"
        ),
        "{}",
        refused.err
    );
    let granted = author.does(&[&call[..], &["--dir", "data"]].concat());
    assert_eq!(granted, "\"found\"\n");
}

/// The SDK in a new project is the repository's, and what it inherits has the values of the repository.
#[test]
fn a_new_project_has_the_sdk_of_this_repository() {
    let author = Author::new();
    author.does(&["new", "hello"]);
    let copy = author.dir.path().join("hello/vendor/guest-sdk");
    let own = repository().join("guest-sdk");
    assert_eq!(
        files(&copy),
        files(&own),
        "`project/sdk.rs` lists the files"
    );
    for file in files(&own) {
        assert_eq!(
            std::fs::read(copy.join(&file)).unwrap(),
            std::fs::read(own.join(&file)).unwrap(),
            "{}",
            file.display()
        );
    }
    let table = |text: String| text.parse::<toml::Table>().unwrap();
    let vendored = table(author.read("hello/vendor/Cargo.toml"));
    let root = table(std::fs::read_to_string(repository().join("Cargo.toml")).unwrap());
    for (part, fewest) in [("package", 4), ("dependencies", 3)] {
        let inherited = vendored["workspace"][part].as_table().unwrap();
        assert!(inherited.len() >= fewest, "{inherited:?}");
        for (name, value) in inherited {
            assert_eq!(value, &root["workspace"][part][name], "{part}.{name}");
        }
    }
}

/// The same in Python, with componentize-py from PyPI.
#[test]
fn a_capability_in_python_is_made_built_and_run() {
    let author = Author::new();
    author.does(&["new", "hello", "--lang", "python"]);
    let built: Value = author
        .does(&["build", "hello", "--output", "json"])
        .parse()
        .unwrap();
    assert_eq!(built["language"], "python");
    assert_eq!(built["built_with"]["name"], "componentize-py");
    assert_eq!(
        built["component"]["manifest"]["functions"]["greet"]["capability"],
        "hello.greet.v1"
    );
    let component = author.dir.path().join("hello/target/hello.wasm");
    let size = std::fs::metadata(&component).unwrap().len();
    assert!((10 << 20..25 << 20).contains(&size), "{size} bytes");
    let tools = made_with(&component);
    assert!(
        tools.contains("engine") && tools.contains("componentize-py"),
        "{tools:?}"
    );
    // The default limits are enough for it.
    assert_eq!(author.does(&CALL), "\"Hello, Ada!\"\n");

    let code = author.replace("hello/src/app.py", "def greet(", "def great(");
    author.fails(
        "E-BUILD",
        &[
            "src/app.py: the class `Greeting` lacks `greet`, which the WIT promises",
            "hint: write in it: `def greet(self, name):`",
        ],
    );
    author.write(
        "hello/src/app.py",
        &code.replace("class Greeting", "class Greetings"),
    );
    author.fails(
        "E-BUILD",
        &[
            "src/app.py: there is no class `Greeting`",
            "`class Greeting(exports.Greeting):` with `def greet(self, name):`",
        ],
    );
    author.write("hello/src/app.py", &code.replace("-> str:", "-> str"));
    author.fails(
        "E-BUILD",
        &[
            "the code cannot be loaded: src/app.py:",
            "SyntaxError: expected ':'",
        ],
    );
    author.write("hello/src/app.py", &format!("import requests\n{code}"));
    author.fails(
        "E-BUILD",
        &[
            "src/app.py:1: ModuleNotFoundError",
            ".venv/bin/pip install requests",
        ],
    );
}

/// The same in JavaScript, with componentize-qjs from npm.
#[test]
fn a_capability_in_javascript_is_made_built_and_run() {
    let author = Author::new();
    author.does(&["new", "hello", "--lang", "js"]);
    let built: Value = author
        .does(&["build", "hello", "--output", "json"])
        .parse()
        .unwrap();
    assert_eq!(built["language"], "js");
    assert_eq!(built["built_with"]["name"], "componentize-qjs");
    assert_eq!(
        built["component"]["manifest"]["functions"]["greet"]["capability"],
        "hello.greet.v1"
    );
    let component = author.dir.path().join("hello/target/hello.wasm");
    let size = std::fs::metadata(&component).unwrap().len();
    assert!((1 << 20..3 << 20).contains(&size), "{size} bytes");
    let tools = made_with(&component);
    assert!(
        tools.contains("engine") && tools.contains("componentize-qjs"),
        "{tools:?}"
    );
    assert_eq!(author.does(&CALL), "\"Hello, Ada!\"\n");

    let code = author.replace("hello/src/index.js", "greet(name)", "great(name)");
    author.fails(
        "E-BUILD",
        &[
            "src/index.js: the module lacks `greeting.greet`, which the WIT promises",
            "hint: write in `export const greeting = { … }`: `greet(name) { … }`",
        ],
    );
    author.write(
        "hello/src/index.js",
        &code.replace("return", "return return"),
    );
    author.fails(
        "E-BUILD",
        &["the code cannot be loaded: src/index.js:6:12: unexpected token in expression: 'return'"],
    );
    author.write("hello/src/index.js", &format!("console.log('hi');\n{code}"));
    author.fails(
        "E-BUILD",
        &[
            "src/index.js:1:1: console is not defined",
            "engine:host/log",
        ],
    );
    let importing = format!(
        "import {{ shout }} from 'shout';\n{}",
        code.replace("${name}", "${shout(name)}")
    );
    author.write("hello/src/index.js", &importing);
    author.fails(
        "E-BUILD",
        &[
            "src/index.js: it imports `shout`, which is not there",
            "hint: install the package into the project: `npm install shout`",
        ],
    );
    // It is found where npm would put it.
    author.write(
        "hello/node_modules/shout/package.json",
        r#"{"name": "shout", "type": "module", "main": "a.js"}"#,
    );
    author.write(
        "hello/node_modules/shout/a.js",
        "export const shout = (text) => text.toUpperCase();",
    );
    author.does(&["build", "hello"]);
    assert_eq!(author.does(&CALL), "\"Hello, ADA!\"\n");
    author.replace("hello/package.json", "src/index.js", "src/other.js");
    author.fails(
        "E-BUILD",
        &["`package.json` names `src/other.js`", "correct `main`"],
    );
}

/// What is not installed is named, with the command that installs it; nothing is fetched against the author's will.
#[test]
fn a_missing_tool_is_told_with_the_command_that_gets_it() {
    let cargo = "echo cargo 1.95.0";
    let old = "echo Python 3.9.2";
    let node = "echo v20.1.0";
    for (lang, tools, parts) in [
        (
            "rust",
            &[][..],
            &[
                "cargo is not there",
                "https://sh.rustup.rs",
                "rustup target add wasm32-wasip2",
            ][..],
        ),
        (
            "rust",
            &[
                ("cargo", cargo),
                ("rustc", "echo /no/such/place"),
                ("rustup", "echo rustup 1.28.0"),
            ],
            &[
                "the Rust toolchain has no target `wasm32-wasip2`",
                "hint: add it: `rustup target add wasm32-wasip2`",
            ],
        ),
        (
            "rust",
            &[("cargo", cargo), ("rustc", "exit 1")],
            &[
                "has no target `wasm32-wasip2`",
                "as the toolchain was installed",
            ],
        ),
        (
            "rust",
            &[("cargo", "echo no toolchain >&2; exit 1")],
            &["`cargo` does not work: no toolchain"],
        ),
        (
            "python",
            &[],
            &[
                "`python3` is not there",
                "apt-get install python3 python3-venv",
            ],
        ),
        (
            "python",
            &[("python3", old)],
            &["`python3` is Python 3.9.2, and componentize-py needs 3.10 or later"],
        ),
        (
            "python",
            &[("python3", "[ $1 = --version ] && echo Python 3.12.1")],
            &[
                "`python3 -m venv` does not work here",
                "apt-get install python3-venv",
            ],
        ),
        (
            "js",
            &[],
            &["`node` is not there", "apt-get install nodejs npm"],
        ),
        (
            "js",
            &[("node", "echo v16.20.0")],
            &["`node` is Node.js 16.20.0, and componentize-qjs needs 18 or later"],
        ),
        (
            "js",
            &[("node", node)],
            &["`npm` is not there", "apt-get install npm"],
        ),
        (
            "js",
            &[
                ("node", node),
                ("npm", "echo npm error network >&2; exit 1"),
            ],
            &[
                "npm error network",
                "componentize-qjs 0.4.5 could not be installed from npm",
            ],
        ),
    ] {
        let author = Author::with_tools(tools);
        author.does(&["new", "hello", "--lang", lang]);
        author.fails("E-MISSING-TOOL", parts);
    }
    let author = Author::with_tools(&[
        ("node", node),
        ("npm", "echo installed after all >&2; exit 1"),
    ]);
    author.does(&["new", "hello", "--lang", "js"]);
    let offline = author.engine(&["build", "hello", "--offline"]);
    assert_eq!(offline.code, 2);
    assert!(
        offline
            .err
            .starts_with("error: componentize-qjs 0.4.5 is not installed, and `--offline` lets"),
        "{}",
        offline.err
    );
}

/// At a terminal, work that takes time shows for how long it has been at it.
#[test]
fn a_slow_build_counts_the_seconds_at_a_terminal() {
    let author = Author::new();
    author.does(&["new", "hello", "--lang", "js"]);
    // A tool that is installed already, and takes its time to fail.
    author.write("home/tools/componentize-qjs-0.4.5/complete", "");
    author.write(
        "home/tools/componentize-qjs-0.4.5/node_modules/componentize-qjs/bin/componentize-qjs",
        "setTimeout(() => { console.error('Error: : it fails\\u001b[31m'); process.exit(1); }, 1500);",
    );
    let terminal = AtTerminal::start(
        env!("CARGO_BIN_EXE_at-terminal"),
        author.dir.path(),
        &["build", "hello"],
    );
    terminal.until("building with componentize-qjs 0.4.5 on Node.js", 1);
    terminal.until(": 0 s", 1);
    terminal.until(": 1 s", 1);
    let (status, shown) = terminal.ends();
    assert_eq!(status.code(), Some(2), "{shown}");
    // What a tool says cannot colour the terminal.
    assert!(shown.contains("it fails\\u{1b}[31m"), "{shown}");
}
