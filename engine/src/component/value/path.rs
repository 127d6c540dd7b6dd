use std::cell::{Cell, RefCell};
use std::fmt;

use serde::de;

use crate::types::{Fault, FaultKind, text};

/// The most values that one set of arguments may hold; each costs some 40 bytes while it crosses.
const MOST_VALUES: usize = 2_000_000;

/// Where the decoder is, and the first thing it found wrong.
///
/// serde's own errors carry text alone, so the finding waits here while serde unwinds.
#[derive(Debug, Default)]
pub(super) struct Cursor {
    steps: RefCell<Vec<Step>>,
    problem: RefCell<Option<Problem>>,
    values: Cell<usize>,
}

#[derive(Debug)]
enum Step {
    Key(String),
    Index(usize),
}

#[derive(Debug)]
struct Problem {
    pointer: String,
    expected: String,
    found: String,
    hint: Option<String>,
}

impl Cursor {
    /// Does something one level deeper, in an object.
    pub(super) fn in_key<T>(&self, key: &str, inside: impl FnOnce() -> T) -> T {
        self.inside(Step::Key(key.to_owned()), inside)
    }

    /// Does something one level deeper, in an array.
    pub(super) fn in_index<T>(&self, index: usize, inside: impl FnOnce() -> T) -> T {
        self.inside(Step::Index(index), inside)
    }

    fn inside<T>(&self, step: Step, inside: impl FnOnce() -> T) -> T {
        self.steps.borrow_mut().push(step);
        let done = inside();
        self.steps.borrow_mut().pop();
        done
    }

    /// Counts one value.
    pub(super) fn count<E: de::Error>(&self, values: usize) -> Result<(), E> {
        let total = self.values.get().saturating_add(values);
        self.values.set(total);
        if total > MOST_VALUES {
            return Err(self.wrong(
                format_args!("at most {MOST_VALUES} values"),
                format_args!("more"),
            ));
        }
        Ok(())
    }

    /// Counts a search through that many names: a component may declare ten thousand of them, and a
    /// caller may name one in every value. Some sixty comparisons take as long as a value.
    pub(super) fn count_search<E: de::Error>(&self, names: usize) -> Result<(), E> {
        match names / 64 {
            0 => Ok(()),
            values => self.count(values),
        }
    }

    /// Remembers what is wrong here, unless something was wrong before.
    pub(super) fn wrong<E: de::Error>(
        &self,
        expected: impl fmt::Display,
        found: impl fmt::Display,
    ) -> E {
        self.wrong_with(expected, found, None)
    }

    pub(super) fn wrong_with<E: de::Error>(
        &self,
        expected: impl fmt::Display,
        found: impl fmt::Display,
        hint: Option<String>,
    ) -> E {
        self.problem.borrow_mut().get_or_insert_with(|| Problem {
            pointer: pointer(&self.steps.borrow()),
            expected: text::line(&expected.to_string(), 400),
            found: text::line(&found.to_string(), 200),
            hint,
        });
        E::custom("refused")
    }

    /// The fault behind an error of serde.
    pub(super) fn fault(self, error: &serde_json::Error) -> Fault {
        match self.problem.into_inner() {
            Some(Problem {
                pointer,
                expected,
                found,
                hint,
            }) => {
                let fault = Fault::new(FaultKind::Argument {
                    pointer,
                    expected,
                    found,
                });
                match hint {
                    Some(hint) => fault.hint(hint),
                    None => fault,
                }
            }
            None => Fault::new(FaultKind::ArgumentSyntax {
                reason: text::line(&error.to_string(), 400),
            }),
        }
    }
}

/// A JSON pointer, RFC 6901.
fn pointer(steps: &[Step]) -> String {
    let mut pointer = String::new();
    for step in steps {
        pointer.push('/');
        match step {
            Step::Key(key) => pointer.push_str(&key.replace('~', "~0").replace('/', "~1")),
            Step::Index(index) => pointer.push_str(&index.to_string()),
        }
    }
    text::line(&pointer, 400)
}
