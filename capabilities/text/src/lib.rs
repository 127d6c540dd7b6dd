//! Looks at text: counts words, searches by regular expression.

use std::collections::BTreeMap;

use regex::Regex;
use unicode_segmentation::UnicodeSegmentation as _;

use exports::engine::text::analysis::{Guest, Match, WordCount};

guest_sdk::capability!(Text in "../../wit/text");

/// The most matches of one search.
const MOST_MATCHES: usize = 10_000;

struct Text;

impl Guest for Text {
    fn count_words(text: String) -> Vec<WordCount> {
        // Ordered, not hashed: a hash with a random seed would make the fuel of two equal calls differ.
        let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
        for word in text.unicode_words() {
            let count = counts.entry(word).or_default();
            *count = count.saturating_add(1);
        }
        let mut counts: Vec<(&str, u32)> = counts.into_iter().collect();
        // Stable, so that words of the same frequency stay in alphabetical order.
        counts.sort_by(|(_, a), (_, b)| b.cmp(a));
        counts
            .into_iter()
            .map(|(word, count)| WordCount {
                word: word.to_owned(),
                count,
            })
            .collect()
    }

    fn search(text: String, pattern: String) -> Result<Vec<Match>, String> {
        let pattern = Regex::new(&pattern).map_err(|error| error.to_string())?;
        let matches = text.lines().zip(1..).flat_map(|(line, number)| {
            pattern.find_iter(line).map(move |found| Match {
                line: number,
                column: column(line, found.start()),
                text: found.as_str().to_owned(),
            })
        });
        Ok(matches.take(MOST_MATCHES).collect())
    }
}

/// The position of a byte in a line, in characters from 1.
fn column(line: &str, byte: usize) -> u32 {
    let before = line.get(..byte).unwrap_or(line).chars().count();
    u32::try_from(before).map_or(u32::MAX, |before| before.saturating_add(1))
}
