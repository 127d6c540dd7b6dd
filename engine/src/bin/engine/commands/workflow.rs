//! `engine workflow`: looks at workflows and steers them.

use std::io::IsTerminal as _;
use std::process::ExitCode;

use engine::data::{Principal, Roster as _, RosterEntry, WorkflowId, WorkflowState, line};
use engine::workflow::{About, Act, State, Workflows};
use engine::{Fault, Journal};
use serde_json::{Value, json};

use super::finish;
use super::run::ended;
use super::stage::{Place, Props, Stage, looking, named, runtime};
use crate::args::{
    self, InJournal, Output, Telling, WorkflowAnswer, WorkflowCommand, WorkflowLs, WorkflowPause,
    WorkflowResume, WorkflowShow, WorkflowStop,
};
use crate::desk::OPERATOR;
use crate::render::{self, Board, Listed, Printer};
use crate::settings::{self, Crew};

/// The most workflows that are listed or looked through.
const MOST: usize = 100_000;
/// The fewest characters of an id or a token.
const FEWEST: usize = 6;
/// What is said where the one who drives a workflow does not reply.
const SLOW: &str = "whoever drives it is busy, and does it later\n";

/// `engine workflow`.
pub(super) fn run(typed: WorkflowCommand, global: &args::Global, printer: &Printer) -> ExitCode {
    let json = match &typed {
        WorkflowCommand::Ls(typed) => typed.output == Output::Json,
        WorkflowCommand::Show(typed) => typed.output == Output::Json,
        WorkflowCommand::Resume(typed) => typed.telling.output == Output::Json,
        WorkflowCommand::Stop(typed) => typed.telling.output == Output::Json,
        WorkflowCommand::Pause(_) | WorkflowCommand::Answer(_) => false,
    };
    let done = match typed {
        WorkflowCommand::Ls(typed) => list(typed, global, printer).map(|()| ExitCode::SUCCESS),
        WorkflowCommand::Show(typed) => show(typed, global, printer).map(|()| ExitCode::SUCCESS),
        WorkflowCommand::Pause(typed) => pause(typed, global, printer).map(|()| ExitCode::SUCCESS),
        WorkflowCommand::Answer(typed) => {
            answer(typed, global, printer).map(|()| ExitCode::SUCCESS)
        }
        WorkflowCommand::Resume(typed) => resume(*typed, global, printer),
        WorkflowCommand::Stop(typed) => stop(*typed, global, printer),
    };
    done.unwrap_or_else(|fault| finish(Err(fault), json, printer))
}

/// One workflow of a journal.
struct Found {
    place: Place,
    journal: Journal,
    workflows: Workflows,
    id: WorkflowId,
    state: State,
}

impl Found {
    fn new(typed: &str, place: InJournal, global: &args::Global) -> Result<Self, Fault> {
        let place = Place::new(place, global)?;
        if !place.is_there()? {
            return Err(none(typed));
        }
        let journal = place.open()?;
        let workflows = looking(&journal)?;
        let id = meant(typed, &workflows)?;
        let state = workflows.state(id)?;
        Ok(Self {
            place,
            journal,
            workflows,
            id,
            state,
        })
    }

    /// Whether somebody drives the workflow at this moment.
    fn is_driven(&self) -> Result<bool, Fault> {
        Ok(!self.state.has_ended() && self.journal.lease(self.id)?.is_none())
    }

    /// Does something to the workflow, and says so; whoever drives it may take a while.
    fn act(
        &self,
        (by, token): (&str, Option<String>),
        act: Act,
        done: &str,
        printer: &Printer,
    ) -> Result<(), Fault> {
        let acted = steered(&self.workflows, self.id, (by, token), act)?;
        printer.note(if acted.is_some() { done } else { SLOW });
        Ok(())
    }

    /// Says how to go on, if nobody drives the workflow and it has not ended.
    fn note_undriven(&self, printer: &Printer) -> Result<(), Fault> {
        if !self.workflows.state(self.id)?.has_ended() && !self.is_driven()? {
            let (id, told) = (self.id, &self.place.told);
            printer.note(&format!(
                "nobody drives it now; to go on: engine workflow resume {id}{told}, with the options that it ran with\n"
            ));
        }
        Ok(())
    }
}

fn steered(
    workflows: &Workflows,
    id: WorkflowId,
    (by, token): (&str, Option<String>),
    act: Act,
) -> Result<Option<Value>, Fault> {
    let by = Principal::new(by);
    runtime()?.block_on(workflows.act(id, by, token, act))
}

fn none(typed: &str) -> Fault {
    Fault::usage(format!("there is no workflow `{}`", line(typed, 100)))
        .hint("`engine workflow ls` lists those that there are")
}

/// The workflow with this id, or the only one whose id begins like this.
fn meant(typed: &str, workflows: &Workflows) -> Result<WorkflowId, Fault> {
    if let Ok(id) = typed.parse() {
        return Ok(id);
    }
    long_enough("an id", typed)?;
    let all = workflows.list(MOST)?;
    let mut fits = all
        .iter()
        .map(|entry| entry.workflow)
        .filter(|id| id.to_string().starts_with(typed));
    match (fits.next(), fits.next()) {
        (Some(id), None) => Ok(id),
        (Some(_), Some(_)) => Err(Fault::usage(format!(
            "more than one workflow begins with `{}`",
            line(typed, 100)
        ))
        .hint("give more of its id; `engine workflow ls` has all of it")),
        (None, _) => Err(none(typed)),
    }
}

fn long_enough(what: &str, typed: &str) -> Result<(), Fault> {
    if typed.len() >= FEWEST {
        return Ok(());
    }
    Err(Fault::usage(format!(
        "`{}` is too short for the start of {what}",
        line(typed, 100)
    ))
    .hint(format!("give at least {FEWEST} characters")))
}

fn list(typed: WorkflowLs, global: &args::Global, printer: &Printer) -> Result<(), Fault> {
    let WorkflowLs { output, place } = typed;
    let place = Place::new(place, global)?;
    let mut entries = Vec::new();
    if place.is_there()? {
        let journal = place.open()?;
        let workflows = looking(&journal)?;
        for entry in workflows.list(MOST)? {
            entries.push(as_it_is(entry, &journal, &workflows)?);
        }
    }
    match output {
        Output::Json => printer.data(&json!({ "workflows": entries }).to_string()),
        Output::Text if entries.is_empty() => {
            printer.note("there are no workflows\n");
            Ok(())
        }
        Output::Text => {
            // For people: what reads lines from a pipe wants workflows alone.
            if std::io::stdout().is_terminal() {
                printer.data(&render::listed_head())?;
            }
            entries
                .iter()
                .try_for_each(|entry| printer.data(&render::listed(entry)))
        }
    }
}

/// A workflow of the list with what changed since its state did.
fn as_it_is(
    mut entry: RosterEntry,
    journal: &Journal,
    workflows: &Workflows,
) -> Result<Listed, Fault> {
    if matches!(entry.state.as_str(), "completed" | "failed" | "cancelled") {
        return Ok(Listed {
            entry,
            driven: false,
        });
    }
    entry.ended = workflows.state(entry.workflow)?.ended_steps();
    Ok(Listed {
        driven: journal.lease(entry.workflow)?.is_none(),
        entry,
    })
}

fn show(typed: WorkflowShow, global: &args::Global, printer: &Printer) -> Result<(), Fault> {
    let WorkflowShow { id, output, place } = typed;
    let found = Found::new(&id, place, global)?;
    let summary = found.workflows.summary(found.id)?;
    match output {
        Output::Json => printer.data(&summary.to_json()),
        Output::Text => {
            let driven = found.is_driven()?;
            printer.data(&render::shown(&summary, driven, &found.place.told))
        }
    }
}

fn pause(typed: WorkflowPause, global: &args::Global, printer: &Printer) -> Result<(), Fault> {
    let WorkflowPause {
        id,
        interrupt,
        place,
    } = typed;
    let found = Found::new(&id, place, global)?;
    found.act(
        (OPERATOR, None),
        Act::Pause { interrupt },
        "paused\n",
        printer,
    )
}

fn answer(typed: WorkflowAnswer, global: &args::Global, printer: &Printer) -> Result<(), Fault> {
    let WorkflowAnswer {
        id,
        token,
        answer,
        by,
        place,
    } = typed;
    let found = Found::new(&id, place, global)?;
    long_enough("a token", &token)?;
    let mut fits = found
        .state
        .questions()
        .filter(|question| question.token.starts_with(&token));
    let question = match (fits.next(), fits.next()) {
        (Some(question), None) => question,
        (Some(_), Some(_)) => {
            return Err(Fault::usage(format!(
                "more than one question begins with `{}`",
                line(&token, 100)
            ))
            .hint("give more of its token"));
        }
        (None, _) => {
            return Err(Fault::usage(format!(
                "no question `{}` waits for an answer: it was answered, expired or never asked",
                line(&token, 100)
            ))
            .hint("`engine workflow show` prints what waits"));
        }
    };
    let takes = || {
        let actions = question.about.actions().join("`, `");
        format!(
            "an answer is a JSON object such as `{{\"action\": \"…\"}}`; this question takes `{actions}`"
        )
    };
    let act: Act = serde_json::from_str(&answer).map_err(|error| {
        Fault::usage(format!(
            "this is no answer: {}",
            line(&error.to_string(), 400)
        ))
        .hint(takes())
    })?;
    if !question.about.takes(&act) {
        return Err(
            Fault::usage(format!("`{}` does not answer this question", act.name())).hint(takes()),
        );
    }
    let token = question.token.clone();
    found.act((&by, Some(token)), act, "answered\n", printer)?;
    found.note_undriven(printer)
}

fn resume(
    typed: WorkflowResume,
    global: &args::Global,
    printer: &Printer,
) -> Result<ExitCode, Fault> {
    let WorkflowResume {
        id,
        accept_changes,
        telling,
        place,
        crew,
    } = typed;
    let found = Found::new(&id, place, global)?;
    // One that is only paused goes on; one that waits for other answers still does.
    let only_paused = found.state.phase() == WorkflowState::Paused
        && found
            .state
            .questions()
            .all(|question| question.about == About::Paused);
    let first = only_paused.then_some(Act::Continue {});
    if only_paused && found.is_driven()? {
        let said = "it goes on where it is driven\n";
        return elsewhere(&found, Act::Continue {}, said, &telling, printer);
    }
    let how = (accept_changes, first);
    let (summary, struck) = taken_up(found, how, (&telling, crew), global, printer)?;
    ended(&summary, struck, telling.output, printer)
}

fn stop(typed: WorkflowStop, global: &args::Global, printer: &Printer) -> Result<ExitCode, Fault> {
    let WorkflowStop {
        id,
        force,
        telling,
        place,
        crew,
    } = typed;
    let found = Found::new(&id, place, global)?;
    let stop = Act::Stop { force };
    let effects = found.state.undoable() > 0 || found.state.undoing().is_some();
    if found.is_driven()? || force || !effects || found.state.has_ended() {
        return elsewhere(&found, stop, "it is told to stop\n", &telling, printer);
    }
    // Taking effects back needs the components: without them nothing is changed.
    let how = (false, Some(stop));
    let (summary, struck) = taken_up(found, how, (&telling, crew), global, printer)?;
    let code = ended(&summary, struck, telling.output, printer)?;
    Ok(if summary.state == WorkflowState::Cancelled {
        ExitCode::SUCCESS
    } else {
        code
    })
}

/// Does something to a workflow without driving it, and tells how it is then.
fn elsewhere(
    found: &Found,
    act: Act,
    said: &str,
    telling: &Telling,
    printer: &Printer,
) -> Result<ExitCode, Fault> {
    let acted = steered(&found.workflows, found.id, (OPERATOR, None), act)?;
    let summary = found.workflows.summary(found.id)?;
    let told = acted.map_or(SLOW, |_| said);
    let ended = found.workflows.state(found.id)?.has_ended();
    match telling.output {
        Output::Json => printer.data(&summary.to_json())?,
        Output::Text if ended => printer.data(&render::summary(&summary))?,
        Output::Text => {
            printer.note(told);
            found.note_undriven(printer)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// Takes up a workflow that nobody drives, and drives it to its end, after somebody did something to it.
fn taken_up(
    found: Found,
    (accept, first): (bool, Option<Act>),
    (telling, crew): (&Telling, args::Crew),
    global: &args::Global,
    printer: &Printer,
) -> Result<(engine::workflow::Summary, Result<(), Fault>), Fault> {
    let Found {
        place,
        journal,
        workflows,
        id,
        state,
    } = found;
    drop(workflows);
    let read = crew.component.iter().cloned().chain([place.file.clone()]);
    let events = settings::events(telling, read.collect());
    let crew = Crew::resolve(crew, Some(&place.file), global)?;
    let names = state.plan().map(|plan| {
        let steps = state.steps().iter().map(|found| &found.step.spec);
        named(plan.spec(), steps)
    });
    let stage = Stage::set(Props {
        crew: &crew,
        names: &names.unwrap_or_default(),
        events: events.as_ref(),
        place: &place,
        journal: &journal,
        board: Board::of_state(&state, place.told.clone()),
        printer,
    })?;
    stage
        .screen
        .alone(|| printer.note(&render::waiting(&state, &place.told)));
    let runtime = runtime()?;
    let work = stage.workflows.clone();
    let done = stage.drive(&runtime, id, async {
        if let Some(act) = first {
            work.act(id, Principal::new(OPERATOR), None, act).await?;
            if work.state(id)?.has_ended() {
                return work.summary(id);
            }
        }
        work.resume(id, accept).await
    });
    drop(work);
    let struck = stage.strike(runtime);
    Ok((done?, struck))
}
