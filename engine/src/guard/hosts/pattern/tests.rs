use super::super::host_of;
use super::*;

/// Each URL, whether `allowed.com` means it, and whether `*.allowed.com` does.
const HOSTS: &[(&str, bool, bool)] = &[
    // The host itself, in every spelling that leads to it.
    ("https://allowed.com", true, false),
    ("https://allowed.com/", true, false),
    ("https://ALLOWED.com", true, false),
    ("HTTPS://allowed.com", true, false),
    ("https://allowed.com.", true, false),
    ("https://allowed.com:443", true, false),
    ("https://allowed.com:0443", true, false),
    ("https:allowed.com", true, false),
    ("https:/allowed.com", true, false),
    ("https:///allowed.com", true, false),
    (r"https:\\allowed.com", true, false),
    (" https://allowed.com", true, false),
    ("https://al\tlowed.com", true, false),
    ("https://allowed%2ecom", true, false),
    ("https://%61llowed.com", true, false),
    ("https://allowed\u{3002}com", true, false),
    ("https://allowed\u{ff0e}com", true, false),
    ("https://\u{ff41}llowed.com", true, false),
    ("https://allo\u{ad}wed.com", true, false),
    ("https://user@allowed.com", true, false),
    ("https://user:password@allowed.com", true, false),
    ("https://evil.com:443@allowed.com", true, false),
    (r"https://allowed.com\@evil.com", true, false),
    ("https://allowed.com/../../evil.com", true, false),
    ("https://allowed.com?x=evil.com", true, false),
    ("https://allowed.com#evil.com", true, false),
    // Below it.
    ("https://a.allowed.com", false, true),
    ("https://a.b.allowed.com", false, true),
    ("https://A.ALLOWED.COM.", false, true),
    ("https://xn--bcher-kva.allowed.com", false, true),
    ("https://b\u{fc}cher.allowed.com", false, true),
    // Another port or scheme.
    ("https://allowed.com:8443", false, false),
    ("https://allowed.com:80", false, false),
    ("https://allowed.com:4430", false, false),
    ("http://allowed.com", false, false),
    ("http://allowed.com:443", false, false),
    ("wss://allowed.com", false, false),
    ("ftp://allowed.com", false, false),
    ("file://allowed.com/x", false, false),
    ("redis://allowed.com:443", false, false),
    ("https://a.allowed.com:8443", false, false),
    ("http://a.allowed.com", false, false),
    // Another host that looks like it.
    ("https://allowed.com..", false, false),
    ("https://.allowed.com", false, false),
    ("https://..allowed.com", false, false),
    ("https://a..allowed.com", false, false),
    ("https://allowed.com.evil.test", false, false),
    ("https://a.allowed.com.evil.test", false, false),
    ("https://evil-allowed.com", false, false),
    ("https://evilallowed.com", false, false),
    ("https://a-allowed.com", false, false),
    ("https://allowed.com\u{3002}evil", false, false),
    ("https://allowed.com.evil", false, false),
    ("https://allowed.co", false, false),
    ("https://allowed.com.au", false, false),
    ("https://llowed.com", false, false),
    ("https://com", false, false),
    ("https://\u{430}llowed.com", false, false),
    ("https://xn--llowed-3ve.com", false, false),
    ("https://allowed.c\u{43e}m", false, false),
    ("https://allowed,com", false, false),
    ("https://allowed.com,", false, false),
    ("https://allowed.com evil.com", false, false),
    ("https://allowed.com\n.evil.com", false, false),
    ("https://allowed.com%00.evil.com", false, false),
    ("https://allowed.com%2fevil.com", false, false),
    ("https://allowed.com%40evil.com", false, false),
    ("https://allowed.com@evil.com", false, false),
    ("https://allowed.com:443@evil.com", false, false),
    ("https://allowed.com%20@evil.com", false, false),
    (r"https://evil.com\@allowed.com", false, false),
    ("https://evil.com/allowed.com", false, false),
    ("https://evil.com/@allowed.com", false, false),
    ("https://evil.com?@allowed.com", false, false),
    ("https://evil.com#@allowed.com", false, false),
    ("https://127.0.0.1", false, false),
    ("https://[::1]", false, false),
    ("https://localhost", false, false),
    ("blob:https://allowed.com", false, false),
    ("//allowed.com", false, false),
    ("allowed.com", false, false),
];

/// D4, F5.
#[test]
fn a_pattern_means_its_hosts_and_no_others() {
    let exact: HostPattern = "allowed.com".parse().unwrap();
    let below: HostPattern = "*.allowed.com".parse().unwrap();
    assert!(HOSTS.len() >= 60);
    for (url, is_exact, is_below) in HOSTS {
        let host = host_of(url);
        let means = |pattern: &HostPattern| host.as_ref().is_some_and(|host| pattern.allows(host));
        assert_eq!(means(&exact), *is_exact, "{url:?} is {host:?}");
        assert_eq!(means(&below), *is_below, "{url:?} is {host:?}");
    }
}

#[test]
fn a_port_that_is_written_is_the_only_one() {
    let pattern: HostPattern = "https://*.example.com:8443".parse().unwrap();
    for (url, means) in [
        ("https://a.example.com:8443", true),
        ("https://a.example.com", false),
        ("http://a.example.com:8443", false),
        ("https://example.com:8443", false),
    ] {
        assert_eq!(pattern.allows(&host_of(url).unwrap()), means, "{url}");
    }
}

#[test]
fn a_ban_is_on_every_scheme_and_port_that_is_not_written() {
    for (pattern, url, bans) in [
        ("evil.example", "https://evil.example", true),
        ("evil.example", "https://evil.example:8443", true),
        ("evil.example", "http://evil.example", true),
        ("evil.example", "ftp://EVIL.example./x", true),
        ("evil.example", "https://a.evil.example", false),
        ("*.evil.example", "http://a.evil.example", true),
        ("https://evil.example", "http://evil.example", false),
        ("https://evil.example", "https://evil.example:8443", true),
        ("evil.example:8443", "http://evil.example:8443", true),
        ("evil.example:8443", "https://evil.example", false),
    ] {
        let parsed: HostPattern = pattern.parse().unwrap();
        assert_eq!(
            parsed.bans(&host_of(url).unwrap()),
            bans,
            "{pattern}: {url}"
        );
    }
}

#[test]
fn patterns_are_read_in_any_case_and_kept_as_they_were_written() {
    for text in [
        "api.example.com",
        "API.Example.com",
        "api.example.com.",
        "https://api.example.com",
        "api.example.com:443",
    ] {
        let pattern: HostPattern = serde_json::from_value(text.into()).unwrap();
        assert!(
            pattern.allows(&host_of("https://api.example.com").unwrap()),
            "{text}"
        );
        assert_eq!(serde_json::to_value(&pattern).unwrap(), text);
        assert_eq!(pattern.to_string(), text);
    }
    let german: HostPattern = "b\u{fc}cher.example".parse().unwrap();
    assert!(german.allows(&host_of("https://xn--bcher-kva.example").unwrap()));
}

#[test]
fn whatever_is_not_a_pattern_is_refused_with_its_text() {
    for text in [
        "",
        "*",
        "*.",
        "*.com",
        "**.example.com",
        "*.*.example.com",
        "a.*.example.com",
        "*example.com",
        "api.example.*",
        "http://api.example.com",
        "HTTPS://api.example.com",
        "ftp://api.example.com",
        "https://",
        "https://api.example.com/",
        "api.example.com/v1",
        "api.example.com?x",
        "api.example.com#x",
        "user@api.example.com",
        "api.example.com:",
        "api.example.com:0",
        "api.example.com:0443",
        "api.example.com:+443",
        "api.example.com:65536",
        "api.example.com:443:443",
        "api.example.com:https",
        "api..example.com",
        ".example.com",
        "api.example.com..",
        "api example.com",
        " api.example.com",
        "api.example.com\n",
        "api.exa\u{200b}mple.com",
        "api%2eexample.com",
        r"api.example.com\x",
        "127.0.0.1",
        "127.1",
        "2130706433",
        "[::1]",
        "::1",
        &format!("{}.com", "x".repeat(64)),
        &"x.".repeat(200),
    ] {
        let Err(fault) = text.parse::<HostPattern>() else {
            panic!("`{text}` was taken")
        };
        assert_eq!(fault.code().as_str(), "E-INVALID-CONFIG", "{text}");
        let shown = crate::types::text::line(text, 256);
        assert!(
            fault
                .to_string()
                .starts_with(&format!("`{shown}` is not a rule")),
            "{fault}"
        );
        assert_eq!(fault.hints().len(), 1);
        assert!(serde_json::from_value::<HostPattern>(text.into()).is_err());
    }
}
