use std::io::Write as _;
use std::sync::{Arc, Mutex, PoisonError, TryLockError};

use rustix::termios::tcgetwinsize;

/// The part of the terminal that is drawn over, and who may write there now.
#[derive(Clone, Default)]
pub(crate) struct Screen(Arc<Mutex<usize>>);

impl Screen {
    /// The width and height of the terminal.
    pub(super) fn size(&self) -> (usize, usize) {
        match tcgetwinsize(std::io::stderr()) {
            Ok(size) if size.ws_col > 0 && size.ws_row > 0 => {
                (size.ws_col.into(), size.ws_row.into())
            }
            _ => (80, 24),
        }
    }

    /// Draws lines in the place of those before; not while somebody is asked.
    pub(super) fn draw(&self, lines: &[String]) {
        let mut drawn = match self.0.try_lock() {
            Ok(drawn) => drawn,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return,
        };
        let mut text = erased(*drawn);
        for line in lines {
            text.push_str(line);
            text.push('\n');
        }
        if std::io::stderr().lock().write_all(text.as_bytes()).is_ok() {
            *drawn = lines.len();
        }
    }

    /// Takes the lines away.
    pub(super) fn clear(&self) {
        self.draw(&[]);
    }

    /// Does something on the screen that nothing is drawn over.
    pub(crate) fn alone<T>(&self, work: impl FnOnce() -> T) -> T {
        let mut drawn = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let text = erased(*drawn);
        std::io::stderr().lock().write_all(text.as_bytes()).ok();
        *drawn = 0;
        work()
    }
}

/// Goes up so many lines and erases what is below.
fn erased(lines: usize) -> String {
    match lines {
        0 => String::new(),
        lines => format!("\x1b[{lines}A\r\x1b[J"),
    }
}
