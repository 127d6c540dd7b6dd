//! Everything decided: from what was typed, the environment and the files it names.

mod crew;
mod testing;

pub(crate) use crew::{Crew, events, inputs};
pub(crate) use testing::{Project, Test};

use std::io::Read as _;
use std::path::{Path, PathBuf};

use engine::data::{Mode, Principal, Token, is_capability};
use engine::{Bytes, Call, Config, Fault, Grants, Json, Limits, Rights, Stdin};

use crate::args::{self, EventsFormat, Output};
use crate::config::{self, Lock, Settled};

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
    /// Where questions about approvals are left: the journal's file, and the key that signs it.
    pub(crate) desk: Option<(PathBuf, Option<PathBuf>)>,
    /// The key that has to have signed the component.
    pub(crate) minisign_key: Option<String>,
    /// How policies are applied.
    pub(crate) mode: Mode,
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

/// Keeps the first problem and goes on with a default.
struct Problem(Option<Fault>);

impl Problem {
    fn or_default<T: Default>(&mut self, settled: Result<T, Fault>) -> T {
        settled.unwrap_or_else(|fault| {
            self.0.get_or_insert(fault);
            T::default()
        })
    }
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
            deterministic,
            limits,
            grants,
            guarding,
            approval,
        } = typed;
        let mut problem = Problem(None);
        let settled = problem.or_default(config::load(guarding.config.as_deref(), global));
        let lock = problem.or_default(settled.lock());
        let typed_name = named(&component, &settled);
        let named = typed_name
            .clone()
            .map(|name| repaired(name, &settled, &lock));
        let misspelt = typed_name.filter(|name| Some(name) != named.as_ref());
        // The name of a capability says which function is meant, so what follows are its arguments.
        let (function, args) = match (&named, function, args) {
            (Some(_), Some(_), Some(_)) => {
                let fault = Fault::usage("a capability's name takes no function")
                    .hint("its arguments follow the name");
                problem.0.get_or_insert(fault);
                (None, None)
            }
            (Some(_), args, None) => (None, args),
            (_, function, args) => (function, args),
        };
        let kind = if function.is_some() || named.is_some() {
            Kind::Function
        } else {
            Kind::Command
        };
        let captured = kind == Kind::Function || output == Output::Json || events.is_some();
        let home = home(global);
        let kept: Vec<PathBuf> = home.iter().chain(&journal).cloned().collect();
        let mut config = kept.iter().fold(Config::new(), Config::home);
        config = settled.protect(config, &guarding);
        let own_limits =
            problem.or_default(settle_limits(limits, captured, settled.limits.as_ref()));
        let own_grants = settle_grants(grants).and_then(|grants| {
            let kept = kept.iter();
            if let Some(grants) = &grants {
                kept.into_iter()
                    .try_for_each(|kept| grants.check_home(kept))?;
            }
            Ok(grants)
        });
        let own_grants = problem.or_default(own_grants);
        let policies = problem.or_default(settled.policies(&guarding));
        let mode = policies.mode();
        config = config.policies(policies);
        config = problem.or_default(settled.apply(config, &lock));
        if deterministic {
            config = config.deterministic();
        }
        let (config, caller) = layered(&settled, config, own_limits, own_grants);
        let call = match (&named, function) {
            (None, None) => {
                let own = component
                    .file_name()
                    .unwrap_or(component.as_os_str())
                    .to_string_lossy()
                    .into_owned();
                Call::command(std::iter::once(own).chain(guest_args), Stdin::Inherit)
            }
            (named, function) => {
                let read = if guest_args.is_empty() {
                    arguments(args.as_deref()).map(Some)
                } else {
                    Err(words_of_a_function())
                };
                let arguments = problem.or_default(read).unwrap_or_else(Json::null);
                match (named, function) {
                    (Some(name), _) => Call::capability(name, arguments),
                    (None, function) => Call::function(function.unwrap_or_default(), arguments),
                }
            }
        };
        let mut call = call.principal(Principal::new(&guarding.principal));
        if let Some(original) = misspelt {
            call = call.misspelt(original);
        }
        if let Some(limits) = caller.0 {
            call = call.limits(limits);
        }
        if let Some(grants) = caller.1 {
            call = call.grants(grants);
        }
        let approval = approval.map(|token| token.parse::<Token>()).transpose();
        if let Some(token) = problem.or_default(approval) {
            call = call.approval(token);
        }
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
        let key = home.as_deref().map(key);
        let desk = journal
            .clone()
            .or_else(|| home.map(|home| home.join("journal.db")));
        let found = named
            .as_ref()
            .and_then(|name| settled.capabilities.get(name));
        if let Some(name) = &named {
            problem.or_default(known(name, &settled, &lock));
        }
        Self {
            component: found.map_or(component, |entry| entry.component.clone()),
            call,
            kind,
            config,
            output,
            events,
            journal: journal.map(|file| (file, key.clone())),
            desk: desk.map(|file| (file, key)),
            minisign_key: settled.minisign_key,
            mode,
            problem: problem.0,
        }
    }

    /// The component's name, as its source would have it.
    pub(crate) fn name(&self) -> String {
        engine::Source::name_of(&self.component)
    }
}

/// The fault of words for a command where a function is called.
pub(crate) fn words_of_a_function() -> Fault {
    Fault::usage("a function takes its arguments as JSON, and nothing after `--`")
        .hint("leave out the function to run the component as a command")
}

/// Puts limits and grants into the layers that they belong to, and returns the caller's: without a configuration
/// the command line is the operator's, with one it narrows it.
pub(crate) fn layered(
    settled: &Settled,
    mut config: Config,
    limits: Limits,
    grants: Option<Grants>,
) -> (Config, (Option<Limits>, Option<Grants>)) {
    let mut caller = (None, None);
    if let Some(file) = &settled.file {
        config = config.granted_in(file);
    }
    match (&settled.file, settled.limits) {
        (Some(_), Some(most)) => {
            config = config.limits(most);
            caller.0 = Some(limits);
        }
        _ => config = config.limits(limits),
    }
    match (&settled.file, settled.grants.clone()) {
        (Some(_), Some(most)) => {
            config = config.grants(most);
            caller.1 = grants;
        }
        (Some(_), None) => caller.1 = grants,
        (None, _) => config = config.grants(grants.unwrap_or_default()),
    }
    (config, caller)
}

/// The capability that is meant, unless there is a file of that name.
pub(crate) fn named(component: &Path, settled: &Settled) -> Option<String> {
    let name = component.to_str()?;
    // A name without its version is none, and is told so by name.
    let unversioned = format!("{name}.v");
    let known = settled.capabilities.keys();
    let meant = is_capability(name) || known.into_iter().any(|full| full.starts_with(&unversioned));
    (meant && !component.exists()).then(|| name.to_owned())
}

/// The name that a misspelt one stands for, if names are repaired: the only one that is locked and at most
/// two letters away.
fn repaired(name: String, settled: &Settled, lock: &Lock) -> String {
    if !settled.repair_names || settled.capabilities.contains_key(&name) {
        return name;
    }
    let mut close: Vec<(usize, &String)> = settled
        .capabilities
        .iter()
        .filter(|(_, entry)| lock.get(&entry.written).is_some())
        .map(|(known, _)| (engine::data::distance(known, &name), known))
        .filter(|(distance, _)| *distance <= 2)
        .collect();
    close.sort();
    match close.as_slice() {
        [(_, only)] => (*only).clone(),
        [(near, first), (far, _), ..] if near < far => (*first).clone(),
        _ => name,
    }
}

/// Fails for a name that nobody configured, or that is not locked.
pub(crate) fn known(name: &str, settled: &Settled, lock: &Lock) -> Result<(), Fault> {
    match settled.capabilities.get(name) {
        Some(entry) if lock.get(&entry.written).is_some() => Ok(()),
        Some(entry) => Err(Fault::config(format!(
            "`{name}` is not locked: nobody has looked at `{}`",
            engine::data::line(&entry.written, 256)
        ))
        .hint("look at it with `engine inspect`, then run `engine lock`")),
        None => Err(Fault::unknown_capability(
            name,
            settled.capabilities.keys().map(String::as_str),
        )),
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

pub(crate) fn arguments(typed: Option<&str>) -> Result<Json, Fault> {
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

fn settle_limits(
    typed: args::Limits,
    captured: bool,
    configured: Option<&Limits>,
) -> Result<Limits, Fault> {
    let args::Limits {
        fuel,
        memory,
        timeout,
        max_output,
    } = typed;
    let output = (!captured && configured.is_none()).then_some(PASSED_THROUGH);
    limits(
        ["--fuel", "--memory", "--timeout", "--max-output"],
        [fuel, memory, timeout, max_output],
        output,
        configured,
    )
}

/// Reads limits from their text forms; what is left out is as in `base`, or has its default.
pub(crate) fn limits(
    names: [&str; 4],
    texts: [Option<String>; 4],
    output: Option<Bytes>,
    base: Option<&Limits>,
) -> Result<Limits, Fault> {
    let mut limits = base.map_or_else(Limits::builder, Limits::edit);
    let ([fuel, memory, timeout, most], [as_fuel, as_memory, as_timeout, as_output]) =
        (texts, names);
    if let Some(most) = quantity(as_fuel, fuel)? {
        limits = limits.fuel(most);
    }
    if let Some(most) = quantity(as_memory, memory)? {
        limits = limits.memory(most);
    }
    if let Some(longest) = quantity(as_timeout, timeout)? {
        limits = limits.wall(longest);
    }
    if let Some(most) = quantity(as_output, most)?.or(output) {
        limits = limits.output(most);
    }
    limits
        .build()
        .map_err(|error| Fault::config(error.to_string()))
}

fn quantity<T>(name: &str, written: Option<String>) -> Result<Option<T>, Fault>
where
    T: std::str::FromStr<Err = engine::data::QuantityError>,
{
    written
        .map(|text| {
            text.parse()
                .map_err(|error| Fault::usage(format!("{name}: {error}")))
        })
        .transpose()
}

/// The grants of the command line; `None` if there are none.
pub(crate) fn settle_grants(typed: args::Grants) -> Result<Option<Grants>, Fault> {
    let args::Grants { dir, env } = typed;
    if dir.is_empty() && env.is_empty() {
        return Ok(None);
    }
    grants(&dir, &env, Path::new("")).map(Some)
}

/// Reads grants in the forms of `--dir` and `--env`; directories are relative to `base`.
pub(crate) fn grants(dirs: &[String], env: &[String], base: &Path) -> Result<Grants, Fault> {
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
