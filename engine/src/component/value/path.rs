use std::cell::{Cell, RefCell};
use std::fmt;

use serde::de;

use crate::types::{Fault, FaultKind, WitType, text};

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

/// A type with the range of its values, where that helps.
pub(super) struct Expected<'a>(pub(super) &'a WitType);

impl fmt::Display for Expected<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ty = self.0;
        match ty {
            WitType::U8 => write!(f, "{ty} (0 to {})", u8::MAX),
            WitType::U16 => write!(f, "{ty} (0 to {})", u16::MAX),
            WitType::U32 => write!(f, "{ty} (0 to {})", u32::MAX),
            WitType::U64 => write!(f, "{ty} (0 to {}, as a number or a string)", u64::MAX),
            WitType::S8 => write!(f, "{ty} ({} to {})", i8::MIN, i8::MAX),
            WitType::S16 => write!(f, "{ty} ({} to {})", i16::MIN, i16::MAX),
            WitType::S32 => write!(f, "{ty} ({} to {})", i32::MIN, i32::MAX),
            WitType::S64 => write!(
                f,
                "{ty} ({} to {}, as a number or a string)",
                i64::MIN,
                i64::MAX
            ),
            WitType::F32 | WitType::F64 => {
                write!(f, "{ty} (a number, \"NaN\", \"Infinity\" or \"-Infinity\")")
            }
            WitType::Char => write!(f, "{ty} (a string of one character)"),
            WitType::List(inner) if **inner == WitType::U8 => {
                write!(f, "{ty} (base64 with padding, or an array of numbers)")
            }
            WitType::Variant(_) => write!(f, "{ty} as {{\"tag\": …, \"value\": …}}"),
            WitType::Option(inner) if matches!(**inner, WitType::Option(_)) => {
                write!(f, "{ty} as null or {{\"some\": …}}")
            }
            WitType::Result { .. } => write!(f, "{ty} as {{\"ok\": …}} or {{\"err\": …}}"),
            WitType::Flags(_) => write!(f, "{ty} as an array of names"),
            WitType::Tuple(types) => write!(f, "{ty} as an array of {}", types.len()),
            WitType::Bool
            | WitType::String
            | WitType::List(_)
            | WitType::Record(_)
            | WitType::Enum(_)
            | WitType::Option(_)
            | WitType::Opaque(_) => ty.fmt(f),
        }
    }
}
