//! `engine policy`: looks at policies and decisions; nothing runs.

mod rules;
mod show;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use engine::data::{Broader, Known, Principal, cedar_schema, line, suggest};
use engine::{Call, Config, Descriptor, Event, Fault, Status};
use serde_json::json;

use super::{finish, load};
use crate::args::{
    self, Generalise, Output, PolicyCheck, PolicyCommand, PolicyExplain, PolicySchema,
    PolicySuggest,
};
use crate::config::{self, Settled};
use crate::exit;
use crate::render::Printer;
use crate::settings;

/// `engine policy`.
pub(super) fn run(typed: PolicyCommand, global: &args::Global, printer: &Printer) -> ExitCode {
    let (json, done) = match typed {
        PolicyCommand::Check(typed) => {
            let json = typed.output == Output::Json;
            return match check(typed, global, printer) {
                Ok(code) => code,
                Err(fault) => finish(Err(fault), json, printer),
            };
        }
        PolicyCommand::Explain(typed) => (
            typed.output == Output::Json,
            explain(*typed, global, printer),
        ),
        PolicyCommand::Suggest(typed) => (typed.output == Output::Json, propose(typed, printer)),
        PolicyCommand::Schema(typed) => (false, schema(typed, global, printer)),
    };
    finish(done, json, printer)
}

fn check(typed: PolicyCheck, global: &args::Global, printer: &Printer) -> Result<ExitCode, Fault> {
    let PolicyCheck {
        files,
        component,
        config,
        output,
    } = typed;
    let settled = config::load(config.as_deref(), global)?;
    let mut all = settled.policies.clone();
    all.extend(files);
    if all.is_empty() && settled.rules.is_empty() {
        return Err(
            Fault::usage("there are no policies and no rules to check").hint(
                "name files of Cedar policies, or a configuration with `policies` or `[[rules]]`",
            ),
        );
    }
    let known = known(&component, &settled, global)?;
    let mut problems = match config::read_policies(&all)? {
        Ok(policies) => policies.check(&known),
        Err(problems) => problems,
    };
    let mut checked = all.clone();
    if let Some(file) = settled.file.as_ref().filter(|_| !settled.rules.is_empty()) {
        let text = config::read_text(file, "the configuration")?;
        problems.extend(rules::check(&settled.rules, &known, &text));
        checked.push(file.clone());
    }
    let errors = problems.iter().filter(|problem| !problem.warning).count();
    match output {
        Output::Json => {
            let problems: Vec<_> = problems.iter().map(show::problem_json).collect();
            printer.data(&json!({ "ok": errors == 0, "problems": problems }).to_string())?;
        }
        Output::Text => {
            for problem in &problems {
                printer.note(&show::problem(problem));
            }
            if errors == 0 {
                printer.note(&format!(
                    "checked {} against {} functions\n",
                    listed(&checked),
                    known.len()
                ));
            }
        }
    }
    Ok(if errors == 0 {
        ExitCode::SUCCESS
    } else {
        exit::failed(Status::Invalid)
    })
}

fn listed(files: &[PathBuf]) -> String {
    let names: Vec<String> = files
        .iter()
        .map(|file| line(&file.to_string_lossy(), 256))
        .collect();
    names.join(", ")
}

fn explain(typed: PolicyExplain, global: &args::Global, printer: &Printer) -> Result<(), Fault> {
    let PolicyExplain {
        component,
        function,
        args,
        guest_args,
        grants,
        guarding,
        output,
    } = typed;
    let settled = config::load(guarding.config.as_deref(), global)?;
    let named = settings::named(&component, &settled);
    let (function, args) = match (&named, function, args) {
        (Some(_), args, None) => (None, args),
        (_, function, args) => (function, args),
    };
    let lock = settled.lock()?;
    if let Some(name) = &named {
        settings::known(name, &settled, &lock)?;
    }
    let arguments = settings::arguments(args.as_deref())?;
    let entry = named
        .as_ref()
        .and_then(|name| settled.capabilities.get(name));
    let file = entry.map_or(component, |entry| entry.component.clone());
    if !guest_args.is_empty() && (named.is_some() || function.is_some()) {
        return Err(settings::words_of_a_function());
    }
    let call = match (named, function) {
        (Some(name), _) => Call::capability(name, arguments),
        (None, Some(function)) => Call::function(function, arguments),
        (None, None) => {
            let words = std::iter::once("command".to_owned()).chain(guest_args);
            Call::command(words, engine::Stdin::Empty)
        }
    };
    let mut call = call.principal(Principal::new(&guarding.principal));
    let mut config = Config::new().policies(settled.policies(&guarding)?);
    if let Some(home) = settings::home(global) {
        config = config.home(home);
    }
    config = settled.protect(config, &guarding);
    let own = settings::settle_grants(grants)?;
    let limits = settled.limits.unwrap_or_default();
    let (config, caller) = settings::layered(&settled, config, limits, own);
    if let Some(grants) = caller.1 {
        call = call.grants(grants);
    }
    let config = settled.apply(config, &lock)?;
    let engine = load::engine(global)?.config(config).build()?;
    let source = load::source(&file, settled.minisign_key.as_deref())?;
    let compiled = engine.load_blocking(&source)?;
    let explanation = block_on(engine.explain(&compiled, call))??;
    match output {
        Output::Text => printer.data(&show::explanation(&explanation)),
        Output::Json => printer.data(&show::explanation_json(&explanation).to_string()),
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> Result<T, Fault> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Fault::system("starting the asynchronous runtime").caused_by(error))?;
    Ok(runtime.block_on(future))
}

fn propose(typed: PolicySuggest, printer: &Printer) -> Result<(), Fault> {
    let PolicySuggest {
        events,
        generalise,
        output,
    } = typed;
    let shown = line(&events.to_string_lossy(), 256);
    let text = config::read_bounded(&events, "the events", 256 << 20)?;
    let mut read = Vec::new();
    for (number, row) in text.lines().enumerate().filter(|(_, row)| !row.is_empty()) {
        let event = Event::from_json(row).map_err(|error| {
            Fault::usage(format!(
                "{shown}:{}: {}",
                number + 1,
                line(&error.to_string(), 400)
            ))
            .hint("events are JSON Lines, from `--events FILE` or `engine events export`")
        })?;
        read.push(event);
    }
    let broader = Broader {
        arguments: generalise.contains(&Generalise::Arguments),
        principals: generalise.contains(&Generalise::Principals),
    };
    let found = suggest(&read, broader);
    match output {
        Output::Json => printer.data(
            &json!({
                "policies": found.policies,
                "flags": found.flags,
                "left_out": found.left_out,
            })
            .to_string(),
        ),
        Output::Text => {
            for reason in &found.left_out {
                printer.note(&format!("left out: {}\n", line(reason, 600)));
            }
            if !found.flags.is_empty() {
                printer.data(&format!(
                    "// grants: {}\n",
                    line(&found.flags.join(" "), 8192)
                ))?;
            }
            if found.policies.is_empty() {
                if found.left_out.is_empty() {
                    printer.note("no call in these events was permitted\n");
                }
                return Ok(());
            }
            printer.data(&engine::data::block(&found.policies.join("\n\n")))
        }
    }
}

fn schema(typed: PolicySchema, global: &args::Global, printer: &Printer) -> Result<(), Fault> {
    let PolicySchema { component, config } = typed;
    let settled = config::load(config.as_deref(), global)?;
    printer.data(cedar_schema(&known(&component, &settled, global)?).trim_end())
}

/// The functions that policies may speak of: those of the components that are named, and the configured ones.
fn known(
    components: &[PathBuf],
    settled: &Settled,
    global: &args::Global,
) -> Result<Vec<Known>, Fault> {
    let mut known = Vec::new();
    let mut digests = BTreeMap::new();
    for component in components {
        let compiled = load::compiled(component, settled.minisign_key.as_deref(), global)?;
        let shape = compiled.describe();
        let (name, digest) = (shape.name().to_owned(), shape.digest());
        if let Some(other) = digests.insert(name.clone(), digest) {
            if other == digest {
                continue;
            }
            return Err(
                Fault::usage(format!("two components are called `{name}`")).hint(
                    "policies name components by the names of their files: give one another name",
                ),
            );
        }
        known.extend(Known::all(shape));
    }
    for (name, entry) in &settled.capabilities {
        let compiled = load::compiled(&entry.component, settled.minisign_key.as_deref(), global)?;
        let shape = compiled.describe();
        known.push(configured(name, shape, &entry.function)?);
        // Policies can speak of it by its component's name and its function's, too.
        if !digests.contains_key(shape.name()) {
            digests.insert(shape.name().to_owned(), shape.digest());
            known.extend(Known::all(shape));
        }
    }
    Ok(known)
}

fn configured(name: &str, shape: &Descriptor, function: &str) -> Result<Known, Fault> {
    let position = shape.find(function)?;
    Ok(Known::named(name, shape, position))
}
