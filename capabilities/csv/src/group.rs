//! Puts rows together.

use std::collections::{BTreeMap, BTreeSet};

use bigdecimal::BigDecimal;

use crate::exports::engine::csv::tables::{Aggregate, Error, Summary, Table};
use crate::number;
use crate::table::{self, Size, cell, column, shown};

/// The most aggregates.
const MOST_AGGREGATES: usize = 100;

/// What is made of a column, and how.
#[derive(Clone, Copy)]
enum Task {
    CountRows,
    CountCells(usize),
    Sum(usize),
    Mean(usize),
    /// The smallest or largest cell.
    Extreme {
        column: usize,
        largest: bool,
        /// Whether all cells of the column are numbers.
        numbers: bool,
    },
}

/// What is known of a group so far, for one task.
enum State<'a> {
    Count(u64),
    Total { sum: BigDecimal, values: u64 },
    Best(Option<(&'a str, Option<BigDecimal>)>),
}

pub(crate) fn group(
    given: &Table,
    by: &[String],
    aggregates: &[Aggregate],
) -> Result<Table, Error> {
    table::check("the table", given)?;
    if aggregates.len() > MOST_AGGREGATES {
        return Err(Error::Invalid(format!(
            "there are {} aggregates, and the most is {MOST_AGGREGATES}",
            aggregates.len()
        )));
    }
    let keys = by
        .iter()
        .map(|name| column("the table", given, name))
        .collect::<Result<Vec<usize>, Error>>()?;
    let tasks = aggregates
        .iter()
        .map(|aggregate| task(given, aggregate))
        .collect::<Result<Vec<Task>, Error>>()?;
    let header = header(by, aggregates)?;
    let mut size = Size::of("the result", header.len())?;

    // Ordered, not hashed: a hash with a random seed would make the fuel of two equal calls differ.
    let mut places: BTreeMap<Vec<&str>, usize> = BTreeMap::new();
    let mut groups: Vec<(Vec<&str>, Vec<State<'_>>)> = Vec::new();
    if keys.is_empty() {
        // All rows are one group, and that is there even if no row is.
        places.insert(Vec::new(), 0);
        groups.push((Vec::new(), tasks.iter().map(State::new).collect()));
        size.rows(1)?;
    }
    for (row, line) in given.rows.iter().zip(1_usize..) {
        let key: Vec<&str> = keys.iter().map(|column| cell(row, *column)).collect();
        let place = match places.get(&key) {
            Some(place) => *place,
            None => {
                size.rows(1)?;
                let place = groups.len();
                groups.push((key.clone(), tasks.iter().map(State::new).collect()));
                places.insert(key, place);
                place
            }
        };
        let Some((_, states)) = groups.get_mut(place) else {
            continue;
        };
        for (state, task) in states.iter_mut().zip(&tasks) {
            state.add(*task, row).map_err(|cell| {
                Error::NotANumber(format!("`{}` in row {line} is no number", shown(cell)))
            })?;
        }
    }
    let rows = groups.into_iter().map(|(key, states)| {
        let key = key.into_iter().map(str::to_owned);
        let summaries = states
            .iter()
            .zip(&tasks)
            .map(|(state, task)| state.text(*task));
        key.chain(summaries).collect()
    });
    Ok(Table {
        rows: rows.collect(),
        header,
    })
}

fn header(by: &[String], aggregates: &[Aggregate]) -> Result<Vec<String>, Error> {
    let aggregated = aggregates.iter().map(|aggregate| {
        aggregate.name.clone().unwrap_or_else(|| {
            let summary = word(aggregate.summary);
            match &aggregate.column {
                Some(column) => format!("{summary}-{column}"),
                None => summary.to_owned(),
            }
        })
    });
    let header: Vec<String> = by.iter().cloned().chain(aggregated).collect();
    if header.is_empty() {
        return Err(Error::Invalid(
            "there is neither a column to group by nor an aggregate".to_owned(),
        ));
    }
    let mut names = BTreeSet::new();
    match header.iter().find(|name| !names.insert(name.as_str())) {
        Some(name) => Err(Error::Invalid(format!(
            "the result has the column `{}` twice; give aggregates names of their own",
            shown(name)
        ))),
        None => Ok(header),
    }
}

fn word(summary: Summary) -> &'static str {
    match summary {
        Summary::Count => "count",
        Summary::Sum => "sum",
        Summary::Min => "min",
        Summary::Max => "max",
        Summary::Mean => "mean",
    }
}

fn task(given: &Table, aggregate: &Aggregate) -> Result<Task, Error> {
    let Some(name) = &aggregate.column else {
        return match aggregate.summary {
            Summary::Count => Ok(Task::CountRows),
            Summary::Sum | Summary::Min | Summary::Max | Summary::Mean => Err(Error::Invalid(
                format!("`{}` needs a column", word(aggregate.summary)),
            )),
        };
    };
    let column = column("the table", given, name)?;
    let extreme = |largest| {
        let mut cells = given.rows.iter().map(|row| cell(row, column));
        Task::Extreme {
            column,
            largest,
            numbers: cells.all(|cell| cell.is_empty() || number::read(cell).is_some()),
        }
    };
    Ok(match aggregate.summary {
        Summary::Count => Task::CountCells(column),
        Summary::Sum => Task::Sum(column),
        Summary::Mean => Task::Mean(column),
        Summary::Min => extreme(false),
        Summary::Max => extreme(true),
    })
}

impl Task {
    fn column(self) -> Option<usize> {
        match self {
            Self::CountRows => None,
            Self::CountCells(column)
            | Self::Sum(column)
            | Self::Mean(column)
            | Self::Extreme { column, .. } => Some(column),
        }
    }
}

impl<'a> State<'a> {
    fn new(task: &Task) -> Self {
        match task {
            Task::CountRows | Task::CountCells(_) => Self::Count(0),
            Task::Sum(_) | Task::Mean(_) => Self::Total {
                sum: BigDecimal::from(0),
                values: 0,
            },
            Task::Extreme { .. } => Self::Best(None),
        }
    }

    /// Takes a row in. Fails with the cell that is no number.
    fn add(&mut self, task: Task, row: &'a [String]) -> Result<(), &'a str> {
        let cell = task.column().map(|column| cell(row, column));
        if cell == Some("") {
            return Ok(());
        }
        match (self, cell) {
            (Self::Count(count), _) => *count = count.saturating_add(1),
            (Self::Total { sum, values }, Some(cell)) => {
                *sum += number::read(cell).ok_or(cell)?;
                *values = values.saturating_add(1);
            }
            (Self::Best(best), Some(cell)) => {
                let (largest, numbers) = match task {
                    Task::Extreme {
                        largest, numbers, ..
                    } => (largest, numbers),
                    Task::CountRows | Task::CountCells(_) | Task::Sum(_) | Task::Mean(_) => {
                        (false, false)
                    }
                };
                let value = if numbers { number::read(cell) } else { None };
                let better = match &*best {
                    None => true,
                    Some((known, known_value)) => {
                        let order = match (&value, known_value) {
                            (Some(value), Some(known)) => value.cmp(known),
                            (Some(_) | None, Some(_) | None) => cell.cmp(known),
                        };
                        if largest {
                            order.is_gt()
                        } else {
                            order.is_lt()
                        }
                    }
                };
                if better {
                    *best = Some((cell, value));
                }
            }
            (Self::Total { .. } | Self::Best(_), None) => {}
        }
        Ok(())
    }

    fn text(&self, task: Task) -> String {
        match self {
            Self::Count(count) => count.to_string(),
            Self::Total { values: 0, .. } | Self::Best(None) => String::new(),
            Self::Total { sum, values } => match task {
                Task::Mean(_) => number::write(&number::mean(sum, *values)),
                Task::Sum(_) | Task::CountRows | Task::CountCells(_) | Task::Extreme { .. } => {
                    number::write(sum)
                }
            },
            Self::Best(Some((cell, _))) => (*cell).to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Aggregate, Error, Summary, Table, group};
    use crate::table::tests::{rows, table};

    fn aggregate(summary: Summary, column: Option<&str>) -> Aggregate {
        Aggregate {
            summary,
            column: column.map(str::to_owned),
            name: None,
        }
    }

    fn every(column: &str) -> Vec<Aggregate> {
        let summaries = [
            Summary::Count,
            Summary::Sum,
            Summary::Min,
            Summary::Max,
            Summary::Mean,
        ];
        summaries
            .map(|summary| aggregate(summary, Some(column)))
            .into()
    }

    fn sales() -> Table {
        table(&[
            &["city", "n", "on"],
            &["Rome", "1.50", "2026-02-01"],
            &["Oslo", "10", "2026-01-01"],
            &["Rome", "", "2025-12-31"],
            &["Rome", "9", ""],
            &["Bern", "", ""],
        ])
    }

    #[test]
    fn groups_come_in_the_order_of_their_first_row() {
        let mut aggregates = every("n");
        aggregates.push(aggregate(Summary::Count, None));
        let grouped = group(&sales(), &["city".to_owned()], &aggregates).unwrap();
        assert_eq!(
            rows(&grouped),
            [
                [
                    "city", "count-n", "sum-n", "min-n", "max-n", "mean-n", "count"
                ],
                ["Rome", "2", "10.5", "1.50", "9", "5.25", "3"],
                ["Oslo", "1", "10", "10", "10", "10", "1"],
                ["Bern", "0", "", "", "", "", "1"],
            ]
        );
    }

    #[test]
    fn texts_have_a_smallest_and_a_largest_too() {
        let aggregates = [
            aggregate(Summary::Min, Some("on")),
            aggregate(Summary::Max, Some("on")),
        ];
        assert_eq!(
            rows(&group(&sales(), &[], &aggregates).unwrap()),
            [["min-on", "max-on"], ["2025-12-31", "2026-02-01"]]
        );
    }

    #[test]
    fn without_rows_there_is_one_group_or_none() {
        let empty = table(&[&["a"]]);
        let count = [aggregate(Summary::Count, None)];
        assert_eq!(
            rows(&group(&empty, &[], &count).unwrap()),
            [["count"], ["0"]]
        );
        assert_eq!(
            rows(&group(&empty, &["a".to_owned()], &count).unwrap()),
            [["a", "count"]]
        );
    }

    #[test]
    fn sums_are_exact() {
        let large = "340282366920938463463374607431768211455";
        let numbers = table(&[&["n"], &[large], &[large], &["0.1"], &["0.2"], &["-1e-30"]]);
        let sum = group(&numbers, &[], &[aggregate(Summary::Sum, Some("n"))]).unwrap();
        assert_eq!(
            sum.rows[0][0],
            "680564733841876926926749214863536422910.299999999999999999999999999999"
        );
    }

    #[test]
    fn what_makes_no_sense_is_told() {
        let Err(Error::NotANumber(message)) =
            group(&sales(), &[], &[aggregate(Summary::Sum, Some("on"))])
        else {
            panic!("dates were summed");
        };
        assert_eq!(message, "`2026-02-01` in row 1 is no number");
        for aggregates in [
            vec![],
            vec![aggregate(Summary::Sum, None)],
            vec![aggregate(Summary::Count, None); 2],
            vec![aggregate(Summary::Count, None); 101],
        ] {
            let result = group(&sales(), &[], &aggregates);
            assert!(matches!(result, Err(Error::Invalid(_))), "{result:?}");
        }
        let unknown = group(&sales(), &["x".to_owned()], &[]);
        assert!(matches!(unknown, Err(Error::NoColumn(_))));
        assert_eq!(
            group(&sales(), &["city".to_owned()], &[])
                .unwrap()
                .rows
                .len(),
            3
        );
    }
}
