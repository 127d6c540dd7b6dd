//! Reads and writes CSV text.

use std::io::Read as _;

use csv_text::{ReaderBuilder, StringRecord, Terminator, WriterBuilder};

use crate::MOST_BYTES;
use crate::exports::engine::csv::tables::{Error, Table};
use crate::table::{self, Size};

/// A row that is put at the end of the text: it is not read as a row where a quotation mark was not closed. No
/// delimiter is in it, as those are ASCII.
const END: &str = "…";
/// What some programs put in front of text.
const BYTE_ORDER_MARK: char = '\u{feff}';

pub(crate) fn read(text: &str, delimiter: Option<char>, header: bool) -> Result<Table, Error> {
    if text.len() > MOST_BYTES {
        return Err(Error::TooLarge(format!(
            "the text has {} bytes, and the most is {MOST_BYTES}",
            text.len()
        )));
    }
    let text = text.strip_prefix(BYTE_ORDER_MARK).unwrap_or(text);
    let end = format!("\n{END}\n");
    let mut reader = ReaderBuilder::new()
        .delimiter(ascii(delimiter)?)
        .has_headers(false)
        // Lengths are compared here, to tell the line.
        .flexible(true)
        .from_reader(text.as_bytes().chain(end.as_bytes()));
    let mut rows = Rows::new(header);
    let mut last: Option<StringRecord> = None;
    for record in reader.records() {
        let record =
            record.map_err(|error| Error::Malformed(format!("the text is not CSV: {error}")))?;
        if let Some(record) = last.replace(record) {
            rows.add(&record)?;
        }
    }
    match last {
        Some(record) if record.len() == 1 && record.get(0) == Some(END) => Ok(rows.table),
        Some(record) => Err(Error::Malformed(format!(
            "a quotation mark is opened and not closed, in the row that begins in line {}",
            line(&record)
        ))),
        None => Ok(rows.table),
    }
}

/// The rows that were read so far.
struct Rows {
    /// Whether the first row is the header; afterwards, the number of columns is known.
    header: bool,
    size: Option<Size<'static>>,
    table: Table,
}

impl Rows {
    fn new(header: bool) -> Self {
        Self {
            header,
            size: None,
            table: Table {
                header: Vec::new(),
                rows: Vec::new(),
            },
        }
    }

    fn add(&mut self, record: &StringRecord) -> Result<(), Error> {
        let columns = record.len();
        let size = match &mut self.size {
            Some(size) => size,
            None => {
                let size = self.size.insert(Size::of("the text", columns)?);
                if self.header {
                    self.table.header = table::distinct(cells(record));
                    return Ok(());
                }
                let names = (1..=columns).map(|number| format!("column-{number}"));
                self.table.header = names.collect();
                size
            }
        };
        if columns != self.table.header.len() {
            return Err(Error::Malformed(format!(
                "line {} has {columns} cells, and the first row has {}",
                line(record),
                self.table.header.len()
            )));
        }
        size.rows(1)?;
        self.table.rows.push(cells(record).collect());
        Ok(())
    }
}

/// The line in which a row begins.
fn line(record: &StringRecord) -> u64 {
    record.position().map_or(0, csv_text::Position::line)
}

pub(crate) fn write(given: &Table, delimiter: Option<char>) -> Result<String, Error> {
    table::check("the table", given)?;
    let mut writer = WriterBuilder::new()
        .delimiter(ascii(delimiter)?)
        .terminator(Terminator::Any(b'\n'))
        .from_writer(Vec::new());
    let mut bytes = 0_usize;
    // A table without columns has no line at all.
    let lines = std::iter::once(&given.header)
        .chain(&given.rows)
        .filter(|line| !line.is_empty());
    for line in lines {
        // At least so much, before it is written: quotation marks may add to it.
        let length = line.iter().map(|cell| cell.len().saturating_add(1));
        bytes = bytes.saturating_add(length.sum());
        if bytes > MOST_BYTES {
            return Err(too_long());
        }
        writer
            .write_record(line)
            .map_err(|error| unwritten(&error))?;
    }
    let text = writer.into_inner().map_err(|error| unwritten(&error))?;
    if text.len() > MOST_BYTES {
        return Err(too_long());
    }
    String::from_utf8(text).map_err(|error| unwritten(&error))
}

fn cells(record: &StringRecord) -> impl Iterator<Item = String> + '_ {
    record.iter().map(str::to_owned)
}

fn ascii(delimiter: Option<char>) -> Result<u8, Error> {
    let delimiter = delimiter.unwrap_or(',');
    match u8::try_from(delimiter) {
        Ok(byte) if byte.is_ascii() && !matches!(byte, b'"' | b'\r' | b'\n') => Ok(byte),
        Ok(_) | Err(_) => Err(Error::Invalid(format!(
            "`{}` cannot be a delimiter: it has to be an ASCII character, and neither a quotation mark nor a \
             line break",
            delimiter.escape_default()
        ))),
    }
}

fn too_long() -> Error {
    Error::TooLarge(format!(
        "the CSV text would have more than {MOST_BYTES} bytes, which is the most"
    ))
}

/// Writing to memory does not fail.
fn unwritten(error: &dyn std::error::Error) -> Error {
    Error::Invalid(format!("the table cannot be written: {error}"))
}

#[cfg(test)]
mod tests {
    use super::{Error, read, write};
    use crate::table::tests::{rows, table};

    #[test]
    fn text_becomes_a_table() {
        for (text, wanted) in [
            ("a,b\n1,2\n", vec![vec!["a", "b"], vec!["1", "2"]]),
            ("\u{feff}a,b\r\n1,2", vec![vec!["a", "b"], vec!["1", "2"]]),
            (
                "a\n\n\"x\ny\"\n\"say \"\"hi\"\"\"\n",
                vec![vec!["a"], vec!["x\ny"], vec!["say \"hi\""]],
            ),
            ("a,a,\n,,\n", vec![vec!["a", "a-2", ""], vec!["", "", ""]]),
            ("é, b \n", vec![vec!["é", " b "]]),
            ("…\n…", vec![vec!["…"], vec!["…"]]),
            ("", vec![vec![]]),
            ("\n\n", vec![vec![]]),
        ] {
            assert_eq!(rows(&read(text, None, true).unwrap()), wanted, "{text:?}");
        }
        assert_eq!(
            rows(&read("1;2\n3;4", Some(';'), false).unwrap()),
            [["column-1", "column-2"], ["1", "2"], ["3", "4"]]
        );
    }

    #[test]
    fn what_is_no_table_is_told() {
        for (text, message) in [
            (
                "a,b\n1,2\n3\n",
                "line 3 has 1 cells, and the first row has 2",
            ),
            (
                "a\n\"x\ny\"\n1,2\n",
                "line 4 has 2 cells, and the first row has 1",
            ),
        ] {
            let Err(Error::Malformed(found)) = read(text, None, true) else {
                panic!("{text:?} was read");
            };
            assert_eq!(found, message);
        }
        for delimiter in ['"', '\n', '\r', 'é', '✓'] {
            assert!(matches!(
                read("a", Some(delimiter), true),
                Err(Error::Invalid(_))
            ));
        }
    }

    #[test]
    fn texts_are_bounded() {
        for (text, message) in [
            (
                "x".repeat((8 << 20) + 1),
                "the text has 8388609 bytes, and the most is 8388608",
            ),
            (
                ",".repeat(1_000),
                "the text has 1001 columns, and the most is 1000",
            ),
            (
                "a\n".repeat(100_002),
                "the text has more than 100000 rows, which is the most",
            ),
            (
                ",,,,,,,,,,\n".repeat(90_911),
                "the text has more than 1000000 cells, which is the most",
            ),
        ] {
            let Err(Error::TooLarge(found)) = read(&text, None, true) else {
                panic!("it was read: {message}");
            };
            assert_eq!(found, message);
        }
        let long = table(&[&["a"], &[&"x".repeat(8 << 20)]]);
        assert!(matches!(write(&long, None), Err(Error::TooLarge(_))));
        let quoted = table(&[&["a"], &[&"\"".repeat(5 << 20)]]);
        assert!(matches!(write(&quoted, None), Err(Error::TooLarge(_))));
    }

    #[test]
    fn what_is_written_is_read_again() {
        let given = table(&[
            &["a", "", "c;d"],
            &["1,2", "say \"hi\"", "x\r\ny"],
            &["", "\r", "é"],
        ]);
        for delimiter in [None, Some(';'), Some('\t')] {
            let text = write(&given, delimiter).unwrap();
            assert_eq!(
                rows(&read(&text, delimiter, true).unwrap()),
                rows(&given),
                "{text:?}"
            );
        }
        let single = table(&[&["a"], &[""], &["x"]]);
        assert_eq!(write(&single, None).unwrap(), "a\n\"\"\nx\n");
        assert_eq!(
            rows(&read("a\n\"\"\nx\n", None, true).unwrap()),
            rows(&single)
        );
        assert_eq!(write(&table(&[]), None).unwrap(), "");
    }
}
