//! Why a script has no result, as the WIT has it.

use boa_engine::builtins::error::Error;
use boa_engine::error::{EngineError, RuntimeLimitError};
use boa_engine::{Context, JsError, JsValue};

use crate::exports::engine::script::javascript::{Exception, Mistake, Problem};
use crate::json::Unwritable;
use crate::realm::MOST_CALLS;
use crate::show::{self, cut};

/// The most bytes of the message and of the stack of an exception.
const MOST_TOLD: usize = 8 << 10;

/// What an error that nobody caught is to the caller.
pub(crate) fn uncaught(error: JsError, context: &mut Context) -> Problem {
    if let Some(engine) = error.as_engine() {
        return of_engine(engine);
    }
    match error.into_opaque(context) {
        Ok(value) => thrown(&value, context),
        Err(error) => Problem::Thrown(Exception {
            message: error.to_string(),
            stack: None,
        }),
    }
}

/// What a value that was thrown is to the caller.
pub(crate) fn thrown(value: &JsValue, context: &mut Context) -> Problem {
    let told = match value.as_object() {
        Some(object) if object.is::<Error>() => show::error(&object, context),
        Some(_) | None => show::one(value, MOST_TOLD, context).map(|said| (said.text, None)),
    };
    let (mut message, mut stack) = match told {
        Ok(told) => told,
        // Whoever looks at it calls code of the script, which can throw as well, or go too deep.
        Err(error) => match error.as_engine() {
            Some(engine) => return of_engine(engine),
            None => (
                "what was thrown cannot be shown: it throws as well".to_owned(),
                None,
            ),
        },
    };
    cut(&mut message, MOST_TOLD);
    if let Some(stack) = &mut stack {
        cut(stack, MOST_TOLD);
    }
    Problem::Thrown(Exception { message, stack })
}

/// Why a result has no JSON.
pub(crate) fn unwritable(why: Unwritable, context: &mut Context) -> Problem {
    match why {
        Unwritable::Thrown(error) => uncaught(error, context),
        Unwritable::TooLarge { begun: _, most } => {
            Problem::NotJson(format!("the result has more than {most} bytes of JSON"))
        }
        Unwritable::Not(why) => Problem::NotJson(format!("the result has no JSON: {why}")),
    }
}

/// A mistake at a place; what is not known is 0.
pub(crate) fn mistake(message: String, line: u32, column: u32) -> Problem {
    let mut message = message;
    cut(&mut message, MOST_TOLD);
    Problem::Syntax(Mistake {
        message,
        line,
        column,
    })
}

fn of_engine(error: &EngineError) -> Problem {
    match error {
        EngineError::RuntimeLimit(RuntimeLimitError::Recursion | RuntimeLimitError::StackSize) => {
            Problem::TooDeep(format!(
                "more than {MOST_CALLS} calls inside one another, or too many values in them"
            ))
        }
        EngineError::RuntimeLimit(RuntimeLimitError::LoopIteration) => {
            Problem::TooDeep("a loop has too many turns".to_owned())
        }
        EngineError::Panic(why) => Problem::Thrown(Exception {
            message: format!("the JavaScript engine failed: {}", why.message()),
            stack: None,
        }),
    }
}
