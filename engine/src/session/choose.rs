use super::capability::Capability;
use super::engine::Inner;
use super::request::CallTarget;
use crate::component::{Arguments, Streams};
use crate::guard::Target;
use crate::types::text::MOST_IN_EVENT;
use crate::types::{Bounded, Descriptor, Fault, FaultKind, Json};

/// What is called, and with what.
pub(super) struct Chosen<'a> {
    pub(super) target: Target,
    pub(super) streams: Streams,
    pub(super) arguments: Arguments,
    pub(super) shown: Bounded,
    pub(super) capability: Option<&'a Capability>,
}

/// Finds what a call is about and reads its arguments; `name_of` becomes the function's full name as soon as
/// that is known.
pub(super) fn choose<'a>(
    engine: &'a Inner,
    shape: &Descriptor,
    target: CallTarget,
    name_of: &mut Option<String>,
) -> Result<Chosen<'a>, Fault> {
    match target {
        CallTarget::Function { name, arguments } => {
            let position = shape.find(&name)?;
            let capability = engine.capability_of(shape, position)?;
            function(capability, shape, position, &arguments, name_of)
        }
        CallTarget::Capability { name, arguments } => {
            let capability = engine.capabilities.get(&name);
            let capability = capability.ok_or_else(|| engine.no_capability(&name))?;
            if capability.digest != shape.digest() {
                return Err(Fault::new(FaultKind::Pinned {
                    name,
                    pinned: capability.digest,
                    found: shape.digest(),
                })
                .hint("if the change is wanted, look at it with `engine diff`, and lock it anew"));
            }
            let position = shape.find(&capability.function)?;
            function(Some(capability), shape, position, &arguments, name_of)
        }
        CallTarget::Command { .. } if !shape.is_command() => Err(not_a_command(shape)),
        CallTarget::Command { args, stdin } => {
            *name_of = shape
                .functions()
                .iter()
                .filter(|function| {
                    function
                        .interface
                        .as_deref()
                        .is_some_and(|name| name.starts_with("wasi:cli/run@"))
                })
                .map(|function| function.full_name())
                .next();
            // A list of strings always has a JSON form.
            let shown = Bounded::new(
                &serde_json::to_string(&args).unwrap_or_default(),
                MOST_IN_EVENT,
            );
            // The first word is the program's own name, which nobody chose for this call.
            let words = args.get(1..).unwrap_or_default().to_vec();
            Ok(Chosen {
                target: Target::Command,
                streams: Streams { args, stdin },
                arguments: Arguments::words(words),
                shown,
                capability: None,
            })
        }
    }
}

fn function<'a>(
    capability: Option<&'a Capability>,
    shape: &Descriptor,
    position: usize,
    arguments: &Json,
    name_of: &mut Option<String>,
) -> Result<Chosen<'a>, Fault> {
    let found = shape.functions().get(position).ok_or_else(|| {
        Fault::new(FaultKind::Bug {
            at: "the position of a function",
        })
    })?;
    *name_of = Some(found.full_name());
    Ok(Chosen {
        target: Target::Function(position),
        streams: Streams::default(),
        arguments: Arguments::decode(found, arguments.as_str())?,
        shown: Bounded::new(arguments.as_str(), MOST_IN_EVENT),
        capability,
    })
}

fn not_a_command(shape: &Descriptor) -> Fault {
    let names: Vec<String> = shape
        .functions()
        .iter()
        .take(20)
        .map(|function| format!("`{}`", function.name))
        .collect();
    let fault = Fault::new(FaultKind::NoCommand {
        component: shape.name().to_owned(),
    });
    if names.is_empty() {
        fault.hint("it exports no functions either")
    } else {
        fault.hint(format!("it has {}", names.join(", ")))
    }
}
