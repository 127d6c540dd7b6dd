use std::process::ExitCode;

use engine::Fault;
use engine::data::Grant;

use super::{finish, load};
use crate::args::{self, Output};
use crate::render::{self, Printer};
use crate::{config, settings};

/// `engine inspect`.
pub(super) fn run(typed: args::Inspect, global: &args::Global, printer: &Printer) -> ExitCode {
    let json = typed.output == Output::Json;
    finish(inspected(typed, global, printer), json, printer)
}

fn inspected(typed: args::Inspect, global: &args::Global, printer: &Printer) -> Result<(), Fault> {
    let args::Inspect {
        component,
        grants,
        config,
        output,
    } = typed;
    let settled = config::load(config.as_deref(), global)?;
    let granted: Vec<Grant> = settings::settle_grants(grants)?
        .or(settled.grants)
        .map(|grants| grants.list())
        .unwrap_or_default();
    let compiled = load::compiled(&component, settled.minisign_key.as_deref(), global)?;
    let shape = compiled.describe();
    printer.data(&match output {
        Output::Text => render::inspect_text(shape, &granted),
        Output::Json => render::inspect_json(shape, &granted).to_string(),
    })
}
