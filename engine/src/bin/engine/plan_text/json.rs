use engine::workflow::PlanSpec;

use super::Unread;

pub(super) fn read(text: &str) -> Result<PlanSpec, Vec<Unread>> {
    serde_json::from_str(text).map_err(|error| {
        let place = format!(" at line {} column {}", error.line(), error.column());
        let whole = error.to_string();
        vec![Unread {
            byte: byte(text, error.line(), error.column()),
            message: whole.strip_suffix(&place).unwrap_or(&whole).to_owned(),
        }]
    })
}

/// The byte of a line and a column, both from 1; columns count bytes, and 0 is the end of the line before.
fn byte(text: &str, line: usize, column: usize) -> usize {
    let before: usize = text
        .split_inclusive('\n')
        .take(line.saturating_sub(1))
        .map(str::len)
        .sum();
    let mut byte = (before + column.saturating_sub(1)).min(text.len());
    while !text.is_char_boundary(byte) {
        byte -= 1;
    }
    byte
}

/// The byte where the value begins to which these words lead, or that of the last one on the way.
pub(super) fn find(text: &str, words: &[String]) -> usize {
    let mut scan = Scan {
        text,
        bytes: text.as_bytes(),
        at: 0,
    };
    scan.space();
    for word in words {
        let here = scan.at;
        if !scan.enter(word) {
            return here;
        }
    }
    scan.at
}

/// A walk over JSON that was read before, so that it is known to be JSON.
struct Scan<'a> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
}

impl Scan<'_> {
    fn here(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn space(&mut self) {
        while matches!(self.here(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    /// Goes to the member or element with this name.
    fn enter(&mut self, word: &str) -> bool {
        match self.here() {
            Some(b'{') => self.member(word),
            Some(b'[') => word.parse().is_ok_and(|position| self.element(position)),
            _ => false,
        }
    }

    fn member(&mut self, name: &str) -> bool {
        self.at += 1;
        loop {
            self.space();
            let start = self.at;
            if self.here() != Some(b'"') {
                return false;
            }
            self.string();
            let key: Option<String> = self
                .text
                .get(start..self.at)
                .and_then(|key| serde_json::from_str(key).ok());
            self.space();
            // The colon.
            self.at += 1;
            self.space();
            if key.as_deref() == Some(name) {
                return true;
            }
            if !self.next() {
                return false;
            }
        }
    }

    fn element(&mut self, position: usize) -> bool {
        self.at += 1;
        self.space();
        for _ in 0..position {
            if self.here() == Some(b']') || !self.next() {
                return false;
            }
            self.space();
        }
        !matches!(self.here(), None | Some(b']'))
    }

    /// Passes a value and the comma after it; `false` if there is none.
    fn next(&mut self) -> bool {
        self.value();
        self.space();
        let comma = self.here() == Some(b',');
        self.at += 1;
        comma
    }

    fn value(&mut self) {
        let mut depth = 0_usize;
        loop {
            match self.here() {
                None => return,
                Some(b'"') => self.string(),
                Some(b'{' | b'[') => {
                    depth += 1;
                    self.at += 1;
                }
                Some(b'}' | b']') if depth > 0 => {
                    depth -= 1;
                    self.at += 1;
                }
                Some(b'}' | b']' | b',') if depth == 0 => return,
                Some(_) => {
                    self.at += 1;
                    continue;
                }
            }
            if depth == 0 {
                return;
            }
        }
    }

    fn string(&mut self) {
        self.at += 1;
        while let Some(byte) = self.here() {
            self.at += 1;
            match byte {
                b'\\' => self.at += 1,
                b'"' => return,
                _ => {}
            }
        }
    }
}
