//! Recognises secrets in text: keys and tokens of well-known forms.
//!
//! What an attacker encodes in a way of their own cannot be recognised; this is a net for accidents.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

/// What stands in the place of a secret.
const HIDDEN: &str = "[secret]";

/// One pattern for all, so that a text is read once. The last group of a `key=value` form is the secret;
/// in all other forms the whole match is. Matches end at quotes and backslashes, so that JSON stays JSON.
///
/// No counted repetitions of many: they make the compiled pattern large and slow to build.
///
/// Sources of the forms: AWS' list of unique identifiers; RFC 6750 (bearer tokens); RFC 7519 (JWT);
/// RFC 7468 (private keys); GitHub's and Slack's documented token prefixes.
static SECRETS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r#"(?x)
        \b (?: AKIA | ASIA ) [0-9A-Z]{16} \b
        | \b eyJ [A-Za-z0-9_-]{8,} \. eyJ [A-Za-z0-9_-]{8,} \. [A-Za-z0-9_-]{8,}
        | -----BEGIN\ [A-Z\ ]{0,20} PRIVATE\ KEY----- (?: [A-Za-z0-9+/=\r\n\ ] | \\n | \\r )*
            (?: -----END\ [A-Z\ ]{0,20} PRIVATE\ KEY----- )?
        | \b gh[pousr]_ [A-Za-z0-9]{36,}
        | \b github_pat_ [A-Za-z0-9_]{20,}
        | \b xox[abpr]- [A-Za-z0-9-]{10,}
        | \b sk- [A-Za-z0-9_-]{16,}
        | \b [rs]k_(?: live | test )_ [A-Za-z0-9]{10,}
        | \b AIza [0-9A-Za-z_-]{30,}
        | (?i: \b (?P<scheme> bearer | basic ) [\ ]+ ) (?P<credentials> [A-Za-z0-9._~+/=-]{8,} )
        | \b (?P<uri> [A-Za-z][A-Za-z0-9+.-]{0,30} :// [^\s:/@"\\]* : ) (?P<userinfo> [^\s/@"\\\[]+ ) @
        | (?P<quoted> (?i: passw(?:or)?d | pwd | secret | token | api[_-]?key | access[_-]?key )
            [\\]{0,3} ["'] \s{0,4} : \s{0,4} [\\]{0,3} " ) (?P<inside> [^"\\]+ )
        | (?P<key> (?i: passw(?:or)?d | pwd | secret | token | api[_-]?key | access[_-]?key )
            ["'\\]{0,4} \s{0,4} [:=] \s{0,4} ["'\\]{0,4} ) (?P<value> [^\s"'\\&,;}\[]+ )
        "#,
    )
    .ok()
});

/// Whether a text has something that looks like a secret.
pub(crate) fn finds(text: &str) -> bool {
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
