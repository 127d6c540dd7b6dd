//! Recognises secrets in text: keys and tokens of well-known forms.
//!
//! What an attacker encodes in a way of their own cannot be recognised; this is a net for accidents.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::LazyLock;

use regex::{Regex, RegexSet};

use super::thrift::Thrift;

/// What stands in the place of a secret.
const HIDDEN: &str = "[secret]";

/// The forms of secrets that stand alone, each with its kind. The whole match is the secret, but for
/// the groups that say what is kept.
///
/// No counted repetitions of many: they make the compiled pattern large and slow to build.
///
/// Sources of the forms: AWS' list of unique identifiers; RFC 6750 (bearer tokens); RFC 7519 (JWT);
/// RFC 7468 (private keys); GitHub's and Slack's documented token prefixes.
const FORMS: [(&str, &str); 11] = [
    ("aws_key", r"\b (?: AKIA | ASIA ) [0-9A-Z]{16} \b"),
    (
        "jwt",
        r"\b eyJ [A-Za-z0-9_-]{8,} \. eyJ [A-Za-z0-9_-]{8,} \. [A-Za-z0-9_-]{8,}",
    ),
    (
        "private_key",
        r"-----BEGIN\ [A-Z\ ]{0,20} PRIVATE\ KEY----- (?: [A-Za-z0-9+/=\r\n\ ] | \\n | \\r )*
            (?: -----END\ [A-Z\ ]{0,20} PRIVATE\ KEY----- )?",
    ),
    ("api_key", r"\b gh[pousr]_ [A-Za-z0-9]{36,}"),
    ("api_key", r"\b github_pat_ [A-Za-z0-9_]{20,}"),
    ("api_key", r"\b xox[abpr]- [A-Za-z0-9-]{10,}"),
    ("api_key", r"\b sk- [A-Za-z0-9_-]{16,}"),
    ("api_key", r"\b [rs]k_(?: live | test )_ [A-Za-z0-9]{10,}"),
    ("api_key", r"\b AIza [0-9A-Za-z_-]{30,}"),
    (
        "bearer_token",
        r"(?i: \b (?P<scheme> bearer | basic ) [\ ]+ ) (?P<credentials> [A-Za-z0-9._~+/=-]{8,} )",
    ),
    (
        "connection_string",
        r#"\b (?P<uri> [A-Za-z][A-Za-z0-9+.-]{0,30} :// [^\s:/@"\\]* : ) (?P<userinfo> [^\s/@"\\\[]+ ) @"#,
    ),
];

/// What a secret is called where it is the value of a key, with its kind.
const NAMES: [(&str, &str); 2] = [
    ("password", "passw(?:or)?d | pwd | secret"),
    ("api_key", "token | api[_-]?key | access[_-]?key"),
];

/// The `key=value` forms, for whichever `NAMES`; the last group is the secret. Matches end at quotes and
/// backslashes, so that JSON stays JSON.
const VALUES: [&str; 2] = [
    r#"(?P<quoted> (?i: NAMES ) [\\]{0,3} ["'] \s{0,4} : \s{0,4} [\\]{0,3} " ) (?P<inside> [^"\\]+ )"#,
    r#"(?P<key> (?i: NAMES ) ["'\\]{0,4} \s{0,4} [:=] \s{0,4} ["'\\]{0,4} ) (?P<value> [^\s"'\\&,;}\[]+ )"#,
];

/// What each of `FORMS` needs as it is written here: a text with none of it, and none of `SIGNS_IN_ANY_CASE`, has no secret.
const SIGNS: [&str; 16] = [
    "AKIA",
    "ASIA",
    "eyJ",
    "-----BEGIN",
    "ghp_",
    "gho_",
    "ghu_",
    "ghs_",
    "ghr_",
    "github_pat_",
    "xox",
    "sk-",
    "k_live_",
    "k_test_",
    "AIza",
    "://",
];

/// The same in whichever case, of `FORMS` and of `NAMES`.
const SIGNS_IN_ANY_CASE: [&str; 12] = [
    "bearer ",
    "basic ",
    "passw",
    "pwd",
    "secret",
    "token",
    "apikey",
    "api_key",
    "api-key",
    "accesskey",
    "access_key",
    "access-key",
];

/// The letters beyond ASCII that are an `s` and a `k` in another case.
const OTHER_CASES: [char; 2] = ['\u{17f}', '\u{212a}'];

static THRIFT: Thrift = Thrift::new();

/// Whether any of the patterns can match, without them.
fn can_match(text: &str) -> bool {
    let lower = text.to_ascii_lowercase();
    SIGNS.iter().any(|sign| text.contains(sign))
        || SIGNS_IN_ANY_CASE.iter().any(|sign| lower.contains(sign))
        || text.contains(OTHER_CASES)
}

/// One pattern for all, so that a text is read once.
static SECRETS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let names = NAMES.map(|(_, names)| names).join(" | ");
    let forms = FORMS.iter().map(|(_, form)| (*form).to_owned());
    let values = VALUES.iter().map(|form| form.replace("NAMES", &names));
    let all: Vec<String> = forms.chain(values).collect();
    Regex::new(&format!("(?x) {}", all.join(" | "))).ok()
});

/// The same patterns one by one, and the kind of each.
static KINDS: LazyLock<Option<(RegexSet, Vec<&'static str>)>> = LazyLock::new(|| {
    let forms = FORMS.iter().map(|(kind, form)| (*kind, (*form).to_owned()));
    let values = NAMES.iter().flat_map(|(kind, names)| {
        VALUES
            .iter()
            .map(move |form| (*kind, form.replace("NAMES", names)))
    });
    let (kinds, patterns): (Vec<_>, Vec<_>) = forms
        .chain(values)
        // Without tables of Unicode a boundary is found at full speed, and if anything more often.
        .map(|(kind, form)| (kind, format!("(?x) {}", form.replace(r"\b", r"(?-u:\b)"))))
        .unzip();
    Some((RegexSet::new(patterns).ok()?, kinds))
});

/// The kinds of secrets in a text: `aws_key`, `bearer_token` (or basic credentials), `jwt`,
/// `private_key`, `connection_string`, `api_key`, `password`.
///
/// Reads the text once, however much it finds. What [`hide`] has hidden may be named again.
pub(crate) fn kinds(text: &str) -> BTreeSet<&'static str> {
    if THRIFT.is_without(text, can_match) {
        return BTreeSet::new();
    }
    // The patterns are constants, and a test compiles them.
    let Some((patterns, kinds)) = KINDS.as_ref() else {
        return BTreeSet::new();
    };
    let found = patterns.matches(text);
    found
        .iter()
        .filter_map(|at| kinds.get(at).copied())
        .collect()
}

/// Whether a text has something that looks like a secret.
pub(crate) fn finds(text: &str) -> bool {
    if THRIFT.is_without(text, can_match) {
        return false;
    }
    // The pattern is a constant, and a test compiles it.
    SECRETS.as_ref().is_some_and(|secrets| {
        secrets.captures_iter(text).any(|found| {
            found
                .name("inside")
                .is_none_or(|inside| inside.as_str() != HIDDEN)
        })
    })
}

/// The text with `[secret]` in the place of whatever looks like one.
pub(crate) fn hide(text: &str) -> Cow<'_, str> {
    if THRIFT.is_without(text, can_match) {
        return Cow::Borrowed(text);
    }
    let Some(secrets) = SECRETS.as_ref() else {
        return Cow::Borrowed(text);
    };
    secrets.replace_all(text, |found: &regex::Captures<'_>| {
        let kept = |name: &str| found.name(name).map_or("", |part| part.as_str());
        if found.name("credentials").is_some() {
            format!("{} {HIDDEN}", kept("scheme"))
        } else if found.name("userinfo").is_some() {
            format!("{}{HIDDEN}@", kept("uri"))
        } else {
            format!("{}{}{HIDDEN}", kept("quoted"), kept("key"))
        }
    })
}

#[cfg(test)]
mod tests;
