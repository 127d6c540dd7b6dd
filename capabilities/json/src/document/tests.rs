use super::{bounded, strict};

#[test]
fn depth_is_counted_outside_of_strings() {
    let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    assert_eq!(bounded("it", &nested(100)), Ok(()));
    assert_eq!(
        bounded("it", &nested(101)).unwrap_err(),
        "it nests more than 100 levels at byte 100, which is the most"
    );
    let text = format!(r#"["{}", "\"{}"]"#, "[".repeat(200), "{".repeat(200));
    assert_eq!(bounded("it", &text), Ok(()));
    assert!(bounded("it", &format!(r#"["\\", {}]"#, nested(100))).is_err());
    assert!(bounded("it", &"[".repeat(100_000)).is_err());
}

#[test]
fn only_json_is_json() {
    for text in [
        "", " ", "NaN", "[1,]", "{1: 2}", "1 2", "# x\n1", "'a'", "01", "+1", "b\"a\"", "[",
        "\"\\x\"",
    ] {
        assert!(strict("it", text).is_err(), "{text}");
    }
    for text in ["1", " null ", "1e400", "-0.0", "{\"a\":{}}", "\"\\u00e9\""] {
        assert_eq!(strict("it", text), Ok(()), "{text}");
    }
}
