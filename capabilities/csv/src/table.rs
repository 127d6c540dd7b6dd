//! What holds for every table: its bounds, and the names of its columns.

use std::collections::{BTreeMap, BTreeSet};

use crate::exports::engine::csv::tables::{Error, Table};

const MOST_COLUMNS: usize = 1_000;
const MOST_ROWS: usize = 100_000;
const MOST_CELLS: usize = 1_000_000;
/// The most characters of a text in a message.
const MOST_SHOWN: usize = 100;

/// Refuses a table over its bounds, with rows of another length, or with a name twice.
pub(crate) fn check(what: &str, table: &Table) -> Result<(), Error> {
    let columns = table.header.len();
    Size::of(what, columns)?.rows(table.rows.len())?;
    let mut names = BTreeSet::new();
    if let Some(name) = table
        .header
        .iter()
        .find(|name| !names.insert(name.as_str()))
    {
        return Err(Error::Invalid(format!(
            "{what} has the column `{}` twice",
            shown(name)
        )));
    }
    let uneven = table
        .rows
        .iter()
        .zip(1_usize..)
        .find(|(row, _)| row.len() != columns);
    match uneven {
        Some((row, number)) => Err(Error::Invalid(format!(
            "row {number} of {what} has {} cells, and the header has {columns}",
            row.len()
        ))),
        None => Ok(()),
    }
}

/// How many rows a table of so many columns has, as it grows.
pub(crate) struct Size<'a> {
    what: &'a str,
    columns: usize,
    rows: usize,
}

impl<'a> Size<'a> {
    pub(crate) fn of(what: &'a str, columns: usize) -> Result<Self, Error> {
        if columns > MOST_COLUMNS {
            return Err(Error::TooLarge(format!(
                "{what} has {columns} columns, and the most is {MOST_COLUMNS}"
            )));
        }
        Ok(Self {
            what,
            columns,
            rows: 0,
        })
    }

    /// Counts rows that come to it.
    pub(crate) fn rows(&mut self, more: usize) -> Result<(), Error> {
        self.rows = self.rows.saturating_add(more);
        if self.rows > MOST_ROWS {
            return Err(Error::TooLarge(format!(
                "{} has more than {MOST_ROWS} rows, which is the most",
                self.what
            )));
        }
        if self.rows.saturating_mul(self.columns) > MOST_CELLS {
            return Err(Error::TooLarge(format!(
                "{} has more than {MOST_CELLS} cells, which is the most",
                self.what
            )));
        }
        Ok(())
    }
}

/// Where a column is.
pub(crate) fn column(what: &str, table: &Table, name: &str) -> Result<usize, Error> {
    let found = table.header.iter().position(|column| column == name);
    found.ok_or_else(|| {
        let known: Vec<String> = table
            .header
            .iter()
            .take(10)
            .map(|column| format!("`{}`", shown(column)))
            .collect();
        let more = if table.header.len() > known.len() {
            " and more"
        } else {
            ""
        };
        Error::NoColumn(format!(
            "{what} has no column `{}`; it has {}{more}",
            shown(name),
            if known.is_empty() {
                "none".to_owned()
            } else {
                known.join(", ")
            }
        ))
    })
}

/// A cell. Rows were checked to have every column.
pub(crate) fn cell(row: &[String], column: usize) -> &str {
    row.get(column).map_or("", String::as_str)
}

/// Names of their own for all columns: one that was there before gets `-2`, `-3` and so on.
pub(crate) fn distinct(names: impl IntoIterator<Item = String>) -> Vec<String> {
    let mut taken: BTreeSet<String> = BTreeSet::new();
    // Where to go on with a name that was there before: many of the same are not counted from the beginning.
    let mut next: BTreeMap<String, usize> = BTreeMap::new();
    let mut distinct = Vec::new();
    for name in names {
        let mut free = name.clone();
        while taken.contains(&free) {
            let number = next.entry(name.clone()).or_insert(2);
            free = format!("{name}-{number}");
            *number = number.saturating_add(1);
        }
        taken.insert(free.clone());
        distinct.push(free);
    }
    distinct
}

/// A text in a message.
pub(crate) fn shown(text: &str) -> String {
    match text.char_indices().nth(MOST_SHOWN) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::{Error, Table, check, distinct};

    /// A table from its cells, the first row its header.
    pub(crate) fn table(rows: &[&[&str]]) -> Table {
        let mut rows = rows
            .iter()
            .map(|row| row.iter().map(|cell| (*cell).to_owned()).collect());
        Table {
            header: rows.next().unwrap_or_default(),
            rows: rows.collect(),
        }
    }

    /// A table as rows, the first of them its header.
    pub(crate) fn rows(table: &Table) -> Vec<Vec<&str>> {
        std::iter::once(&table.header)
            .chain(&table.rows)
            .map(|row| row.iter().map(String::as_str).collect())
            .collect()
    }

    #[test]
    fn names_become_distinct() {
        let names = ["a", "a", "a-2", "", "", "a"].map(str::to_owned);
        assert_eq!(distinct(names), ["a", "a-2", "a-2-2", "", "-2", "a-3"]);
    }

    #[test]
    fn tables_are_even_and_bounded() {
        assert!(check("it", &table(&[&["a", "b"], &["1", "2"]])).is_ok());
        assert!(check("it", &table(&[])).is_ok());
        for (wrong, message) in [
            (table(&[&["a", "a"]]), "it has the column `a` twice"),
            (
                table(&[&["a"], &["1"], &["1", "2"]]),
                "row 2 of it has 2 cells, and the header has 1",
            ),
        ] {
            let Err(Error::Invalid(found)) = check("it", &wrong) else {
                panic!("it was taken: {wrong:?}");
            };
            assert_eq!(found, message);
        }
        let wide = |columns: usize| (0..columns).map(|column| column.to_string()).collect();
        for (columns, rows, message) in [
            (1_001, 0, "it has 1001 columns, and the most is 1000"),
            (
                0,
                100_001,
                "it has more than 100000 rows, which is the most",
            ),
            (
                11,
                90_910,
                "it has more than 1000000 cells, which is the most",
            ),
        ] {
            let large = Table {
                header: wide(columns),
                rows: vec![wide(columns); rows],
            };
            let Err(Error::TooLarge(found)) = check("it", &large) else {
                panic!("it was taken: {columns} × {rows}");
            };
            assert_eq!(found, message);
        }
    }
}
