//! One file for each command.

mod approvals;
mod artifacts;
mod build;
mod cache;
mod compile;
mod events;
mod exec;
mod inspect;
mod load;
mod new;
mod plan;
mod policy;
mod registry;
mod run;
mod stage;
mod test;
mod workflow;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::error::ErrorKind;
use engine::data::Failure;
use engine::{Call, Engine, Fault, Status, Stdin};
use serde_json::json;

use crate::args::{self, Cli, Command, Refused};
use crate::exit;
use crate::render::Printer;
use crate::settings;

/// Does what was asked.
pub(crate) fn run(cli: Cli, printer: &Printer) -> ExitCode {
    let Cli { command, global } = cli;
    printer.color(global.color);
    match command {
        Command::Exec(typed) => exec::run(*typed, &global, printer),
        Command::Run(typed) => run::run(*typed, &global, printer),
        Command::Plan(typed) => plan::run(typed, &global, printer),
        Command::Workflow(typed) => workflow::run(typed, &global, printer),
        Command::Inspect(typed) => inspect::run(typed, &global, printer),
        Command::New(typed) => new::run(typed, printer),
        Command::Build(typed) => build::run(typed, &global, printer),
        Command::Test(typed) => test::run(typed, printer),
        Command::Compile(typed) => compile::run(typed, &global, printer),
        Command::Add(typed) => registry::add(typed, &global, printer),
        Command::Lock(typed) => registry::lock(typed, &global, printer),
        Command::Diff(typed) => registry::diff(typed, &global, printer),
        Command::Policy(typed) => policy::run(typed, &global, printer),
        Command::Approvals(typed) => approvals::run(typed, &global, printer),
        Command::Cache(typed) => cache::run(typed, &global, printer),
        Command::Events(typed) => events::run(typed, &global, printer),
        Command::Completions(typed) => {
            let mut script = Vec::new();
            clap_complete::generate(typed.shell, &mut args::command(), "engine", &mut script);
            exit::after(ExitCode::SUCCESS, text(&script, printer), printer)
        }
        Command::Man(typed) => exit::after(ExitCode::SUCCESS, manual(&typed, printer), printer),
    }
}

/// Ends a command that is not a run: its faults are shown, and with `--output json` told as a document.
fn finish(done: Result<(), Fault>, json: bool, printer: &Printer) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            printer.fault(&fault);
            let told = if json {
                report_failure(&fault, printer)
            } else {
                Ok(())
            };
            exit::after(exit::failed(fault.status()), told, printer)
        }
    }
}

/// The journal that is meant: named, or in the engine's home.
fn journal_place(typed: args::InJournal, global: &args::Global) -> Result<PathBuf, Fault> {
    let args::InJournal { journal } = typed;
    match (journal, settings::home(global)) {
        (Some(journal), _) => Ok(journal),
        (None, Some(home)) => Ok(home.join("journal.db")),
        (None, None) => Err(Fault::usage("there is no home, and so no journal in it")
            .hint("name one with `--journal FILE`")),
    }
}

fn text(bytes: &[u8], printer: &Printer) -> Result<(), Fault> {
    printer.data(String::from_utf8_lossy(bytes).trim_end())
}

/// The manual of the program, or of one of its commands.
fn manual(typed: &args::Man, printer: &Printer) -> Result<(), Fault> {
    let mut whole = args::command();
    whole.build();
    let command = match &typed.command {
        None => whole,
        Some(name) => whole.find_subcommand(name).cloned().ok_or_else(|| {
            Fault::usage(format!(
                "there is no command `{}`",
                engine::data::line(name, 100)
            ))
            .hint("`engine --help` lists them")
        })?,
    };
    let mut page = Vec::new();
    clap_mangen::Man::new(command)
        .render(&mut page)
        .map_err(|error| Fault::system("writing the manual").caused_by(error))?;
    text(&page, printer)
}

/// Answers a command line that could not be understood, or that only asked for help.
pub(crate) fn refused(refused: &Refused, printer: &Printer) -> ExitCode {
    let Refused {
        error,
        json,
        command,
        color,
    } = refused;
    printer.color(*color);
    if matches!(
        error.kind(),
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
    ) {
        // Help is what was asked for: data.
        let shown = printer.data_styled(error.render());
        return exit::after(ExitCode::SUCCESS, shown, printer);
    }
    printer.note(&error.render().ansi().to_string());
    let mut told = Ok(());
    if *json {
        let plain = error.render().to_string();
        let message = plain
            .lines()
            .take_while(|line| !line.is_empty())
            .map(str::trim)
            .collect::<Vec<_>>()
            .join(" ");
        let message = engine::data::line(message.trim_start_matches("error: "), 1000);
        let fault = Fault::usage(message).hint(match command.as_deref() {
            Some(command) => format!("see `engine {command} --help`"),
            None => "see `engine --help`".to_owned(),
        });
        told = match command.as_deref() {
            Some("exec") | None => report_early("", fault, printer),
            Some(_) => report_failure(&fault, printer),
        };
    }
    exit::after(exit::failed(Status::Invalid), told, printer)
}

/// Prints the outcome of a run that never began.
pub(crate) fn report_early(name: &str, fault: Fault, printer: &Printer) -> Result<(), Fault> {
    let nothing = Call::command([""; 0], Stdin::Empty);
    let engine = Engine::builder().build()?;
    printer.data(&engine.refuse(name, &nothing, fault).to_json())
}

/// Prints what a command that is not a run says when it fails.
pub(crate) fn report_failure(fault: &Fault, printer: &Printer) -> Result<(), Fault> {
    let document = json!({ "status": fault.status(), "error": Failure::from(fault) });
    printer.data(&document.to_string())
}
