//! Joins two tables.

use std::collections::BTreeMap;

use crate::exports::engine::csv::tables::{Error, JoinKind, Pair, Table};
use crate::table::{self, Size, cell, column};

/// The most pairs of columns.
const MOST_PAIRS: usize = 10;

pub(crate) fn join(
    left: &Table,
    right: &Table,
    on: &[Pair],
    kind: JoinKind,
) -> Result<Table, Error> {
    table::check("the left table", left)?;
    table::check("the right table", right)?;
    if on.is_empty() || on.len() > MOST_PAIRS {
        return Err(Error::Invalid(format!(
            "there are {} pairs of columns, and there have to be from 1 to {MOST_PAIRS}",
            on.len()
        )));
    }
    let mut left_columns = Vec::new();
    let mut right_columns = Vec::new();
    for pair in on {
        left_columns.push(column("the left table", left, &pair.left)?);
        right_columns.push(column("the right table", right, &pair.right)?);
    }
    let added: Vec<usize> = (0..right.header.len())
        .filter(|column| !right_columns.contains(column))
        .collect();
    let picked = |row: &[String]| {
        added
            .iter()
            .map(|column| cell(row, *column).to_owned())
            .collect()
    };

    // Ordered, not hashed: a hash with a random seed would make the fuel of two equal calls differ.
    let mut partners: BTreeMap<Vec<&str>, Vec<&[String]>> = BTreeMap::new();
    for row in &right.rows {
        if let Some(key) = key(row, &right_columns) {
            partners.entry(key).or_default().push(row);
        }
    }

    let names: Vec<String> = picked(&right.header);
    let header = table::distinct(left.header.iter().cloned().chain(names));
    let mut size = Size::of("the result", header.len())?;
    let mut rows = Vec::new();
    for row in &left.rows {
        let found = key(row, &left_columns).and_then(|key| partners.get(&key));
        match (found, kind) {
            (Some(found), JoinKind::Inner | JoinKind::Left) => {
                size.rows(found.len())?;
                for partner in found {
                    let cells: Vec<String> = picked(partner);
                    rows.push(row.iter().cloned().chain(cells).collect());
                }
            }
            (None, JoinKind::Left) => {
                size.rows(1)?;
                let empty = std::iter::repeat_n(String::new(), added.len());
                rows.push(row.iter().cloned().chain(empty).collect());
            }
            (None, JoinKind::Inner) => {}
        }
    }
    Ok(Table { header, rows })
}

/// The cells that have to be the same; `None` if one is empty, which has no partner.
fn key<'a>(row: &'a [String], columns: &[usize]) -> Option<Vec<&'a str>> {
    let cells = columns.iter().map(|column| cell(row, *column));
    cells
        .map(|cell| (!cell.is_empty()).then_some(cell))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Error, JoinKind, Pair, join};
    use crate::table::tests::{rows, table};

    fn pair(left: &str, right: &str) -> Pair {
        Pair {
            left: left.to_owned(),
            right: right.to_owned(),
        }
    }

    #[test]
    fn rows_meet_their_partners() {
        let left = table(&[
            &["id", "name"],
            &["1", "Ada"],
            &["2", "Bob"],
            &["", "Cy"],
            &["1", "Di"],
        ]);
        let right = table(&[
            &["name", "id"],
            &["x", "1"],
            &["y", "1"],
            &["z", ""],
            &["w", "01"],
        ]);
        let inner = join(&left, &right, &[pair("id", "id")], JoinKind::Inner).unwrap();
        assert_eq!(
            rows(&inner),
            [
                ["id", "name", "name-2"],
                ["1", "Ada", "x"],
                ["1", "Ada", "y"],
                ["1", "Di", "x"],
                ["1", "Di", "y"],
            ]
        );
        let outer = join(&left, &right, &[pair("id", "id")], JoinKind::Left).unwrap();
        assert_eq!(outer.rows.len(), 6);
        assert_eq!(rows(&outer)[3..5], [["2", "Bob", ""], ["", "Cy", ""]]);
        let both = join(
            &left,
            &right,
            &[pair("id", "id"), pair("name", "name")],
            JoinKind::Inner,
        )
        .unwrap();
        assert_eq!(rows(&both), [["id", "name"]]);
    }

    #[test]
    fn the_result_is_bounded() {
        let many = |rows: usize| {
            let mut cells: Vec<&[&str]> = vec![&["a"]];
            cells.extend(std::iter::repeat_n(&["1"][..], rows));
            table(&cells)
        };
        let Err(Error::TooLarge(message)) = join(
            &many(50_000),
            &many(50_000),
            &[pair("a", "a")],
            JoinKind::Inner,
        ) else {
            panic!("it grew");
        };
        assert_eq!(
            message,
            "the result has more than 100000 rows, which is the most"
        );
        for pairs in [vec![], vec![pair("a", "a"); 11]] {
            let result = join(&many(1), &many(1), &pairs, JoinKind::Left);
            assert!(matches!(result, Err(Error::Invalid(_))), "{result:?}");
        }
        let result = join(&many(1), &many(1), &[pair("a", "b")], JoinKind::Left);
        assert!(matches!(result, Err(Error::NoColumn(_))), "{result:?}");
    }
}
