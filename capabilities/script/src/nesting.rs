//! A bound on brackets inside one another, so that a script that passes it is told so.
//!
//! The parser calls itself for each bracket, and the engine's bound on a guest's stack ends the call as a trap, without a
//! word about the reason. This looks at the text before the parser does. It knows what strings, templates, comments and
//! regular expressions are, as well as one can without parsing.

/// The most brackets inside one another. The stack is enough for about 95 in a component that does nothing else; the rest
/// is for the calls that a `require` or an `eval` is inside.
pub(crate) const MOST_BRACKETS: usize = 64;

/// Words after which a slash begins a regular expression, although they look like names.
const BEFORE_REGEX: [&[u8]; 14] = [
    b"return",
    b"typeof",
    b"case",
    b"in",
    b"of",
    b"delete",
    b"void",
    b"throw",
    b"new",
    b"else",
    b"do",
    b"instanceof",
    b"await",
    b"yield",
];

/// # Errors
///
/// A sentence for people, if there are too many brackets inside one another.
pub(crate) fn check(source: &str) -> Result<(), String> {
    let mut scan = Scan {
        rest: source.as_bytes(),
        line: 1,
        open: Vec::new(),
        operand: false,
    };
    while scan.step() {
        if scan.open.len() > MOST_BRACKETS {
            return Err(format!(
                "more than {MOST_BRACKETS} brackets inside one another, in line {}",
                scan.line
            ));
        }
    }
    Ok(())
}

/// What a bracket that is open stands in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    Code,
    /// The place of a value in a template.
    Template,
}

struct Scan<'a> {
    rest: &'a [u8],
    line: usize,
    open: Vec<Open>,
    /// Whether what was just read is a value, so that a slash divides it.
    operand: bool,
}

impl Scan<'_> {
    /// Reads one token; false at the end.
    fn step(&mut self) -> bool {
        let Some((&byte, rest)) = self.rest.split_first() else {
            return false;
        };
        match byte {
            b'\n' => {
                self.line = self.line.saturating_add(1);
                self.rest = rest;
            }
            b' ' | b'\t' | b'\r' => self.rest = rest,
            b'"' | b'\'' => {
                self.rest = rest;
                self.string(byte);
                self.operand = true;
            }
            b'`' => {
                self.rest = rest;
                self.template();
            }
            b'/' => self.slash(rest),
            b'(' | b'[' | b'{' => {
                self.open.push(Open::Code);
                self.rest = rest;
                self.operand = false;
            }
            b')' | b']' => {
                self.open.pop();
                self.rest = rest;
                self.operand = true;
            }
            b'}' => {
                self.rest = rest;
                self.operand = false;
                if self.open.pop() == Some(Open::Template) {
                    self.template();
                }
            }
            _ if of_name(byte) => self.name(),
            _ => {
                self.rest = rest;
                self.operand = false;
            }
        }
        true
    }

    /// Goes on after so many bytes.
    fn skip(&mut self, bytes: usize) {
        let (passed, rest) = self
            .rest
            .split_at_checked(bytes)
            .unwrap_or((self.rest, &[]));
        let lines = passed.iter().filter(|byte| **byte == b'\n').count();
        self.line = self.line.saturating_add(lines);
        self.rest = rest;
    }

    fn name(&mut self) {
        let end = self.rest.iter().position(|byte| !of_name(*byte));
        let (name, rest) = self
            .rest
            .split_at_checked(end.unwrap_or(self.rest.len()))
            .unwrap_or((self.rest, &[]));
        self.operand = !BEFORE_REGEX.contains(&name);
        self.rest = rest;
    }

    /// The rest of a string, which ends with its line at the latest.
    fn string(&mut self, quote: u8) {
        let mut escaped = false;
        let end = self.rest.iter().position(|byte| {
            let ends = !escaped && (*byte == quote || *byte == b'\n');
            escaped = !escaped && *byte == b'\\';
            ends
        });
        self.skip(end.map_or(self.rest.len(), |end| end.saturating_add(1)));
    }

    /// The rest of a template, up to its end or to the place of a value.
    fn template(&mut self) {
        let mut before = 0;
        let mut escaped = false;
        let end = self.rest.iter().position(|byte| {
            let ends = !escaped && (*byte == b'`' || (before == b'$' && *byte == b'{'));
            before = if escaped { 0 } else { *byte };
            escaped = !escaped && *byte == b'\\';
            ends
        });
        let Some(end) = end else {
            self.rest = &[];
            return;
        };
        let value = self.rest.get(end) == Some(&b'{');
        self.skip(end.saturating_add(1));
        if value {
            self.open.push(Open::Template);
        }
        self.operand = !value;
    }

    /// A comment, a regular expression, or a division.
    fn slash(&mut self, rest: &[u8]) {
        match rest.first() {
            Some(b'/') => {
                let end = self.rest.iter().position(|byte| *byte == b'\n');
                self.skip(end.unwrap_or(self.rest.len()));
            }
            Some(b'*') => {
                let end = rest.windows(2).skip(1).position(|two| two == b"*/");
                // The slash, the star, and the two at the end.
                self.skip(end.map_or(self.rest.len(), |end| end.saturating_add(4)));
            }
            _ => {
                let regex = if self.operand {
                    None
                } else {
                    regex_length(rest)
                };
                self.operand = regex.is_some();
                self.skip(regex.unwrap_or_default().saturating_add(1));
            }
        }
    }
}

/// How many bytes a regular expression has after its first slash; none if the line ends before it does.
fn regex_length(rest: &[u8]) -> Option<usize> {
    let mut escaped = false;
    let mut class = false;
    let end = rest.iter().position(|byte| {
        let ends = *byte == b'\n' || (!escaped && !class && *byte == b'/');
        if escaped {
            escaped = false;
        } else {
            match byte {
                b'\\' => escaped = true,
                b'[' => class = true,
                b']' => class = false,
                _ => {}
            }
        }
        ends
    })?;
    (rest.get(end) == Some(&b'/')).then_some(end.saturating_add(1))
}

fn of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || byte >= 0x80
}

#[cfg(test)]
mod tests;
