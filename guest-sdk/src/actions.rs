//! Actions of other capabilities.

use std::fmt;

use crate::host::actions;

/// Why an action gave no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// A stable code, such as `E-DENIED-GRANT` or `E-GUEST-ERROR`.
    pub code: String,
    /// What went wrong, for people.
    pub message: String,
    /// The payload of the action's own error case, as JSON; none for any other failure.
    pub payload: Option<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [{}]", self.message, self.code)
    }
}

impl std::error::Error for Failure {}

/// Calls an action of another capability with a JSON object by the names of parameters, and waits for what it gives: its
/// result as JSON, none if it has no result.
///
/// The name is that of a configured capability, such as `text.search.v1`, or that of a component and its function, such as
/// `text.search`. It has to be granted (`--allow-action NAME`), and asked for in the world's documentation
/// (`@asks action NAME`); the call passes the guard as any other. What it uses counts against what this call has left.
///
/// # Errors
///
/// Whatever keeps the action from giving a value. Nothing ends this call but its own limits.
///
/// ```no_run
/// let found = guest_sdk::actions::call("text.count-words.v1", r#"{"text": "to be or not to be"}"#)?;
/// assert!(found.is_some_and(|words| words.starts_with('[')));
/// # Ok::<(), guest_sdk::actions::Failure>(())
/// ```
pub fn call(action: &str, arguments: &str) -> Result<Option<String>, Failure> {
    actions::call(action, arguments).map_err(|failure| Failure {
        code: failure.code,
        message: failure.message,
        payload: failure.payload,
    })
}
