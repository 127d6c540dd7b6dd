use crate::event::WorkflowState;

/// Whether a workflow may go from one state to another.
///
/// Initializing goes to Planning, Planning to Executing, Executing to Paused and back, and to Planning for a new
/// plan; Executing and Paused can complete. Everything that has not ended can fail, but for what was cancelled,
/// and be cancelled. What has ended stays as it is, and no state follows itself.
#[must_use]
pub fn may_go(from: WorkflowState, to: WorkflowState) -> bool {
    use WorkflowState::{Cancelled, Completed, Executing, Failed, Initializing, Paused, Planning};
    match from {
        Initializing => matches!(to, Planning | Failed | Cancelled),
        Planning => matches!(to, Executing | Failed | Paused | Cancelled),
        Executing => matches!(to, Completed | Failed | Paused | Planning | Cancelled),
        Paused => matches!(to, Executing | Failed | Completed | Cancelled),
        Completed | Failed | Cancelled => false,
    }
}

/// Whether a workflow in this state has ended.
#[must_use]
pub fn has_ended(state: WorkflowState) -> bool {
    match state {
        WorkflowState::Completed | WorkflowState::Failed | WorkflowState::Cancelled => true,
        WorkflowState::Initializing
        | WorkflowState::Planning
        | WorkflowState::Executing
        | WorkflowState::Paused => false,
    }
}
