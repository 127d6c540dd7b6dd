use proptest::prelude::*;

use super::*;

#[test]
fn well_known_forms_are_hidden_and_the_rest_stays() {
    for (text, hidden) in [
        ("key AKIAIOSFODNN7EXAMPLE here", "key [secret] here"),
        (
            "Authorization: Bearer abcdefgh.ijkl-mnop",
            "Authorization: Bearer [secret]",
        ),
        (
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJlLi4u",
            "[secret]",
        ),
        (
            "postgres://app:hunter2@db.example/app",
            "postgres://app:[secret]@db.example/app",
        ),
        (
            r#"{"password":"hunter2","user":"a"}"#,
            r#"{"password":"[secret]","user":"a"}"#,
        ),
        (
            r#"{\"api_key\": \"k-123\"}"#,
            r#"{\"api_key\": \"[secret]\"}"#,
        ),
        (
            r#"{"password":"p&ss,long;se[cret"}"#,
            r#"{"password":"[secret]"}"#,
        ),
        (r#"{"token":"[bracket"}"#, r#"{"token":"[secret]"}"#),
        ("sk-ant-REDACTED-0123456789", "[secret]"),
        ("pwd=hunter2&x=1", "pwd=[secret]&x=1"),
        (
            "-----BEGIN RSA PRIVATE KEY-----\nMIIB\nAAAA==\n-----END RSA PRIVATE KEY-----\nrest",
            "[secret]\nrest",
        ),
        ("ghp_0123456789abcdefghijABCDEFGHIJ012345", "[secret]"),
        ("to be or not to be", "to be or not to be"),
        (
            "https://example.com:8080/path",
            "https://example.com:8080/path",
        ),
        ("a secretary, passwordless", "a secretary, passwordless"),
    ] {
        assert_eq!(hide(text), hidden);
        assert_eq!(finds(text), text != hidden, "{text}");
    }
}

proptest! {
    /// JSON stays JSON, whatever is hidden in it, and nothing that was hidden is found again.
    #[test]
    fn hiding_in_json_leaves_json(
        text in "(\\PC|password=|Bearer |\"|AKIAIOSFODNN7EXAMPLE|https://u:|@|pwd\": \"){0,20}",
    ) {
        let json = serde_json::to_string(&text).unwrap();
        let hidden = hide(&json);
        prop_assert!(serde_json::from_str::<String>(&hidden).is_ok(), "{hidden}");
        prop_assert!(!finds(&hidden), "{hidden}");
    }
}
