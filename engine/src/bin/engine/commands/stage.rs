//! What workflows are driven on: an engine with a journal, and the components of a plan.

use std::collections::BTreeSet;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use engine::data::{ApprovalDesk, JournalOptions, Mode, Principal, WorkflowId};
use engine::workflow::{
    Act, Criterion, MemoryStore, PlanSpec, StepSpec, Summary, WorkflowStore, Workflows,
};
use engine::{Compiled, Engine, Fault, Journal};
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};

use super::exec::FILE_TOO_LARGE;
use super::{journal_place, load};
use crate::args;
use crate::desk::{Desk, OPERATOR, Terminal, make_home};
use crate::render::{self, Board, EventThread, EventWriter, Live, Printer, Progress, Screen};
use crate::settings::{self, Crew, Events};

/// Threads that steps which compute share, and no more than this many.
const MOST_THREADS: usize = 8;

/// A journal, and how commands name it.
pub(super) struct Place {
    pub(super) file: PathBuf,
    /// The options that name it, each with a space before it; empty if it is the usual one.
    pub(super) told: String,
    /// Whether it is the usual one.
    usual: bool,
    key: Option<PathBuf>,
}

impl Place {
    pub(super) fn new(typed: args::InJournal, global: &args::Global) -> Result<Self, Fault> {
        let usual = typed.journal.is_none();
        let file = journal_place(typed, global)?;
        Ok(Self {
            told: settings::told(global, (!usual).then_some(file.as_path())),
            usual,
            key: settings::home(global).map(|home| settings::key(&home)),
            file,
        })
    }

    /// Whether there is a journal; one that was named has to be there.
    ///
    /// # Errors
    ///
    /// A fault with the code `E-JOURNAL` if one was named that is not there.
    pub(super) fn is_there(&self) -> Result<bool, Fault> {
        if self.usual && !self.file.exists() {
            return Ok(false);
        }
        engine::data::JournalReader::open(&self.file).map(|_| true)
    }

    /// Opens the journal, and makes it if there is none.
    pub(super) fn open(&self) -> Result<Journal, Fault> {
        let home = self.file.parent();
        if let Some(home) = home.filter(|home| self.usual && !home.as_os_str().is_empty()) {
            make_home(home)?;
        }
        let options = JournalOptions::new();
        let options = match &self.key {
            Some(key) => options.key(key.clone()),
            None => options,
        };
        options.open(self.file.clone())
    }
}

/// Workflows that are looked at and steered, and not driven.
pub(super) fn looking(journal: &Journal) -> Result<Workflows, Fault> {
    let engine = Engine::builder().sink(journal.clone()).build()?;
    Ok(Workflows::new(engine, Arc::new(journal.clone())))
}

/// Workflows that plans are checked with; nothing is kept.
pub(super) fn checking(crew: Crew, names: &BTreeSet<String>) -> Result<Workflows, Fault> {
    let builder = Engine::builder().config(crew.config.clone());
    let engine = load::loading(builder, crew.cache.clone()).build()?;
    workflows(engine, Arc::new(MemoryStore::default()), &crew, names)
}

/// What a stage is set up with.
pub(super) struct Props<'a> {
    pub(super) crew: &'a Crew,
    /// The capabilities that the plan names.
    pub(super) names: &'a BTreeSet<String>,
    pub(super) events: Option<&'a Events>,
    pub(super) place: &'a Place,
    pub(super) journal: &'a Journal,
    /// What somebody who watches begins with.
    pub(super) board: Option<Board>,
    pub(super) printer: &'a Printer,
}

/// Where a workflow is driven.
pub(super) struct Stage {
    pub(super) workflows: Workflows,
    pub(super) screen: Screen,
    journal: Journal,
    live: Option<Live>,
    writing: Option<EventThread>,
    printer: Printer,
    /// The options that name the journal, if it has to be named.
    told: String,
}

impl Stage {
    pub(super) fn set(props: Props<'_>) -> Result<Self, Fault> {
        let Props {
            crew,
            names,
            events,
            place,
            journal,
            board,
            printer,
        } = props;
        let screen = Screen::default();
        let builder = Engine::builder().config(crew.config.clone());
        let mut builder = load::loading(builder, crew.cache.clone()).sink(journal.clone());
        let mut desk = ApprovalDesk::new(Arc::new(Desk::opened(journal.clone())));
        if !place.told.is_empty() {
            desk = desk.told(place.told.trim_start().to_owned());
        }
        if let Some(terminal) = Terminal::open(screen.clone(), Some(desk.clone())) {
            builder = builder.approver(terminal);
        }
        builder = builder.approvals(desk);
        let mut writing = None;
        if let Some(events) = events {
            let (writer, thread) = EventWriter::start(events)?;
            builder = builder.sink(writer);
            writing = Some(thread);
        }
        // Events on standard error are all that is told there.
        let quiet = events.is_some_and(Events::are_on_stderr);
        if crew.mode == Mode::Off && !quiet {
            render::unguarded(printer);
        }
        let mut live = None;
        match board {
            _ if quiet => {}
            Some(board) if is_watched() => {
                let (drawing, watch) = Live::start(board, screen.clone());
                builder = builder.sink(watch);
                live = Some(drawing);
            }
            _ => builder = builder.sink(Progress::new(*printer, place.told.clone())),
        }
        let engine = builder.build()?;
        Ok(Self {
            workflows: workflows(engine, Arc::new(journal.clone()), crew, names)?,
            screen,
            journal: journal.clone(),
            live,
            writing,
            printer: *printer,
            told: place.told.clone(),
        })
    }

    /// Drives a workflow. The first interrupt stops it, the second ends the process; so do SIGTERM and SIGHUP,
    /// at once, and the workflow is left to be resumed.
    pub(super) fn drive(
        &self,
        runtime: &Runtime,
        workflow: WorkflowId,
        work: impl Future<Output = Result<Summary, Fault>>,
    ) -> Result<Summary, Fault> {
        runtime.block_on(async {
            let stopping = tokio::spawn(stop_on_interrupt(
                self.workflows.clone(),
                workflow,
                (self.screen.clone(), self.printer),
                self.told.clone(),
            ));
            let done = work.await;
            stopping.abort();
            done
        })
    }

    /// Ends: everything is durable and written then. Whatever still waits for a person or a disk is left alone.
    pub(super) fn strike(self, runtime: Runtime) -> Result<(), Fault> {
        let Self {
            workflows,
            journal,
            live,
            writing,
            ..
        } = self;
        drop(live);
        drop(workflows);
        runtime.shutdown_background();
        let kept = journal.close();
        let written = writing.map_or(Ok(()), EventThread::finish);
        kept.and(written)
    }
}

/// Whether somebody watches, on a terminal that can be drawn on.
fn is_watched() -> bool {
    let plain = std::env::var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb");
    std::io::stderr().is_terminal() && !plain
}

/// Lets plans use what the operator names, and those configured capabilities that this plan names.
fn workflows(
    engine: Engine,
    store: Arc<dyn WorkflowStore>,
    crew: &Crew,
    names: &BTreeSet<String>,
) -> Result<Workflows, Fault> {
    let configured = crew.files(names)?;
    let named = crew.components.iter().chain(&configured);
    let files: Vec<&Path> = named.map(PathBuf::as_path).collect();
    let (limits, grants) = crew.caller.clone();
    let mut workflows = Workflows::new(engine.clone(), store).within(grants, limits);
    let mut known: Vec<(String, engine::data::Digest)> = Vec::new();
    for component in compiled(&engine, &files, crew.minisign_key.as_deref())? {
        let shape = component.describe();
        let (name, digest) = (shape.name().to_owned(), shape.digest());
        match known.iter().find(|(other, _)| *other == name) {
            Some((_, same)) if *same == digest => continue,
            Some(_) => {
                return Err(Fault::usage(format!(
                    "two components are called `{}`",
                    engine::data::line(&name, 128)
                ))
                .hint("plans name components by the names of their files: give one another name"));
            }
            None => known.push((name, digest)),
        }
        workflows = workflows.component(component);
    }
    Ok(workflows)
}

/// Compiles components, all at the same time.
fn compiled(engine: &Engine, files: &[&Path], key: Option<&str>) -> Result<Vec<Compiled>, Fault> {
    std::thread::scope(|scope| {
        let working: Vec<_> = files
            .iter()
            .map(|file| {
                scope.spawn(move || {
                    let source = load::source(file, key)?;
                    engine.load_blocking(&source)
                })
            })
            .collect();
        working
            .into_iter()
            .map(|thread| {
                thread
                    .join()
                    .unwrap_or_else(|_| Err(Fault::system("the compiler")))
            })
            .collect()
    })
}

/// The capabilities that steps and criteria name.
pub(super) fn named<'a>(
    spec: &'a PlanSpec,
    more: impl Iterator<Item = &'a StepSpec>,
) -> BTreeSet<String> {
    let steps = spec.steps.iter().chain(more);
    let of_steps = steps.flat_map(|step| {
        let undo = step.undo.as_ref().and_then(|undo| undo.capability.as_ref());
        std::iter::once(&step.capability).chain(undo)
    });
    let of_criteria = spec.success.iter().filter_map(|criterion| match criterion {
        Criterion::Holds { capability, .. } => Some(capability),
        Criterion::Completed(_)
        | Criterion::Ended { .. }
        | Criterion::Value { .. }
        | Criterion::Within { .. }
        | Criterion::Confirmed(_) => None,
    });
    of_steps.chain(of_criteria).cloned().collect()
}

/// The threads that workflows are driven on.
pub(super) fn runtime() -> Result<Runtime, Fault> {
    let processors = std::thread::available_parallelism().map_or(2, usize::from);
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(processors.clamp(2, MOST_THREADS))
        .enable_all()
        .build()
        .map_err(|error| Fault::system("starting the asynchronous runtime").caused_by(error))
}

async fn stop_on_interrupt(
    workflows: Workflows,
    workflow: WorkflowId,
    (screen, printer): (Screen, Printer),
    told: String,
) {
    // Without a handler, a signal ends the process, as it does by default; the workflow can be resumed.
    let Ok(mut interrupt) = signal(SignalKind::interrupt()) else {
        return;
    };
    let (Ok(mut terminate), Ok(mut hang_up)) = (
        signal(SignalKind::terminate()),
        signal(SignalKind::hangup()),
    ) else {
        return;
    };
    // Caught, so that a guest that writes too large a file gets an error, and not the engine.
    let _caught = signal(SignalKind::from_raw(FILE_TOO_LARGE));
    let leave = |code: i32| {
        // Whoever is asked something does not answer any more.
        screen.interrupt();
        screen.alone(|| {
            printer.note(&format!(
                "left as it is; to go on: engine workflow resume {workflow}{told}, with the options of this run\n"
            ));
        });
        end(code)
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => leave(143),
        _ = hang_up.recv() => leave(129),
    }
    screen.interrupt();
    screen.alone(|| {
        printer.note("stopping; interrupt again to leave it as it is, to be resumed\n");
    });
    let stop = workflows.act(
        workflow,
        Principal::new(OPERATOR),
        None,
        Act::Stop { force: false },
    );
    tokio::select! {
        // What came of it is told by its events.
        _ = stop => {
            interrupt.recv().await;
        }
        _ = interrupt.recv() => {}
        _ = terminate.recv() => leave(143),
        _ = hang_up.recv() => leave(129),
    }
    leave(130);
}

/// Ends the process as a signal would: everything is durable that has to be.
#[expect(
    clippy::exit,
    reason = "a signal asks for it, and the workflow can be resumed"
)]
fn end(code: i32) -> ! {
    std::process::exit(code)
}
