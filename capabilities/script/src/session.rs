//! One run of a script, from its text to the JSON of its result.

use std::path::Path;

use boa_engine::ast::Position;
use boa_engine::ast::scope::Scope;
use boa_engine::builtins::promise::PromiseState;
use boa_engine::interner::Interner;
use boa_engine::parser::{Error as ParseError, Parser, lexer};
use boa_engine::{Context, JsError, JsValue, Script, Source};
use serde_json::Value;

use crate::console::{Console, Written};
use crate::exports::engine::script::javascript::{Module, Problem};
use crate::modules::Library;
use crate::realm::{self, Hooks, Made};
use crate::{failure, json, nesting, require};

/// The most bytes of the script and the modules together.
const MOST_SOURCE: usize = 2 << 20;
/// The most modules.
const MOST_MODULES: usize = 1_000;
/// The most bytes of the input.
const MOST_INPUT: usize = 1 << 20;
/// The most bytes of the result.
const MOST_RESULT: usize = 512 << 10;

/// Runs a script; what it wrote comes back however it ended.
pub(crate) fn run(
    source: &str,
    input: Option<&str>,
    modules: Vec<Module>,
) -> (Result<String, Problem>, Written) {
    let console = Console::default();
    let ended = ended(source, input, modules, &console);
    (ended, console.take())
}

fn ended(
    source: &str,
    input: Option<&str>,
    modules: Vec<Module>,
    console: &Console,
) -> Result<String, Problem> {
    let library = within_bounds(source, input, modules).map_err(Problem::Invalid)?;
    let input = input
        .map(serde_json::from_str::<Value>)
        .transpose()
        .map_err(|error| Problem::Invalid(format!("`input` is not JSON: {error}")))?;
    nesting::check(source).map_err(Problem::TooDeep)?;
    let Made { mut context, hooks } = realm::make(console, library, input.as_ref())
        .map_err(|error| Problem::Invalid(format!("the realm is not complete: {error}")))?;
    let value = evaluated(require::without_shebang(source), &mut context)?;
    let value = settled(value, &hooks, &mut context)?;
    json::text(&value, MOST_RESULT, &mut context)
        .map(|text| text.unwrap_or_else(|| "null".to_owned()))
        .map_err(|why| failure::unwritable(why, &mut context))
}

fn within_bounds(
    source: &str,
    input: Option<&str>,
    modules: Vec<Module>,
) -> Result<Library, String> {
    if modules.len() > MOST_MODULES {
        return Err(format!(
            "there are {} modules, over the limit of {MOST_MODULES}",
            modules.len()
        ));
    }
    let bytes = modules.iter().fold(source.len(), |sum, module| {
        sum.saturating_add(module.source.len())
    });
    if bytes > MOST_SOURCE {
        return Err(format!(
            "script and modules have {bytes} bytes, over the limit of {MOST_SOURCE}"
        ));
    }
    let input = input.map_or(0, str::len);
    if input > MOST_INPUT {
        return Err(format!(
            "`input` has {input} bytes, over the limit of {MOST_INPUT}"
        ));
    }
    Library::new(
        modules
            .into_iter()
            .map(|module| (module.name, module.source)),
    )
}

/// The value of a script's last expression.
fn evaluated(source: &str, context: &mut Context) -> Result<JsValue, Problem> {
    let script = match Script::parse(
        Source::from_bytes(source).with_path(Path::new("script")),
        None,
        context,
    ) {
        Ok(script) => script,
        Err(error) if error.as_engine().is_some() => return Err(failure::uncaught(error, context)),
        Err(error) => {
            let (message, line, column) = why_not(source, "", &error);
            return Err(failure::mistake(message, line, column));
        }
    };
    script
        .evaluate(context)
        .map_err(|error| failure::uncaught(error, context))
}

/// What becomes of a value once nothing is left to do.
fn settled(value: JsValue, hooks: &Hooks, context: &mut Context) -> Result<JsValue, Problem> {
    context
        .run_jobs()
        .map_err(|error| failure::uncaught(error, context))?;
    let value = match value.as_promise().map(|promise| promise.state()) {
        None => value,
        Some(PromiseState::Fulfilled(value)) => value,
        Some(PromiseState::Rejected(reason)) => return Err(failure::thrown(&reason, context)),
        Some(PromiseState::Pending) => {
            return Err(Problem::Unsettled(
                "the result is a promise, and nothing is left that could settle it".to_owned(),
            ));
        }
    };
    match hooks.unhandled() {
        Some(reason) => Err(failure::thrown(&reason, context)),
        None => Ok(value),
    }
}

/// Why a text is not a script, and where: the line and the column from 1, or 0.
///
/// `before` is what stands before the author's own text on its first line.
pub(crate) fn why_not(text: &str, before: &str, error: &JsError) -> (String, u32, u32) {
    let own = text.strip_prefix(before).unwrap_or(text);
    // A module's wrapper ends with one more line.
    let own = if before.is_empty() {
        own
    } else {
        own.rsplit_once('\n').map_or(own, |(own, _)| own)
    };
    let (message, place) = told(text, error);
    let shift = u32::try_from(before.len()).unwrap_or_default();
    let (line, column) = match place {
        Some(place) if place.line_number() == 1 => {
            (1, place.column_number().saturating_sub(shift).max(1))
        }
        Some(place) => (place.line_number(), place.column_number()),
        None => (0, 0),
    };
    let parsed = Parser::new(Source::from_bytes(own))
        .parse_module(&Scope::new_global(), &mut Interner::default());
    let message = if parsed.is_ok() {
        "it is an ES module (`import`, `export`, or `await` outside of a function), and only CommonJS is known: \
         use `require` and `module.exports`, and an async function around `await`"
            .to_owned()
    } else {
        message
    };
    (message, line, column)
}

/// Parses once more, for the place.
fn told(text: &str, error: &JsError) -> (String, Option<Position>) {
    let parsed = Parser::new(Source::from_bytes(text))
        .parse_script(&Scope::new_global(), &mut Interner::default());
    match parsed {
        // What the parser alone does not find, such as a name that is there twice.
        Ok(_) => (error.to_string(), None),
        Err(ParseError::Expected {
            expected,
            found,
            span,
            context: _,
        }) => {
            let expected: Vec<String> = expected.iter().map(|token| format!("`{token}`")).collect();
            let message = format!("expected {}, found `{found}`", expected.join(" or "));
            (message, Some(span.start()))
        }
        Err(ParseError::Unexpected {
            message,
            found,
            span,
        }) => (
            format!("unexpected `{found}`: {message}"),
            Some(span.start()),
        ),
        Err(ParseError::AbruptEnd) => ("the script ends too early".to_owned(), Some(end(text))),
        Err(ParseError::Lex {
            err: lexer::Error::Syntax(message, place),
        }) => (message.into(), Some(place)),
        Err(ParseError::Lex {
            err: lexer::Error::IO(error),
        }) => (error.to_string(), Some(end(text))),
        Err(ParseError::ScopeAnalysis { err }) => (err.to_owned(), None),
        Err(ParseError::General { message, position }) => (message.into(), Some(position)),
    }
}

/// The place after the last character.
fn end(text: &str) -> Position {
    let lines = text.matches('\n').count().saturating_add(1);
    let last = text.rsplit('\n').next().unwrap_or_default();
    let column = last.chars().count().saturating_add(1);
    Position::new(
        u32::try_from(lines).unwrap_or(u32::MAX),
        u32::try_from(column).unwrap_or(u32::MAX),
    )
}

#[cfg(test)]
mod tests;
