//! `engine run`: drives a plan to its end.

use std::path::PathBuf;
use std::process::ExitCode;

use engine::data::WorkflowId;
use engine::planner::{Planner as _, Written};
use engine::workflow::{Plan, Start, Summary};
use engine::{Fault, FaultKind};

use super::finish;
use super::plan::{places, refuse};
use super::stage::{Place, Props, Stage, named, runtime};
use crate::args::{self, Output};
use crate::exit;
use crate::plan_text::PlanText;
use crate::render::{self, Board, Printer};
use crate::settings::{self, Crew};

/// `engine run`.
pub(super) fn run(typed: args::Run, global: &args::Global, printer: &Printer) -> ExitCode {
    let json = typed.telling.output == Output::Json;
    ran(typed, global, printer).unwrap_or_else(|fault| finish(Err(fault), json, printer))
}

fn ran(typed: args::Run, global: &args::Global, printer: &Printer) -> Result<ExitCode, Fault> {
    let args::Run {
        plan: typed_plan,
        input,
        telling,
        place,
        crew,
    } = typed;
    let output = telling.output;
    let text = PlanText::read(&typed_plan)?;
    let inputs = settings::inputs(&input)?;
    let place = Place::new(place, global)?;
    let components = crew.component.clone();
    let crew = Crew::resolve(crew, Some(&place.file), global)?;
    let spec = match text.spec() {
        Ok(spec) => spec,
        Err(problems) => return refuse(&problems, output, printer),
    };
    let runtime = runtime()?;
    let goal = spec.goal.clone();
    let planner = Written::new(text.name.clone(), spec);
    let mut spec = runtime.block_on(planner.plan(&goal))?;
    let mut asked_again = false;
    let plan = loop {
        let problems = match Plan::new(spec.clone(), inputs.clone()) {
            Ok(plan) => break plan,
            Err(problems) => problems,
        };
        // A planner gets one chance to do better.
        let better = if asked_again {
            None
        } else {
            runtime.block_on(planner.replan(&spec, &problems))?
        };
        asked_again = true;
        match better {
            Some(better) => spec = better,
            None => return refuse(&places(&text, problems), output, printer),
        }
    };
    let read = components
        .into_iter()
        .chain([PathBuf::from(typed_plan), place.file.clone()]);
    let events = settings::events(&telling, read.collect());
    let journal = place.open()?;
    let stage = Stage::set(Props {
        crew: &crew,
        names: &named(plan.spec(), std::iter::empty()),
        events: events.as_ref(),
        place: &place,
        journal: &journal,
        board: Some(Board::of_plan(&plan, place.told.clone())),
        printer,
    })?;
    let checked = runtime.block_on(stage.workflows.check_for(&plan, &crew.principal));
    let problems = places(&text, checked.problems.clone());
    if checked.is_accepted() && output == Output::Text {
        stage.screen.alone(|| {
            for problem in &problems {
                printer.note(&render::placed(problem));
            }
        });
    }
    let workflow = WorkflowId::fresh();
    let start = Start {
        principal: crew.principal.clone(),
        planner: planner.name().to_owned(),
        workflow: Some(workflow),
    };
    // A plan that was not accepted is told and kept as a workflow that failed.
    let work = stage.workflows.clone();
    let done = stage.drive(&runtime, workflow, work.run(checked, start));
    drop(work);
    let struck = stage.strike(runtime);
    match done {
        Ok(summary) => ended(&summary, struck, output, printer),
        Err(fault) if matches!(fault.kind(), FaultKind::PlanRejected { .. }) => {
            struck?;
            refuse(&problems, output, printer)
        }
        Err(fault) => Err(fault),
    }
}

/// Shows what came of a workflow.
pub(super) fn ended(
    summary: &Summary,
    struck: Result<(), Fault>,
    output: Output,
    printer: &Printer,
) -> Result<ExitCode, Fault> {
    let told = match output {
        Output::Json => printer.data(&summary.to_json()),
        Output::Text => printer.data(&render::summary(summary)),
    };
    Ok(exit::after(
        exit::ended(summary.state),
        told.and(struck),
        printer,
    ))
}
