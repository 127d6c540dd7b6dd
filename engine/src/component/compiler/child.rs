use std::io::{self, BufRead, Read as _, Write as _};
use std::process::ExitCode;

use rustix::process::{Resource, Rlimit, getppid, getrlimit, setrlimit};
use wasmtime::{Engine, OutOfMemory};

use super::{Answer, Came, Order};
use crate::component::{Source, cache, compile, config};

/// The longest order, in bytes.
const LONGEST_ORDER: u64 = 4096;

pub(super) fn serve() -> ExitCode {
    match work() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Where nobody listens, the exit code has to do.
            writeln!(io::stderr(), "{error}").ok();
            ExitCode::FAILURE
        }
    }
}

fn work() -> io::Result<()> {
    let mut input = io::stdin().lock();
    let mut line = String::new();
    (&mut input).take(LONGEST_ORDER).read_line(&mut line)?;
    let order: Order = serde_json::from_str(&line).map_err(|error| {
        io::Error::other(format!(
            "this is for engines that compile, not for people: {error}"
        ))
    })?;
    bind(&order)?;
    let mut component = Vec::new();
    input
        .take(Source::LARGEST.get())
        .read_to_end(&mut component)?;
    let engine = Engine::new(&config::config(order.deterministic)).map_err(io::Error::other)?;
    let made = engine.precompile_component(&component);
    let (came, code) = match made {
        Ok(code) => (Came::Code(code.len() as u64), code),
        Err(error) if error.is::<OutOfMemory>() => (Came::OutOfMemory, Vec::new()),
        Err(error) => (Came::Refused(compile::reason(&error)), Vec::new()),
    };
    let mut answer = serde_json::to_vec(&Answer {
        compatible: cache::compatibility(&engine),
        came,
    })?;
    answer.push(b'\n');
    let mut output = io::stdout().lock();
    output.write_all(&answer)?;
    output.write_all(&code)?;
    output.flush()
}

/// Bounds this process, before it has seen anything that somebody else made.
fn bind(order: &Order) -> io::Result<()> {
    at_most(Resource::Core, 0)?;
    at_most(Resource::Fsize, 0)?;
    at_most(Resource::Data, order.memory_bytes)?;
    at_most(Resource::Cpu, order.processor_secs)?;
    #[cfg(target_os = "linux")]
    {
        use rustix::process::{
            DumpableBehavior, Signal, set_dumpable_behavior, set_parent_process_death_signal,
        };
        set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
        set_parent_process_death_signal(Some(Signal::KILL))?;
        rustix::thread::set_no_new_privs(true)?;
    }
    // Whoever asked may have ended before the signal was set.
    let parent = getppid().map(|parent| parent.as_raw_nonzero().get());
    if parent.and_then(|parent| u32::try_from(parent).ok()) != Some(order.parent) {
        return Err(io::Error::other("whoever asked has ended"));
    }
    Ok(())
}

/// Lowers a bound of this process for good; one that is lower already stays.
fn at_most(resource: Resource, most: u64) -> io::Result<()> {
    // Over the lower one of two bounds on processor time a signal says so, over the upper one nothing does.
    let upper = most.saturating_add(u64::from(resource == Resource::Cpu));
    let upper = match getrlimit(resource).maximum {
        Some(already) => already.min(upper),
        None => upper,
    };
    let bound = Rlimit {
        current: Some(most.min(upper)),
        maximum: Some(upper),
    };
    Ok(setrlimit(resource, bound)?)
}
