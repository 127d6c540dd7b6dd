use super::*;

#[test]
fn modules_are_loaded_once_and_may_require_one_another() {
    let modules = [
        (
            "a.js",
            "#!/usr/bin/env node\nexports.early = 1; exports.b = require('./b').seen; exports.late = 2",
        ),
        (
            "b.js",
            "exports.seen = {...require('./a')}; // the last line is a comment",
        ),
        (
            "lib/c.js",
            "module.exports = [__filename, __dirname, this === exports, typeof require('..').early]",
        ),
        ("index.js", "module.exports = require('./a.js')"),
        ("data.json", "\u{feff}{\"a\": [1]}"),
        (
            "count.js",
            "globalThis.count = (globalThis.count ?? 0) + 1; return; exports.never = 1",
        ),
        ("bad.js", "exports.x = 1;\nlet 5"),
        ("bad.json", "{"),
        ("esm.js", "export default 1"),
        (
            "throws.js",
            "globalThis.tries = (globalThis.tries ?? 0) + 1; throw new Error('at load')",
        ),
        ("pkg/package.json", r#"{"name": "pkg", "main": "src/main"}"#),
        (
            "pkg/src/main.js",
            "module.exports = 'main of ' + require('../package').name",
        ),
    ];
    let value = |source: &str| with(source, &modules);
    assert_eq!(
        value("require('./a')"),
        json!({"early": 1, "b": {"early": 1}, "late": 2})
    );
    assert_eq!(value("require('a') === require('./a.js')"), json!(true));
    assert_eq!(
        value("require('lib/c')"),
        json!(["lib/c.js", "lib", true, "number"])
    );
    assert_eq!(value("require('./data').a"), json!([1]));
    assert_eq!(value("require('data.json').a"), json!([1]));
    assert_eq!(
        value("require('count'); require('./count'); count"),
        json!(1)
    );
    assert_eq!(value("require('pkg')"), json!("main of pkg"));
    assert_eq!(
        value("const why = (name) => { try { require(name) } catch (error) { return [error.name, error.message, error.code] } };
            [why('./gone'), why('fs'), why('node:path'), why('..'), why(5)]"),
        json!([
            ["Error", "cannot find the module `./gone`: `modules` has none of that name", "MODULE_NOT_FOUND"],
            ["Error", "cannot find the module `fs`: the modules of Node.js are not there", "MODULE_NOT_FOUND"],
            ["Error", "cannot find the module `node:path`: the modules of Node.js are not there", "MODULE_NOT_FOUND"],
            ["Error", "cannot find the module `..`: `modules` has none of that name", "MODULE_NOT_FOUND"],
            ["TypeError", "the argument of `require` is no string", null],
        ])
    );
    let message = |name: &str| {
        let source = format!(
            "try {{ require('{name}') }} catch (error) {{ `${{error.name}}: ${{error.message}}` }}"
        );
        value(&source).as_str().unwrap().to_owned()
    };
    let bad = message("bad");
    assert!(
        bad.starts_with("SyntaxError: the module `bad.js`: "),
        "{bad}"
    );
    assert!(bad.ends_with(", in line 2, column 5"), "{bad}");
    assert!(message("bad.json").starts_with("SyntaxError: the module `bad.json` is not JSON: "));
    assert!(message("esm").contains("only CommonJS is known"));
    assert_eq!(message("throws"), "Error: at load");
    assert_eq!(
        value("for (const _ of [1, 2]) try { require('throws') } catch {} tries"),
        json!(2),
        "what did not load is tried again"
    );
}

#[test]
fn arguments_out_of_bounds_are_refused() {
    let invalid = |source: &str, input: Option<&str>, modules: &[(&str, &str)]| match run_all(
        source, input, modules,
    )
    .0
    .unwrap_err()
    {
        Problem::Invalid(why) => why,
        other => panic!("{other:?}"),
    };
    assert_eq!(
        invalid(&" ".repeat(MOST_SOURCE + 1), None, &[]),
        "script and modules have 2097153 bytes, over the limit of 2097152"
    );
    let half = " ".repeat(MOST_SOURCE / 2);
    assert!(
        run_all(&half, None, &[("a", &half)]).0.is_ok(),
        "each counts once"
    );
    assert!(invalid(&half, None, &[("a", &half), ("b", " ")]).contains("2097153"));
    let names: Vec<String> = (0..1001).map(|n| n.to_string()).collect();
    let many: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "")).collect();
    assert_eq!(
        invalid("", None, &many),
        "there are 1001 modules, over the limit of 1000"
    );
    assert!(run_all("", None, &many[..1000]).0.is_ok());
    assert_eq!(
        invalid("", Some(&" ".repeat(MOST_INPUT + 1)), &[]),
        "`input` has 1048577 bytes, over the limit of 1048576"
    );
    assert!(invalid("", Some("{"), &[]).starts_with("`input` is not JSON: EOF"));
    let deep = format!("{}{}", "[".repeat(128), "]".repeat(128));
    assert!(invalid("", Some(&deep), &[]).contains("recursion limit"));
    assert_eq!(
        invalid("", None, &[("../a", "")]),
        "`../a` is no name of a module: write a path such as `lib/math.js`"
    );
}
