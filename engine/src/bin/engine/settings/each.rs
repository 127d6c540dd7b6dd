//! What does not go with a stream of calls.

use std::path::Path;

use engine::Fault;
use engine::data::line;

/// An option that makes sense once.
#[derive(Clone, Copy, Debug)]
pub(super) enum Once {
    Artifacts,
    Approval,
}

/// Checks what was typed besides `--each`.
///
/// # Errors
///
/// `E-USAGE` for what is for a single call, with what to do.
pub(super) fn check(
    component: &Path,
    function: Option<&str>,
    args: Option<&str>,
    once: Option<Once>,
) -> Result<(), Fault> {
    let shown = |word: &str| line(word, 100);
    if function.is_none() {
        return Err(
            Fault::usage("`--each` calls a function, and none is named").hint(format!(
                "name one that `engine inspect {}` lists; a command reads its own standard input, without `--each`",
                shown(&component.to_string_lossy())
            )),
        );
    }
    if let Some(args) = args {
        let fault =
            Fault::usage("with `--each` the arguments come from standard input, line by line");
        return Err(match args.strip_prefix('@') {
            Some(file) => fault.hint(format!(
                "leave out `{}`, and let standard input be that file: `< {}`",
                shown(args),
                shown(file)
            )),
            None if args == "-" => fault.hint("leave out `-`"),
            None => fault.hint("leave out the arguments, or leave out `--each` for a single call"),
        });
    }
    match once {
        None => Ok(()),
        Some(Once::Artifacts) => Err(Fault::usage(
            "`--artifacts` keeps the files of a single call, and `--each` makes many",
        )
        .hint("leave out `--artifacts`: the outcome of each call holds its files")),
        Some(Once::Approval) => Err(Fault::usage(
            "`--approval` lets a single call run, and `--each` makes many",
        )
        .hint("make the call that was approved on its own, without `--each`")),
    }
}
