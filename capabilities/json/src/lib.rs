//! Queries, checks and changes JSON.

mod document;
mod merge;
mod number;
mod patch;
mod query;
mod validate;

use exports::engine::json::documents::{Error, Guest, Results, Verdict};

guest_sdk::capability!(Json in "../../wit/json");

/// The most bytes of a document, and of what comes of one.
const MOST_BYTES: usize = 1 << 20;
/// The most levels of arrays and objects. Readers of JSON elsewhere stop soon after.
const MOST_DEPTH: usize = 100;

struct Json;

impl Guest for Json {
    fn query(document: String, filter: String, limit: Option<u32>) -> Result<Results, Error> {
        query::query(&document, &filter, limit)
    }

    fn validate(document: String, schema: String, formats: Option<bool>) -> Result<Verdict, Error> {
        validate::validate(&document, &schema, formats.unwrap_or(false))
    }

    fn patch(document: String, patch: String) -> Result<String, Error> {
        patch::patch(&document, &patch)
    }

    fn merge(document: String, patch: String) -> Result<String, Error> {
        merge::merge(&document, &patch)
    }
}
