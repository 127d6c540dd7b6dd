use super::*;

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
        json!({"a": [1, 0, 1.5e300, 0.1, 12_345_678_901_234_567_000_u64, "é\n"], "__proto__": null, "b": {"9": 2, "10": 1}})
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
