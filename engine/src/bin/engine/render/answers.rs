use std::io::{self, Write as _};
use std::thread;

use engine::Fault;
use tokio::sync::mpsc::{Sender, channel};
use tokio::sync::oneshot;

use super::{Printer, told};

/// Answers that may wait for a slow reader before the calls have to.
const WAITING: usize = 16;

/// What is said of one call of many.
pub(crate) struct Answer {
    /// For people; may be empty.
    pub(crate) aside: String,
    /// The line of data.
    pub(crate) line: String,
}

/// Writes answers as they come, on a thread of its own: whoever reads slowly keeps nobody from hearing an interrupt.
pub(crate) struct Answers {
    sender: Sender<Answer>,
    end: oneshot::Receiver<Result<bool, Fault>>,
}

impl Answers {
    pub(crate) fn start() -> Self {
        let (sender, mut answers) = channel::<Answer>(WAITING);
        let (ended, end) = oneshot::channel();
        thread::spawn(move || {
            let mut wanted = Ok(true);
            while let (Ok(true), Some(answer)) = (&wanted, answers.blocking_recv()) {
                let Answer { aside, mut line } = answer;
                if !aside.is_empty() {
                    Printer.note(&aside);
                }
                line.push('\n');
                let mut stdout = io::stdout().lock();
                wanted = told(
                    stdout
                        .write_all(line.as_bytes())
                        .and_then(|()| stdout.flush()),
                );
            }
            // From here on nothing more is taken.
            drop(answers);
            // Nobody asks if the process ends anyway.
            ended.send(wanted).ok();
        });
        Self { sender, end }
    }

    /// Hands over an answer; `false` if no more are wanted.
    pub(crate) async fn send(&self, answer: Answer) -> bool {
        self.sender.send(answer).await.is_ok()
    }

    /// Waits until all are written; `false` if nobody reads any more.
    ///
    /// # Errors
    ///
    /// A fault if they cannot be written.
    pub(crate) async fn finish(self) -> Result<bool, Fault> {
        let Self { sender, end } = self;
        drop(sender);
        end.await
            .unwrap_or_else(|_| Err(Fault::system("writing standard output")))
    }
}
