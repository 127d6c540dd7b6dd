use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, TryLockError};

use rustix::termios::tcgetwinsize;

/// The part of the terminal that is drawn over, and who may write there now.
#[derive(Clone, Default)]
pub(crate) struct Screen {
    /// How many lines are drawn.
    drawn: Arc<Mutex<usize>>,
    interrupted: Arc<AtomicBool>,
}

impl Screen {
    /// The width and height of the terminal.
    pub(in crate::render) fn size(&self) -> (usize, usize) {
        match tcgetwinsize(std::io::stderr()) {
            Ok(size) if size.ws_col > 0 && size.ws_row > 0 => {
                (size.ws_col.into(), size.ws_row.into())
            }
            _ => (80, 24),
        }
    }

    /// Draws lines in the place of those before; not while somebody is asked.
    pub(in crate::render) fn draw(&self, lines: &[String]) {
        let mut drawn = match self.drawn.try_lock() {
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
    pub(in crate::render) fn clear(&self) {
        self.draw(&[]);
    }

    /// Tells whoever waits for an answer on the screen that there will be none: somebody wants the program to end.
    pub(crate) fn interrupt(&self) {
        self.interrupted.store(true, Ordering::Release);
    }

    /// Whether somebody wants the program to end.
    pub(crate) fn is_interrupted(&self) -> bool {
        self.interrupted.load(Ordering::Acquire)
    }

    /// Does something on the screen that nothing is drawn over.
    pub(crate) fn alone<T>(&self, work: impl FnOnce() -> T) -> T {
        let mut drawn = self.drawn.lock().unwrap_or_else(PoisonError::into_inner);
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
