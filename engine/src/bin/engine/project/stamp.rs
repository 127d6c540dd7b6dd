use engine::Fault;
use wasm_encoder::{
    ComponentExportKind, ComponentInstanceSection, ComponentSection as _, CustomSection, RawSection,
};
use wasm_metadata::AddMetadata;
use wasmparser::{BinaryReaderError, ComponentExternalKind, Parser, Payload};

/// The custom section that has the manifest.
const SECTION: &str = "engine:manifest";

/// What made a component, for its section `producers`.
#[derive(Clone, Debug)]
pub(crate) struct Tool {
    pub(crate) name: &'static str,
    pub(crate) version: String,
    /// The language, where the tool does not say it itself.
    pub(super) language: Option<&'static str>,
    /// What it leaves among the exports for itself: what it called to make a snapshot.
    pub(super) leftover: Option<&'static str>,
}

/// Writes into a component what made it and, if it has none, its manifest; takes away what the tool left there.
///
/// # Errors
///
/// A fault with the code `E-BUILD` if what the tool made is no WebAssembly.
pub(super) fn stamp(
    component: &[u8],
    manifest: Option<&str>,
    tool: &Tool,
) -> Result<Vec<u8>, Fault> {
    let wrong = |error: String| {
        Fault::build(format!("what `{}` made is no component", tool.name)).caused_by(error)
    };
    let component = match tool.leftover {
        Some(leftover) => without(component, leftover).map_err(|error| wrong(error.to_string()))?,
        None => component.to_vec(),
    };
    let mut made = AddMetadata::default();
    made.processed_by = vec![("engine".to_owned(), env!("CARGO_PKG_VERSION").to_owned())];
    if let Some(language) = tool.language {
        made.language = vec![(language.to_owned(), String::new())];
        made.processed_by
            .push((tool.name.to_owned(), tool.version.clone()));
    }
    let mut stamped = made
        .to_wasm(&component)
        .map_err(|error| wrong(format!("{error:#}")))?;
    if let Some(manifest) = manifest {
        CustomSection {
            name: SECTION.into(),
            data: manifest.as_bytes().into(),
        }
        .append_to_component(&mut stamped);
    }
    Ok(stamped)
}

/// A component without one of its exports, of which nothing else in it speaks.
///
/// The numbers of instances stay as they are. Those of functions need not: only instances are exported after them.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "every other section is copied"
)]
fn without(component: &[u8], leftover: &str) -> Result<Vec<u8>, BinaryReaderError> {
    let mut kept = Vec::with_capacity(component.len());
    let mut depth = 0_u32;
    for payload in Parser::new(0).parse_all(component) {
        let payload = payload?;
        if depth == 0 {
            match &payload {
                Payload::Version { range, .. } => {
                    kept.extend_from_slice(component.get(range.clone()).unwrap_or_default());
                }
                Payload::ComponentExportSection(section) => {
                    let exports: Vec<_> = section.clone().into_iter().collect::<Result<_, _>>()?;
                    match exports.as_slice() {
                        [only] if only.name.name == leftover => {
                            if only.kind == ComponentExternalKind::Instance {
                                // An empty instance takes the number.
                                let mut empty = ComponentInstanceSection::new();
                                empty.export_items(std::iter::empty::<(
                                    &str,
                                    ComponentExportKind,
                                    u32,
                                )>());
                                empty.append_to_component(&mut kept);
                            }
                        }
                        _ => copy(&payload, component, &mut kept),
                    }
                }
                _ => copy(&payload, component, &mut kept),
            }
        }
        match payload {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => {
                depth = depth.saturating_add(1);
            }
            Payload::End(_) => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Ok(kept)
}

/// Copies a section as it is.
fn copy(payload: &Payload<'_>, from: &[u8], to: &mut Vec<u8>) {
    if let Some((id, range)) = payload.as_section() {
        let data = from.get(range).unwrap_or_default();
        RawSection { id, data }.append_to_component(to);
    }
}
