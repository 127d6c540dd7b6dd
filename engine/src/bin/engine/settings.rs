//! Everything decided: from what was typed, the environment and the files it names.

mod crew;
mod each;
mod granted;
mod testing;

pub(crate) use crew::{Crew, events, inputs};
pub(crate) use granted::{directory, grants, settle_grants};
pub(crate) use testing::{Project, Test};

use std::io::Read as _;
use std::path::{Path, PathBuf};

use engine::data::{CodeCache, Mode, Principal, Token, is_capability};
use engine::{Bytes, Call, Config, Fault, Grants, Json, Limits, Stdin};

use crate::args::{self, EventsFormat, Output};
use crate::config::{self, Lock, Settled};

/// The most output that is passed straight through.
const PASSED_THROUGH: Bytes = Bytes::mib(1024);
/// The most arguments that are read from a file or from standard input.
pub(crate) const MOST_ARGUMENTS: u64 = 64 << 20;

/// `engine exec`, decided.
pub(crate) struct Exec {
    pub(crate) component: PathBuf,
    /// The function that is called, where a component was named and no capability.
    pub(crate) function: Option<String>,
    pub(crate) call: Call,
    pub(crate) kind: Kind,
    pub(crate) config: Config,
    pub(crate) output: Output,
    pub(crate) events: Option<Events>,
    /// The journal to append to, and the key that signs it.
    pub(crate) journal: Option<(PathBuf, Option<PathBuf>)>,
    /// Where questions about approvals are left: the journal's file, and the key that signs it.
    pub(crate) desk: Option<(PathBuf, Option<PathBuf>)>,
    /// The options with which `engine approvals` finds the questions.
    pub(crate) told: String,
    /// Where compiled code is kept.
    pub(crate) cache: Option<CodeCache>,
    /// Where artifacts are written.
    pub(crate) artifacts: Option<PathBuf>,
    /// The files of the components whose functions the guest may be allowed to call.
    pub(crate) offered: Vec<PathBuf>,
    /// The key that has to have signed every component.
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

impl Events {
    pub(crate) fn are_on_stderr(&self) -> bool {
        matches!(self.to, EventsTo::Stderr)
    }
}

pub(crate) enum EventsTo {
    Stderr,
    File(PathBuf),
}

/// What is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Function,
    /// A function, once for each line of standard input.
    Each,
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
        let output = typed.output();
        let args::Exec {
            component,
            function,
            args,
            guest_args,
            each,
            output: _,
            events,
            events_format,
            journal,
            artifacts,
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
        let kind = match (each, function.is_some() || named.is_some()) {
            (true, _) => Kind::Each,
            (false, true) => Kind::Function,
            (false, false) => Kind::Command,
        };
        if kind == Kind::Each {
            let once = [
                artifacts.as_ref().map(|_| each::Once::Artifacts),
                approval.as_ref().map(|_| each::Once::Approval),
            ];
            let function = function.as_deref().or(named.as_deref());
            problem.or_default(each::check(
                &component,
                function,
                args.as_deref(),
                once.into_iter().flatten().next(),
            ));
        }
        let captured = kind != Kind::Command || output == Output::Json || events.is_some();
        let home = home(global);
        let kept: Vec<PathBuf> = home.iter().chain(&journal).cloned().collect();
        let mut config = kept.iter().fold(Config::new(), Config::home);
        config = settled.protect(config, &guarding);
        let own_limits =
            problem.or_default(settle_limits(limits, captured, settled.limits.as_ref()));
        for name in &grants.allow_action {
            problem.or_default(known(name, &settled, &lock));
        }
        let offered = settled.callable(&grants.allow_action, &lock);
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
        let called = function.clone().filter(|_| named.is_none());
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
                let read = match kind {
                    _ if !guest_args.is_empty() => Err(words_of_a_function()),
                    // They come line by line.
                    Kind::Each => Ok(None),
                    Kind::Function | Kind::Command => arguments(args.as_deref()).map(Some),
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
            function: called,
            call,
            kind,
            config,
            output,
            events,
            told: told(global, journal.as_deref()),
            journal: journal.map(|file| (file, key.clone())),
            desk: desk.map(|file| (file, key)),
            artifacts,
            cache: problem.or_default(code_cache(global)),
            offered,
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
        .hint(format!(
            "look at it with `engine inspect`, then run `engine lock{}`",
            config_option(settled.file.as_deref())
        ))),
        None => Err(Fault::unknown_capability(
            name,
            settled.capabilities.keys().map(String::as_str),
        )),
    }
}

/// The cache of compiled code in the engine's home; `None` where nothing can be kept.
///
/// # Errors
///
/// A fault if there is one that somebody else could have written to.
pub(crate) fn code_cache(global: &args::Global) -> Result<Option<CodeCache>, Fault> {
    let Some(home) = home(global) else {
        return Ok(None);
    };
    match CodeCache::open(home.join("cache")) {
        Ok(cache) => Ok(Some(cache)),
        Err(fault) if is_read_only(&fault) => Ok(None),
        Err(fault) => Err(fault),
    }
}

/// Whether something could not be made because nothing can be made there.
fn is_read_only(fault: &Fault) -> bool {
    use std::io::ErrorKind;
    let cause = std::error::Error::source(fault);
    let kind = cause.and_then(|cause| cause.downcast_ref::<std::io::Error>());
    kind.is_some_and(|error| {
        matches!(
            error.kind(),
            ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem | ErrorKind::StorageFull
        )
    })
}

/// The options with which another command finds this home and this journal, each with a space before it.
///
/// A home that the environment names is found there again.
pub(crate) fn told(global: &args::Global, journal: Option<&Path>) -> String {
    let typed = global.home.as_deref();
    let typed =
        typed.filter(|home| std::env::var_os("ENGINE_HOME").is_none_or(|env| env != **home));
    let home = typed.map(|home| option("home", home));
    let journal = journal.map(|journal| option("journal", journal));
    home.into_iter().chain(journal).collect()
}

/// The option that names a configuration, with a space before it; nothing where the environment names it.
fn config_option(file: Option<&Path>) -> String {
    let file =
        file.filter(|file| std::env::var_os("ENGINE_CONFIG").is_none_or(|env| env != **file));
    file.map(|file| option("config", file)).unwrap_or_default()
}

/// An option with a path, as a shell takes it, with a space before it.
fn option(name: &str, path: &Path) -> String {
    let shown = engine::data::line(&path.to_string_lossy(), 256);
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+:@%,".contains(c);
    if shown.chars().all(plain) {
        format!(" --{name} {shown}")
    } else {
        format!(" --{name} '{}'", shown.replace('\'', r"'\''"))
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

pub(crate) fn unreadable(name: &str, error: std::io::Error) -> Fault {
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
