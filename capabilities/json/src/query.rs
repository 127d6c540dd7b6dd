//! Runs jq filters.
//!
//! The interpreter `jaq` calls itself, and a guest that uses its stack up is stopped by a trap that says nothing.
//! So the filter is measured before anything parses it (`bounds`), and what it calls is made to look how much
//! stack is left (`guarding`, `natives`).

mod bounds;
mod delete;
mod guarding;
mod natives;
mod output;

use jaq_core::load::parse::{Def, Parser, TError, Term};
use jaq_core::load::{Arena, File, Loader, lex::Lexer, span};
use jaq_core::{Compiler, Ctx, Vars};
use jaq_json::Val;

use crate::document;
use crate::exports::engine::json::documents::{Error, Results};
use natives::{Query, Stack};

const DEFAULT_OUTPUTS: u32 = 1_000;
const MOST_OUTPUTS: u32 = 10_000;
/// The name that the filter has among the definitions; nothing can be called that in jq.
const MAIN: &str = "@main";

pub(crate) fn query(text: &str, filter: &str, limit: Option<u32>) -> Result<Results, Error> {
    let stack = Stack::new();
    let limit = limit.unwrap_or(DEFAULT_OUTPUTS);
    if !(1..=MOST_OUTPUTS).contains(&limit) {
        return Err(Error::Invalid(format!(
            "the limit is {limit}, and has to be from 1 to {MOST_OUTPUTS}"
        )));
    }
    let input = read("the document", text).map_err(Error::Malformed)?;
    bounds::check(filter).map_err(Error::Invalid)?;
    let term = parse(filter).map_err(Error::Invalid)?;
    let filter = compile(term)?;

    let query = Query::new(&filter.lut, stack);
    let context = Ctx::<natives::Documents>::new(&query, Vars::new([]));
    let mut results = Results {
        outputs: Vec::new(),
        truncated: false,
    };
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut bytes = 0_usize;
    for output in filter.id.run((context, input)) {
        let value = match output.map_err(jaq_core::Exn::get_err) {
            Ok(value) => value,
            Err(Ok(error)) => return Err(Error::Failed(output::message(error))),
            // `halt`: nothing comes after it.
            Err(Err(_)) => break,
        };
        if results.outputs.len() == limit {
            results.truncated = true;
            break;
        }
        let text = output::text(&value, crate::MOST_BYTES.saturating_sub(bytes))?;
        bytes = bytes.saturating_add(text.len());
        results.outputs.push(text);
    }
    Ok(results)
}

/// Reads a document as the interpreter has it. Its own reader takes more than JSON, and any depth.
fn read(what: &str, text: &str) -> Result<Val, String> {
    document::bounded(what, text)?;
    document::strict(what, text)?;
    jaq_json::read::parse_single(text.as_bytes())
        .map_err(|error| format!("{what} is not JSON: {error}"))
}

fn parse(filter: &str) -> Result<Term<&str>, String> {
    let tokens = Lexer::new(filter).lex().map_err(|errors| {
        let error = errors.into_iter().next();
        error.map_or_else(String::new, |(expected, rest)| {
            unparsed(filter, expected.as_str(), rest)
        })
    })?;
    Parser::new(&tokens).parse(Parser::term).map_err(|errors| {
        let error: Option<TError<'_, &str>> = errors.into_iter().next();
        error.map_or_else(String::new, |(expected, found)| {
            let rest = jaq_core::load::lex::Token::opt_as_str(found, filter);
            unparsed(filter, expected.as_str(), rest)
        })
    })
}

/// Says where a filter is broken. `rest` is the part of it that begins there.
fn unparsed(filter: &str, expected: &str, rest: &str) -> String {
    let place = span(filter, rest).start;
    let found: String = rest.chars().take(20).collect();
    if found.is_empty() {
        return format!("the filter ends where a {expected} has to follow");
    }
    format!("the filter has `{found}` at byte {place}, where a {expected} has to be")
}

fn compile(term: Term<&str>) -> Result<jaq_core::Filter<natives::Documents>, Error> {
    let standard = jaq_core::defs()
        .chain(jaq_std::defs())
        .chain(jaq_json::defs())
        .chain(delete::defs());
    let main = Def {
        name: MAIN,
        args: Vec::new(),
        body: term,
    };
    let definitions = standard
        .map(|definition| guarding::guarded(definition, 1))
        .chain([guarding::guarded(main, 2)]);
    let arena = Arena::default();
    let file = File {
        code: MAIN,
        path: (),
    };
    let modules = Loader::new(definitions)
        .load(&arena, file)
        .map_err(|_| Error::Invalid("the filter cannot be loaded".to_owned()))?;
    Compiler::default()
        .with_funs(natives::all())
        .compile(modules)
        .map_err(|files| {
            let undefined = files.into_iter().flat_map(|(_, errors)| errors);
            let undefined: Vec<String> = undefined
                .map(|(name, kind)| match kind {
                    jaq_core::compile::Undefined::Filter(arguments) => {
                        format!("`{name}` with {arguments} arguments")
                    }
                    other => format!("the {} `{name}`", other.as_str()),
                })
                .collect();
            Error::Invalid(format!(
                "the filter uses what is not there: {}",
                undefined.join(", ")
            ))
        })
}

#[cfg(test)]
mod tests;
