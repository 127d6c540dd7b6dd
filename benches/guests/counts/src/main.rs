//! A program of the usual size: counts the words of its arguments and of its standard input.

use std::collections::BTreeMap;
use std::io::{self, Read as _, Write as _};

fn main() -> io::Result<()> {
    let mut text = std::env::args().skip(1).collect::<Vec<_>>().join(" ");
    io::stdin().read_to_string(&mut text)?;
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for word in text.split_whitespace() {
        *counts.entry(word).or_default() += 1;
    }
    let mut out = io::stdout().lock();
    for (word, count) in counts {
        writeln!(out, "{word:>12} {count}")?;
    }
    Ok(())
}
