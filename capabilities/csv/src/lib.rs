//! Reads tables from text and works with them.

mod compare;
mod group;
mod join;
mod json;
mod number;
mod select;
mod table;
mod text;

use exports::engine::csv::tables::{
    Aggregate, Condition, Error, Guest, JoinKind, Pair, Table as Given,
};

guest_sdk::capability!(Csv in "../../wit/csv");

/// The most bytes of a text that is read or written.
const MOST_BYTES: usize = 8 << 20;

struct Csv;

impl Guest for Csv {
    fn read(text: String, delimiter: Option<char>, header: Option<bool>) -> Result<Given, Error> {
        text::read(&text, delimiter, header.unwrap_or(true))
    }

    fn select(
        table: Given,
        columns: Option<Vec<String>>,
        conditions: Option<Vec<Condition>>,
        limit: Option<u32>,
    ) -> Result<Given, Error> {
        let conditions = conditions.unwrap_or_default();
        select::select(table, columns.as_deref(), &conditions, limit)
    }

    fn group(table: Given, by: Vec<String>, aggregates: Vec<Aggregate>) -> Result<Given, Error> {
        group::group(&table, &by, &aggregates)
    }

    fn join(
        left: Given,
        right: Given,
        on: Vec<Pair>,
        kind: Option<JoinKind>,
    ) -> Result<Given, Error> {
        join::join(&left, &right, &on, kind.unwrap_or(JoinKind::Inner))
    }

    fn to_json(table: Given, typed: Option<bool>) -> Result<String, Error> {
        json::write(&table, typed.unwrap_or(false))
    }

    fn write(table: Given, delimiter: Option<char>) -> Result<String, Error> {
        text::write(&table, delimiter)
    }
}
