use super::*;

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
