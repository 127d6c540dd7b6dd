use wasmtime::Engine;
use wasmtime::component::types::ComponentItem;
use wasmtime::component::{Component, InstancePre, Linker, LinkerInstance, ResourceType};

use super::instance::Guest;
use crate::host::{self, HostView as _, provides};
use crate::types::text;

/// The error by which a stub ends a guest that called an import nobody granted.
#[derive(Clone, Debug, thiserror::Error)]
#[error("`{interface}#{function}` was not granted")]
pub(super) struct NotGranted {
    pub(super) interface: String,
    pub(super) function: String,
}

/// A linker with all of WASI 0.2.
pub(super) fn base(engine: &Engine) -> wasmtime::Result<Linker<Guest>> {
    let mut linker = Linker::new(engine);
    host::add_to_linker(&mut linker)?;
    Ok(linker)
}

/// Links a component: what WASI has, and for everything else stubs whose use is a typed denial.
///
/// Imported modules and components were refused before, when the component was described.
pub(super) fn link(
    base: &Linker<Guest>,
    component: &Component,
) -> wasmtime::Result<InstancePre<Guest>> {
    let engine = component.engine();
    let shape = component.component_type();
    let foreign = shape.imports(engine).any(|(name, _)| !provides(name));
    if !foreign {
        return base.instantiate_pre(component);
    }
    let mut linker = base.clone();
    let mut stubs = Stubs {
        engine,
        resources: Vec::new(),
    };
    for (name, import) in shape.imports(engine) {
        if !provides(name) {
            stubs.add(&mut linker.root(), "", name, &import.ty)?;
        } else if let ComponentItem::ComponentInstance(instance) = &import.ty {
            // Resources of WASI are known by the time another interface refers to them.
            let resources = instance
                .exports(engine)
                .filter_map(|(_, export)| resource(&export.ty));
            stubs.resources.extend(resources);
        }
    }
    linker.instantiate_pre(component)
}

fn resource(item: &ComponentItem) -> Option<ResourceType> {
    if let ComponentItem::Resource(resource) = item {
        Some(*resource)
    } else {
        None
    }
}

struct Stubs<'a> {
    engine: &'a Engine,
    /// The resource types that were met so far.
    resources: Vec<ResourceType>,
}

impl Stubs<'_> {
    fn add(
        &mut self,
        linker: &mut LinkerInstance<'_, Guest>,
        interface: &str,
        name: &str,
        item: &ComponentItem,
    ) -> wasmtime::Result<()> {
        match item {
            ComponentItem::ComponentFunc(_) => {
                let denied = NotGranted {
                    interface: text::line(interface, 256),
                    function: text::line(name, 256),
                };
                linker.func_new(name, move |mut store, _, _, _| {
                    store
                        .data_mut()
                        .host()
                        .deny_import(&denied.interface, &denied.function);
                    Err(wasmtime::Error::new(denied.clone()))
                })
            }
            ComponentItem::ComponentInstance(instance) => {
                let mut inner = linker.instance(name)?;
                for (own, export) in instance.exports(self.engine) {
                    self.add(&mut inner, name, own, &export.ty)?;
                }
                Ok(())
            }
            // The second time, a resource is an alias of the first and must not be defined again.
            ComponentItem::Resource(resource) if self.resources.contains(resource) => Ok(()),
            ComponentItem::Resource(resource) => {
                let payload = u32::try_from(self.resources.len()).unwrap_or(u32::MAX);
                self.resources.push(*resource);
                linker.resource(name, ResourceType::host_dynamic(payload), |_, _| Ok(()))
            }
            ComponentItem::CoreFunc(_)
            | ComponentItem::Module(_)
            | ComponentItem::Component(_)
            | ComponentItem::Type(_) => Ok(()),
        }
    }
}
