//! Looks at text, compares it and changes it.

mod diff;
mod replace;
mod search;
mod words;

use exports::engine::text::analysis::{Difference, Guest, Match, Replaced, WordCount};

guest_sdk::capability!(Text in "../../wit/text");

/// The most bytes of a text that is compared or changed, and of what comes of it.
const MOST_BYTES: usize = 1 << 20;

struct Text;

impl Guest for Text {
    fn count_words(text: String) -> Vec<WordCount> {
        words::count(&text)
    }

    fn search(text: String, pattern: String) -> Result<Vec<Match>, String> {
        search::search(&text, &pattern)
    }

    fn diff(
        old: String,
        new: String,
        context: Option<u32>,
        name: Option<String>,
    ) -> Result<Difference, String> {
        diff::diff(&old, &new, context, name.as_deref())
    }

    fn replace(
        text: String,
        pattern: String,
        replacement: String,
        limit: Option<u32>,
        literal: Option<bool>,
    ) -> Result<Replaced, String> {
        let how = replace::How {
            limit,
            literal: literal.unwrap_or(false),
        };
        replace::replace(&text, &pattern, &replacement, how)
    }
}

/// Refuses a text over the bound.
fn bounded(what: &str, text: &str) -> Result<(), String> {
    if text.len() > MOST_BYTES {
        return Err(format!(
            "{what} has {} bytes, and the most is {MOST_BYTES}",
            text.len()
        ));
    }
    Ok(())
}

/// A number of lines or matches as the WIT has it. Bounds on texts keep it far from the end of `u32`.
fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
