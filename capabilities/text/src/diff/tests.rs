use super::diff;

/// A diff with the default context and heading.
fn patch(old: &str, new: &str) -> String {
    diff(old, new, None, None).unwrap().patch
}

/// Makes the new text out of the old one and a patch, as `patch` does.
fn applied(old: &str, patch: &str) -> String {
    let old: Vec<&str> = old.split_inclusive('\n').collect();
    let mut new = String::new();
    let mut next = 0;
    let mut lines = patch.split_inclusive('\n').skip(2).peekable();
    while let Some(line) = lines.next() {
        if let Some(hunk) = line.strip_prefix("@@ -") {
            let (span, _) = hunk.split_once(' ').unwrap();
            let (first, number) = span.split_once(',').unwrap_or((span, "1"));
            let first: usize = first.parse().unwrap();
            let start = if number == "0" { first } else { first - 1 };
            new.extend(old[next..start].iter().copied());
            next = start;
            continue;
        }
        let mut body = line[1..].to_owned();
        if lines.peek().is_some_and(|next| next.starts_with('\\')) {
            lines.next();
            body.pop();
        }
        match line.as_bytes()[0] {
            b' ' => {
                assert_eq!(body, old[next]);
                new.push_str(&body);
                next += 1;
            }
            b'-' => {
                assert_eq!(body, old[next]);
                next += 1;
            }
            b'+' => new.push_str(&body),
            other => panic!("a line of a patch begins with `{}`", char::from(other)),
        }
    }
    new.extend(old[next..].iter().copied());
    new
}

#[test]
fn equal_texts_have_an_empty_diff() {
    for text in ["", "\n", "a", "a\r\nb"] {
        let difference = diff(text, text, None, None).unwrap();
        assert_eq!(
            (
                difference.patch.as_str(),
                difference.added,
                difference.removed
            ),
            ("", 0, 0)
        );
    }
}

#[test]
fn a_change_stands_between_its_context() {
    let old = "1\n2\n3\n4\n5\n6\n7\n8\n9\n";
    let new = "1\n2\n3\n4\nfive\n6\n7\n8\n9\n";
    assert_eq!(
        patch(old, new),
        "--- old\n+++ new\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n"
    );
    let bare = diff(old, new, Some(0), Some("docs/a.md")).unwrap();
    assert_eq!(
        bare.patch,
        "--- a/docs/a.md\n+++ b/docs/a.md\n@@ -5 +5 @@\n-5\n+five\n"
    );
    assert_eq!((bare.added, bare.removed), (1, 1));
}

#[test]
fn a_text_that_begins_or_ends_counts_from_zero() {
    assert_eq!(patch("", "a\n"), "--- old\n+++ new\n@@ -0,0 +1 @@\n+a\n");
    assert_eq!(patch("a\n", ""), "--- old\n+++ new\n@@ -1 +0,0 @@\n-a\n");
}

#[test]
fn lines_end_at_a_line_feed_alone() {
    assert_eq!(
        patch("a\rb\n", "a\rc\n"),
        "--- old\n+++ new\n@@ -1 +1 @@\n-a\rb\n+a\rc\n"
    );
    assert_eq!(
        patch("a\r\n", "a\n"),
        "--- old\n+++ new\n@@ -1 +1 @@\n-a\r\n+a\n"
    );
    assert_eq!(
        patch("a\u{2028}b", "a\u{85}b"),
        "--- old\n+++ new\n@@ -1 +1 @@\n-a\u{2028}b\n\\ No newline at end of file\n+a\u{85}b\n\\ No newline at end of file\n"
    );
    assert_eq!(
        patch("a\r", "a"),
        "--- old\n+++ new\n@@ -1 +1 @@\n-a\r\n\\ No newline at end of file\n+a\n\\ No newline at end of file\n"
    );
}

/// Texts over two or three lines in every order, so that hunks meet, part and touch both ends.
#[test]
fn a_patch_makes_the_new_text_of_the_old_one() {
    let mut texts = vec![String::new()];
    for lines in 1..=5_usize {
        for choice in 0..3_usize.pow(u32::try_from(lines).unwrap()) {
            let text: Vec<&str> = (0..lines)
                .map(|line| {
                    ["a\n", "b\r\n", "\n"][choice / 3_usize.pow(u32::try_from(line).unwrap()) % 3]
                })
                .collect();
            texts.push(text.concat());
            texts.push(format!("{}a", text.concat()));
        }
    }
    let mut checked = 0;
    for old in texts.iter().step_by(7) {
        for new in texts.iter().step_by(5) {
            for context in [0, 1, 3] {
                let difference = diff(old, new, Some(context), None).unwrap();
                if old != new {
                    assert_eq!(&applied(old, &difference.patch), new, "{old:?} {context}");
                }
                checked += 1;
            }
        }
    }
    assert!(checked > 10_000, "checked {checked} pairs alone");
}

#[test]
fn bounds_are_enforced() {
    let long = "x".repeat((1 << 20) + 1);
    for (old, new, context, name, message) in [
        (
            long.as_str(),
            "",
            None,
            None,
            "the old text has 1048577 bytes, and the most is 1048576",
        ),
        (
            "",
            long.as_str(),
            None,
            None,
            "the new text has 1048577 bytes, and the most is 1048576",
        ),
        (
            "",
            "",
            Some(1_001),
            None,
            "a context of 1001 lines is asked for, and the most is 1000",
        ),
        (
            "",
            "",
            None,
            Some(""),
            "the name has 0 bytes, and has to have from 1 to 255",
        ),
        (
            "",
            "",
            None,
            Some("a\nb"),
            "the name has a control character",
        ),
    ] {
        assert_eq!(diff(old, new, context, name).unwrap_err(), message);
    }
    assert!(diff(&long[1..], "", Some(1_000), Some(&"n".repeat(255))).is_ok());
}
