//! How often each word occurs.

use std::collections::BTreeMap;

use unicode_segmentation::UnicodeSegmentation as _;

use crate::exports::engine::text::analysis::WordCount;

pub(crate) fn count(text: &str) -> Vec<WordCount> {
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
