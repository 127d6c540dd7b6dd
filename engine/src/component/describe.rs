use std::sync::Arc;

use wasmtime::Engine;
use wasmtime::component::types::{self, ComponentItem, Type};
use wasmtime::component::{Component, ComponentExportIndex};

use super::Source;
use crate::host::provides;
use crate::types::{
    Case, Descriptor, Fault, FaultKind, Field, Function, Import, Parameter, Phase, WitType, text,
};

/// The most parts that all types of a component's functions may have together.
const MOST_TYPE_PARTS: usize = 100_000;
/// The most functions that are described.
const MOST_FUNCTIONS: usize = 4_096;
/// How much of a name is shown.
const NAME: usize = 256;

/// Reads the compiled component's types. The positions of `exports` are those of the functions.
pub(super) fn describe(
    engine: &Engine,
    component: &Component,
    source: &Source,
) -> Result<(Descriptor, Vec<ComponentExportIndex>), Fault> {
    let mut scribe = Scribe {
        source,
        engine,
        parts: 0,
        functions: Vec::new(),
        exports: Vec::new(),
    };
    let shape = component.component_type();
    let mut imports = Vec::new();
    for (name, import) in shape.imports(engine) {
        imports.push(scribe.import(name, &import.ty)?);
    }
    let mut command = false;
    for (name, export) in shape.exports(engine) {
        command |= scribe.export(component, name, &export.ty)?;
    }
    let descriptor = Descriptor {
        name: source.name().to_owned(),
        digest: source.digest(),
        size: source.size(),
        imports,
        functions: scribe.functions,
        command,
        manifest: None,
        about: Vec::new(),
    };
    Ok((descriptor, scribe.exports))
}

struct Scribe<'a> {
    source: &'a Source,
    engine: &'a Engine,
    parts: usize,
    functions: Vec<Function>,
    exports: Vec<ComponentExportIndex>,
}

impl Scribe<'_> {
    fn import(&self, name: &str, item: &ComponentItem) -> Result<Import, Fault> {
        let functions = match item {
            ComponentItem::ComponentFunc(_) => vec![text::line(name, NAME)],
            ComponentItem::ComponentInstance(instance) => instance
                .exports(self.engine)
                .filter(|(_, export)| matches!(export.ty, ComponentItem::ComponentFunc(_)))
                .take(MOST_FUNCTIONS)
                .map(|(function, _)| text::line(function, NAME))
                .collect(),
            ComponentItem::Module(_) | ComponentItem::Component(_) => {
                return Err(Fault::new(FaultKind::ImportsCode {
                    name: self.source.name().to_owned(),
                    what: if matches!(item, ComponentItem::Module(_)) {
                        "module"
                    } else {
                        "component"
                    },
                    import: text::line(name, NAME),
                })
                .hint("put the code into the component: `wac plug` or `wasm-tools compose`")
                .at(Phase::Load));
            }
            ComponentItem::CoreFunc(_) | ComponentItem::Type(_) | ComponentItem::Resource(_) => {
                Vec::new()
            }
        };
        Ok(Import {
            provided: provides(name),
            name: text::line(name, NAME),
            functions,
        })
    }

    /// Adds an export; `true` if it makes the component a command.
    fn export(
        &mut self,
        component: &Component,
        name: &str,
        item: &ComponentItem,
    ) -> Result<bool, Fault> {
        match item {
            ComponentItem::ComponentFunc(function) => {
                if let Some(index) = component.get_export_index(None, name) {
                    self.function(None, name, function, index)?;
                }
                Ok(false)
            }
            ComponentItem::ComponentInstance(instance) => {
                let Some(parent) = component.get_export_index(None, name) else {
                    return Ok(false);
                };
                let mut runs = false;
                for (own, export) in instance.exports(self.engine) {
                    if let ComponentItem::ComponentFunc(function) = &export.ty {
                        runs |= own == "run" && is_entry(function);
                    }
                    if let ComponentItem::ComponentFunc(function) = &export.ty
                        && let Some(index) = component.get_export_index(Some(&parent), own)
                    {
                        self.function(Some(name), own, function, index)?;
                    }
                }
                Ok(runs && is_command(name))
            }
            ComponentItem::CoreFunc(_)
            | ComponentItem::Module(_)
            | ComponentItem::Component(_)
            | ComponentItem::Type(_)
            | ComponentItem::Resource(_) => Ok(false),
        }
    }

    fn function(
        &mut self,
        interface: Option<&str>,
        name: &str,
        function: &types::ComponentFunc,
        index: ComponentExportIndex,
    ) -> Result<(), Fault> {
        if self.functions.len() == MOST_FUNCTIONS {
            return Err(self.too_many("exported functions", MOST_FUNCTIONS));
        }
        let parameters = function
            .params()
            .map(|(name, ty)| {
                Ok(Parameter {
                    name: text::line(name, NAME),
                    ty: self.ty(&ty)?,
                })
            })
            .collect::<Result<_, Fault>>()?;
        let result = function
            .results()
            .next()
            .map(|ty| self.ty(&ty))
            .transpose()?;
        self.functions.push(Function {
            interface: interface.map(|name| text::line(name, NAME)),
            name: text::line(name, NAME),
            parameters,
            result,
        });
        self.exports.push(index);
        Ok(())
    }

    fn too_many(&self, what: &'static str, limit: usize) -> Fault {
        Fault::new(FaultKind::Structure {
            name: self.source.name().to_owned(),
            what,
            found: limit as u64 + 1,
            limit: limit as u64,
            compile: false,
        })
        .at(Phase::Load)
    }

    /// Copies a type; names inside it are needed whole, so they are not cut.
    fn ty(&mut self, ty: &Type) -> Result<WitType, Fault> {
        self.parts += 1;
        if self.parts > MOST_TYPE_PARTS {
            return Err(self.too_many("parts in the types of its functions", MOST_TYPE_PARTS));
        }
        Ok(match ty {
            Type::Bool => WitType::Bool,
            Type::S8 => WitType::S8,
            Type::U8 => WitType::U8,
            Type::S16 => WitType::S16,
            Type::U16 => WitType::U16,
            Type::S32 => WitType::S32,
            Type::U32 => WitType::U32,
            Type::S64 => WitType::S64,
            Type::U64 => WitType::U64,
            Type::Float32 => WitType::F32,
            Type::Float64 => WitType::F64,
            Type::Char => WitType::Char,
            Type::String => WitType::String,
            Type::List(list) => WitType::List(Arc::new(self.ty(&list.ty())?)),
            Type::Option(option) => WitType::Option(Arc::new(self.ty(&option.ty())?)),
            Type::Record(record) => WitType::Record(
                record
                    .fields()
                    .map(|field| {
                        Ok(Field {
                            name: field.name.to_owned(),
                            ty: self.ty(&field.ty)?,
                        })
                    })
                    .collect::<Result<_, Fault>>()?,
            ),
            Type::Tuple(tuple) => WitType::Tuple(
                tuple
                    .types()
                    .map(|ty| self.ty(&ty))
                    .collect::<Result<_, Fault>>()?,
            ),
            Type::Variant(variant) => WitType::Variant(
                variant
                    .cases()
                    .map(|case| {
                        Ok(Case {
                            name: case.name.to_owned(),
                            ty: case.ty.as_ref().map(|ty| self.ty(ty)).transpose()?,
                        })
                    })
                    .collect::<Result<_, Fault>>()?,
            ),
            Type::Result(result) => WitType::Result {
                ok: self.boxed(result.ok())?,
                err: self.boxed(result.err())?,
            },
            Type::Enum(cases) => WitType::Enum(cases.names().map(str::to_owned).collect()),
            Type::Flags(flags) => WitType::Flags(flags.names().map(str::to_owned).collect()),
            Type::Own(_) | Type::Borrow(_) => WitType::Opaque("resource".into()),
            Type::Future(_) => WitType::Opaque("future".into()),
            Type::Stream(_) => WitType::Opaque("stream".into()),
            Type::ErrorContext => WitType::Opaque("error context".into()),
            Type::Map(_) => WitType::Opaque("map".into()),
            Type::FixedLengthList(_) => WitType::Opaque("list of fixed length".into()),
        })
    }

    fn boxed(&mut self, ty: Option<Type>) -> Result<Option<Arc<WitType>>, Fault> {
        ty.map(|ty| self.ty(&ty).map(Arc::new)).transpose()
    }
}

/// Whether a function has the type of a command's `run`: no parameters, and a bare `result`.
fn is_entry(function: &types::ComponentFunc) -> bool {
    let mut results = function.results();
    let bare = |ty: types::Type| matches!(&ty, types::Type::Result(result) if result.ok().is_none() && result.err().is_none());
    function.params().next().is_none()
        && results.next().is_some_and(bare)
        && results.next().is_none()
}

/// Whether an exported interface makes its component a command.
pub(super) fn is_command(interface: &str) -> bool {
    interface.starts_with("wasi:cli/run@0.2.")
}
