//! Takes rows and columns out of a table.

use std::collections::BTreeSet;

use crate::compare::Test;
use crate::exports::engine::csv::tables::{Condition, Error, Table};
use crate::table::{self, cell, column, shown};

/// The most conditions.
const MOST_CONDITIONS: usize = 100;

pub(crate) fn select(
    given: Table,
    columns: Option<&[String]>,
    conditions: &[Condition],
    limit: Option<u32>,
) -> Result<Table, Error> {
    table::check("the table", &given)?;
    if conditions.len() > MOST_CONDITIONS {
        return Err(Error::Invalid(format!(
            "there are {} conditions, and the most is {MOST_CONDITIONS}",
            conditions.len()
        )));
    }
    let tests: Vec<(usize, Test<'_>)> = conditions
        .iter()
        .map(|condition| {
            let column = column("the table", &given, &condition.column)?;
            Ok((column, Test::of(condition)))
        })
        .collect::<Result<_, Error>>()?;
    let kept = columns.map(|columns| places(&given, columns)).transpose()?;

    let limit = limit.map_or(usize::MAX, |limit| {
        usize::try_from(limit).unwrap_or(usize::MAX)
    });
    let Table { header, rows } = given;
    let rows = rows
        .into_iter()
        .filter(|row| {
            tests
                .iter()
                .all(|(column, test)| test.met(cell(row, *column)))
        })
        .take(limit);
    let Some(kept) = kept else {
        return Ok(Table {
            header,
            rows: rows.collect(),
        });
    };
    let narrow = |row: &[String]| {
        kept.iter()
            .map(|column| cell(row, *column).to_owned())
            .collect()
    };
    Ok(Table {
        header: narrow(&header),
        rows: rows.map(|row| narrow(&row)).collect(),
    })
}

/// Where the columns are that are asked for.
fn places(given: &Table, columns: &[String]) -> Result<Vec<usize>, Error> {
    if columns.is_empty() {
        return Err(Error::Invalid(
            "no column is named; leave `columns` out for all of them".to_owned(),
        ));
    }
    let mut names = BTreeSet::new();
    columns
        .iter()
        .map(|name| {
            if !names.insert(name) {
                return Err(Error::Invalid(format!(
                    "the column `{}` is named twice",
                    shown(name)
                )));
            }
            column("the table", given, name)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Condition, Error, Table, select};
    use crate::exports::engine::csv::tables::Comparison;
    use crate::table::tests::{rows, table};

    fn people() -> Table {
        table(&[
            &["name", "age", "born"],
            &["Ada", "36", "1815-12-10"],
            &["Bob", "9", "2017-01-02"],
            &["Cy", "", ""],
            &["Di", "1e2", "1926-03-04"],
        ])
    }

    fn names(column: &str, is: Comparison, value: &str) -> Vec<String> {
        let conditions = [Condition {
            column: column.to_owned(),
            is,
            value: value.to_owned(),
        }];
        let selected = select(people(), Some(&["name".to_owned()]), &conditions, None).unwrap();
        assert_eq!(selected.header, ["name"]);
        selected.rows.into_iter().flatten().collect()
    }

    #[test]
    fn cells_are_compared_as_the_value_is() {
        for (column, is, value, wanted) in [
            ("age", Comparison::Less, "36", &["Bob"][..]),
            ("age", Comparison::AtMost, "36.0", &["Ada", "Bob"]),
            ("age", Comparison::More, "9", &["Ada", "Di"]),
            ("age", Comparison::AtLeast, "100", &["Di"]),
            ("born", Comparison::Less, "1926-03-04", &["Ada", "Cy"]),
            ("born", Comparison::AtLeast, "1926-03-04", &["Bob", "Di"]),
            ("age", Comparison::Equals, "36.0", &[]),
            ("age", Comparison::Equals, "", &["Cy"]),
            ("age", Comparison::Differs, "", &["Ada", "Bob", "Di"]),
            ("name", Comparison::Contains, "d", &["Ada"]),
            ("name", Comparison::StartsWith, "D", &["Di"]),
            ("name", Comparison::EndsWith, "b", &["Bob"]),
        ] {
            assert_eq!(names(column, is, value), wanted, "{column} {is:?} {value}");
        }
    }

    #[test]
    fn columns_come_in_the_order_named_and_rows_up_to_the_limit() {
        let columns = ["born".to_owned(), "name".to_owned()];
        let selected = select(people(), Some(&columns), &[], Some(1)).unwrap();
        assert_eq!(rows(&selected), [["born", "name"], ["1815-12-10", "Ada"]]);
        assert_eq!(
            rows(&select(people(), None, &[], None).unwrap()),
            rows(&people())
        );
        assert_eq!(select(people(), None, &[], Some(0)).unwrap().rows.len(), 0);
    }

    #[test]
    fn what_makes_no_sense_is_told() {
        let Err(Error::NoColumn(message)) = select(people(), Some(&["x".to_owned()]), &[], None)
        else {
            panic!("it was taken");
        };
        assert_eq!(
            message,
            "the table has no column `x`; it has `name`, `age`, `born`"
        );
        let condition = Condition {
            column: "name".to_owned(),
            is: Comparison::Equals,
            value: String::new(),
        };
        for (columns, conditions) in [
            (vec![], vec![]),
            (vec!["name".to_owned(), "name".to_owned()], vec![]),
            (vec!["name".to_owned()], vec![condition; 101]),
        ] {
            let result = select(people(), Some(&columns), &conditions, None);
            assert!(matches!(result, Err(Error::Invalid(_))), "{result:?}");
        }
    }
}
