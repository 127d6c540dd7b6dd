//! The six kinds of work.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::hint::black_box;

/// The text that is searched and counted: some hundred lines that differ.
fn text() -> String {
    let mut text = String::new();
    for line in 0..200u32 {
        let word = ["river", "stone", "lamp", "winter", "paper"]
            .get(line as usize % 5)
            .unwrap_or(&"road");
        // Writing to a string cannot fail.
        writeln!(
            text,
            "{line}: the {word} of item-{:04} stood at 10.0.{}.{} by the {word} yard",
            line.wrapping_mul(7919) % 10_000,
            line % 256,
            line.wrapping_mul(31) % 256,
        )
        .unwrap_or_default();
    }
    text
}

#[inline(never)]
pub(crate) fn fib(n: u32) -> u64 {
    if n < 2 {
        u64::from(n)
    } else {
        fib(n - 1).wrapping_add(fib(n - 2))
    }
}

/// The sum of the primes below.
pub(crate) fn sieve(below: u32) -> u64 {
    let below = below as usize;
    let mut composite = vec![false; below];
    let mut sum = 0;
    for n in 2..below {
        if composite.get(n).is_some_and(|composite| *composite) {
            continue;
        }
        sum += n as u64;
        for multiple in composite.iter_mut().skip(n * n).step_by(n) {
            *multiple = true;
        }
    }
    sum
}

pub(crate) fn json(rounds: u32) -> u64 {
    let items: Vec<String> = (0..200u32)
        .map(|n| {
            format!(
                r#"{{"id":{n},"name":"item {n}","tags":["a","b\n","c"],"price":{}.25,"active":{}}}"#,
                n * 3,
                n % 2 == 0
            )
        })
        .collect();
    let mut text = format!("[{}]", items.join(","));
    let mut length = 0;
    for _ in 0..rounds {
        let Ok(value) = serde_json::from_str::<serde_json::Value>(black_box(&text)) else {
            return 0;
        };
        text = value.to_string();
        length += text.len() as u64;
    }
    length
}

pub(crate) fn regex(rounds: u32) -> u64 {
    let text = text();
    let Ok(pattern) = regex_lite::Regex::new(r"item-(\d+) stood at (\d+\.\d+)\.(\d+)\.(\d+)")
    else {
        return 0;
    };
    (0..rounds)
        .map(|_| pattern.find_iter(black_box(&text)).count() as u64)
        .sum()
}

pub(crate) fn words(rounds: u32) -> u64 {
    let text = text();
    let mut found = 0;
    for _ in 0..rounds {
        let mut counts: BTreeMap<&str, u32> = BTreeMap::new();
        for word in black_box(&text).split_whitespace() {
            *counts.entry(word).or_default() += 1;
        }
        found += counts.len() as u64;
    }
    found
}

/// Rounds of SplitMix64, each of which needs the one before.
pub(crate) fn hash(rounds: u32) -> u64 {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    for round in 0..rounds {
        // Sixteen of them in a row, so that there are few branches.
        for step in 0..16 {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15 ^ u64::from(round) ^ step);
            state = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            state = (state ^ (state >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            state ^= state >> 31;
        }
    }
    state
}
