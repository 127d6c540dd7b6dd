//! Plans of actions, from the text of a plan to the end of its run.

pub(crate) mod refs;
