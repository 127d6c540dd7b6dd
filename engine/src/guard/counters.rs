/// What a caller did before this action.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Calls that were started.
    pub calls: u64,
    /// Actions that were denied.
    pub denials: u64,
    /// Calls of the same capability.
    pub of_this: u64,
    /// How many times in a row the very same action was asked for, this one included.
    pub repeats: u64,
}
