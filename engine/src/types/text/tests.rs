use proptest::prelude::*;

use super::*;

#[test]
fn text_that_acts_on_a_terminal_becomes_visible() {
    assert_eq!(
        line("a\u{1b}[2Jb\nc\u{202e}d", 100),
        "a\\u{1b}[2Jb\\nc\\u{202e}d"
    );
    assert_eq!(
        line("\u{9b}31m\u{e0041}\u{200b}", 100),
        "\\u{9b}31m\\u{e0041}\\u{200b}"
    );
    assert_eq!(block("a\n\tb\u{7}\r"), "a\n\tb\\u{7}\\r");
    assert_eq!(block("naïve 日本語 🦀"), "naïve 日本語 🦀");
}

#[test]
fn a_cut_never_splits_a_character() {
    assert_eq!(prefix("café", 4), "caf");
    assert_eq!(prefix("café", 5), "café");
    assert_eq!(line("日本語", 4), "日…");
    let bounded = Bounded::new("éé", 3);
    assert_eq!(
        (bounded.text.as_str(), bounded.bytes, bounded.truncated),
        ("é", 4, true)
    );
}

#[test]
fn only_names_of_a_sane_length_are_compared() {
    assert_eq!(closest(&["text", "line"], "texts"), Some("text"));
    assert_eq!(closest(&["text"], "pattern"), None);
    let long = "a".repeat(257);
    assert_eq!(closest(&[&long], &long), None);
    // The comparison of these two would take memory for their product.
    assert_eq!(closest(&["text"], &"a".repeat(64 << 20)), None);
}

proptest! {
    #[test]
    fn escaped_json_is_the_same_value_and_acts_on_nothing(text: String) {
        let plain = serde_json::to_string(&text).unwrap();
        let safe = json(&plain);
        prop_assert_eq!(serde_json::from_str::<String>(&safe).unwrap(), text);
        prop_assert!(!safe.chars().any(acts));
    }

    #[test]
    fn a_line_is_bounded_and_acts_on_nothing(text: String, most in 0usize..64) {
        let shown = line(&text, most);
        prop_assert!(!shown.chars().any(acts));
        prop_assert!(shown.trim_end_matches('…').len() <= most);
    }

    #[test]
    fn lengths_are_those_of_the_characters_one_by_one(
        text in "([ -~]{0,90}|[\"\\\\é✓\u{1b}\u{200b}😀]){0,6}",
        most in 0usize..400,
    ) {
        let length = |text: &str| text.chars().map(written_char).sum::<usize>();
        prop_assert_eq!(written(&text), length(&text));
        let kept = written_prefix(&text, most);
        prop_assert!(text.starts_with(kept) && (length(kept) <= most || text.len() <= most / 6));
        if let Some(next) = text[kept.len()..].chars().next() {
            prop_assert!(length(kept) + written_char(next) > most);
        }
        prop_assert_eq!(json(&text), text.chars().map(|c| {
            let mut units = [0; 2];
            if acts(c) {
                c.encode_utf16(&mut units).iter().map(|unit| format!("\\u{unit:04x}")).collect()
            } else {
                c.to_string()
            }
        }).collect::<String>());
    }

    #[test]
    fn a_bounded_text_stays_within_its_bound_as_json(
        text in "(\\PC|[\"\\\\\u{0}-\u{1f}\u{9b}\u{e0041}]){0,200}",
        most in 0usize..300,
    ) {
        let bounded = Bounded::new(&text, most);
        let quoted = serde_json::to_string(&bounded.text).unwrap();
        prop_assert!(json(&quoted).len() <= most + 2);
        prop_assert!(text.starts_with(&bounded.text));
        prop_assert_eq!(bounded.truncated, bounded.text != text);
    }
}

#[test]
fn text_that_is_taken_over_is_bounded_as_text_that_is_copied() {
    for text in ["", "plain", "éé", "a \u{1b} b", &"x".repeat(100_000)] {
        for most in [0, 1, 3, 5, 12, 65_536] {
            let taken = Bounded::of(text.to_owned(), most);
            assert_eq!(taken, Bounded::new(text, most));
            assert!(taken.text.capacity() <= text.len().min(most.max(8)));
        }
    }
}
