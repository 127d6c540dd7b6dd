use engine::Fault;
use engine::data::line;

/// The longest name, in bytes, as manifests have it.
const LONGEST: usize = 64;

/// Words that WIT or Rust keep for themselves, and the interface of every new project.
const RESERVED: &str = "\
    abstract alloc as async await become bool borrow box break char const constructor continue core \
    crate do dyn else enum error-context export extern f32 f64 false final flags fn for from func future \
    gen greeting guest-sdk if impl import in include interface let list loop macro map match mod move \
    mut option override own package priv proc-macro pub record ref resource result return s16 s32 s64 s8 \
    self static std stream string struct super test trait true try tuple type typeof u16 u32 u64 u8 \
    union unsafe unsized use variant virtual where while with world yield";

/// The name of a new capability: lower-case words with `-` between them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Name(String);

impl Name {
    /// Takes a name as it was typed.
    ///
    /// # Errors
    ///
    /// A fault with the code `E-USAGE` that says which characters are in the way, and what would do.
    pub(crate) fn parse(typed: &str) -> Result<Self, Fault> {
        let shown = line(typed, 128);
        let refused = |why: String| {
            let fault = Fault::usage(format!("a capability cannot be called `{shown}`: {why}"));
            let fault =
                fault.hint("a name is lower-case letters and digits in words with `-` between them, such as `word-count`");
            match repaired(typed) {
                Some(name) => fault.hint(format!("`engine new {name}` would do")),
                None => fault,
            }
        };
        if typed.is_empty() {
            return Err(refused("it is empty".to_owned()));
        }
        let odd = odd_characters(typed);
        if !odd.is_empty() {
            return Err(refused(format!("it has {}", odd.join(", "))));
        }
        if typed.len() > LONGEST {
            return Err(refused(format!(
                "it has {} bytes, and {LONGEST} are allowed",
                typed.len()
            )));
        }
        if let Some(word) = typed.split('-').find(|word| !begins_well(word)) {
            return Err(refused(if word.is_empty() {
                "there is no word beside one of its `-`".to_owned()
            } else {
                format!("its word `{word}` does not begin with a letter")
            }));
        }
        if is_reserved(typed) {
            return Err(refused(
                "the word means something else in WIT or in Rust".to_owned(),
            ));
        }
        Ok(Self(typed.to_owned()))
    }

    /// As it was typed: `word-count`.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// As Rust names types: `WordCount`.
    pub(super) fn pascal(&self) -> String {
        pascal(&self.0)
    }
}

/// A name of WIT as Python and Rust have functions: `word_count`.
pub(super) fn snake(name: &str) -> String {
    name.replace('-', "_")
}

/// A name of WIT as types are named: `WordCount`.
pub(super) fn pascal(name: &str) -> String {
    name.split('-').map(capital).collect()
}

/// A name of WIT as JavaScript has it: `wordCount`.
pub(super) fn camel(name: &str) -> String {
    let mut words = name.split('-');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |whole, word| whole + &capital(word))
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    let first = letters.next().map(|first| first.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

fn is_reserved(word: &str) -> bool {
    RESERVED.split(' ').any(|reserved| reserved == word)
}

fn begins_well(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_lowercase())
}

/// The characters that may not be in a name, each once, as they are shown.
fn odd_characters(typed: &str) -> Vec<String> {
    let mut odd: Vec<String> = Vec::new();
    for c in typed.chars() {
        if c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' {
            continue;
        }
        let shown = match c {
            ' ' => "a space".to_owned(),
            other => format!("`{}`", line(&other.to_string(), 16)),
        };
        if !odd.contains(&shown) {
            odd.push(shown);
        }
    }
    odd
}

/// A name like it that is one.
fn repaired(typed: &str) -> Option<String> {
    let mut words: Vec<String> = Vec::new();
    let mut before = ' ';
    for c in typed.chars() {
        let starts = !before.is_ascii_alphanumeric()
            || (before.is_ascii_lowercase() && c.is_ascii_uppercase());
        if c.is_ascii_alphanumeric() {
            let small = c.to_ascii_lowercase();
            match words.last_mut().filter(|_| !starts) {
                Some(word) => word.push(small),
                None => words.push(small.to_string()),
            }
        }
        before = c;
    }
    let name = words.join("-");
    let good = name.len() <= LONGEST && name.split('-').all(begins_well) && !is_reserved(&name);
    good.then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_words_with_hyphens() {
        for name in ["a", "word-count", "csv2json", &"a".repeat(64)] {
            assert_eq!(Name::parse(name).unwrap().as_str(), name);
        }
        for (typed, why, instead) in [
            ("", "it is empty", None),
            (
                "My Tool",
                "it has `M`, a space, `T`",
                Some("`engine new my-tool` would do"),
            ),
            (
                "wordCount",
                "it has `C`",
                Some("`engine new word-count` would do"),
            ),
            ("../up", "it has `.`, `/`", Some("`engine new up` would do")),
            (
                "a_b\u{1b}",
                "it has `_`, `\\u{1b}`",
                Some("`engine new a-b` would do"),
            ),
            (
                "-a",
                "there is no word beside one of its `-`",
                Some("`engine new a` would do"),
            ),
            ("a-2", "its word `2` does not begin with a letter", None),
            (
                "list",
                "the word means something else in WIT or in Rust",
                None,
            ),
            (&"a".repeat(65), "it has 65 bytes, and 64 are allowed", None),
        ] {
            let fault = Name::parse(typed).unwrap_err();
            assert_eq!(fault.code().as_str(), "E-USAGE");
            assert!(fault.to_string().ends_with(why), "{typed}: {fault}");
            assert_eq!(fault.hints().get(1).map(String::as_str), instead, "{typed}");
        }
    }

    #[test]
    fn names_follow_the_customs_of_languages() {
        assert_eq!(pascal("word-count"), "WordCount");
        assert_eq!(camel("word-count-v2"), "wordCountV2");
        assert_eq!(snake("word-count"), "word_count");
    }
}
