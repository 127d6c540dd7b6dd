//! Reads the text of policies before and beside Cedar: for caps, and for the places of words.

/// Most brackets that are open at once.
pub(super) const MOST_NESTED: usize = 64;

/// Most operators and accesses that hang on each other, as in `a && b && c`.
///
/// Cedar walks such a chain by calling itself, so that a long one would end the process.
pub(super) const MOST_CHAINED: usize = 256;

/// A word, a string or a mark, with where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Token<'a> {
    /// As it is written; a string with its quotes.
    pub(super) text: &'a str,
    /// The byte at which it begins.
    pub(super) at: usize,
}

impl<'a> Token<'a> {
    /// Whether it is an identifier or a keyword.
    pub(super) fn is_word(&self) -> bool {
        self.text
            .starts_with(|c: char| c == '_' || c.is_ascii_alphabetic())
    }

    /// What stands between the quotes; `None` for what is not a string, or has escapes.
    pub(super) fn string(&self) -> Option<&'a str> {
        let inner = self.text.strip_prefix('"')?.strip_suffix('"')?;
        (!inner.contains('\\')).then_some(inner)
    }

    /// The name that it is for an attribute.
    pub(super) fn name(&self) -> Option<&'a str> {
        if self.is_word() {
            Some(self.text)
        } else {
            self.string()
        }
    }
}

/// Splits a text as Cedar does, without comments and white space.
pub(super) fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let length = length_of(rest);
        let piece = rest.get(..length).unwrap_or_default();
        if !piece.starts_with(char::is_whitespace) && !piece.starts_with("//") {
            tokens.push(Token { text: piece, at });
        }
        at += length;
    }
    tokens
}

/// How many bytes the first piece of a text has.
fn length_of(rest: &str) -> usize {
    let until = |stop: &dyn Fn(char) -> bool| rest.find(stop).unwrap_or(rest.len());
    let mut chars = rest.chars();
    match chars.next() {
        Some(c) if c.is_whitespace() => until(&|c| !c.is_whitespace()),
        Some('/') if rest.starts_with("//") => until(&|c| c == '\n' || c == '\r'),
        Some(c) if c == '_' || c.is_ascii_alphanumeric() => {
            until(&|c| c != '_' && !c.is_ascii_alphanumeric())
        }
        // One that does not end is a mark; Cedar will refuse it.
        Some('"') => string_length(rest).unwrap_or(1),
        // A slot of a template.
        Some('?') => {
            let name = chars.as_str();
            let end = name.find(|c: char| c != '_' && !c.is_ascii_alphanumeric());
            1 + end.unwrap_or(name.len())
        }
        _ if ["::", "&&", "||", "==", "!=", "<=", ">="]
            .iter()
            .any(|mark| rest.starts_with(mark)) =>
        {
            2
        }
        Some(c) => c.len_utf8(),
        None => 0,
    }
}

fn string_length(rest: &str) -> Option<usize> {
    let mut chars = rest.char_indices().skip(1);
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some(at + 1),
            '\\' => _ = chars.next()?,
            _ => {}
        }
    }
    None
}

/// The names that conditions compare `action` with, by `==` or `!=`.
pub(super) fn compared_actions<'a>(words: &'a [Token<'a>]) -> impl Iterator<Item = Token<'a>> {
    // The head of a policy is before its conditions.
    let start = words
        .iter()
        .position(|word| matches!(word.text, "when" | "unless"));
    let words = words
        .get(start.unwrap_or(words.len())..)
        .unwrap_or_default();
    let text =
        move |at: Option<usize>| at.and_then(|at| words.get(at)).map_or("", |word| word.text);
    let bare = move |at: usize| text(Some(at)) == "action" && text(at.checked_sub(1)) != ".";
    let literal = move |at: usize| {
        let is_one = text(Some(at)) == "Action" && text(Some(at + 1)) == "::";
        is_one.then(|| words.get(at + 2).copied()).flatten()
    };
    let compares = move |at: Option<usize>| matches!(text(at), "==" | "!=");
    (0..words.len())
        .filter(move |at| bare(*at))
        .filter_map(move |at| {
            let after = compares(Some(at + 1)).then(|| literal(at + 2)).flatten();
            let before = compares(at.checked_sub(1))
                .then(|| literal(at.checked_sub(4)?))
                .flatten();
            after.or(before)
        })
}

/// Where and why a text is more than Cedar is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TooDeep<'a> {
    /// More than [`MOST_NESTED`] brackets are open.
    Nested(Token<'a>),
    /// More than [`MOST_CHAINED`] operators hang on each other.
    Chained(Token<'a>),
}

/// What hangs together between two brackets, up to a comma.
#[derive(Clone, Copy, Default)]
struct Level {
    /// Operators between operands.
    operators: usize,
    /// Accesses and calls of the operand at hand.
    accesses: usize,
    /// The deepest bracket of the operand at hand.
    bracket: usize,
    /// The deepest operand before it.
    operand: usize,
    /// The deepest of what came before a comma.
    before: usize,
}

impl Level {
    fn depth(&self) -> usize {
        self.operators + self.operand.max(self.accesses + self.bracket)
    }

    fn next_operand(&mut self) {
        self.operand = self.operand.max(self.accesses + self.bracket);
        (self.accesses, self.bracket) = (0, 0);
    }

    fn next_item(&mut self) {
        *self = Level {
            before: self.before.max(self.depth()),
            ..Level::default()
        };
    }
}

/// Finds what is too deep for Cedar, which calls itself for every level.
pub(super) fn too_deep<'a>(tokens: &[Token<'a>]) -> Option<TooDeep<'a>> {
    let mut outer: Vec<Level> = Vec::new();
    let mut level = Level::default();
    for token in tokens {
        match token.text {
            "(" | "[" | "{" => {
                if outer.len() == MOST_NESTED {
                    return Some(TooDeep::Nested(*token));
                }
                outer.push(std::mem::take(&mut level));
            }
            ")" | "]" | "}" => {
                level.next_item();
                let inner = level.before;
                level = outer.pop().unwrap_or_default();
                level.accesses += 1;
                level.bracket = level.bracket.max(inner);
            }
            "," => level.next_item(),
            ";" => level = Level::default(),
            "." => level.accesses += 1,
            "then" | "else" => level.next_operand(),
            "&&" | "||" | "==" | "!=" | "<" | "<=" | ">" | ">=" | "+" | "-" | "*" | "!" | "in"
            | "has" | "like" | "is" | "if" | "when" | "unless" => {
                level.next_operand();
                level.operators += 1;
            }
            _ => {}
        }
        if level.depth() > MOST_CHAINED {
            return Some(TooDeep::Chained(*token));
        }
    }
    None
}

/// An access to the context, as far as names lead: `context.args.path`, `context has workflow`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Access<'a> {
    /// The names after `context`, with the words that write them.
    pub(super) path: Vec<(&'a str, Token<'a>)>,
}

/// Finds all accesses to the context.
pub(super) fn accesses<'a>(tokens: &[Token<'a>]) -> Vec<Access<'a>> {
    let at = |i: usize| tokens.get(i).map_or("", |token| token.text);
    let mut found = Vec::new();
    for (i, token) in tokens.iter().enumerate() {
        let attribute = i > 0 && at(i - 1) == ".";
        if token.text != "context" || attribute {
            continue;
        }
        let mut path = Vec::new();
        let mut next = i + 1;
        let mut tested = false;
        loop {
            let step = match at(next) {
                "." => 2,
                "has" if !tested => {
                    tested = true;
                    2
                }
                "[" if !tested && at(next + 2) == "]" => 3,
                _ => break,
            };
            let Some(word) = tokens.get(next + 1) else {
                break;
            };
            match word.name() {
                // A method, such as `contains`, is no attribute.
                Some(name) if at(next + 2) != "(" => path.push((name, *word)),
                _ => break,
            }
            next += step;
        }
        found.push(Access { path });
    }
    found
}

/// Finds the literals of entities of a type: the words that write their ids.
pub(super) fn entities<'a>(
    tokens: &'a [Token<'a>],
    kind: &'a str,
) -> impl Iterator<Item = Token<'a>> {
    let with_type = move |window: &[Token<'a>]| match window {
        [before, name, colons, id]
            if name.text == kind && colons.text == "::" && before.text != "::" =>
        {
            Some(*id)
        }
        _ => None,
    };
    tokens
        .windows(4)
        .filter_map(with_type)
        .filter(|id| id.text.starts_with('"'))
}

/// Finds the annotation of a name: its word.
pub(super) fn annotation<'a>(tokens: &[Token<'a>], name: &str) -> Option<Token<'a>> {
    tokens
        .iter()
        .zip(tokens.iter().skip(1))
        .find(|(at, word)| at.text == "@" && word.text == name)
        .map(|(_, word)| *word)
}

#[cfg(test)]
mod tests;
