use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use engine::data::{ApprovalDesk, Cancel, JournalOptions, Mode};
#[cfg(feature = "otel")]
use engine::data::{Audit, Otlp};
use engine::{Call, Engine, Fault, FaultKind, Outcome, Status};
use tokio::signal::unix::{SignalKind, signal};

use super::artifacts::{Kept, not_kept};
use super::{load, report_early};
use crate::args::{self, Output};
use crate::desk::{Desk, Terminal};
use crate::exit;
use crate::render::{self, EventWriter, Notes, Printer, Screen};
use crate::settings::{Events, EventsTo, Exec, Kind};
use crate::streams::{Passing, is_reader_gone, pass};

/// Where a collector listens, in OpenTelemetry's own words.
#[cfg(feature = "otel")]
const COLLECTOR: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";

/// `engine exec`.
pub(super) fn run(typed: args::Exec, global: &args::Global, printer: &Printer) -> ExitCode {
    let output = typed.output;
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
    let mut builder = load::loading(Engine::builder().config(config), cache);
    let screen = Screen::default();
    if output == Output::Text {
        if mode == Mode::Off {
            render::unguarded(printer);
        }
        builder = builder.sink(Notes::new(*printer));
    }
    let mut writing = None;
    if let Some(events) = &events {
        let (writer, thread) = EventWriter::start(events)?;
        builder = builder.sink(writer);
        writing = Some(thread);
    }
    let mut journaling = None;
    if let Some((file, key)) = journal {
        let options = JournalOptions::new();
        let options = match key {
            Some(key) => options.key(key),
            None => options,
        };
        let journal = options.open(file)?;
        builder = builder.sink(journal.clone());
        journaling = Some(journal);
    }
    let desk = desk.map(|(file, key)| {
        let desk = match &journaling {
            Some(journal) => Desk::opened(journal.clone()),
            None => Desk::new(file, key),
        };
        ApprovalDesk::new(Arc::new(desk)).told(told.trim_start())
    });
    if let Some(terminal) = Terminal::open(screen.clone(), desk.clone()) {
        builder = builder.approver(terminal);
    }
    if let Some(desk) = desk {
        builder = builder.approvals(desk);
    }
    #[cfg(feature = "otel")]
    let telemetry = match std::env::var(COLLECTOR) {
        Ok(address) if !address.is_empty() => {
            let otlp = Arc::new(Otlp::start(&address, Audit::Metadata)?);
            builder = builder.shared_sink(otlp.clone());
            Some(otlp)
        }
        _ => None,
    };
    let engine = builder.build()?;

    let quiet = matches!(
        &events,
        Some(Events {
            to: EventsTo::Stderr,
            ..
        })
    );
    let (call, passed) = match (output, kind, quiet) {
        (Output::Json, ..) => (call, None),
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
    // The writer of events ends with the engine.
    drop(engine);
    // What is told on standard error comes after the events that are.
    let on_stderr = matches!(
        &events,
        Some(Events {
            to: EventsTo::Stderr,
            ..
        })
    );
    let mut events_written = Ok(());
    if on_stderr && let Some(thread) = writing.take() {
        events_written = thread.finish();
    }
    let stopped = matches!(outcome.status(), Status::Limit | Status::Cancelled);
    let written = passed.map_or(Ok(()), |passed| passed.finish(stopped));
    let quiet = written.as_ref().is_err_and(is_reader_gone);
    // Everything is durable before anything is told.
    let kept = journaling.map_or(Ok(()), |journal| journal.close());
    let mut done = report(&outcome, output, quiet, printer).and(kept);
    match &kept_artifacts {
        Some(kept) => done = done.and(kept.keep(&outcome)),
        None if output == Output::Text => not_kept(&outcome, printer),
        None => {}
    }
    if let Err(error) = written
        && !quiet
    {
        done = done.and(Err(
            Fault::system("writing the guest's output").caused_by(error)
        ));
    }
    if let Some(thread) = writing {
        events_written = thread.finish();
    }
    done = done.and(events_written);
    #[cfg(feature = "otel")]
    if let Some(Err(unsent)) = telemetry.map(|otlp| otlp.shutdown()) {
        // Telemetry is for whoever watches; the run is none the worse for it.
        printer.fault(&unsent);
    }
    Ok(exit::after(exit::of(&outcome), done, printer))
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
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Fault::system("starting the asynchronous runtime").caused_by(error))?;
    let cancel = Cancel::new();
    let call = call.cancelled_by(cancel.clone());
    let outcome = runtime.block_on(async {
        tokio::spawn(cancel_on_interrupt(cancel, screen));
        engine.run_source(source, call).await
    });
    // A host call that still waits, on a pipe for example, must not keep the process.
    runtime.shutdown_background();
    Ok(outcome)
}

/// Sent to a process that writes more to a file than it may; the same number on all of Unix that we
/// run on.
pub(super) const FILE_TOO_LARGE: i32 = 25;

/// Cancels on the first interrupt, hang-up or request to terminate; the second ends the process.
async fn cancel_on_interrupt(cancel: Cancel, screen: Screen) {
    // Without a handler, a signal ends the process, as it does by default.
    let (Ok(mut interrupt), Ok(mut terminate), Ok(mut hang_up)) = (
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
        signal(SignalKind::hangup()),
    ) else {
        return;
    };
    // Caught, so that a guest that writes too large a file gets an error, and not the engine.
    let _caught = signal(SignalKind::from_raw(FILE_TOO_LARGE));
    let mut asked = async || {
        tokio::select! {
            _ = interrupt.recv() => 130,
            _ = terminate.recv() => 143,
            _ = hang_up.recv() => 129,
        }
    };
    asked().await;
    screen.interrupt();
    cancel.cancel();
    let code = asked().await;
    #[expect(
        clippy::exit,
        reason = "the user insists, and the first signal was not enough"
    )]
    std::process::exit(code);
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
