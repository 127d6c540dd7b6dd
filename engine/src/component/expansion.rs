//! How large a component becomes when every nested component is put in wherever it is instantiated.
//!
//! wasmtime does so while it compiles. A few hundred bytes can nest components that each instantiate the
//! next ten times, and memory for the result runs out long before any other bound.

use wasmparser::{
    ComponentAlias, ComponentExternalKind, ComponentInstance, ComponentOuterAliasKind, Encoding,
    Payload,
};

use crate::types::text;

/// Counts parts while a component is read.
#[derive(Debug, Default)]
pub(super) struct Expansion {
    /// Modules and components that are open, innermost last.
    open: Vec<Open>,
}

#[derive(Debug)]
struct Open {
    component: bool,
    /// Its own parts, and those of all that it instantiates.
    weight: u64,
    /// The weight of each component that it can name, by index.
    nested: Vec<u64>,
}

/// Why a component is refused.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum TooMuch {
    /// It has that many parts.
    Parts(u64),
    /// A component inside it is given another component under this name, so its size is not known.
    Given(String),
}

impl Expansion {
    /// The most parts. Ten nested tools of a thousand parts each have a tenth.
    pub(super) const MOST: u64 = 100_000;

    pub(super) fn look(&mut self, payload: &Payload<'_>) -> Result<(), TooMuch> {
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "what neither names a component nor is a part does not count"
        )]
        match payload {
            Payload::Version { encoding, .. } => self.open.push(Open {
                component: *encoding == Encoding::Component,
                weight: 1,
                nested: Vec::new(),
            }),
            Payload::End(_) => self.close(),
            Payload::ComponentImportSection(section) => {
                let inside = self.open.len() > 1;
                for import in section.clone().into_iter().flatten() {
                    if import.ty.kind() == ComponentExternalKind::Component {
                        if inside {
                            return Err(TooMuch::Given(text::line(import.name.name, 256)));
                        }
                        // Imports of the outermost one are refused when it is described.
                        self.name(0);
                    }
                    self.add(1)?;
                }
            }
            Payload::ComponentAliasSection(section) => {
                for alias in section.clone().into_iter().flatten() {
                    self.alias(&alias)?;
                    self.add(1)?;
                }
            }
            Payload::ComponentExportSection(section) => {
                for export in section.clone().into_iter().flatten() {
                    if export.kind == ComponentExternalKind::Component {
                        self.name(self.weight(0, export.index));
                    }
                    self.add(1)?;
                }
            }
            Payload::ComponentInstanceSection(section) => {
                for instance in section.clone().into_iter().flatten() {
                    let inside = match instance {
                        ComponentInstance::Instantiate {
                            component_index, ..
                        } => self.weight(0, component_index),
                        ComponentInstance::FromExports(exports) => exports.len() as u64,
                    };
                    self.add(inside.saturating_add(1))?;
                }
            }
            Payload::InstanceSection(section) => self.add(u64::from(section.count()))?,
            Payload::ComponentCanonicalSection(section) => self.add(u64::from(section.count()))?,
            _ => {}
        }
        Ok(())
    }

    fn alias(&mut self, alias: &ComponentAlias<'_>) -> Result<(), TooMuch> {
        match alias {
            ComponentAlias::Outer {
                kind: ComponentOuterAliasKind::Component,
                count,
                index,
            } => self.name(self.weight(*count, *index)),
            ComponentAlias::InstanceExport {
                kind: ComponentExternalKind::Component,
                name,
                ..
            } => return Err(TooMuch::Given(text::line(name, 256))),
            ComponentAlias::Outer { .. }
            | ComponentAlias::InstanceExport { .. }
            | ComponentAlias::CoreInstanceExport { .. } => {}
        }
        Ok(())
    }

    /// The weight of a component that is named `outward` levels out. An index that does not exist
    /// weighs nothing: the validator refuses it.
    fn weight(&self, outward: u32, index: u32) -> u64 {
        let level = usize::try_from(outward)
            .ok()
            .and_then(|outward| self.open.len().checked_sub(outward)?.checked_sub(1));
        level
            .and_then(|level| self.open.get(level))
            .zip(usize::try_from(index).ok())
            .and_then(|(open, index)| open.nested.get(index))
            .copied()
            .unwrap_or(0)
    }

    /// One more component can be named here.
    fn name(&mut self, weight: u64) {
        if let Some(open) = self.open.last_mut() {
            open.nested.push(weight);
        }
    }

    fn add(&mut self, parts: u64) -> Result<(), TooMuch> {
        let Some(open) = self.open.last_mut() else {
            return Ok(());
        };
        open.weight = open.weight.saturating_add(parts);
        if open.weight > Self::MOST {
            return Err(TooMuch::Parts(open.weight));
        }
        Ok(())
    }

    fn close(&mut self) {
        if let Some(closed) = self.open.pop()
            && closed.component
        {
            self.name(closed.weight);
        }
    }
}

#[cfg(test)]
mod tests;
