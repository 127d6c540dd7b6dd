//! Compares cells with values.

use std::cmp::Ordering;

use bigdecimal::BigDecimal;

use crate::exports::engine::csv::tables::{Comparison, Condition};
use crate::number;

/// What a cell is compared with.
pub(crate) struct Test<'a> {
    comparison: Comparison,
    value: &'a str,
    number: Option<BigDecimal>,
}

impl<'a> Test<'a> {
    pub(crate) fn of(condition: &'a Condition) -> Self {
        Self {
            comparison: condition.is,
            value: &condition.value,
            number: number::read(&condition.value),
        }
    }

    /// Whether a cell meets it.
    pub(crate) fn met(&self, cell: &str) -> bool {
        match self.comparison {
            Comparison::Equals => cell == self.value,
            Comparison::Differs => cell != self.value,
            Comparison::Contains => cell.contains(self.value),
            Comparison::StartsWith => cell.starts_with(self.value),
            Comparison::EndsWith => cell.ends_with(self.value),
            Comparison::Less => self.order(cell).is_some_and(Ordering::is_lt),
            Comparison::AtMost => self.order(cell).is_some_and(Ordering::is_le),
            Comparison::More => self.order(cell).is_some_and(Ordering::is_gt),
            Comparison::AtLeast => self.order(cell).is_some_and(Ordering::is_ge),
        }
    }

    fn order(&self, cell: &str) -> Option<Ordering> {
        match &self.number {
            Some(value) => Some(number::read(cell)?.cmp(value)),
            None => Some(cell.cmp(self.value)),
        }
    }
}
