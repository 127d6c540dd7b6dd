use std::ops::Range;

use super::Source;
use crate::types::{Descriptor, Fault, Manifest, Phase, text};

/// The custom section that holds a component's manifest.
pub(super) const SECTION: &str = "engine:manifest";

/// Reads the manifest that was found, and finds the functions it speaks of.
///
/// # Errors
///
/// A fault with the code `E-INVALID-COMPONENT` that says what is wrong with it, and where.
pub(super) fn read(
    source: &Source,
    found: Option<Range<usize>>,
    descriptor: &mut Descriptor,
) -> Result<(), Fault> {
    let Some(bytes) = found.and_then(|range| source.content().get(range)) else {
        return Ok(());
    };
    let manifest = Manifest::read(bytes).map_err(|why| wrong(source, &why))?;
    let mut about = vec![None; descriptor.functions.len()];
    for (name, function) in &manifest.functions {
        let position = descriptor.find(name).map_err(|fault| {
            let shown = text::line(name, 200);
            wrong(source, &format!("it speaks of `{shown}`: {fault}"))
        })?;
        let entry = about.get_mut(position);
        if entry.is_none_or(|entry| entry.replace(function.clone()).is_some()) {
            let shown = text::line(name, 200);
            return Err(wrong(source, &format!("it speaks of `{shown}` twice")));
        }
    }
    descriptor.manifest = Some(manifest);
    descriptor.about = about;
    Ok(())
}

/// The fault of a component whose manifest makes no sense.
pub(super) fn wrong(source: &Source, why: &str) -> Fault {
    Fault::malformed(source.name(), format!("its manifest: {why}"))
        .hint("the manifest is the JSON in the custom section `engine:manifest`")
        .at(Phase::Load)
}
