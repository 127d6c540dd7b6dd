//! Lines of standard input, read ahead by a thread of its own, so that an interrupt is heard while none come.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read as _};
use std::os::fd::AsFd as _;
use std::thread;

use engine::{Fault, Json};
use serde::de::Error as _;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use crate::settings::{MOST_ARGUMENTS, unreadable};

/// What is read at once. Lines that come together are handed over together.
const AT_ONCE: usize = 64 << 10;

/// A line that is not blank.
#[derive(Debug)]
pub(crate) struct Line {
    number: u64,
    text: Text,
}

#[derive(Debug, PartialEq, Eq)]
enum Text {
    Whole(Vec<u8>),
    /// It is longer than any arguments may be, and was skipped.
    TooLong,
}

/// Starts to read. What was read and not taken yet is at most what one read gives, and one long line.
///
/// # Errors
///
/// A fault if there is no standard input.
pub(crate) fn read_lines() -> Result<Receiver<Result<Vec<Line>, Fault>>, Fault> {
    let stdin = io::stdin().as_fd().try_clone_to_owned();
    let stdin = stdin.map_err(|error| unreadable("standard input", error))?;
    let (sender, lines) = channel(1);
    thread::spawn(move || {
        let input = BufReader::with_capacity(AT_ONCE, File::from(stdin));
        if let Err(error) = pass_on(input, &sender) {
            // Whoever does not listen any more has what it wanted.
            sender
                .blocking_send(Err(unreadable("standard input", error)))
                .ok();
        }
    });
    Ok(lines)
}

/// Hands over lines as they come, until there are no more or nobody wants them.
fn pass_on(
    mut input: BufReader<impl io::Read>,
    to: &Sender<Result<Vec<Line>, Fault>>,
) -> io::Result<()> {
    let mut number = 0;
    loop {
        let mut batch = Vec::new();
        let more = loop {
            let Some(text) = next(&mut input, MOST_ARGUMENTS)? else {
                break false;
            };
            number += 1;
            if text.is_some_text() {
                batch.push(Line { number, text });
            }
            // What is not here yet may be long in coming.
            if !input.buffer().contains(&b'\n') {
                break true;
            }
        };
        let wanted = batch.is_empty() || to.blocking_send(Ok(batch)).is_ok();
        if !(more && wanted) {
            return Ok(());
        }
    }
}

/// The next line without its end, if there is one; of one that is too long, nothing is kept.
fn next(input: &mut impl BufRead, most: u64) -> io::Result<Option<Text>> {
    let mut text = Vec::new();
    let read = input.take(most + 1).read_until(b'\n', &mut text)?;
    if read == 0 {
        return Ok(None);
    }
    if text.pop_if(|last| *last == b'\n').is_none() && read as u64 > most {
        input.skip_until(b'\n')?;
        return Ok(Some(Text::TooLong));
    }
    Ok(Some(Text::Whole(text)))
}

impl Text {
    fn is_some_text(&self) -> bool {
        match self {
            Text::Whole(text) => !text.trim_ascii().is_empty(),
            Text::TooLong => true,
        }
    }
}

impl Line {
    /// Its number, from 1; blank lines count.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }

    /// The arguments that it is.
    ///
    /// # Errors
    ///
    /// A fault with the status `invalid` if it is not JSON, or too long.
    pub(crate) fn arguments(self) -> Result<Json, Fault> {
        let Self { number, text } = self;
        let text = match text {
            Text::Whole(text) => text,
            Text::TooLong => {
                return Err(Fault::usage(format!(
                    "the arguments in line {number} of standard input are over 64MiB"
                ))
                .hint(
                    "the lines after it are read; give large data in a file of a granted directory",
                ));
            }
        };
        let json = match String::from_utf8(text) {
            Ok(text) => Json::from_text(text),
            Err(_) => Err(serde_json::Error::custom("they are no UTF-8 text")),
        };
        json.map_err(|error| {
            Fault::arguments(&error).hint(format!(
                "this was line {number} of standard input; each line is a JSON object by parameter name, or a JSON array \
                 by position"
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(input: &[u8], most: u64) -> Vec<Text> {
        let mut input = input;
        std::iter::from_fn(|| next(&mut input, most).unwrap()).collect()
    }

    fn whole(text: &str) -> Text {
        Text::Whole(text.into())
    }

    #[test]
    fn a_line_may_be_as_long_as_the_bound_and_no_longer() {
        for (input, texts) in [
            (&b""[..], vec![]),
            (b"1234", vec![whole("1234")]),
            (b"1234\n", vec![whole("1234")]),
            (b"12345\n1\n", vec![Text::TooLong, whole("1")]),
            (b"12345", vec![Text::TooLong]),
            (
                b"123456789\n\n1",
                vec![Text::TooLong, whole(""), whole("1")],
            ),
        ] {
            assert_eq!(all(input, 4), texts, "{}", String::from_utf8_lossy(input));
        }
    }

    #[test]
    fn lines_that_are_there_come_together_and_blank_ones_only_count() {
        let (sender, mut lines) = channel(8);
        let input = BufReader::with_capacity(16, &b"[1]\n\n \r\n[2]\n[3] and a rest\n[4]"[..]);
        pass_on(input, &sender).unwrap();
        drop(sender);
        let mut numbers = Vec::new();
        while let Some(batch) = lines.blocking_recv() {
            numbers.push(batch.unwrap().iter().map(Line::number).collect::<Vec<_>>());
        }
        assert_eq!(numbers, [vec![1, 4], vec![5], vec![6]]);
    }

    #[test]
    fn a_line_that_is_no_json_says_which_it_is() {
        for text in [&b"nonsense"[..], b"\xff[1]", b"[1] [2]"] {
            let line = Line {
                number: 7,
                text: Text::Whole(text.to_owned()),
            };
            let fault = line.arguments().unwrap_err();
            assert_eq!(fault.code().as_str(), "E-INVALID-ARGS");
            assert!(fault.hints().iter().any(|hint| hint.contains("line 7")));
        }
    }
}
