//! Where a pattern matches.

use regex::Regex;

use crate::exports::engine::text::analysis::Match;

/// The most matches of one search.
const MOST_MATCHES: usize = 10_000;

pub(crate) fn search(text: &str, pattern: &str) -> Result<Vec<Match>, String> {
    let pattern = Regex::new(pattern).map_err(|error| error.to_string())?;
    let matches = text.lines().zip(1..).flat_map(|(line, number)| {
        let mut column = Column::default();
        pattern.find_iter(line).map(move |found| Match {
            line: number,
            column: column.at(line, found.start()),
            text: found.as_str().to_owned(),
        })
    });
    Ok(matches.take(MOST_MATCHES).collect())
}

/// Counts the characters of a line up to a byte, going forward only: a line of many matches would be
/// counted again and again otherwise.
#[derive(Default)]
struct Column {
    byte: usize,
    characters: usize,
}

impl Column {
    /// The position of a byte that is not before the last one asked for, in characters from 1.
    fn at(&mut self, line: &str, byte: usize) -> u32 {
        let between = line.get(self.byte..byte).unwrap_or_default();
        self.characters = self.characters.saturating_add(between.chars().count());
        self.byte = byte;
        crate::count(self.characters.saturating_add(1))
    }
}
