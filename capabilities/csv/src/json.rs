//! Writes a table as JSON.

use crate::MOST_BYTES;
use crate::exports::engine::csv::tables::{Error, Table};
use crate::table::{self, cell};

pub(crate) fn write(given: &Table, typed: bool) -> Result<String, Error> {
    table::check("the table", given)?;
    let names: Vec<String> = given.header.iter().map(|name| quoted(name)).collect();
    let mut text = String::from("[");
    for (place, row) in given.rows.iter().enumerate() {
        if place > 0 {
            text.push(',');
        }
        text.push('{');
        for (column, name) in names.iter().enumerate() {
            if column > 0 {
                text.push(',');
            }
            text.push_str(name);
            text.push(':');
            let cell = cell(row, column);
            match cell {
                "" if typed => text.push_str("null"),
                "true" | "false" if typed => text.push_str(cell),
                _ if typed && is_number(cell) => text.push_str(cell),
                _ => text.push_str(&quoted(cell)),
            }
            if text.len() > MOST_BYTES {
                return Err(Error::TooLarge(format!(
                    "the JSON text would have more than {MOST_BYTES} bytes, which is the most"
                )));
            }
        }
        text.push('}');
    }
    text.push(']');
    Ok(text)
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Whether a cell is a number by the grammar of JSON.
fn is_number(cell: &str) -> bool {
    let unsigned = cell.strip_prefix('-').unwrap_or(cell);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, Some(exponent)),
        None => (unsigned, None),
    };
    let (whole, fraction) = match mantissa.split_once('.') {
        Some((whole, fraction)) => (whole, Some(fraction)),
        None => (mantissa, None),
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits(whole)
        && (whole == "0" || !whole.starts_with('0'))
        && fraction.is_none_or(digits)
        && exponent
            .is_none_or(|exponent| digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent)))
}

#[cfg(test)]
mod tests {
    use super::{Error, write};
    use crate::table::tests::table;

    #[test]
    fn rows_become_objects() {
        let given = table(&[
            &["a", "b\"", "c"],
            &["1", "", "true"],
            &["-0.50e+7", "007", "x\ny"],
            &["1.", "+1", "NaN"],
            &["123456789012345678901234567890", ".5", "False"],
        ]);
        assert_eq!(
            write(&given, true).unwrap(),
            r#"[{"a":1,"b\"":null,"c":true},{"a":-0.50e+7,"b\"":"007","c":"x\ny"},"#.to_owned()
                + r#"{"a":"1.","b\"":"+1","c":"NaN"},"#
                + r#"{"a":123456789012345678901234567890,"b\"":".5","c":"False"}]"#
        );
        assert_eq!(
            write(&table(&[&["a"], &["1"], &[""]]), false).unwrap(),
            r#"[{"a":"1"},{"a":""}]"#
        );
        assert_eq!(write(&table(&[]), false).unwrap(), "[]");
    }

    #[test]
    fn the_text_is_bounded() {
        let name = "n".repeat(10_000);
        let mut cells: Vec<&[&str]> = vec![];
        let header = [name.as_str()];
        cells.push(&header);
        cells.extend(std::iter::repeat_n(&["1"][..], 1_000));
        assert!(matches!(
            write(&table(&cells), false),
            Err(Error::TooLarge(_))
        ));
    }
}
