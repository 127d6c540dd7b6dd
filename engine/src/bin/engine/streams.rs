//! What a guest writes, passed on by a thread of its own, so that a slow reader never holds up the
//! deadlines of the guest.

use std::future::poll_fn;
use std::io::{self, ErrorKind, IsTerminal, Write};
use std::pin::pin;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
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

/// The thread that writes, and how its writing ended.
pub(crate) struct Passed {
    ends: Receiver<io::Result<()>>,
    streams: usize,
}

/// Starts to pass on what comes through the senders.
///
/// One thread writes both streams, as in a native program: while the reader of one does not read, the other waits as well.
pub(crate) fn pass(passing: Passing) -> (Forward, Passed) {
    let (ended, ends) = channel();
    let (forward, routes) = match passing {
        Passing::Through => {
            let (stdout, out) = route(Some(Stream::Stdout), Form::Raw);
            let (stderr, err) = route(Some(Stream::Stderr), Form::Raw);
            (Forward { stdout, stderr }, vec![out, err])
        }
        Passing::OutputThrough => {
            let (stdout, out) = route(Some(Stream::Stdout), Form::Raw);
            let (stderr, err) = route(None, Form::Raw);
            (Forward { stdout, stderr }, vec![out, err])
        }
        Passing::Aside => {
            let (both, route) = route(Some(Stream::Stderr), Form::Escaped);
            (to_both(both), vec![route])
        }
        Passing::Nowhere => {
            let (both, route) = route(None, Form::Raw);
            (to_both(both), vec![route])
        }
    };
    let streams = routes.len();
    thread::spawn(move || write_all(routes, &ended));
    (forward, Passed { ends, streams })
}

fn to_both(to: mpsc::Sender<Chunk>) -> Forward {
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
        for _ in 0..self.streams {
            // A stream that is still written, or that nobody writes any more, has nothing to say.
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

/// What comes through one sender, and where it goes.
struct Route {
    chunks: mpsc::Receiver<Chunk>,
    /// `None` for what goes nowhere.
    to: Option<Stream>,
    /// The guest's two streams, which may come through one sender.
    writers: [Writer; 2],
}

fn route(to: Option<Stream>, form: Form) -> (mpsc::Sender<Chunk>, Route) {
    let (sender, chunks) = mpsc::channel::<Chunk>(WAITING);
    let terminal = match to {
        Some(Stream::Stdout) => io::stdout().is_terminal(),
        Some(Stream::Stderr) => io::stderr().is_terminal(),
        None => false,
    };
    let raw = matches!(form, Form::Raw) && !terminal;
    let writers = [Writer::new(raw), Writer::new(raw)];
    (
        sender,
        Route {
            chunks,
            to,
            writers,
        },
    )
}

impl Route {
    fn write(&mut self, chunk: &Chunk) -> io::Result<()> {
        let [out, err] = &mut self.writers;
        let writer = match chunk.stream {
            Stream::Stdout => out,
            Stream::Stderr => err,
        };
        match self.to {
            Some(Stream::Stdout) => writer.write(&mut io::stdout().lock(), &chunk.bytes),
            Some(Stream::Stderr) => writer.write(&mut io::stderr().lock(), &chunk.bytes),
            None => Ok(()),
        }
    }
}

/// Writes what comes through any of the routes, until the senders are gone or nothing can be written.
fn write_all(mut routes: Vec<Route>, ended: &Sender<io::Result<()>>) {
    while !routes.is_empty() {
        let (at, chunk) = next(&mut routes);
        let end = match (chunk, routes.get_mut(at)) {
            (Some(chunk), Some(route)) => match route.write(&chunk) {
                Ok(()) => continue,
                // From here on the guest's stream is closed.
                Err(error) => Err(error),
            },
            (None, _) | (_, None) => Ok(()),
        };
        routes.remove(at);
        // Nobody waits any more if the guest was stopped.
        ended.send(end).ok();
    }
}

/// Waits for the next chunk, and tells which route it comes on; for the end of a route, there is none.
fn next(routes: &mut [Route]) -> (usize, Option<Chunk>) {
    let any = poll_fn(|context| {
        for (at, route) in routes.iter_mut().enumerate() {
            if let Poll::Ready(chunk) = route.chunks.poll_recv(context) {
                return Poll::Ready((at, chunk));
            }
        }
        Poll::Pending
    });
    let mut any = pin!(any);
    // A thread of its own needs no runtime to wait.
    let waker = Waker::from(Arc::new(Awake(thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        if let Poll::Ready(next) = any.as_mut().poll(&mut context) {
            return next;
        }
        thread::park();
    }
}

/// Wakes a thread that waits.
struct Awake(Thread);

impl Wake for Awake {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
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
