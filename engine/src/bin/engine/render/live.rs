//! A view of a workflow that is drawn anew while it runs.

mod board;
mod screen;

pub(crate) use board::Board;
pub(crate) use screen::Screen;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use engine::{Event, Sink};

/// The shortest time between two drawings.
const BETWEEN: Duration = Duration::from_millis(100);

/// Draws a board until it is dropped.
pub(crate) struct Live {
    screen: Screen,
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// Tells a board what happens.
struct Watch {
    board: Arc<Mutex<Board>>,
    began: Instant,
}

impl Live {
    /// Starts to draw; returns what has to hear the events.
    #[expect(
        clippy::disallowed_methods,
        reason = "how long somebody has watched, and nothing that decides"
    )]
    pub(crate) fn start(board: Board, screen: Screen) -> (Self, impl Sink + 'static) {
        let board = Arc::new(Mutex::new(board));
        let over = Arc::new(AtomicBool::new(false));
        let began = Instant::now();
        let watch = Watch {
            board: board.clone(),
            began,
        };
        let (shown, ended) = (screen.clone(), over.clone());
        let thread = std::thread::spawn(move || {
            while !ended.load(Ordering::Acquire) {
                let (width, height) = shown.size();
                let lines = board.lock().unwrap_or_else(PoisonError::into_inner).lines(
                    began.elapsed(),
                    width,
                    height,
                );
                shown.draw(&lines);
                std::thread::park_timeout(BETWEEN);
            }
        });
        let live = Self {
            screen,
            over,
            thread: Some(thread),
        };
        (live, watch)
    }
}

impl Drop for Live {
    /// Takes the view off the screen.
    fn drop(&mut self) {
        self.over.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // A thread that panicked draws nothing more either.
            thread.join().ok();
        }
        self.screen.clear();
    }
}

impl Sink for Watch {
    fn emit(&self, event: &Arc<Event>) {
        self.board
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .hear(event, self.began.elapsed());
    }
}
