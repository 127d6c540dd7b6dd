//! Files for whoever asked for the action, besides its result.

use crate::host::artifacts;

/// Hands over a file: its name, what it is, such as `text/csv`, and its content.
///
/// It is an event of the call, `artifact_made`, and its content goes to whoever asked for the call; `engine exec
/// --artifacts DIR` writes it into a directory. The bytes of all three, and 16 more, count against the call's limit on
/// output; the artifact that passes it ends the call.
///
/// # Errors
///
/// What is wrong, in words: a name has 1 to 128 ASCII letters, digits, `.`, `_` and `-`, does not begin with `.`, and is no
/// other artifact's of the call, whatever the case of its letters; a media type has at most 128 characters; a call makes
/// at most 256 artifacts.
///
/// ```no_run
/// guest_sdk::artifacts::make("words.csv", "text/csv", b"word,count\nbe,2\n")?;
/// guest_sdk::artifacts::make("dump", None, &[0, 1, 2])?;
/// # Ok::<(), String>(())
/// ```
pub fn make<'a>(
    name: &str,
    media_type: impl Into<Option<&'a str>>,
    content: &[u8],
) -> Result<(), String> {
    artifacts::make(name, media_type.into(), content)
}
