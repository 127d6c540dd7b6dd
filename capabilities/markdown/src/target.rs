/// Schemes that only lead somewhere.
const LEADING: [&str; 10] = [
    "http", "https", "mailto", "tel", "sms", "ftp", "irc", "ircs", "xmpp", "geo",
];

/// Whether a target leads somewhere and can do nothing else.
pub(crate) fn leads(target: &str) -> bool {
    // As a browser reads it: spaces and control characters in a scheme count for nothing.
    let seen: String = target
        .chars()
        .filter(|c| !c.is_control() && !c.is_whitespace())
        .take_while(|c| !matches!(c, '/' | '?' | '#' | '\\'))
        .collect();
    match seen.split_once(':') {
        Some((scheme, _)) => LEADING.contains(&scheme.to_ascii_lowercase().as_str()),
        None => true,
    }
}
