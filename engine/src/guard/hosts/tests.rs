use super::*;

/// D6: the address counts, however it is written.
#[test]
fn every_spelling_of_an_address_is_the_address() {
    for host in [
        "127.0.0.1",
        "127.0.0.1.",
        "127.1",
        "127.0.1",
        "2130706433",
        "0x7f.1",
        "0x7f000001",
        "0X7F.0.0.0x1",
        "0177.0.0.1",
        "0177.1",
        "017700000001",
        "00000177.0.0.1",
        "127.0.0.01",
        "%31%32%37.0.0.1",
        "127%2e0.0.1",
        "\u{2460}\u{2461}\u{2466}.0.0.1",
        "\u{ff11}\u{ff12}\u{ff17}.0.0.1",
        "127\u{3002}0\u{3002}0\u{3002}1",
    ] {
        for scheme in ["http", "https", "ws", "redis", "postgres"] {
            let url = format!("{scheme}://{host}/x");
            let Some(fact) = host_of(&url) else {
                panic!("no host in {url}")
            };
            assert_eq!(
                (fact.host.as_str(), fact.private),
                ("127.0.0.1", true),
                "{url}"
            );
        }
    }
}

#[test]
fn addresses_and_names_that_are_not_public_are_private() {
    for (url, private) in [
        ("http://8.8.8.8", false),
        ("http://[2606:4700:4700::1111]", false),
        ("https://example.com", false),
        ("https://local.example.com", false),
        ("https://notlocalhost.com", false),
        ("https://mylocal", true),
        ("http://[::1]:8080/", true),
        ("http://[::ffff:127.0.0.1]", true),
        ("http://[0:0:0:0:0:ffff:7f00:1]", true),
        ("http://[64:ff9b::7f00:1]", true),
        ("http://[fe80::1%25lo]/", true),
        ("http://[fe80::1%lo]:80/", true),
        ("http://0/", true),
        ("http://0xa9fea9fe/latest/meta-data", true),
        ("http://169.254.169.254", true),
        ("http://localhost", true),
        ("http://LOCALHOST.", true),
        ("http://a.localhost", true),
        ("http://printer.local", true),
        ("http://db.internal", true),
        ("http://metadata.google.internal", true),
        ("http://metadata.goog", true),
        ("http://router.home.arpa", true),
        ("http://localhost.localdomain", true),
        ("http://metadata", true),
        ("postgres://LocalHost/db", true),
    ] {
        let fact = host_of(url).unwrap();
        assert_eq!(fact.private, private, "{url}: {fact:?}");
    }
}

#[test]
fn a_fact_has_the_parts_of_its_url() {
    let fact = host_of("HTTP://User@B\u{fc}cher.Example.:8080/x").unwrap();
    assert_eq!(
        fact,
        HostFact {
            scheme: "http".to_owned(),
            host: "xn--bcher-kva.example".to_owned(),
            port: 8080,
            private: false,
            userinfo: true,
        }
    );
    let port = |url: &str| host_of(url).unwrap().port;
    assert_eq!(port("https://a.example"), 443);
    assert_eq!(port("http://a.example"), 80);
    assert_eq!(port("wss://a.example"), 443);
    assert_eq!(port("gopher://a.example"), 0);
    assert!(host_of("https://:password@a.example").unwrap().userinfo);
}

#[test]
fn what_names_no_host_has_none() {
    for text in [
        "",
        "x",
        "/etc/passwd",
        "file:///etc/passwd",
        "mailto:a@b.example",
        "https://",
        "https://a b",
    ] {
        assert_eq!(host_of(text), None, "{text}");
    }
}
