mod each;
mod interrupt;
mod listeners;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use engine::data::{ApprovalDesk, Cancel, Mode, Pool};
use engine::{Call, Compiled, Engine, Fault, FaultKind, Outcome, Source, Status};

use self::each::Form;
use self::listeners::Listeners;
use super::artifacts::{Kept, not_kept};
use super::{load, report_early};
use crate::args::{self, Output};
use crate::desk::{Desk, Terminal};
use crate::exit;
use crate::render::{self, Notes, Printer, Screen};
use crate::settings::{Events, Exec, Kind};
use crate::streams::{Passing, is_reader_gone, pass};

pub(super) use self::interrupt::FILE_TOO_LARGE;

/// `engine exec`.
pub(super) fn run(typed: args::Exec, global: &args::Global, printer: &Printer) -> ExitCode {
    let output = typed.output();
    let settings = Exec::resolve(typed, global);
    let name = settings.name();
    execute(settings, printer).unwrap_or_else(|fault| {
        printer.fault(&fault);
        let status = fault.status();
        let reported = match output {
            Output::Json => report_early(&name, fault, printer),
            Output::Text => Ok(()),
        };
        exit::after(exit::failed(status), reported, printer)
    })
}

fn execute(settings: Exec, printer: &Printer) -> Result<ExitCode, Fault> {
    let name = settings.name();
    let Exec {
        component,
        function,
        call,
        kind,
        config,
        output,
        events,
        journal,
        desk,
        artifacts,
        cache,
        offered,
        told,
        minisign_key,
        mode,
        problem,
    } = settings;
    let config = match kind {
        // One after another, and whatever one of them calls.
        Kind::Each if has_all_addresses() => config.pool(Pool::new(TOGETHER)),
        Kind::Each | Kind::Function | Kind::Command => config,
    };
    let mut builder = load::loading(Engine::builder().config(config), cache);
    let screen = Screen::default();
    if output == Output::Text {
        if mode == Mode::Off {
            render::unguarded(printer);
        }
        builder = builder.sink(match kind {
            Kind::Each => Notes::once(*printer),
            Kind::Function | Kind::Command => Notes::new(*printer),
        });
    }
    let (mut builder, mut listeners) = Listeners::open(builder, events.as_ref(), journal)?;
    let desk = desk.map(|(file, key)| {
        Arc::new(match listeners.journal() {
            Some(journal) => Desk::opened(journal.clone()),
            None => Desk::new(file, key),
        })
    });
    let asked = desk.clone();
    let desk = desk.map(|desk| ApprovalDesk::new(desk).told(told.trim_start()));
    // A stream of calls waits for nobody: its questions are left at the desk.
    if kind != Kind::Each
        && let Some(terminal) = Terminal::open(screen.clone(), desk.clone())
    {
        builder = builder.approver(terminal);
    }
    if let Some(desk) = desk {
        builder = builder.approvals(desk);
    }
    let engine = builder.build()?;

    let told_by_events = events.as_ref().is_some_and(Events::are_on_stderr);
    let (call, passed) = match (output, kind, told_by_events) {
        (Output::Json, ..) | (Output::Text, Kind::Each, _) => (call, None),
        (Output::Text, Kind::Function, false) => forwarded(call, Passing::Aside),
        (Output::Text, Kind::Function, true) => forwarded(call, Passing::Nowhere),
        (Output::Text, Kind::Command, false) => forwarded(call, Passing::Through),
        (Output::Text, Kind::Command, true) => forwarded(call, Passing::OutputThrough),
    };
    let ready = match problem {
        Some(fault) => Err(fault),
        None => load::source(&component, minisign_key.as_deref()).and_then(|source| {
            let kept = artifacts.as_deref().map(Kept::open).transpose()?;
            offer(&engine, &offered, minisign_key.as_deref())?;
            Ok((source, kept))
        }),
    };
    let ready = match (kind, ready) {
        // A component that cannot be loaded, or has no such function, is refused once, and not for every line.
        (Kind::Each, Ok((source, _))) => match loaded(&engine, &source, function.as_deref()) {
            Ok(component) => {
                let form = Form {
                    output,
                    guest: !told_by_events,
                };
                let ended = each::run(&engine, &component, &call, form, screen)?;
                drop(engine);
                return Ok(each::tell(ended, listeners, printer));
            }
            Err(fault) => Err(fault),
        },
        (_, ready) => ready,
    };
    let (source, kept_artifacts) = match ready {
        Ok((source, kept)) => (Ok(source), kept),
        Err(fault) => (Err(fault), None),
    };
    let outcome = match source {
        Ok(source) => drive(&engine, source, call, screen)?,
        Err(fault) => {
            let outcome = engine.refuse(&name, &call, fault);
            // The writers of streams end with the call.
            drop(call);
            outcome
        }
    };
    if listeners.are_none() && !asked.is_some_and(|desk| desk.is_open()) {
        // The process ends, and takes the engine with it faster than it can be taken apart.
        std::mem::forget(engine);
    } else {
        // The writer of events ends with the engine.
        drop(engine);
    }
    listeners.before_telling();
    let stopped = matches!(outcome.status(), Status::Limit | Status::Cancelled);
    let written = passed.map_or(Ok(()), |passed| passed.finish(stopped));
    let quiet = written.as_ref().is_err_and(is_reader_gone);
    // Everything is durable before anything is told.
    let kept = listeners.durable();
    let mut done = report(&outcome, output, quiet, printer).and(kept);
    match &kept_artifacts {
        Some(kept) => done = done.and(kept.keep(&outcome)),
        None if output == Output::Text => printer.note(&not_kept(&outcome, "--artifacts DIR")),
        None => {}
    }
    if let Err(error) = written
        && !quiet
    {
        done = done.and(Err(
            Fault::system("writing the guest's output").caused_by(error)
        ));
    }
    done = done.and(listeners.end(printer));
    Ok(exit::after(exit::of(&outcome), done, printer))
}

/// Loads a component that has the function, if one is named.
fn loaded(engine: &Engine, source: &Source, function: Option<&str>) -> Result<Compiled, Fault> {
    let component = engine.load_blocking(source)?;
    if let Some(function) = function {
        component.describe().find(function)?;
    }
    Ok(component)
}

/// How many instances of a stream of calls are there at the same time: one, and those of the actions that it calls, each
/// inside another.
const TOGETHER: u32 = 8;

/// Whether the addresses of this process have no limit: a pool reserves many.
fn has_all_addresses() -> bool {
    let limit = rustix::process::getrlimit(rustix::process::Resource::As);
    limit.current.is_none()
}

/// Lets the guest call the functions of components, as far as that is granted.
fn offer(engine: &Engine, files: &[PathBuf], minisign_key: Option<&str>) -> Result<(), Fault> {
    files.iter().try_for_each(|file| {
        let source = load::source(file, minisign_key)?;
        engine.offer(&engine.load_blocking(&source)?);
        Ok(())
    })
}

fn forwarded(call: Call, passing: Passing) -> (Call, Option<crate::streams::Passed>) {
    let (forward, passed) = pass(passing);
    (call.forward(forward), Some(passed))
}

/// Runs the call on this thread; the first interrupt cancels it, the second ends the process.
fn drive(
    engine: &Engine,
    source: engine::Source,
    call: Call,
    screen: Screen,
) -> Result<Outcome, Fault> {
    let runtime = interrupt::runtime()?;
    let cancel = Cancel::new();
    let call = call.cancelled_by(cancel.clone());
    let outcome = runtime.block_on(async {
        interrupt::on_first(move || {
            screen.interrupt();
            cancel.cancel();
        });
        engine.run_source(source, call).await
    });
    // A host call that still waits, on a pipe for example, must not keep the process.
    runtime.shutdown_background();
    Ok(outcome)
}

/// Shows what came of the run; `quiet` if nobody reads the guest's output any more, because then a
/// guest that fails over it has nobody to tell.
fn report(outcome: &Outcome, output: Output, quiet: bool, printer: &Printer) -> Result<(), Fault> {
    let mut done = Ok(());
    match output {
        Output::Json => done = printer.data(&outcome.to_json()),
        Output::Text => {
            if outcome.fault().is_none() && outcome.has_value() {
                done = printer.data(&outcome.value().to_shown());
            }
            // A run that was refused as a whole tells its denials with its fault.
            if !matches!(outcome.fault().map(Fault::kind), Some(FaultKind::Denied(_))) {
                printer.denials(outcome);
            }
        }
    }
    match outcome.fault() {
        // A command that failed has said so itself.
        Some(fault) if outcome.exit_code().is_none() && !quiet => printer.fault(fault),
        _ => {}
    }
    done
}
