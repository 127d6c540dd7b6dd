use crate::exports::engine::json::documents::{Error, Results};

/// Runs a filter with as much stack as its bounds are for.
fn query(document: &str, filter: &str, limit: Option<u32>) -> Result<Results, Error> {
    std::thread::scope(|scope| {
        std::thread::Builder::new()
            .stack_size(256 << 20)
            .spawn_scoped(scope, || super::query(document, filter, limit))
            .unwrap()
            .join()
            .unwrap()
    })
}

fn outputs(document: &str, filter: &str) -> Vec<String> {
    let results =
        query(document, filter, None).unwrap_or_else(|error| panic!("{filter}: {error:?}"));
    assert!(!results.truncated, "{filter}");
    results.outputs
}

fn refused(filter: &str) -> String {
    match query("null", filter, None) {
        Err(Error::Invalid(message)) => message,
        other => panic!("{filter}: {other:?}"),
    }
}

fn failed(document: &str, filter: &str) -> String {
    match query(document, filter, None) {
        Err(Error::Failed(message)) => message,
        other => panic!("{filter}: {other:?}"),
    }
}

#[test]
fn filters_do_what_jq_does() {
    for (document, filter, wanted) in [
        (r#"{"a":{"b":[1,2]}}"#, ".a.b[]", &["1", "2"][..]),
        (r#"{"b":1,"a":2}"#, ".", &[r#"{"b":1,"a":2}"#]),
        (r#"{"b":1,"a":2}"#, "keys", &[r#"["a","b"]"#]),
        ("[3,1,2]", "sort", &["[1,2,3]"]),
        ("[1,2,3]", "map(. * 2) | add", &["12"]),
        ("10", ". / 4, . / 5", &["2.5", "2"]),
        ("null", "[limit(3; repeat(1))]", &["[1,1,1]"]),
        (
            r#"[{"k":"a","v":1},{"k":"b","v":2},{"k":"a","v":3}]"#,
            "group_by(.k) | map({k: .[0].k, n: map(.v) | add})",
            &[r#"[{"k":"a","n":4},{"k":"b","n":2}]"#],
        ),
        (r#"{"a":1}"#, "to_entries", &[r#"[{"key":"a","value":1}]"#]),
        (
            r#"{"a":1,"b":null}"#,
            "with_entries(select(.value != null))",
            &[r#"{"a":1}"#],
        ),
        (
            r#""2026-11-29T00:00:00Z""#,
            "fromdate | todate",
            &[r#""2026-11-29T00:00:00Z""#],
        ),
        (r#""a1b22""#, "[scan(\"[0-9]+\")]", &[r#"["1","22"]"#]),
        (r#""x""#, ". * 3, \"\\(.)y\"", &[r#""xxx""#, r#""xy""#]),
        (
            "[[1,[2]],3]",
            "flatten, [.. | numbers]",
            &["[1,2,3]", "[1,2,3]"],
        ),
        (
            "5",
            "def fac: if . <= 1 then 1 else . * (. - 1 | fac) end; fac",
            &["120"],
        ),
        ("[1,2]", ".[0] = 5 | .[1] *= 3", &["[5,6]"]),
        (r#"{"a":[1,2]}"#, "[paths]", &[r#"[["a"],["a",0],["a",1]]"#]),
        (
            r#"{"a":[{"b":5}]}"#,
            "path(..)",
            &["[]", r#"["a"]"#, r#"["a",0]"#, r#"["a",0,"b"]"#],
        ),
        (
            "[1,[2]]",
            "walk(if type == \"number\" then . + 1 end)",
            &["[2,[3]]"],
        ),
        ("1", "try error(\"x\") catch .", &[r#""x""#]),
        (
            "1",
            "reduce range(5) as $i (0; . + $i), [foreach range(3) as $i (0; . + $i)]",
            &["10", "[0,1,3]"],
        ),
        ("1", "., halt, 3", &["1"]),
        ("[1,null,2]", ".[] // 9", &["1", "2"]),
        (
            "{\"a\":1}",
            "{a, \"b\": 2, (\"c\" + \"d\"): 3}",
            &[r#"{"a":1,"b":2,"cd":3}"#],
        ),
        ("1", ". as $x | {$x}", &[r#"{"x":1}"#]),
        ("1", "label $out | 1, break $out, 2", &["1"]),
        ("\"3\"", "tonumber, (\"[1]\" | fromjson)", &["3", "[1]"]),
    ] {
        assert_eq!(outputs(document, filter), wanted, "{filter}");
    }
}

#[test]
fn deleting_keeps_the_order_of_what_is_left() {
    for (document, filter, wanted) in [
        (r#"{"a":1,"b":2,"c":3}"#, "del(.a)", r#"{"b":2,"c":3}"#),
        ("[0,1,2,3]", "del(.[0], .[1])", "[2,3]"),
        ("[0,1,2,3]", "del(.[-1], .[1:3])", "[0]"),
        ("[0,1,2,3]", "del(.[] | select(. > 1))", "[0,1]"),
        (r#"{"a":{"b":1,"c":2}}"#, "del(.a, .a.b)", "{}"),
        (
            r#"{"a":{"b":1,"c":2}}"#,
            "delpaths([[\"a\",\"b\"],[\"x\",\"y\"]])",
            r#"{"a":{"c":2}}"#,
        ),
        ("[[1,2],[3]]", "del(.[0:1][0])", "[[3]]"),
        ("[1]", "del(.[5], .[-7])", "[1]"),
    ] {
        assert_eq!(outputs(document, filter), [wanted], "{filter}");
    }
}

#[test]
fn numbers_keep_their_digits_and_stay_json() {
    assert_eq!(
        outputs("[123456789012345678901234567890, 1.10, 1e400, -0]", ".[]"),
        ["123456789012345678901234567890", "1.10", "1e400", "0"]
    );
    assert_eq!(
        outputs("9007199254740993", ". + 1, . * 1000000000000"),
        ["9007199254740994", "9007199254740993000000000000"]
    );
    assert_eq!(
        outputs("null", "nan, infinite, -infinite, 1e17, 0.1 + 0.2"),
        [
            "null",
            "1.7976931348623157e308",
            "-1.7976931348623157e308",
            "1e17",
            "0.30000000000000004"
        ]
    );
}

#[test]
fn outputs_end_at_the_limit() {
    for filter in [
        "range(1e9)",
        "repeat(1)",
        "def f: 1, f; f",
        "recurse",
        "range(0; 1; 0)",
    ] {
        let results = query("null", filter, Some(3)).unwrap();
        assert!(results.outputs.len() <= 3, "{filter}");
        assert_eq!(results.truncated, filter != "recurse", "{filter}");
    }
    assert!(!query("null", "1, 2, 3", Some(3)).unwrap().truncated);
    for limit in [0, 10_001] {
        assert!(matches!(
            query("null", ".", Some(limit)),
            Err(Error::Invalid(_))
        ));
    }
    let long = query("null", "repeat(\"x\" * 100000)", None);
    assert!(matches!(long, Err(Error::TooLarge(_))), "{long:?}");
}

#[test]
fn a_filter_is_measured_before_it_is_parsed() {
    for (filter, message) in [
        (".".repeat(8_193), "the filter has 8193 bytes"),
        (
            format!("{}1{}", "(".repeat(33), ")".repeat(33)),
            "the filter has more than 32 levels of brackets at byte 32",
        ),
        (
            format!("{}1{}", "[".repeat(3_000), "]".repeat(3_000)),
            "the filter has more than 32 levels",
        ),
        (
            vec!["."; 500].join("|"),
            "the filter has more than 500 words and signs",
        ),
        (
            "-".repeat(5_000) + "1",
            "the filter has more than 500 words and signs",
        ),
        (
            "if ".repeat(501),
            "the filter has more than 500 words and signs",
        ),
        ("\"\\(".repeat(33), "the filter has more than 32 levels"),
        (
            "#\\\n".to_owned() + &"(".repeat(40),
            "the filter has more than 32 levels",
        ),
    ] {
        let found = refused(&filter);
        assert!(found.starts_with(message), "{found}");
    }
    assert_eq!(
        outputs("1", &format!("{}.{}", "(".repeat(32), ")".repeat(32))),
        ["1"]
    );
    assert_eq!(
        outputs("1", &format!("\"{}\" | length", "([{".repeat(1_000))),
        ["3000"]
    );
}

#[test]
fn broken_filters_are_told_with_their_place() {
    for (filter, message) in [
        ("", "the filter ends where a term has to follow"),
        (".a |", "the filter ends where a term has to follow"),
        (".a ] b", "the filter has `] b` at byte 3"),
        (
            "(.a",
            "the filter ends where a closing parenthesis has to follow",
        ),
        (
            "1 as x | x",
            "the filter has `x` at byte 5, where a pattern has to be",
        ),
        (
            "nothing(1)",
            "the filter uses what is not there: `nothing` with 1 arguments",
        ),
        (
            "$ENV, now, input",
            "the filter uses what is not there: the variable `$ENV`, `now` with 0 arguments, `input` with 0 arguments",
        ),
        (
            "env",
            "the filter uses what is not there: `env` with 0 arguments",
        ),
        ("import \"a\" as a; .", "the filter has `\"a\"` at byte 7"),
    ] {
        let found = refused(filter);
        assert!(found.starts_with(message), "{filter}: {found}");
    }
}

#[test]
fn what_a_filter_fails_with_is_told() {
    for (document, filter, message) in [
        ("1", "error(\"no\")", "no"),
        ("1", "error({a: 1})", "{\"a\":1}"),
        ("1", ".a", "cannot index 1 with \"a\""),
        (
            "1",
            "\"a\" * 1000000000",
            "a string of 1 bytes times 1000000000 is more than 1048576 bytes, which is the most",
        ),
        (
            "\"a\"",
            ". *= 99999999999999999999",
            "a string of 1 bytes times 99999999999999999999 is more than",
        ),
        ("1", "\"[1,\" | fromjson", "the text is not JSON"),
        (
            "1",
            "(\"[\" * 10000) | fromjson",
            "the text nests more than 100 levels",
        ),
        ("1", "\"abc\" | tobytes", "an output has bytes"),
        (
            "1",
            "{(1|tostring): 1} | {(\"a\"): 2} + {\"b\": (\"x\" | tobytes)}",
            "an output has bytes",
        ),
    ] {
        let found = failed(document, filter);
        assert!(found.starts_with(message), "{filter}: {found}");
    }
}

/// Each of these took the stack up to its end, where the guest traps.
#[test]
fn what_calls_itself_without_end_is_told() {
    for (filter, message) in [
        ("def f: 1 + f; f", "the filter calls itself too deeply"),
        ("def f: f | f; f", "the filter calls itself too deeply"),
        ("def f: [f]; f", "the filter calls itself too deeply"),
        ("def f: f; f |= 1", "the filter calls itself too deeply"),
        ("recurse(.) |= 1", "the filter calls itself too deeply"),
        (
            "[path(def f: (f | .a); f)]",
            "the filter calls itself too deeply",
        ),
        (
            "(reduce range(100000) as $i (.; .)) |= 1",
            "the filter calls itself too deeply",
        ),
        (
            "def f(g): if g > 9 then 1 else f(g + 0) + 1 end; f(1)",
            "the filter calls itself too deeply",
        ),
        (
            "def f(g): f(g); f(1)",
            "a definition with filters as arguments calls itself more than 1000 times",
        ),
        (
            "def f(g): def h: f(g); h; f(1)",
            "a definition with filters as arguments calls itself more than 1000 times",
        ),
        (
            "reduce range(100000) as $i (0; [.])",
            "a value nests more than 200 levels",
        ),
        (
            "reduce range(100000) as $i (0; {a: .})",
            "a value nests more than 200 levels",
        ),
        (
            "reduce range(1000) as $i ([0]; getpath([range($i + 1) | 0]) |= [.])",
            "a value nests more than 200 levels",
        ),
        (
            "reduce range(1000) as $i ([0]; group_by(.))",
            "a value nests more than 200 levels",
        ),
        (
            "last(path(def f: .a | f; limit(1; f)))",
            "a path has more than 1000 steps",
        ),
        (
            "last(limit(5000; path(recurse(.a))))",
            "a path has more than 1000 steps",
        ),
    ] {
        let found = failed("null", filter);
        assert!(found.starts_with(message), "{filter}: {found}");
    }
    assert_eq!(
        outputs(
            "0",
            "def f: if . >= 20000 then . else . + 1 | f end; f, until(. >= 20000; . + 1)"
        ),
        ["20000", "20000"],
        "a call at the end of a definition takes no stack"
    );
}
