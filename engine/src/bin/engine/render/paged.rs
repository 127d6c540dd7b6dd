use std::io::{self, BufWriter, IsTerminal as _, Write};
use std::process::{Child, Command, Stdio};

use engine::Fault;

use super::told;

/// Lines of data: through a pager on a terminal, straight to standard output otherwise.
pub(crate) struct Paged {
    to: Box<dyn Write>,
    pager: Option<Child>,
}

impl Paged {
    /// Without a pager.
    pub(crate) fn straight() -> Self {
        Self {
            to: Box::new(BufWriter::new(io::stdout())),
            pager: None,
        }
    }

    /// With the user's pager where standard output is a terminal: `$PAGER`, or `less`.
    pub(crate) fn start() -> Self {
        if !io::stdout().is_terminal() {
            return Self::straight();
        }
        let chosen = std::env::var("PAGER").unwrap_or_else(|_| "less -FRX".to_owned());
        let mut words = chosen.split_whitespace();
        let Some(program) = words.next() else {
            return Self::straight();
        };
        let started = Command::new(program)
            .args(words)
            .stdin(Stdio::piped())
            .spawn();
        match started {
            Ok(mut pager) => match pager.stdin.take() {
                Some(stdin) => Self {
                    to: Box::new(BufWriter::new(stdin)),
                    pager: Some(pager),
                },
                None => Self::straight(),
            },
            // There is no such program; the lines are what matters.
            Err(_) => Self::straight(),
        }
    }

    /// Writes one line, escaped, because a journal may come from anywhere; `false` if nobody reads any more.
    pub(crate) fn line(&mut self, line: &str) -> Result<bool, Fault> {
        told(writeln!(self.to, "{}", engine::data::block(line)))
    }

    /// Shows what was written so far.
    pub(crate) fn flush(&mut self) -> Result<bool, Fault> {
        told(self.to.flush())
    }

    /// Waits until the reader of a pager is done.
    pub(crate) fn end(mut self) -> Result<(), Fault> {
        self.flush()?;
        drop(self.to);
        if let Some(mut pager) = self.pager {
            // Its exit code is its own affair.
            pager.wait().ok();
        }
        Ok(())
    }
}
