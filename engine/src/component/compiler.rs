//! Compiling in a process of its own, so that a component made to hurt a compiler hurts nothing else.

mod child;
mod parent;
mod places;

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread::available_parallelism;

use serde::{Deserialize, Serialize};
use wasmtime::Engine;

use self::parent::{Ended, Job};
use self::places::Places;
use super::{Cancel, Source, cache, compile};
use crate::types::{Bytes, CompileBound, Fault, FaultKind, Phase, WallTime, text};

/// A program that compiles components, each in a process of its own with bounds on what it may use.
///
/// To compile a component that somebody made for that purpose can take minutes and all memory of a machine, or crash the
/// compiler. With one of these an engine starts a process for each component that is not in its cache, and takes nothing
/// from it but code for exactly this engine. A process that runs into a bound is `E-LIMIT-COMPILE`, one that crashes is
/// `E-INVALID-COMPONENT`; the engine goes on.
///
/// The program is the command `engine`, or any program that hands over to [`Compiler::serve`]. It is started without an
/// environment, sets its own bounds before it reads the component, writes no files and no core dumps, and on Linux ends
/// with whoever started it. Where the processor has many cores it uses four at most.
///
/// Defaults: 60 s of processor time, 2 GiB of memory, 60 s of real time, two processes at once, sixteen components that
/// wait for one of them. A Python component of 18 MB takes a fifth of that. The bound on memory needs Linux.
///
/// # Example
///
/// ```no_run
/// use engine::Engine;
/// use engine::data::Compiler;
///
/// # fn main() -> Result<(), engine::Fault> {
/// let compiler = Compiler::new("/usr/local/bin/engine").at_once(4);
/// let engine = Engine::builder().compiler(compiler).build()?;
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
pub struct Compiler {
    program: PathBuf,
    words: Vec<OsString>,
    processor: WallTime,
    memory: Bytes,
    wall: WallTime,
    at_once: u32,
    waiting: u32,
    small_here: bool,
}

impl Compiler {
    /// The word with which the command `engine` is told to compile for another process.
    pub const WORD: &str = "compile-for-parent";
    /// The least memory that a compiler can be given, 64 MiB.
    pub const LEAST_MEMORY: Bytes = Bytes::mib(64);
    /// The most code that is taken from a compiler.
    const MOST_CODE: Bytes = Bytes::mib(512);
    /// The most threads of a compiler: more are of little use, and each has memory of its own.
    const MOST_THREADS: usize = 4;

    /// Compiles with the command `engine` at this path, with the default bounds.
    #[must_use]
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            words: vec![Self::WORD.into()],
            processor: WallTime::secs(60),
            memory: Bytes::mib(2048),
            wall: WallTime::secs(60),
            at_once: 2,
            waiting: 16,
            small_here: false,
        }
    }

    /// Starts the program with other words than [`Compiler::WORD`], for programs of one's own that call
    /// [`Compiler::serve`] when they are told to.
    #[must_use]
    pub fn words(mut self, words: impl IntoIterator<Item = impl Into<OsString>>) -> Self {
        self.words = words.into_iter().map(Into::into).collect();
        self
    }

    /// Uses at most so much processor time, summed over threads, in whole seconds.
    #[must_use]
    pub fn processor(mut self, most: WallTime) -> Self {
        self.processor = most;
        self
    }

    /// Holds at most so much memory, in bytes: what the process has for itself alone, without its program.
    #[must_use]
    pub fn memory(mut self, most: Bytes) -> Self {
        self.memory = most;
        self
    }

    /// Takes at most so much real time from when it starts; waiting for it to start does not count.
    #[must_use]
    pub fn wall(mut self, longest: WallTime) -> Self {
        self.wall = longest;
        self
    }

    /// Runs at most so many processes at once.
    #[must_use]
    pub fn at_once(mut self, most: u32) -> Self {
        self.at_once = most;
        self
    }

    /// Lets at most so many components wait for a process; the next one is refused with `E-LIMIT-COMPILE`.
    #[must_use]
    pub fn waiting(mut self, most: u32) -> Self {
        self.waiting = most;
        self
    }

    /// Compiles small components in this process, which saves the start of another one.
    ///
    /// Small is what compiles within a few seconds and some 200 MiB at the very worst, and in a tenth of that as a rule: at
    /// most 256 KiB of functions, none of them large or deep. A mistake in the compiler that such a component finds is
    /// one in this process, so this is for programs that serve nobody else.
    #[must_use]
    pub fn small_here(mut self) -> Self {
        self.small_here = true;
        self
    }

    /// Compiles the component on standard input for the engine that started this process.
    ///
    /// A program of one's own calls it instead of doing anything else, before it starts threads or opens files.
    ///
    /// # Example
    ///
    /// ```no_run
    /// use engine::data::Compiler;
    ///
    /// fn main() -> std::process::ExitCode {
    ///     if std::env::args_os().nth(1).is_some_and(|word| word == Compiler::WORD) {
    ///         return Compiler::serve();
    ///     }
    ///     // What the program does otherwise, with `Compiler::new(std::env::current_exe()?)`.
    ///     std::process::ExitCode::SUCCESS
    /// }
    /// ```
    #[must_use]
    pub fn serve() -> ExitCode {
        child::serve()
    }

    fn check(&self) -> Result<(), Fault> {
        if self.memory < Self::LEAST_MEMORY {
            return Err(Fault::config(format!(
                "a compiler cannot work with {} of memory, under the least of {}",
                self.memory,
                Self::LEAST_MEMORY
            )));
        }
        let nothing = if self.processor.get().as_secs() == 0 {
            "less than a second of processor time"
        } else if self.wall.get().is_zero() {
            "no time"
        } else if self.at_once == 0 {
            "no process"
        } else {
            return Ok(());
        };
        Err(Fault::config(format!(
            "a compiler cannot work with {nothing}"
        )))
    }
}

/// What a compiler is told first, on one line.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Order {
    deterministic: bool,
    processor_secs: u64,
    memory_bytes: u64,
    /// The process that asks.
    parent: u32,
}

/// What a compiler says last, on one line; the code follows.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Answer {
    /// Which engines its code is for.
    compatible: String,
    came: Came,
}

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Came {
    /// Code of so many bytes.
    Code(u64),
    /// A refusal, in the validator's words.
    Refused(String),
    /// Not enough memory.
    OutOfMemory,
}

/// A compiler at work, with the places that its processes take.
pub(super) struct Workshop {
    compiler: Compiler,
    places: Places,
}

impl Workshop {
    pub(super) fn new(compiler: Compiler) -> Result<Self, Fault> {
        compiler.check()?;
        Ok(Self {
            places: Places::new(compiler.at_once, compiler.waiting),
            compiler,
        })
    }

    /// Whether it leaves a component to this process.
    pub(super) fn spares(&self, source: &Source) -> bool {
        self.compiler.small_here && super::structure::is_small(source)
    }

    /// Has a component compiled, and returns code that this engine can load. Waits for a place first, in bounds.
    ///
    /// # Errors
    ///
    /// `E-LIMIT-COMPILE`, `E-INVALID-COMPONENT`, `E-CANCELLED` if somebody asked for that, and `E-INVALID-CONFIG` or
    /// `E-INTERNAL` if the program is not a compiler for this engine.
    pub(super) fn compile(
        &self,
        engine: &Engine,
        source: &Source,
        deterministic: bool,
        cancel: &Cancel,
    ) -> Result<Vec<u8>, Fault> {
        self.compiled(engine, source, deterministic, cancel)
            .map_err(|fault| fault.at(Phase::Load))
    }

    fn compiled(
        &self,
        engine: &Engine,
        source: &Source,
        deterministic: bool,
        cancel: &Cancel,
    ) -> Result<Vec<u8>, Fault> {
        let Compiler {
            program,
            words,
            processor,
            memory,
            wall,
            waiting,
            ..
        } = &self.compiler;
        let Some(_place) = self.places.take(cancel) else {
            return Err(if cancel.is_cancelled() {
                Fault::new(FaultKind::Cancelled)
            } else {
                over(source, CompileBound::Waiting(*waiting))
                    .hint("try again when fewer components are loaded at once")
            });
        };
        let order = Order {
            deterministic,
            processor_secs: processor.get().as_secs(),
            memory_bytes: memory.get(),
            parent: std::process::id(),
        };
        let job = Job {
            program,
            words,
            order: &order,
            threads: available_parallelism()
                .map_or(1, usize::from)
                .min(Compiler::MOST_THREADS),
            content: source.content(),
            longest: wall.get(),
            most: Compiler::MOST_CODE.get(),
            cancel,
        };
        let too_costly = |bound| {
            over(source, bound)
                .hint("build with optimisation and without unused code, or split the component")
        };
        let (said, code) = match job.run().map_err(|error| self.not_started(error))? {
            Ended::Answered(said, code) => (said, code),
            Ended::Wall => return Err(too_costly(CompileBound::Wall(*wall))),
            Ended::TooMuch => return Err(too_costly(CompileBound::Code(Compiler::MOST_CODE))),
            Ended::Cancelled => return Err(Fault::new(FaultKind::Cancelled)),
            Ended::Died(died) => {
                return Err(match died.bound(*processor, *memory) {
                    Some(bound) => too_costly(bound),
                    None => self.died(source, &died),
                });
            }
        };
        let answer: Answer =
            serde_json::from_slice(&said).map_err(|error| self.no_compiler(error))?;
        if answer.compatible != cache::compatibility(engine) {
            return Err(self.other_engine());
        }
        match answer.came {
            Came::Code(bytes) if bytes == code.len() as u64 => Ok(code),
            Came::Code(_) => Err(self.no_compiler("its code is not as long as it says")),
            Came::Refused(reason) => Err(compile::refused(source, &reason)),
            Came::OutOfMemory => Err(too_costly(CompileBound::Memory(*memory))),
        }
    }

    fn shown(&self) -> String {
        text::line(&self.compiler.program.to_string_lossy(), 256)
    }

    fn not_started(&self, error: std::io::Error) -> Fault {
        let missing = error.kind() == std::io::ErrorKind::NotFound;
        let fault = if missing {
            Fault::config(format!("there is no compiler at `{}`", self.shown()))
                .hint("name the program `engine`, as it was installed with this library")
        } else {
            Fault::system("starting the compiler")
        };
        fault.caused_by(error)
    }

    fn no_compiler(&self, error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Fault {
        Fault::config(format!("`{}` is no compiler", self.shown()))
            .hint("name the program `engine`, as it was installed with this library")
            .caused_by(error)
    }

    fn other_engine(&self) -> Fault {
        Fault::config(format!(
            "the compiler `{}` makes code for another engine",
            self.shown()
        ))
        .hint("it has to be of the same version and build as this engine")
    }

    /// What is said of a compiler that ended without an answer, and into no bound.
    fn died(&self, source: &Source, died: &parent::Died) -> Fault {
        if died.crashed() {
            return Fault::new(FaultKind::CompilerCrashed {
                name: source.name().to_owned(),
                reason: died.reason(),
            })
            .hint("this is a mistake in the compiler; build the component with other tools or options, and report it");
        }
        self.no_compiler(died.reason())
    }
}

fn over(source: &Source, bound: CompileBound) -> Fault {
    Fault::new(FaultKind::Compiling {
        name: source.name().to_owned(),
        bound,
    })
}

#[cfg(test)]
mod tests;
