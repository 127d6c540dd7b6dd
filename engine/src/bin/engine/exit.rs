//! Exit codes, as the command line contract has them.

use std::process::ExitCode;

use engine::data::WorkflowState;
use engine::{Fault, Outcome, Status};

use crate::render::Printer;

/// The exit code of a run.
pub(crate) fn of(outcome: &Outcome) -> ExitCode {
    ExitCode::from(code(outcome.status(), outcome.exit_code()))
}

/// The exit code of a command that failed before there was a run.
pub(crate) fn failed(status: Status) -> ExitCode {
    ExitCode::from(code(status, None))
}

/// The exit code of something whose answer may not have reached anybody: what went wrong before counts
/// for more.
pub(crate) fn after(code: ExitCode, told: Result<(), Fault>, printer: &Printer) -> ExitCode {
    match told {
        Ok(()) => code,
        Err(fault) => {
            printer.fault(&fault);
            if code == ExitCode::SUCCESS {
                failed(fault.status())
            } else {
                code
            }
        }
    }
}

/// The exit code of a plan that was rejected before anything ran.
pub(crate) fn rejected() -> ExitCode {
    ExitCode::from(6)
}

/// The exit code of a workflow that was driven until here.
pub(crate) fn ended(state: WorkflowState) -> ExitCode {
    match state {
        WorkflowState::Completed => ExitCode::SUCCESS,
        WorkflowState::Initializing
        | WorkflowState::Planning
        | WorkflowState::Executing
        | WorkflowState::Paused
        | WorkflowState::Failed
        | WorkflowState::Cancelled => ExitCode::from(7),
    }
}

fn code(status: Status, guest: Option<i32>) -> u8 {
    match status {
        Status::Ok => 0,
        // WASI's exit codes have eight bits.
        Status::Error => guest.and_then(|code| u8::try_from(code).ok()).unwrap_or(1),
        Status::Invalid => 2,
        Status::Denied => 3,
        Status::Limit => 4,
        Status::Trap => 5,
        Status::Cancelled => 7,
        Status::Uncertain | Status::Internal => 70,
    }
}
