//! Measures a filter before it is parsed: how long it is, how many words and signs it has, and how deep its
//! brackets go. The parser calls itself for each of them.

/// The most bytes of a filter.
const MOST_BYTES: usize = 8_192;
/// The most words and signs.
const MOST_TOKENS: usize = 500;
/// The most levels of brackets, and of `\(…)` in strings.
const MOST_LEVELS: usize = 32;

/// What is being read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Inside {
    /// Brackets, or the filter itself.
    Brackets,
    Text,
}

pub(super) fn check(filter: &str) -> Result<(), String> {
    if filter.len() > MOST_BYTES {
        return Err(format!(
            "the filter has {} bytes, and the most is {MOST_BYTES}",
            filter.len()
        ));
    }
    let mut open: Vec<Inside> = Vec::new();
    let mut tokens = 0_usize;
    let mut in_word = false;
    let mut characters = filter.char_indices().peekable();
    while let Some((place, character)) = characters.next() {
        let inside = open.last().copied().unwrap_or(Inside::Brackets);
        let word = character.is_ascii_alphanumeric() || character == '_';
        match (inside, character) {
            (Inside::Text, '"') => {
                open.pop();
            }
            (Inside::Text, '\\') => {
                // The part of a string that is a filter, or one escaped character.
                tokens = tokens.saturating_add(1);
                if characters.next().is_some_and(|(_, next)| next == '(') {
                    open.push(Inside::Brackets);
                }
            }
            (Inside::Text, _) => {}
            (Inside::Brackets, '"') => {
                tokens = tokens.saturating_add(1);
                open.push(Inside::Text);
            }
            (Inside::Brackets, '#') => {
                // As the parser sees it, a comment may go on after a backslash; to end it sooner counts more.
                while characters.next_if(|(_, next)| *next != '\n').is_some() {}
            }
            (Inside::Brackets, '(' | '[' | '{') => {
                tokens = tokens.saturating_add(1);
                open.push(Inside::Brackets);
            }
            (Inside::Brackets, ')' | ']' | '}') => {
                open.pop();
            }
            (Inside::Brackets, _) if word && in_word => {}
            (Inside::Brackets, other) if other.is_whitespace() => {}
            (Inside::Brackets, _) => tokens = tokens.saturating_add(1),
        }
        in_word = word && inside == Inside::Brackets;
        let levels = open.iter().filter(|level| **level == Inside::Brackets);
        if levels.count() > MOST_LEVELS {
            return Err(format!(
                "the filter has more than {MOST_LEVELS} levels of brackets at byte {place}, which is the most"
            ));
        }
        if tokens > MOST_TOKENS {
            return Err(format!(
                "the filter has more than {MOST_TOKENS} words and signs at byte {place}, which is the most"
            ));
        }
    }
    Ok(())
}
