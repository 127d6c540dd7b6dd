use crate::component::{Captured, Returned};
use crate::types::{Fault, Usage};

/// All that is left of a call.
pub(super) struct Ended {
    pub(super) returned: Returned,
    pub(super) captured: Captured,
}

impl Ended {
    /// What is left where nothing ran.
    pub(super) fn refused(fault: Fault) -> Self {
        Self {
            returned: Returned {
                value: None,
                exit_code: None,
                fault: Some(fault),
                usage: Usage::default(),
            },
            captured: Captured::default(),
        }
    }
}
