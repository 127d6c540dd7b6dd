use std::ffi::OsString;
use std::io::{self, ErrorKind, Read, Write as _};
use std::os::fd::AsFd;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::ioctl_fionbio;
use rustix::process::Signal;

use super::places::LOOK;
use super::{Cancel, Order};
use crate::types::{Bytes, CompileBound, WallTime, text};

/// How much is read at once.
const CHUNK: usize = 256 << 10;
/// The longest line before the code: a validator's message has its place in it.
const LONGEST_LINE: usize = 64 << 10;
/// How much of what a compiler complains is kept.
const MOST_COMPLAINTS: usize = 16 << 10;

/// One component to compile.
pub(super) struct Job<'a> {
    pub(super) program: &'a Path,
    pub(super) words: &'a [OsString],
    pub(super) order: &'a Order,
    pub(super) threads: usize,
    pub(super) content: &'a [u8],
    /// From start to end.
    pub(super) longest: Duration,
    /// The most bytes of code.
    pub(super) most: u64,
    pub(super) cancel: &'a Cancel,
}

/// How a compiler ended.
#[derive(Debug)]
pub(super) enum Ended {
    /// With a line, and what came after it.
    Answered(Vec<u8>, Vec<u8>),
    /// It was stopped at its deadline.
    Wall,
    /// It was stopped when it wrote too much.
    TooMuch,
    /// It was stopped when somebody cancelled.
    Cancelled,
    /// It ended by itself, and badly.
    Died(Died),
}

/// The end of a compiler that gave no answer.
#[derive(Debug)]
pub(super) struct Died {
    status: ExitStatus,
    complaints: String,
}

impl Job<'_> {
    /// Starts a compiler, and stays until it has ended.
    ///
    /// # Errors
    ///
    /// The system's, if there is no such program, or no process can be started.
    pub(super) fn run(&self) -> io::Result<Ended> {
        let mut process = Process(
            Command::new(self.program)
                .args(self.words)
                .env_clear()
                .env("RAYON_NUM_THREADS", self.threads.to_string())
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                // An interrupt at the terminal is for this process, which then stops its compiler.
                .process_group(0)
                .spawn()?,
        );
        let deadline = Deadline::after(self.longest);
        let mut line = serde_json::to_vec(self.order)?;
        line.push(b'\n');
        let mut giving = Giving::new(process.0.stdin.take(), [&line, self.content])?;
        let mut taking = Taking::new(process.0.stdout.take(), LONGEST_LINE as u64 + self.most)?;
        let mut hearing = Taking::new(process.0.stderr.take(), MOST_COMPLAINTS as u64)?;
        let mut chunk = vec![0; CHUNK];
        while taking.is_open() || hearing.is_open() {
            let Some(wait) = deadline.next_look() else {
                return Ok(Ended::Wall);
            };
            if self.cancel.is_cancelled() {
                return Ok(Ended::Cancelled);
            }
            wait_for(&[giving.asked(), taking.asked(), hearing.asked()], wait)?;
            giving.go_on()?;
            taking.go_on(&mut chunk)?;
            hearing.go_on(&mut chunk)?;
            if taking.missed {
                return Ok(Ended::TooMuch);
            }
        }
        drop(giving);
        let status = loop {
            match (process.0.try_wait()?, deadline.next_look()) {
                (Some(status), _) => break status,
                (None, None) => return Ok(Ended::Wall),
                (None, Some(_)) if self.cancel.is_cancelled() => return Ok(Ended::Cancelled),
                // Its streams are closed, so it is about to end.
                (None, Some(_)) => std::thread::sleep(Duration::from_millis(1)),
            }
        };
        let mut said = taking.bytes;
        let end = said.iter().take(LONGEST_LINE).position(|b| *b == b'\n');
        match end {
            Some(end) if status.success() => {
                let code = said.split_off(end + 1);
                Ok(Ended::Answered(said, code))
            }
            _ => Ok(Ended::Died(Died {
                status,
                complaints: String::from_utf8_lossy(&hearing.bytes).into_owned(),
            })),
        }
    }
}

/// A process that ends when nobody waits for it any more.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        // One that has ended already is only forgotten.
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// When a compiler has to be done.
struct Deadline {
    started: Instant,
    longest: Duration,
}

impl Deadline {
    fn after(longest: Duration) -> Self {
        #[expect(
            clippy::disallowed_methods,
            reason = "the bound on another process is real time, whatever clock calls have"
        )]
        let started = Instant::now();
        Self { started, longest }
    }

    /// How long to wait before the next look at cancellation; `None` once it is too late.
    fn next_look(&self) -> Option<Duration> {
        let left = self.longest.checked_sub(self.started.elapsed())?;
        (!left.is_zero()).then(|| left.min(LOOK))
    }
}

/// Waits until one of these can go on, or for a while.
fn wait_for(asked: &[Option<PollFd<'_>>], wait: Duration) -> io::Result<()> {
    let mut asked: Vec<PollFd<'_>> = asked.iter().flatten().cloned().collect();
    let wait = Timespec {
        tv_sec: 0,
        tv_nsec: wait.subsec_nanos().into(),
    };
    match poll(&mut asked, Some(&wait)) {
        Err(rustix::io::Errno::INTR) | Ok(_) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// What the compiler is given.
struct Giving<'a> {
    to: Option<ChildStdin>,
    left: [&'a [u8]; 2],
}

impl<'a> Giving<'a> {
    fn new(to: Option<ChildStdin>, left: [&'a [u8]; 2]) -> io::Result<Self> {
        if let Some(to) = &to {
            ioctl_fionbio(to, true)?;
        }
        Ok(Self { to, left })
    }

    fn asked(&self) -> Option<PollFd<'_>> {
        let to = self.to.as_ref()?;
        Some(PollFd::new(to, PollFlags::OUT))
    }

    fn go_on(&mut self) -> io::Result<()> {
        let [first, second] = &mut self.left;
        let next = if first.is_empty() { second } else { first };
        let Some(to) = &mut self.to else {
            return Ok(());
        };
        if next.is_empty() {
            // The end tells the compiler to begin.
            self.to = None;
            return Ok(());
        }
        match to.write(next) {
            Ok(written) => *next = next.get(written..).unwrap_or_default(),
            // It has ended, or will not read on: how it ends says why.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => self.to = None,
            Err(error) if is_for_later(&error) => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

/// What the compiler says on one of its streams.
struct Taking<From> {
    from: Option<From>,
    bytes: Vec<u8>,
    most: u64,
    /// Whether there was more than that.
    missed: bool,
}

impl<From: Read + AsFd> Taking<From> {
    fn new(from: Option<From>, most: u64) -> io::Result<Self> {
        if let Some(from) = &from {
            ioctl_fionbio(from, true)?;
        }
        Ok(Self {
            from,
            bytes: Vec::new(),
            most,
            missed: false,
        })
    }

    fn is_open(&self) -> bool {
        self.from.is_some()
    }

    fn asked(&self) -> Option<PollFd<'_>> {
        let from = self.from.as_ref()?;
        Some(PollFd::new(from, PollFlags::IN))
    }

    fn go_on(&mut self, chunk: &mut [u8]) -> io::Result<()> {
        let Some(from) = &mut self.from else {
            return Ok(());
        };
        match from.read(chunk) {
            Ok(0) => self.from = None,
            Ok(read) => {
                let room = self.most.saturating_sub(self.bytes.len() as u64);
                let room = usize::try_from(room).unwrap_or(usize::MAX);
                self.missed |= read > room;
                let kept = chunk.get(..read.min(room)).unwrap_or_default();
                self.bytes.extend_from_slice(kept);
            }
            Err(error) if is_for_later(&error) => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }
}

fn is_for_later(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

impl Died {
    /// The bound that it ran into, if that is why it died.
    pub(super) fn bound(&self, processor: WallTime, memory: Bytes) -> Option<CompileBound> {
        let ended_by = |signal: Signal| self.status.signal() == Some(signal.as_raw());
        if ended_by(Signal::XCPU) {
            Some(CompileBound::Processor(processor))
        } else if self.complaints.contains("memory allocation of ") {
            // The words of Rust's allocator, before it aborts.
            Some(CompileBound::Memory(memory))
        } else if ended_by(Signal::KILL) {
            Some(CompileBound::Ended)
        } else {
            None
        }
    }

    /// Whether it ended as a program does that meets a mistake of its own.
    pub(super) fn crashed(&self) -> bool {
        /// The exit code of a program in Rust that panicked.
        const PANICKED: i32 = 101;
        let signals = [
            Signal::ABORT,
            Signal::BUS,
            Signal::FPE,
            Signal::ILL,
            Signal::SEGV,
            Signal::TRAP,
        ];
        let by_signal = signals.map(Signal::as_raw);
        self.status.code() == Some(PANICKED)
            || self
                .status
                .signal()
                .is_some_and(|signal| by_signal.contains(&signal))
    }

    /// What it said, or else how it ended.
    pub(super) fn reason(&self) -> String {
        let mut lines = self.complaints.lines().filter(|line| !line.is_empty());
        let reason = match lines.next() {
            // The first line of a panic names a place in the compiler, the second one says what happened.
            Some(place) if place.contains("panicked at ") => lines.next().or(Some(place)),
            first => first,
        };
        match reason {
            Some(reason) => text::line(reason, 400),
            None => self.status.to_string(),
        }
    }
}
