//! What a guest writes, passed on by threads of their own, so that a slow reader never holds up the
//! deadlines of the guest.

use std::io::{self, ErrorKind, IsTerminal, Write};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use engine::{Chunk, Forward, Stream};
use tokio::sync::mpsc;

/// Chunks that may wait for a slow reader before the guest has to.
const WAITING: usize = 16;
/// How long to go on writing for a guest that was stopped.
const LAST_WORDS: Duration = Duration::from_millis(20);

/// How a guest's streams appear.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Passing {
    /// Each to its own, byte for byte; escaped where it is a terminal.
    Through,
    /// Standard output to its own; standard error is told by events alone.
    OutputThrough,
    /// Both to standard error, escaped.
    Aside,
    /// Neither: events tell both.
    Nowhere,
}

/// The threads that write, and how their writing ended.
pub(crate) struct Passed {
    ends: Receiver<io::Result<()>>,
    threads: usize,
}

/// Starts to pass on what comes through the senders.
pub(crate) fn pass(passing: Passing) -> (Forward, Passed) {
    let (sender, ends) = channel();
    let forward = match passing {
        Passing::Through => Forward {
            stdout: writer(Stream::Stdout, Form::Raw, sender.clone()),
            stderr: writer(Stream::Stderr, Form::Raw, sender),
        },
        Passing::OutputThrough => Forward {
            stdout: writer(Stream::Stdout, Form::Raw, sender.clone()),
            stderr: nowhere(sender),
        },
        Passing::Aside => both(writer(Stream::Stderr, Form::Escaped, sender)),
        Passing::Nowhere => both(nowhere(sender)),
    };
    let threads = match passing {
        Passing::Through | Passing::OutputThrough => 2,
        Passing::Aside | Passing::Nowhere => 1,
    };
    (forward, Passed { ends, threads })
}

fn both(to: mpsc::Sender<Chunk>) -> Forward {
    Forward {
        stdout: to.clone(),
        stderr: to,
    }
}

impl Passed {
    /// Waits until all is written; not for long if the guest was stopped, because its reader may have
    /// stopped as well. The senders must be gone.
    ///
    /// # Errors
    ///
    /// The first error of writing.
    #[expect(
        clippy::disallowed_methods,
        reason = "a bound on how long a person waits, not on the guest"
    )]
    pub(crate) fn finish(self, stopped: bool) -> io::Result<()> {
        let until = Instant::now() + LAST_WORDS;
        for _ in 0..self.threads {
            // A thread that is still at it, or gone, has nothing to say.
            let end = if stopped {
                let left = until.saturating_duration_since(Instant::now());
                self.ends.recv_timeout(left).unwrap_or(Ok(()))
            } else {
                self.ends.recv().unwrap_or(Ok(()))
            };
            end?;
        }
        Ok(())
    }
}

/// What becomes of bytes on their way.
#[derive(Clone, Copy)]
enum Form {
    /// They stay as they are, unless a person looks at them.
    Raw,
    Escaped,
}

fn writer(to: Stream, form: Form, ended: Sender<io::Result<()>>) -> mpsc::Sender<Chunk> {
    let (sender, mut chunks) = mpsc::channel::<Chunk>(WAITING);
    thread::spawn(move || {
        let (stdout, stderr) = (io::stdout(), io::stderr());
        let terminal = match to {
            Stream::Stdout => stdout.is_terminal(),
            Stream::Stderr => stderr.is_terminal(),
        };
        let raw = matches!(form, Form::Raw) && !terminal;
        let mut streams = [Writer::new(raw), Writer::new(raw)];
        let [out, err] = &mut streams;
        let mut end = Ok(());
        while let Some(chunk) = chunks.blocking_recv() {
            let writer = match chunk.stream {
                Stream::Stdout => &mut *out,
                Stream::Stderr => &mut *err,
            };
            let written = match to {
                Stream::Stdout => writer.write(&mut stdout.lock(), &chunk.bytes),
                Stream::Stderr => writer.write(&mut stderr.lock(), &chunk.bytes),
            };
            if written.is_err() {
                // From here on the guest's stream is closed.
                end = written;
                break;
            }
        }
        drop(chunks);
        // Nobody waits any more if the guest was stopped.
        ended.send(end).ok();
    });
    sender
}

/// Takes everything and writes nothing.
fn nowhere(ended: Sender<io::Result<()>>) -> mpsc::Sender<Chunk> {
    let (sender, mut chunks) = mpsc::channel::<Chunk>(WAITING);
    thread::spawn(move || {
        while chunks.blocking_recv().is_some() {}
        ended.send(Ok(())).ok();
    });
    sender
}

/// Whether an error only says that nobody reads any more.
pub(crate) fn is_reader_gone(error: &io::Error) -> bool {
    error.kind() == ErrorKind::BrokenPipe
}

/// Escapes one stream, with characters that are split over chunks put together.
struct Writer {
    raw: bool,
    rest: Vec<u8>,
}

impl Writer {
    fn new(raw: bool) -> Self {
        Self {
            raw,
            rest: Vec::new(),
        }
    }

    fn write(&mut self, to: &mut impl Write, bytes: &[u8]) -> io::Result<()> {
        if self.raw {
            to.write_all(bytes)?;
            return to.flush();
        }
        self.rest.extend_from_slice(bytes);
        let whole = match std::str::from_utf8(&self.rest) {
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            _ => self.rest.len(),
        };
        let rest = self.rest.split_off(whole);
        let text = String::from_utf8_lossy(&self.rest);
        to.write_all(engine::data::block(&text).as_bytes())?;
        to.flush()?;
        self.rest = rest;
        Ok(())
    }
}
