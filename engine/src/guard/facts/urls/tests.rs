use super::*;

fn hosts(text: &str) -> Vec<String> {
    let mut hosts = Vec::new();
    all(text, &mut 10_000, |found| {
        hosts.push(match found {
            Found::Host(host) => host.host,
            Found::File { path, .. } => path,
            Found::Unreadable => "?".to_owned(),
        });
    });
    hosts.dedup();
    hosts
}

#[test]
fn urls_are_found_alone_and_inside_of_text() {
    for (text, expected) in [
        ("https://a.example", &["a.example"][..]),
        ("  https://a.example/x y", &["a.example"]),
        (
            "see https://a.example/x, or (http://b.example).",
            &["a.example", "b.example"],
        ),
        ("[x](https://a.example)", &["a.example"]),
        ("[https://a.example]", &["a.example"]),
        ("at http://[2606:4700::1]:80/x", &["2606:4700::1"]),
        (
            "url=https://a.example/&to=redis://b.example",
            &["a.example", "b.example"],
        ),
        ("<a href=\"https://a.example\">", &["a.example"]),
        ("https:a.example", &["a.example"]),
        (r"https:\\a.example", &["a.example"]),
        ("ht\ntps://a.example", &["a.example"]),
        (
            r"https://a.example\@b.example",
            &["a.example", "b.example", "a.example", "b.example"],
        ),
        (
            "https://a.example\n.b.example",
            &["a.example.b.example", "a.example"],
        ),
        ("file:///etc/pass%77d", &["/etc/passwd"]),
        ("file:/etc/passwd", &["/etc/passwd"]),
        (
            "file://a.example/x",
            &["a.example", "/x", "a.example", "/x"],
        ),
        ("http://[host]/x", &["?"]),
        (
            "http://a.example?to=http://169.254.1.1/x",
            &["a.example", "169.254.1.1"],
        ),
        ("or file:///etc/passwd, too", &["/etc/passwd"]),
        ("mailto:a@b.example", &[]),
        ("a/b and c", &[]),
        ("file: notes", &[]),
        ("C:\\x", &[]),
        ("", &[]),
    ] {
        assert_eq!(hosts(text), expected, "{text:?}");
    }
}

#[test]
fn a_url_is_no_path_but_a_path_with_one_inside_is() {
    for text in [
        "https://a.example/x",
        "file:///x",
        "FILE:/x",
        "see http://a.example/x",
    ] {
        assert!(is_url(text), "{text}");
    }
    for text in [
        "/x",
        "a/b",
        "/x://y",
        "../x://y",
        "~/http://a",
        r"C:\x",
        "a: b/c",
    ] {
        assert!(!is_url(text), "{text}");
    }
}
