//! `engine plan`: looks at plans; nothing runs.

use std::process::ExitCode;

use engine::Fault;
use engine::data::{Failure, line};
use engine::workflow::{Plan, PlanSpec, Problem, rejected};
use serde_json::{Value, json};

use super::{finish, stage};
use crate::args::{self, Output, PlanCheck, PlanCommand};
use crate::exit;
use crate::plan_text::{Placed, PlanText};
use crate::render::{self, Printer};
use crate::settings::{self, Crew};

/// `engine plan`.
pub(super) fn run(typed: PlanCommand, global: &args::Global, printer: &Printer) -> ExitCode {
    match typed {
        PlanCommand::Check(typed) => {
            let json = typed.output == Output::Json;
            check(*typed, global, printer).unwrap_or_else(|fault| finish(Err(fault), json, printer))
        }
        PlanCommand::Schema => finish(
            printer.data(&PlanSpec::schema().to_string()),
            false,
            printer,
        ),
    }
}

fn check(typed: PlanCheck, global: &args::Global, printer: &Printer) -> Result<ExitCode, Fault> {
    let PlanCheck {
        plan,
        input,
        output,
        crew,
    } = typed;
    let text = PlanText::read(&plan)?;
    let inputs = settings::inputs(&input)?;
    let crew = Crew::resolve(crew, None, global)?;
    let spec = match text.spec() {
        Ok(spec) => spec,
        Err(problems) => return refuse(&problems, output, printer),
    };
    let plan = match Plan::new(spec, inputs) {
        Ok(plan) => plan,
        Err(problems) => return refuse(&places(&text, problems), output, printer),
    };
    let principal = crew.principal.clone();
    let workflows = stage::checking(crew, &stage::named(plan.spec(), std::iter::empty()))?;
    let checked = stage::runtime()?.block_on(workflows.check_for(&plan, &principal));
    let problems = places(&text, checked.problems.clone());
    let accepted = checked.is_accepted();
    match output {
        Output::Json => {
            let mut document = json!({ "status": if accepted { "ok" } else { "rejected" } });
            let found = serde_json::to_value(&checked)
                .map_err(|error| Fault::system("writing what was found").caused_by(error))?;
            if let (Value::Object(document), Value::Object(found)) = (&mut document, found) {
                document.extend(found);
                document.insert("problems".to_owned(), json!(problems));
                let error = (!accepted).then(|| failure(&problems));
                document.insert("error".to_owned(), json!(error));
            }
            printer.data(&document.to_string())?;
        }
        Output::Text => {
            for problem in &problems {
                printer.note(&render::placed(problem));
            }
            printer.data(&render::checked(&checked))?;
        }
    }
    Ok(if accepted {
        ExitCode::SUCCESS
    } else {
        count(&problems, output, printer);
        exit::rejected()
    })
}

/// Finds the places of objections.
pub(super) fn places(text: &PlanText, problems: Vec<Problem>) -> Vec<Placed> {
    problems
        .into_iter()
        .map(|problem| text.place(problem))
        .collect()
}

/// Ends with every objection to a plan.
pub(super) fn refuse(
    problems: &[Placed],
    output: Output,
    printer: &Printer,
) -> Result<ExitCode, Fault> {
    match output {
        Output::Json => printer.data(
            &json!({ "status": "rejected", "problems": problems, "error": failure(problems) })
                .to_string(),
        )?,
        Output::Text => {
            for problem in problems {
                printer.note(&render::placed(problem));
            }
        }
    }
    count(problems, output, printer);
    Ok(exit::rejected())
}

fn count(problems: &[Placed], output: Output, printer: &Printer) {
    let errors = problems.iter().filter(|placed| !placed.problem.warning);
    let (count, name) = match problems.first() {
        Some(first) => (errors.count(), first.file.as_str()),
        None => (0, "the plan"),
    };
    let problems = if count == 1 { "problem" } else { "problems" };
    if output == Output::Text {
        printer.note(&format!(
            "{} is rejected: {count} {problems}\n",
            line(name, 256)
        ));
    }
}

fn failure(problems: &[Placed]) -> Failure {
    let problems: Vec<Problem> = problems
        .iter()
        .map(|placed| placed.problem.clone())
        .collect();
    Failure::from(&rejected(&problems))
}
