use std::path::Path;

use engine::{Fault, Grants, Rights};

use crate::args;

/// The grants of the command line; `None` if there are none.
pub(crate) fn settle_grants(typed: args::Grants) -> Result<Option<Grants>, Fault> {
    let args::Grants {
        dir,
        env,
        allow_action,
    } = typed;
    if dir.is_empty() && env.is_empty() && allow_action.is_empty() {
        return Ok(None);
    }
    grants(&dir, &env, &allow_action, Path::new("")).map(Some)
}

/// Reads grants in the forms of `--dir`, `--env` and `--allow-action`; directories are relative to `base`.
pub(crate) fn grants(
    dirs: &[String],
    env: &[String],
    actions: &[String],
    base: &Path,
) -> Result<Grants, Fault> {
    let mut grants = Grants::builder();
    // The same directory under the same name twice is one, with the wider rights.
    let mut known: Vec<(String, String, Rights)> = Vec::new();
    for dir in dirs {
        let (host, guest, rights) = directory(dir)?;
        match known
            .iter_mut()
            .find(|(known, name, _)| same_place(base, known, &host) && *name == guest)
        {
            Some((.., known)) => *known = (*known).max(rights),
            None => known.push((host, guest, rights)),
        }
    }
    for (host, guest, rights) in known {
        grants = grants.dir(base.join(host), guest, rights);
    }
    for variable in env {
        let (name, value) = match variable.split_once('=') {
            Some((name, value)) => (name.to_owned(), value.to_owned()),
            None => {
                let value = std::env::var(variable).map_err(|_| {
                    let shown = engine::data::line(variable, 100);
                    Fault::config(format!(
                        "`{shown}` is not set in this environment, or is not text"
                    ))
                    .hint(format!("give it a value: `--env {shown}=VALUE`"))
                })?;
                (variable.clone(), value)
            }
        };
        grants = grants.env(name, value);
    }
    for action in actions {
        grants = grants.action(action);
    }
    grants.build()
}

/// Whether two directories are one, however they are written.
fn same_place(base: &Path, one: &str, other: &str) -> bool {
    let place = |path: &str| base.join(path).canonicalize();
    one == other || matches!((place(one), place(other)), (Ok(one), Ok(other)) if one == other)
}

/// Reads `HOST[::GUEST][:ro|rw]`.
pub(crate) fn directory(typed: &str) -> Result<(String, String, Rights), Fault> {
    let (paths, rights) = if let Some(paths) = typed.strip_suffix(":rw") {
        (paths, Rights::ReadWrite)
    } else {
        (typed.strip_suffix(":ro").unwrap_or(typed), Rights::ReadOnly)
    };
    let (host, guest) = paths.split_once("::").unwrap_or((paths, paths));
    if host.is_empty() || guest.is_empty() {
        return Err(Fault::usage(format!(
            "--dir: `{}` names no directory",
            engine::data::line(typed, 200)
        ))
        .hint("write it as HOST[::GUEST][:ro|rw], such as `./docs::/docs` or `out:rw`"));
    }
    Ok((host.to_owned(), guest.to_owned(), rights))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_read_only_unless_it_says_otherwise() {
        for (typed, host, guest, rights) in [
            ("docs", "docs", "docs", Rights::ReadOnly),
            ("docs:ro", "docs", "docs", Rights::ReadOnly),
            ("docs:rw", "docs", "docs", Rights::ReadWrite),
            ("./a::/b", "./a", "/b", Rights::ReadOnly),
            ("./a::/b:rw", "./a", "/b", Rights::ReadWrite),
            ("/with:colon::/b", "/with:colon", "/b", Rights::ReadOnly),
        ] {
            assert_eq!(
                directory(typed).unwrap(),
                (host.to_owned(), guest.to_owned(), rights),
                "{typed}"
            );
        }
        for typed in ["", "::/b", "a::", ":rw"] {
            assert_eq!(
                directory(typed).unwrap_err().code().as_str(),
                "E-USAGE",
                "{typed}"
            );
        }
    }
}
