use std::process::ExitCode;
use std::sync::Arc;

use engine::data::{
    ApprovalAnswer, ApprovalDesk, ApprovalRequest, Lesson, Principal, QuestionState, SystemClock,
    line,
};
use engine::workflow::Workflows;
use engine::{Clock, Fault};
use serde_json::json;

use super::finish;
use super::stage::{Place, looking};
use crate::args::{
    self, ApprovalsAnswer, ApprovalsCommand, ApprovalsLs, ApprovalsShow, InJournal, Output,
};
use crate::config;
use crate::render::{self, Printer};

/// `engine approvals`.
pub(super) fn run(typed: ApprovalsCommand, global: &args::Global, printer: &Printer) -> ExitCode {
    let (json, done) = match typed {
        ApprovalsCommand::Ls(typed) => (typed.output == Output::Json, list(typed, global, printer)),
        ApprovalsCommand::Show(typed) => {
            (typed.output == Output::Json, show(typed, global, printer))
        }
        ApprovalsCommand::Approve(typed) => (false, answer(typed, true, global, printer)),
        ApprovalsCommand::Deny(typed) => (false, answer(typed, false, global, printer)),
    };
    finish(done, json, printer)
}

/// A journal in which somebody may have been asked.
struct Office {
    desk: ApprovalDesk,
    workflows: Workflows,
}

impl Office {
    /// `None` if nothing was ever asked there. Looking makes no journal.
    fn open(place: InJournal, global: &args::Global) -> Result<Option<Self>, Fault> {
        let place = Place::new(place, global)?;
        if !place.is_there()? {
            return Ok(None);
        }
        let journal = place.open()?;
        Ok(Some(Self {
            workflows: looking(&journal)?,
            desk: ApprovalDesk::new(Arc::new(journal)),
        }))
    }

    /// The office in which the question with this id lies.
    fn of(id: &str, place: InJournal, global: &args::Global) -> Result<Self, Fault> {
        Self::open(place, global)?.ok_or_else(|| {
            Fault::usage(format!(
                "there is no question `{}`: nothing was ever asked in this home",
                line(id, 100)
            ))
            .hint("name the home or the journal where it was asked: `--home DIR`, `--journal FILE`")
        })
    }

    /// Whether the question belongs to a workflow that has ended, so that an answer is for nobody.
    fn is_moot(&self, request: &ApprovalRequest) -> bool {
        // Of a workflow that cannot be read nobody knows; its question is better shown.
        request
            .workflow
            .and_then(|workflow| self.workflows.state(workflow).ok())
            .is_some_and(|state| state.has_ended())
    }

    /// What nobody has answered, in words.
    fn unanswered(&self, request: &ApprovalRequest, clock: &dyn Clock) -> Result<&str, Fault> {
        let expired = self.desk.state(&request.id, clock)? == QuestionState::Expired;
        Ok(if expired {
            "expired before anybody answered"
        } else if self.is_moot(request) {
            "not answered; the workflow that asked has ended"
        } else {
            "waits for an answer"
        })
    }
}

fn list(typed: ApprovalsLs, global: &args::Global, printer: &Printer) -> Result<(), Fault> {
    let ApprovalsLs { output, place } = typed;
    let mut waiting = Vec::new();
    if let Some(office) = Office::open(place, global)? {
        waiting = office.desk.waiting(&SystemClock::new())?;
        waiting.retain(|request| !office.is_moot(request));
    }
    match output {
        Output::Json => printer.data(&json!({ "waiting": waiting }).to_string()),
        Output::Text if waiting.is_empty() => {
            printer.note("nothing waits for an answer\n");
            Ok(())
        }
        Output::Text => waiting.iter().try_for_each(|request| {
            let of = match (&request.step, &request.workflow) {
                (Some(step), Some(workflow)) => {
                    format!("  step {} of {workflow}", line(step, 64))
                }
                _ => String::new(),
            };
            printer.data(&format!(
                "{}  {}  {}{of}  expires {}",
                request.id.get(..12).unwrap_or(&request.id),
                line(&request.action, 64),
                line(request.principal.as_str(), 64),
                request.expires
            ))
        }),
    }
}

fn show(typed: ApprovalsShow, global: &args::Global, printer: &Printer) -> Result<(), Fault> {
    let ApprovalsShow { id, output, place } = typed;
    let clock = SystemClock::new();
    let office = Office::of(&id, place, global)?;
    let (request, answer) = office.desk.find(&id, &clock)?;
    match output {
        Output::Json => printer.data(&json!({ "request": request, "answer": answer }).to_string()),
        Output::Text => {
            let answered = match answer {
                None => office.unanswered(&request, &clock)?.to_owned(),
                Some(answer) => format!(
                    "{} by {} at {}{}",
                    if answer.approved {
                        "approved"
                    } else {
                        "denied"
                    },
                    line(answer.principal.as_str(), 128),
                    answer.at,
                    if answer.reason.is_empty() {
                        String::new()
                    } else {
                        format!(": {}", line(&answer.reason, 512))
                    }
                ),
            };
            printer.data(&format!("{}{answered}", render::approval(&request)))
        }
    }
}

fn answer(
    typed: ApprovalsAnswer,
    approved: bool,
    global: &args::Global,
    printer: &Printer,
) -> Result<(), Fault> {
    let ApprovalsAnswer {
        id,
        by,
        reason,
        always,
        config,
        place,
    } = typed;
    let clock = SystemClock::new();
    let by = Principal::new(&by);
    // Where an answer for always is kept is found out before anything is answered.
    let beside = match (always, config::place(config.as_deref(), global)) {
        (false, _) => None,
        (true, Some(place)) => {
            // Beside one that cannot be read, nobody would read it.
            config::load(config.as_deref(), global)?;
            Some(place)
        }
        (true, None) => {
            return Err(
                Fault::usage("there is no home, and so no configuration in it")
                    .hint("name one with `--config FILE`"),
            );
        }
    };
    let desk = Office::of(&id, place, global)?.desk;
    if always {
        let (asked, _) = desk.find(&id, &clock)?;
        if asked.asked_by_plan() {
            return Err(Fault::usage(format!(
                "the plan itself wants `{}` approved, and that cannot be answered for always",
                line(&asked.action, 200)
            ))
            .hint("answer without `--always`; where nobody has to be asked, leave `approval` out of the plan's step"));
        }
        // A policy without a name is told by its place, and another one can come to stand there.
        if let Some(unnamed) = asked.policies.iter().find(|policy| policy.contains(':')) {
            return Err(Fault::config(format!(
                "the policy `{}` has no name to remember an answer by",
                line(unnamed, 200)
            ))
            .hint("give it one with `@id(\"…\")`, or answer without `--always`"));
        }
    }
    let request = desk.answer(
        &id,
        &ApprovalAnswer {
            approved,
            principal: by.clone(),
            reason,
            at: clock.timestamp(),
        },
        &clock,
    )?;
    if let Some(config) = beside {
        if let Some(home) = config.parent().filter(|home| !home.as_os_str().is_empty()) {
            crate::desk::make_home(home)?;
        }
        let lesson = Lesson {
            principal: request.principal.clone(),
            action: request.action.clone(),
            digest: request.digest,
            labels: request.labels.clone(),
            approvers: request.approvers.clone(),
            asked_by: request.policies.clone(),
            allow: approved,
            by,
            grants: request.grants.clone(),
        };
        let file = config::learn(&config, lesson)?;
        printer.note(&format!(
            "the same answer will be given from now on: see {}\n",
            line(&file.to_string_lossy(), 256)
        ));
    }
    let said = if approved { "approved" } else { "denied" };
    printer.note(&format!("{said}: {}\n", line(&request.action, 256)));
    Ok(())
}
