//! Everything decided: from what was typed, the environment and the files it names.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use engine::{Bytes, Call, Config, Fault, Grants, Json, Limits, Rights, Stdin};

use crate::args::{self, EventsFormat, Output};

/// The most output that is passed straight through.
const PASSED_THROUGH: Bytes = Bytes::mib(1024);
/// The most arguments that are read from a file or from standard input.
const MOST_ARGUMENTS: u64 = 64 << 20;

/// `engine exec`, decided.
pub(crate) struct Exec {
    pub(crate) component: PathBuf,
    pub(crate) call: Call,
    pub(crate) kind: Kind,
    pub(crate) config: Config,
    pub(crate) output: Output,
    pub(crate) events: Option<Events>,
    /// The journal to append to, and the key that signs it.
    pub(crate) journal: Option<(PathBuf, Option<PathBuf>)>,
    /// Why it cannot run at all; it is still told as a run.
    pub(crate) problem: Option<Fault>,
}

/// Where events go.
pub(crate) struct Events {
    pub(crate) to: EventsTo,
    pub(crate) format: EventsFormat,
    /// Files that the run reads, and that events must not replace.
    pub(crate) inputs: Vec<PathBuf>,
}

pub(crate) enum EventsTo {
    Stderr,
    File(PathBuf),
}

/// What is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Function,
    Command,
}

impl Exec {
    pub(crate) fn resolve(typed: args::Exec, global: &args::Global) -> Self {
        let args::Exec {
            component,
            function,
            args,
            guest_args,
            output,
            events,
            events_format,
            journal,
            limits,
            grants,
        } = typed;
        let kind = if function.is_some() {
            Kind::Function
        } else {
            Kind::Command
        };
        let mut problem = None;
        let mut keep = |fault: Fault| {
            problem.get_or_insert(fault);
        };
        let captured = kind == Kind::Function || output == Output::Json || events.is_some();
        let mut config = Config::new();
        match settle_limits(limits, captured) {
            Ok(limits) => config = config.limits(limits),
            Err(fault) => keep(fault),
        }
        let home = home(global);
        if let Some(home) = &home {
            config = config.home(home.clone());
        }
        if let Some(journal) = &journal {
            config = config.home(journal.clone());
        }
        let granted = settle_grants(grants).and_then(|grants| {
            let kept = home.iter().chain(&journal);
            kept.into_iter()
                .try_for_each(|kept| grants.check_home(kept))?;
            Ok(grants)
        });
        match granted {
            Ok(grants) => config = config.grants(grants),
            Err(fault) => keep(fault),
        }
        let call = match function {
            Some(function) => {
                let read = if guest_args.is_empty() {
                    arguments(args.as_deref())
                } else {
                    Err(Fault::usage(
                        "a function takes its arguments as JSON, and nothing after `--`",
                    )
                    .hint("leave out the function to run the component as a command"))
                };
                let arguments = read.unwrap_or_else(|fault| {
                    keep(fault);
                    Json::null()
                });
                Call::function(function, arguments)
            }
            None => {
                let own = component
                    .file_name()
                    .unwrap_or(component.as_os_str())
                    .to_string_lossy()
                    .into_owned();
                Call::command(std::iter::once(own).chain(guest_args), Stdin::Inherit)
            }
        };
        let events = events.map(|to| Events {
            to: if to == "-" {
                EventsTo::Stderr
            } else {
                EventsTo::File(to.into())
            },
            format: events_format,
            inputs: std::iter::once(component.clone())
                .chain(args.as_deref().and_then(named_file))
                .chain(journal.clone())
                .collect(),
        });
        Self {
            component,
            call,
            kind,
            config,
            output,
            events,
            journal: journal.map(|file| (file, home.as_deref().map(key))),
            problem,
        }
    }

    /// The component's name, as its source would have it.
    pub(crate) fn name(&self) -> String {
        let name = self.component.file_stem().unwrap_or_default();
        name.to_string_lossy().into_owned()
    }
}

/// The key that signs journals.
pub(crate) fn key(home: &Path) -> PathBuf {
    home.join("journal.key")
}

/// The file that arguments come from.
fn named_file(typed: &str) -> Option<PathBuf> {
    typed.strip_prefix('@').map(PathBuf::from)
}

/// The engine's own directory; `None` where the user has no home either.
pub(crate) fn home(global: &args::Global) -> Option<PathBuf> {
    let absolute = |path: PathBuf| std::path::absolute(&path).unwrap_or(path);
    if let Some(home) = &global.home {
        return Some(absolute(home.clone()));
    }
    let data = match std::env::var_os("XDG_DATA_HOME").filter(|dir| Path::new(dir).is_absolute()) {
        Some(data) => PathBuf::from(data),
        None => std::env::home_dir()?.join(if cfg!(target_os = "macos") {
            "Library/Application Support"
        } else {
            ".local/share"
        }),
    };
    Some(data.join("engine"))
}

fn arguments(typed: Option<&str>) -> Result<Json, Fault> {
    let text = match typed {
        None => "{}".to_owned(),
        Some("-") => read("standard input", std::io::stdin().lock())?,
        Some(word) => match word.strip_prefix('@') {
            Some(path) => {
                let file = open(path)?;
                read(path, file)?
            }
            None => word.to_owned(),
        },
    };
    Json::from_text(text).map_err(|error| {
        let fault = Fault::arguments(&error);
        match typed {
            Some(word) if !word.starts_with(['{', '[', '@']) && word != "-" => fault.hint(format!(
                "arguments are one JSON array by position, such as `[\"{}\"]`, or one JSON object by \
                 parameter name",
                engine::data::line(word, 40)
            )),
            _ => fault
                .hint("arguments are a JSON object by parameter name, or a JSON array by position"),
        }
    })
}

#[expect(
    clippy::disallowed_methods,
    reason = "a file that the user named on the command line"
)]
fn open(path: &str) -> Result<std::fs::File, Fault> {
    std::fs::File::open(path).map_err(|error| unreadable(path, error))
}

fn read(name: &str, from: impl std::io::Read) -> Result<String, Fault> {
    let mut text = String::new();
    let length = from
        .take(MOST_ARGUMENTS + 1)
        .read_to_string(&mut text)
        .map_err(|error| unreadable(name, error))?;
    if length as u64 > MOST_ARGUMENTS {
        return Err(Fault::usage(format!(
            "the arguments in `{}` are over 64MiB",
            engine::data::line(name, 200)
        )));
    }
    Ok(text)
}

fn unreadable(name: &str, error: std::io::Error) -> Fault {
    Fault::usage(format!(
        "cannot read the arguments from `{}`",
        engine::data::line(name, 200)
    ))
    .caused_by(error)
}

fn settle_limits(typed: args::Limits, captured: bool) -> Result<Limits, Fault> {
    let args::Limits {
        fuel,
        memory,
        timeout,
        max_output,
    } = typed;
    let mut limits = Limits::builder();
    if let Some(most) = quantity("--fuel", fuel)? {
        limits = limits.fuel(most);
    }
    if let Some(most) = quantity("--memory", memory)? {
        limits = limits.memory(most);
    }
    if let Some(longest) = quantity("--timeout", timeout)? {
        limits = limits.wall(longest);
    }
    match quantity("--max-output", max_output)? {
        Some(most) => limits = limits.output(most),
        None if !captured => limits = limits.output(PASSED_THROUGH),
        None => {}
    }
    limits
        .build()
        .map_err(|error| Fault::config(error.to_string()))
}

fn quantity<T>(flag: &str, typed: Option<String>) -> Result<Option<T>, Fault>
where
    T: std::str::FromStr<Err = engine::data::QuantityError>,
{
    typed
        .map(|text| {
            text.parse()
                .map_err(|error| Fault::usage(format!("{flag}: {error}")))
        })
        .transpose()
}

fn settle_grants(typed: args::Grants) -> Result<Grants, Fault> {
    let args::Grants { dir, env } = typed;
    let mut grants = Grants::builder();
    for dir in dir {
        let (host, guest, rights) = directory(&dir)?;
        grants = grants.dir(host, guest, rights);
    }
    for variable in env {
        let (name, value) = match variable.split_once('=') {
            Some((name, value)) => (name.to_owned(), value.to_owned()),
            None => {
                let value = std::env::var(&variable).map_err(|_| {
                    let shown = engine::data::line(&variable, 100);
                    Fault::config(format!(
                        "`{shown}` is not set in this environment, or is not text"
                    ))
                    .hint(format!("give it a value: `--env {shown}=VALUE`"))
                })?;
                (variable, value)
            }
        };
        grants = grants.env(name, value);
    }
    grants.build()
}

/// Reads `HOST[::GUEST][:ro|rw]`.
fn directory(typed: &str) -> Result<(String, String, Rights), Fault> {
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
