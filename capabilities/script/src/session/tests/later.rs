use super::*;

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
