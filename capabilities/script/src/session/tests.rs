use serde_json::json;

use super::*;
use crate::exports::engine::script::javascript::{Exception, Level, Mistake};

fn run_all(
    source: &str,
    input: Option<&str>,
    modules: &[(&str, &str)],
) -> (Result<String, Problem>, Written) {
    let modules = modules.iter().map(|(name, source)| Module {
        name: (*name).to_owned(),
        source: (*source).to_owned(),
    });
    let (modules, source) = (modules.collect(), source.to_owned());
    let input = input.map(str::to_owned);
    // Without optimisation the parser and the machine need much more stack than the component has.
    let thread = std::thread::Builder::new().stack_size(256 << 20);
    let running = thread.spawn(move || run(&source, input.as_deref(), modules));
    running.unwrap().join().unwrap()
}

/// The result of a script that has one.
fn value(source: &str) -> Value {
    with(source, &[])
}

fn with(source: &str, modules: &[(&str, &str)]) -> Value {
    match run_all(source, None, modules).0 {
        Ok(text) => serde_json::from_str(&text).unwrap(),
        Err(problem) => panic!("{source}: {problem:?}"),
    }
}

fn problem(source: &str) -> Problem {
    run_all(source, None, &[]).0.unwrap_err()
}

/// The message of what a script throws.
fn thrown(source: &str) -> String {
    match problem(source) {
        Problem::Thrown(Exception { message, .. }) => message,
        other => panic!("{source}: {other:?}"),
    }
}

/// What a script wrote, as `level: text`.
fn written(source: &str) -> Vec<String> {
    let messages = run_all(source, None, &[]).1.messages;
    let level = |level| match level {
        Level::Debug => "debug",
        Level::Log => "log",
        Level::Info => "info",
        Level::Warn => "warn",
        Level::Error => "error",
    };
    messages
        .into_iter()
        .map(|message| format!("{}: {}", level(message.level), message.text))
        .collect()
}

#[test]
fn the_last_expression_is_the_result() {
    assert_eq!(value("const a = 2; a * 21"), json!(42));
    assert_eq!(value(""), json!(null));
    assert_eq!(value("#!/usr/bin/env node\n1"), json!(1));
    assert_eq!(value("\u{feff}#!/usr/bin/env node"), json!(null));
    assert_eq!(value("module.exports = {a: 1}"), json!({"a": 1}));
    let (ended, _) = run_all("input.b[1]", Some(r#"{"b": [1, {"c": "é"}]}"#), &[]);
    assert_eq!(ended.unwrap(), r#"{"c":"é"}"#);
    assert_eq!(value("typeof input"), json!("undefined"));
}

#[test]
fn results_become_json_as_by_stringify() {
    for source in [
        "({a: undefined, b: () => 1, c: Symbol(), d: [undefined, () => 1, Symbol(), , 1]})",
        "[0, -0, 1, -1.5, 1e21, 1e-7, 123456789012, 2 ** 53, NaN, Infinity, 0.1]",
        "['\\u2028\"\\\\\\n\\u0000', '', '𝒳']",
        "new Date(0)",
        "({toJSON(key) { return [key] }})",
        "({a: {toJSON(key) { return key }}})",
        "[new Number(1), new String('a'), new Boolean(false)]",
        "({b: 1, a: 2, 10: 3, 9: 4})",
        "[new Map([[1, 2]]), new Set([1]), /a/, new Error('a')]",
        "new Uint8Array([1, 2])",
        "Object.create({inherited: 1}, {hidden: {value: 1}, seen: {get() { return 2 }, enumerable: true}})",
        "new Proxy({a: 1}, {get: () => 2})",
        "({'__proto__x': 1, ['__proto__']: 2})",
        "BigInt.prototype.toJSON = function () { return `${this}n` }; ({a: 5n})",
        "arguments = [1]; (function () { return arguments })(1, 2)",
    ] {
        // The native one, with the same value.
        let (last, before) = match source.rsplit_once("; ") {
            Some((before, last)) => (last, format!("{before};")),
            None => (source, String::new()),
        };
        let text = value(&format!("{before} JSON.stringify({last})"));
        let wanted: Value = serde_json::from_str(text.as_str().unwrap()).unwrap();
        assert_eq!(value(source), wanted, "{source}");
    }
    assert_eq!(
        run_all("[1e21, 2 ** 31, -0]", None, &[]).0.unwrap(),
        "[1e+21,2147483648,0]"
    );
    assert_eq!(value("'a\\ud800b'"), json!("a\u{fffd}b"));
    for nothing in ["undefined", "(() => 1)", "Symbol()", "({toJSON() {}})"] {
        assert_eq!(value(nothing), json!(null), "{nothing}");
    }
}

#[test]
fn what_has_no_json_is_told() {
    let why = |source: &str| match problem(source) {
        Problem::NotJson(why) => why,
        other => panic!("{source}: {other:?}"),
    };
    assert_eq!(
        why("const a = {}; a.b = [a]; a"),
        "the result has no JSON: it contains itself"
    );
    assert_eq!(
        why("[5n]"),
        "the result has no JSON: a `BigInt` has no JSON: make it a string or a number"
    );
    assert_eq!(
        why("let a = 1; for (let i = 0; i < 101; i++) a = [a]; a"),
        "the result has no JSON: it has more than 100 levels of objects and arrays"
    );
    let large = "the result has more than 524288 bytes of JSON";
    assert_eq!(why("'a'.repeat(524287)"), large);
    assert_eq!(why("new Array(4294967295)"), large);
    assert_eq!(value("'a'.repeat(524286)").as_str().unwrap().len(), 524_286);
    assert_eq!(
        value("const a = {}; [a, a]"),
        json!([{}, {}]),
        "twice is no cycle"
    );
    assert_eq!(
        thrown("({get a() { throw new TypeError('no') }})"),
        "TypeError: no"
    );
}

#[test]
fn json_is_parsed_as_the_language_has_it() {
    assert_eq!(
        value(
            r#"JSON.parse(' {"a": [1, -0, 1.5e300, 0.1, 12345678901234567890, "\\u00e9\\n"], "__proto__": null, "b": {"10": 1, "9": 2}} ')"#
        ),
        json!({"a": [1, 0, 1.5e300, 0.1, 12_345_678_901_234_567_000_f64, "é\n"], "__proto__": null, "b": {"9": 2, "10": 1}})
    );
    assert_eq!(value("Object.is(JSON.parse('-0'), -0)"), json!(true));
    assert_eq!(
        value("Object.getPrototypeOf(JSON.parse('{\"__proto__\": 1}')) === Object.prototype"),
        json!(true)
    );
    assert_eq!(
        value("JSON.parse('0.1') + JSON.parse('0.2') === 0.1 + 0.2"),
        json!(true)
    );
    assert_eq!(
        value("[JSON.parse(1), JSON.parse(null), JSON.parse({toString: () => '[2]'})]"),
        json!([1, null, [2]])
    );
    assert_eq!(
        value("JSON.parse('{\"a\": [1, 2]}', (key, value) => key === '0' ? undefined : value)"),
        json!({"a": [null, 2]})
    );
    let depth = |levels: usize, rest: &str| {
        format!("JSON.parse('['.repeat({levels}) + ']'.repeat({levels}){rest}).length")
    };
    assert_eq!(value(&depth(127, "")), json!(1));
    for bad in [
        "JSON.parse('')",
        "JSON.parse()",
        "JSON.parse('{a: 1}')",
        "JSON.parse('[1,]')",
        "JSON.parse('01')",
        "JSON.parse('1 2')",
        "JSON.parse('\\ud800')",
        &depth(128, ""),
        &depth(65, ", (k, v) => v"),
    ] {
        assert!(
            thrown(bad).starts_with("SyntaxError: "),
            "{bad}: {}",
            thrown(bad)
        );
    }
    assert!(matches!(
        problem("JSON.parse(Symbol())"),
        Problem::Thrown(_)
    ));
}

/// What a script overwrites changes its own values, and neither what JSON is nor what it wrote.
#[test]
fn a_script_cannot_forge_its_result_or_its_console() {
    let hostile = "
        const bad = () => 'not JSON }';
        JSON.stringify = bad; JSON.parse = bad; Object.keys = () => ['x'];
        Array.prototype.map = bad; Array.prototype.push = bad; Array.prototype.join = bad;
        Array.prototype[Symbol.iterator] = bad;
        String.prototype.toString = bad; Number.prototype.toString = bad; Object.prototype.toString = bad;
        Object.defineProperty(Array.prototype, '0', {get: bad, set: bad});
        Object.defineProperty(Array.prototype, 'length', {value: 5});
        Function.prototype.call = bad; Function.prototype.apply = bad; Reflect.apply = bad;
        globalThis.Object = globalThis.Array = globalThis.String = globalThis.Promise = bad;
        console.log('really written', {a: [1]});
        console.log = () => {}; console.log('not written');
        globalThis.console = {}; globalThis.input = 1; globalThis.require = bad;
        ({a: [1, 'b'], c: null})";
    let (ended, written) = run_all(hostile, None, &[]);
    assert_eq!(ended.unwrap(), r#"{"a":[1,"b"],"c":null}"#);
    let texts: Vec<&str> = written
        .messages
        .iter()
        .map(|message| message.text.as_str())
        .collect();
    assert_eq!(texts, ["really written {\"a\":[1]}"]);

    let forged = "Object.prototype.toJSON = () => 'forged'; String.prototype.toJSON = () => '}';
        Number.prototype.toJSON = () => '}'; ({a: 'b'})";
    assert_eq!(
        value(forged),
        json!("forged"),
        "its own value it may choose"
    );
    assert_eq!(
        value("Object.prototype.toJSON = 5; ({a: 'b'})"),
        json!({"a": "b"})
    );
}

#[test]
fn the_console_has_levels_places_and_groups() {
    let all = "console.log('a', 1, null, undefined, true, {b: [1, 'c']}, [2], 5n, Symbol('d'), function e() {}, () => 1);
        console.debug('x'); console.trace('x'); console.info('x'); console.warn('x'); console.error('x');
        console.dir({a: 1}); console.table([1]); console.log();
        console.group('g'); console.log('in'); console.group(); console.log('deeper');
        console.groupEnd(); console.groupEnd(); console.groupEnd(); console.log('out');
        console.assert(true, 'no'); console.assert(false, 'yes', 1);
        console.log('%s is %d and %j%%, %c%o', 'a', 1, {b: 1}, 'css', [1], 'rest'); console.log('%s', 'b'); console.log('%s %x', 1);
        console.log('100%', 1); console.log('%s');";
    assert_eq!(
        written(all),
        [
            r#"log: a 1 null undefined true {"b":[1,"c"]} [2] 5n Symbol(d) [function e] [function ]"#,
            "debug: x",
            "debug: x",
            "info: x",
            "warn: x",
            "error: x",
            r#"log: {"a":1}"#,
            "log: [1]",
            "log: ",
            "log: g",
            "log:   in",
            "log:     deeper",
            "log: out",
            "error: assertion failed yes 1",
            r#"log: a is 1 and {"b":1}%, [1] rest"#,
            "log: b",
            "log: 1 %x",
            "log: 100% 1",
            "log: %s",
        ]
    );
    let errors = written(
        "console.log(new TypeError('no')); const a = {}; a.a = a; console.log(a); ({then() { throw 1 }})",
    );
    assert!(
        errors[0].starts_with("log: TypeError: no\n    at "),
        "{errors:?}"
    );
    assert_eq!(errors[1], "log: [object: it contains itself]");
}

#[test]
fn the_console_is_kept_within_bounds_and_when_there_is_no_result() {
    let many = run_all("for (let i = 0; i < 1005; i++) console.log(i)", None, &[]).1;
    assert_eq!((many.messages.len(), many.dropped), (1000, 5));
    assert_eq!(many.messages[999].text, "999");
    let large = "console.log('é'.repeat(65535)); console.log('abc'); console.log('d')";
    let large = run_all(large, None, &[]).1;
    let lengths: Vec<usize> = large
        .messages
        .iter()
        .map(|message| message.text.len())
        .collect();
    assert_eq!((lengths, large.dropped), (vec![131_070, 2], 2));
    let object = run_all("console.log(new Array(1e9))", None, &[]).1;
    assert_eq!(
        (object.messages[0].text.len(), object.dropped),
        (131_071, 1)
    );
    for ends in [
        "throw 1",
        "let f = () => f(); f()",
        "5n",
        "new Promise(() => {})",
        "Promise.reject(1)",
        "setTimeout(() => { throw 1 })",
    ] {
        let (ended, written) = run_all(&format!("console.log('before'); {ends}"), None, &[]);
        assert!(ended.is_err(), "{ends}");
        assert_eq!(written.messages[0].text, "before", "{ends}");
    }
}

#[test]
fn what_is_thrown_is_told_with_its_stack() {
    let Problem::Thrown(told) = problem("function f() { null.x }\nf()") else {
        panic!("it is thrown");
    };
    assert!(told.message.starts_with("TypeError: "), "{}", told.message);
    let stack = told.stack.unwrap();
    assert!(stack.starts_with("    at f ("), "{stack}");
    assert_eq!(thrown("throw 'text'"), "text");
    assert_eq!(thrown("throw undefined"), "undefined");
    assert_eq!(thrown("throw {a: 1}"), r#"{"a":1}"#);
    assert_eq!(thrown("throw new RangeError()"), "RangeError");
    assert_eq!(
        thrown("class Own extends Error { get name() { return 'Own' } }; throw new Own('x')"),
        "Own: x"
    );
    assert_eq!(
        thrown("throw {get a() { throw 1 }}"),
        "what was thrown cannot be shown: it throws as well"
    );
    assert_eq!(thrown("throw new Error('é'.repeat(9000))").len(), 8191);
    assert_eq!(thrown("nothing"), "ReferenceError: nothing is not defined");
}

#[test]
fn mistakes_are_told_with_their_place() {
    let mistake = |source: &str| match problem(source) {
        Problem::Syntax(Mistake {
            message,
            line,
            column,
        }) => (message, line, column),
        other => panic!("{source}: {other:?}"),
    };
    let (message, line, column) = mistake("1;\n  let 5 = 1");
    assert_eq!((line, column), (2, 7), "{message}");
    let (message, line, column) = mistake("#!x\nf(");
    assert_eq!(
        (message.as_str(), line, column),
        ("the script ends too early", 2, 3)
    );
    let (message, line, column) = mistake("1;'a");
    assert_eq!(
        (message.as_str(), line, column),
        ("unterminated string literal", 1, 5)
    );
    for module in [
        "import a from 'a'; a",
        "export const a = 1",
        "await 1",
        "export default 5",
    ] {
        let (message, ..) = mistake(module);
        assert!(
            message.contains("only CommonJS is known"),
            "{module}: {message}"
        );
    }
    assert_eq!(
        thrown("import('a').then(console.log)"),
        "TypeError: `import()` is not supported: use `require`"
    );
}

#[test]
fn promises_are_awaited_and_jobs_are_done_in_order() {
    assert_eq!(value("Promise.resolve(1).then((n) => n + 1)"), json!(2));
    assert_eq!(
        value("(async () => { await null; return [await 1] })()"),
        json!([1])
    );
    assert_eq!(
        thrown("(async () => { throw new TypeError('no') })()"),
        "TypeError: no"
    );
    assert_eq!(
        thrown("Promise.reject('alone'); 5"),
        "alone",
        "what nobody handles is no success"
    );
    assert_eq!(
        value("const p = Promise.reject(1); p.catch(() => {}); 5"),
        json!(5)
    );
    assert!(matches!(
        problem("new Promise(() => {})"),
        Problem::Unsettled(_)
    ));
    let order = "const seen = []; const on = (n) => () => { seen.push(n) };
        setTimeout(on('late'), 5); setTimeout(on('b'), 0); setImmediate(on('c')); Promise.resolve().then(on('a'));
        queueMicrotask(on('micro')); const n = setInterval(() => { seen.push(Date.now()); if (seen.length > 6) clearInterval(n) }, 1);
        const never = setTimeout(on('never'), 3); clearTimeout(never);
        new Promise((done) => setTimeout((a, b) => done([...seen, a, b]), 100, 'x', 'y'))";
    assert_eq!(
        value(order),
        json!(["a", "micro", "b", "c", 1, 2, 3, "x", "y"])
            .as_array()
            .map(|seen| {
                let mut seen = seen.clone();
                seen.splice(7..7, [json!("late")]);
                Value::Array(seen)
            })
            .unwrap()
    );
    assert_eq!(
        thrown("setTimeout(5)"),
        "TypeError: the first argument of `setTimeout` is no function"
    );
}

#[test]
fn the_clock_stands_still_and_chance_is_always_the_same() {
    assert_eq!(
        value(
            "const a = Date.now(); for (let i = 0; i < 1e4; i++); [a, Date.now(), new Date().toISOString()]"
        ),
        json!([0, 0, "1970-01-01T00:00:00.000Z"])
    );
    assert_eq!(
        value("new Promise((done) => setTimeout(() => done(Date.now()), 86400000))"),
        json!(86_400_000)
    );
    assert_eq!(
        value("new Promise((done) => setTimeout(() => done(Date.now()), Infinity))"),
        json!(2_147_483_647)
    );
    assert_eq!(value("new Date(2000, 0).getTimezoneOffset()"), json!(0));
    let chance = "[Math.random(), Math.random()]";
    let numbers = value(chance);
    assert_eq!(numbers, value(chance));
    assert_ne!(numbers[0], numbers[1]);
    assert!(
        (0.0..1.0).contains(&numbers[0].as_f64().unwrap()),
        "{numbers}"
    );
}

#[test]
fn dates_at_the_ends_of_time_are_dates_or_none() {
    assert_eq!(
        value("[8.64e15, -8.64e15].map((ms) => new Date(ms).toISOString())"),
        json!(["+275760-09-13T00:00:00.000Z", "-271821-04-20T00:00:00.000Z"])
    );
    let odd = "[8.64e15 + 1, -8.64e15 - 1, 1e300, -1e300, Infinity, NaN, 2 ** 63]";
    assert_eq!(
        value(&format!("{odd}.map((ms) => String(new Date(ms)))")),
        json!([
            "Invalid Date",
            "Invalid Date",
            "Invalid Date",
            "Invalid Date",
            "Invalid Date",
            "Invalid Date",
            "Invalid Date"
        ])
    );
    // Nothing of it may bring down the engine.
    for call in [
        "toString()",
        "toLocaleString()",
        "toLocaleDateString()",
        "toUTCString()",
        "toJSON()",
        "getTimezoneOffset()",
        "setFullYear(1e9)",
        "setMonth(1e300)",
        "setHours(-1e300)",
        "setTime(8.64e15)",
        "getYear()",
    ] {
        value(&format!(
            "{odd}.concat(8.64e15, -8.64e15, 0).map((ms) => String(new Date(ms).{call}))"
        ));
    }
    value(
        "[Date.UTC(1e9), Date.UTC(-1e300, 1e300), new Date(1e9, 1e9), Date.parse('+999999-01-01')].map(String)",
    );
}

#[test]
fn nothing_waits_for_memory_that_nobody_shares() {
    assert_eq!(
        value("[typeof Atomics, typeof SharedArrayBuffer]"),
        json!(["undefined", "undefined"])
    );
    assert_eq!(value("typeof new ArrayBuffer(8).slice"), json!("function"));
    assert!(thrown("new ArrayBuffer(32 * 1024 * 1024 + 1)").starts_with("RangeError: "));
}

#[test]
fn what_goes_too_deep_is_told() {
    let deep = |source: &str| assert!(matches!(problem(source), Problem::TooDeep(_)), "{source}");
    deep("let f = () => f(); f()");
    deep("let f = () => [1].map(f); f()");
    deep("let f = () => { try { f() } catch { f() } }; f()");
    deep("let a = {get a() { return this.a }}; a.a");
    deep("let a = {toJSON() { return JSON.stringify(a) }}; a");
    deep(
        "let a = {get message() { return `${a.message}` }}; Object.setPrototypeOf(a, new Error()); throw a.message",
    );
    deep("module.exports = require; setTimeout(function f() { f() })");
    deep(&format!("{}1{}", "(".repeat(300), ")".repeat(300)));
    assert_eq!(
        value("let n = 0; const f = () => { if (++n < 390) f() }; f(); n"),
        json!(390)
    );
    let eval = format!("eval('{}1{}')", "(".repeat(300), ")".repeat(300));
    assert!(thrown(&eval).starts_with("SyntaxError: more than 64 brackets"));
    let function = format!("Function('{}1{}')", "(".repeat(300), ")".repeat(300));
    assert!(thrown(&function).starts_with("SyntaxError: more than 64 brackets"));
}

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
