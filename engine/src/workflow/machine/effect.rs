use crate::event::EventKind;

/// Something that a workflow wants to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Call the action of a step; it ends with one `Ended`, or waits with `Asked`.
    Call {
        /// Which step.
        step: usize,
        /// Which attempt, from 1.
        attempt: u32,
        /// The most that it may use, besides its own limits.
        most: Most,
    },
    /// Take the effect of a step back; ends with one `Undone`.
    Undo {
        /// Which step.
        step: usize,
    },
    /// Stop the running call of a step.
    Interrupt {
        /// Which step.
        step: usize,
    },
    /// Look at the success criteria; ends with one `Verified`.
    Verify,
    /// Tell what happened.
    Tell {
        /// The step that it is about.
        step: Option<usize>,
        /// What.
        kind: Box<EventKind>,
    },
    /// Say that an input was refused, and changed nothing.
    Refuse {
        /// Why.
        reason: String,
    },
}

/// What is left of the budgets of a workflow for one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Most {
    /// Units of computation.
    pub fuel: u64,
    /// Milliseconds.
    pub wall_ms: u64,
    /// Bytes of results and output.
    pub output_bytes: u64,
}
