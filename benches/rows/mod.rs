//! The figures that the project aims at.

mod call;
mod cpu;
pub(crate) mod guard;
mod journal;
mod memory;
mod process;
mod threads;
mod values;

use crate::table::Row;

/// A group of rows: its name, and what measures it.
type Group = (&'static str, fn() -> Vec<Row>);

const GROUPS: [Group; 8] = [
    ("call", call::rows),
    ("values", values::rows),
    ("threads", threads::rows),
    ("cpu", cpu::rows),
    ("process", process::rows),
    ("journal", journal::rows),
    ("memory", memory::rows),
    ("guard", guard::rows),
];

/// Measures the groups that are named; all of them if none is.
pub(crate) fn measure(names: &[&str]) -> Vec<Row> {
    let groups = GROUPS
        .iter()
        .filter(|(name, _)| names.is_empty() || names.contains(name));
    groups
        .flat_map(|(name, rows)| {
            eprintln!("measuring {name} …");
            rows()
        })
        .collect()
}
