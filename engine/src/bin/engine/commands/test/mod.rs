//! `engine test`: runs cases, and compares what comes of them with what has to.

mod bench;
mod compare;
mod copy;
mod snapshots;

use std::process::ExitCode;
use std::time::Instant;

use engine::data::{Failure, line};
use engine::{Fault, Status};
use serde_json::json;

use self::bench::Bench;
use self::snapshots::Snapshots;
use super::finish;
use crate::args::{self, Output};
use crate::cases::{Case, CaseFile, Expected};
use crate::exit;
use crate::plan_text::Placed;
use crate::render::{self, Printer, Report, Tested};
use crate::settings::{Project, Test};

/// `engine test`.
pub(super) fn run(typed: args::Test, printer: &Printer) -> ExitCode {
    let output = typed.output;
    test(typed, printer).unwrap_or_else(|fault| finish(Err(fault), output == Output::Json, printer))
}

#[expect(
    clippy::disallowed_methods,
    reason = "how long all of it took is shown to whoever waits"
)]
fn test(typed: args::Test, printer: &Printer) -> Result<ExitCode, Fault> {
    let output = typed.output;
    let test = Test::resolve(typed)?;
    let began = Instant::now();
    // Every file is read before anything runs.
    let mut problems = Vec::new();
    let mut written = Vec::new();
    for project in &test.projects {
        let (files, cases) = read(project, &mut problems)?;
        written.push((project, files, cases));
    }
    if !problems.is_empty() {
        return refuse(&problems, output, printer);
    }
    let mut all = Tested::default();
    for (project, files, cases) in written {
        let bench = Bench::set(project, &cases)?;
        let mut cases = cases;
        let (examples, left) = bench.examples();
        all.examples_left += left;
        cases.extend(examples);
        let mut snapshots = Snapshots::new(test.bless, hint(project));
        for case in &cases {
            let report = match &test.filter {
                Some(filter) if !case.full_name().contains(filter.as_str()) => {
                    all.filtered += 1;
                    continue;
                }
                _ => run_case(&bench, case, &mut snapshots)?,
            };
            if output == Output::Text {
                printer.data(&render::report(&report))?;
            }
            all.reports.push(report);
        }
        if project.whole && test.filter.is_none() {
            let dirs = files.iter().map(|file| file.snapshots.as_path());
            let used = cases.iter().filter_map(|case| match &case.expected {
                Expected::Snapshot(file) => Some(file.as_path()),
                Expected::Value(_)
                | Expected::Nothing
                | Expected::Success
                | Expected::Failure { .. } => None,
            });
            snapshots.sweep(&project.told.join("tests"), dirs, used)?;
        }
        all.snapshots.extend(snapshots.changes());
    }
    if all.reports.is_empty() {
        return Err(nothing(&test, &all));
    }
    all.took = began.elapsed();
    match output {
        Output::Text => printer.data(&render::tested(&all))?,
        Output::Json => printer.data(&render::tested_json(&all).to_string())?,
    }
    Ok(if all.failed() == 0 {
        ExitCode::SUCCESS
    } else {
        exit::failed(Status::Error)
    })
}

fn read(
    project: &Project,
    problems: &mut Vec<Placed>,
) -> Result<(Vec<CaseFile>, Vec<Case>), Fault> {
    let mut files = Vec::new();
    let mut cases = Vec::new();
    for path in &project.files {
        let file = CaseFile::read(path, &project.root)?;
        match file.cases() {
            Ok(found) => cases.extend(found),
            Err(found) => problems.extend(found),
        }
        files.push(file);
    }
    Ok((files, cases))
}

fn run_case(bench: &Bench, case: &Case, snapshots: &mut Snapshots) -> Result<Report, Fault> {
    let (outcome, kinds) = bench.run(case)?;
    Ok(Report {
        name: case.full_name(),
        file: case.file.clone(),
        line: case.line,
        call: case.call.clone(),
        run: outcome.run(),
        status: outcome.status(),
        wall: outcome.usage().wall,
        fuel: outcome.usage().fuel,
        mismatches: compare::compare(case, &outcome, &kinds, snapshots)?,
        denials: outcome.denials().to_vec(),
    })
}

/// The command that takes what comes out as the snapshots.
fn hint(project: &Project) -> String {
    let mut command = format!(
        "engine test {} --bless",
        line(&project.told.to_string_lossy(), 256)
    );
    if project.named {
        let component = line(&project.component.to_string_lossy(), 256);
        command.push_str(&format!(" --component {component}"));
    }
    command
}

/// The fault of a test that tests nothing.
fn nothing(test: &Test, all: &Tested) -> Fault {
    if let (Some(filter), 1..) = (&test.filter, all.filtered) {
        return Fault::usage(format!(
            "none of {} cases has `{}` in its name",
            all.filtered,
            line(filter, 200)
        ));
    }
    let dirs: Vec<String> = test
        .projects
        .iter()
        .map(|project| {
            format!(
                "`{}`",
                line(&project.told.join("tests").to_string_lossy(), 256)
            )
        })
        .collect();
    Fault::usage(format!("there are no cases in {}", dirs.join(", "))).hint(
        "write one into `tests/NAME.toml`: `[[case]]`, then `name`, `call`, `args` and `value`",
    )
}

/// Ends with everything that is wrong in files of cases.
fn refuse(problems: &[Placed], output: Output, printer: &Printer) -> Result<ExitCode, Fault> {
    let count = problems.len();
    let mistakes = if count == 1 { "mistake" } else { "mistakes" };
    let fault = Fault::config(format!(
        "{count} {mistakes} in files of cases; nothing was run"
    ));
    match output {
        Output::Text => {
            for problem in problems {
                printer.note(&render::placed(problem));
            }
        }
        Output::Json => {
            let document = json!({
                "status": fault.status(),
                "problems": problems,
                "error": Failure::from(&fault),
            });
            printer.data(&document.to_string())?;
        }
    }
    printer.fault(&fault);
    Ok(exit::failed(fault.status()))
}
