use std::io::IsTerminal as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use engine::data::line;

use super::{Printer, Screen, took};

/// How often the line is drawn.
const BETWEEN: Duration = Duration::from_millis(200);

/// A line about something that takes time. On a terminal it counts the seconds, with what was last said; elsewhere it is
/// printed once, when the work begins.
pub(crate) struct Working {
    printer: Printer,
    what: String,
    said: Arc<Mutex<String>>,
    over: Arc<AtomicBool>,
    began: Instant,
    drawn: Option<(Screen, JoinHandle<()>)>,
}

impl Working {
    /// Begins to tell.
    #[expect(
        clippy::disallowed_methods,
        reason = "how long somebody has waited, and nothing that decides"
    )]
    pub(crate) fn start(printer: Printer, what: &str) -> Self {
        let began = Instant::now();
        let said = Arc::<Mutex<String>>::default();
        let over = Arc::<AtomicBool>::default();
        let drawn = if std::io::stderr().is_terminal() {
            let screen = Screen::default();
            let (shown, heard, ended, what) =
                (screen.clone(), said.clone(), over.clone(), what.to_owned());
            let thread = std::thread::spawn(move || {
                while !ended.load(Ordering::Acquire) {
                    let (width, _) = shown.size();
                    let last = heard.lock().unwrap_or_else(PoisonError::into_inner).clone();
                    let text = format!("{what}: {} s  {last}", began.elapsed().as_secs());
                    // A line that wraps could not be taken away again.
                    shown.draw(&[text.chars().take(width.saturating_sub(1)).collect()]);
                    std::thread::park_timeout(BETWEEN);
                }
            });
            Some((screen, thread))
        } else {
            printer.note(&format!("{what}\n"));
            None
        };
        Self {
            printer,
            what: what.to_owned(),
            said,
            over,
            began,
            drawn,
        }
    }

    /// Tells what the work is at now.
    pub(crate) fn say(&self, said: &str) {
        *self.said.lock().unwrap_or_else(PoisonError::into_inner) = line(said.trim(), 200);
    }
}

impl Drop for Working {
    /// Leaves the line with the time that it took.
    fn drop(&mut self) {
        self.over.store(true, Ordering::Release);
        if let Some((screen, thread)) = self.drawn.take() {
            thread.thread().unpark();
            // A thread that panicked draws nothing more either.
            thread.join().ok();
            screen.clear();
            let ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
            self.printer.note(&format!("{}: {}\n", self.what, took(ms)));
        }
    }
}
