use super::*;

fn library(names: &[&str]) -> Library {
    let modules = names
        .iter()
        .map(|name| ((*name).to_owned(), format!("source of {name}")));
    Library::new(modules).unwrap()
}

fn finds(library: &Library, cases: &[(&str, &str, Option<&str>)]) {
    for (request, from, wanted) in cases {
        assert_eq!(
            library.find(request, from).as_deref(),
            *wanted,
            "`{request}` from `{from}`"
        );
    }
}

#[test]
fn a_request_finds_files_and_directories_as_in_node() {
    let library = library(&[
        "./a.js",
        "lib/index.js",
        "lib/b.cjs",
        "lib/data.json",
        "lib/deep/c.js",
        "b",
        "index.js",
    ]);
    finds(
        &library,
        &[
            ("./a", "", Some("a.js")),
            ("./a.js", "", Some("a.js")),
            ("a", "lib", Some("a.js")),
            ("./a", "lib", None),
            ("../a", "lib", Some("a.js")),
            ("./lib", "", Some("lib/index.js")),
            ("lib", "lib/deep", Some("lib/index.js")),
            ("..", "lib/deep", Some("lib/index.js")),
            ("../", "lib/deep", Some("lib/index.js")),
            (".", "lib", Some("lib/index.js")),
            ("./..", "lib", Some("index.js")),
            ("./b", "lib", Some("lib/b.cjs")),
            ("lib//b", "", Some("lib/b.cjs")),
            ("./data", "lib", Some("lib/data.json")),
            ("./data.json", "lib", Some("lib/data.json")),
            ("b", "", Some("b")),
            ("b/", "", None),
            ("..", "", None),
            ("../../../a", "lib", None),
            ("fs", "", None),
            ("", "", None),
        ],
    );
    assert_eq!(library.source("a.js"), Some("source of ./a.js"));
}

#[test]
fn the_main_of_a_package_is_found() {
    let package = |name: &str, text: &str| (name.to_owned(), text.to_owned());
    let library = Library::new(
        [
            package("one/package.json", r#"{"main": "./lib/main"}"#),
            package("one/lib/main.js", ""),
            package("two/package.json", r#"{"main": "lib"}"#),
            package("two/lib/index.js", ""),
            package("three/package.json", r#"{"main": 5}"#),
            package("three/index.json", ""),
            package("four/package.json", "no JSON"),
            package("five/package.json", r#"{"main": "../../out.js"}"#),
            package("five/index.js", ""),
            package("six/package.json", r#"{"main": "gone.js"}"#),
            package("six/index.js", ""),
        ]
        .into_iter(),
    )
    .unwrap();
    finds(
        &library,
        &[
            ("one", "", Some("one/lib/main.js")),
            ("two", "one/lib", Some("two/lib/index.js")),
            ("three", "", Some("three/index.json")),
            ("four", "", None),
            ("five", "", Some("five/index.js")),
            ("six", "", Some("six/index.js")),
            ("six/package.json", "", Some("six/package.json")),
        ],
    );
}

#[test]
fn names_that_are_no_paths_are_refused() {
    let refused = |names: &[&str]| {
        let modules = names.iter().map(|name| ((*name).to_owned(), String::new()));
        Library::new(modules).unwrap_err()
    };
    for name in ["", ".", "..", "a/..", "../a", "a/", "/"] {
        assert_eq!(
            refused(&[name]),
            format!("`{name}` is no name of a module: write a path such as `lib/math.js`")
        );
    }
    assert_eq!(
        refused(&["a.js", "./a.js"]),
        "the module `./a.js` is there twice"
    );
    assert_eq!(
        refused(&[&"x".repeat(1025)]),
        "the name of a module has 1025 bytes, over the limit of 1024"
    );
}

#[test]
fn a_module_knows_its_directory() {
    assert_eq!(directory("a.js"), "");
    assert_eq!(directory("a/b/c.js"), "a/b");
}
