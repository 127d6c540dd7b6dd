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
        assert!(text == hidden || can_match(text), "{text}");
    }
}

proptest! {
    /// What is passed over without the patterns has nothing that they find.
    #[test]
    fn nothing_is_passed_over_that_has_a_secret(
        text in "(\\PC|[pP]a[s\u{17f}\u{17f}]{2}w(or)?d|=|:|Bearer |bA\u{17f}ic |abcdefgh|\"|AKIA|0123456789ABCDEF|u://|@|pwd|to\u{212a}en|Api[-_]?Key|[sr]k_live_|sk-|ghs_|xoxb-|-----BEGIN PRIVATE KEY-----){0,6}",
    ) {
        let found = KINDS.as_ref().unwrap().0.is_match(&text) || SECRETS.as_ref().unwrap().is_match(&text);
        prop_assert!(!found || can_match(&text), "{text}");
    }

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

#[test]
fn each_form_has_its_kind() {
    for (text, expected) in [
        ("AKIAIOSFODNN7EXAMPLE", "aws_key"),
        ("ASIAIOSFODNN7EXAMPLE", "aws_key"),
        ("Authorization: Bearer abcdefgh.ijkl-mnop", "bearer_token"),
        ("authorization: basic dXNlcjpwYXNz", "bearer_token"),
        (
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJlLi4u",
            "jwt",
        ),
        ("-----BEGIN PRIVATE KEY-----\nMIIB\n", "private_key"),
        ("-----BEGIN OPENSSH PRIVATE KEY-----", "private_key"),
        ("postgres://app:hunter2@db.example/app", "connection_string"),
        ("ghp_0123456789abcdefghijABCDEFGHIJ012345", "api_key"),
        ("github_pat_0123456789abcdefghijABCDEFGHIJ", "api_key"),
        ("xoxb-0123456789-abc", "api_key"),
        ("sk-ant-REDACTED-0123456789", "api_key"),
        ("sk_live_0123456789", "api_key"),
        ("AIzaSyA0123456789abcdefghijklmnopqrs", "api_key"),
        ("api-key: x1", "api_key"),
        ("token=x1", "api_key"),
        (r#"{"access_key": "x1"}"#, "api_key"),
        (r#"{\"password\": \"x1\"}"#, "password"),
        ("password = x1", "password"),
        ("pwd=x1", "password"),
        ("client_secret=x1", "password"),
    ] {
        assert_eq!(kinds(text), BTreeSet::from([expected]), "{text}");
        assert!(finds(text), "{text}");
    }
}

#[test]
fn all_kinds_of_a_text_are_found_and_none_in_plain_text() {
    let text = "password=x token=y AKIAIOSFODNN7EXAMPLE é";
    assert_eq!(
        kinds(text),
        BTreeSet::from(["api_key", "aws_key", "password"])
    );
    for text in [
        "",
        "to be or not to be",
        "https://example.com:8080/path",
        "a secretary",
    ] {
        assert_eq!(kinds(text), BTreeSet::new(), "{text}");
    }
}
