use super::capability::Capability;
use super::engine::Inner;
use super::request::CallTarget;
use crate::component::{Arguments, Streams};
use crate::guard::Target;
use crate::types::text::MOST_IN_EVENT;
use crate::types::{Bounded, Code, Denial, Descriptor, Fault, FaultKind, Json, is_capability};

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
            function(capability, shape, position, arguments, name_of)
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
            function(Some(capability), shape, position, arguments, name_of)
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
            Ok(Chosen {
                target: Target::Command,
                arguments: Arguments::words(args.clone()),
                shown: Bounded::of(
                    serde_json::Value::from(args.as_slice()).to_string(),
                    MOST_IN_EVENT,
                ),
                streams: Streams { args, stdin },
                capability: None,
            })
        }
    }
}

fn function<'a>(
    capability: Option<&'a Capability>,
    shape: &Descriptor,
    position: usize,
    arguments: Json,
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
        shown: Bounded::of(arguments.into_text(), MOST_IN_EVENT),
        capability,
    })
}

/// Refuses an action that nobody configured under a name that a configured capability could have: policies
/// would take the one for the other.
///
/// No name of a component has a `.`, so that there is none today; this holds whoever makes the names.
pub(super) fn check_unconfigured(name: &str) -> Result<(), Fault> {
    if !is_capability(name) {
        return Ok(());
    }
    Err(Fault::new(FaultKind::Denied(vec![Denial {
        code: Code::DeniedPolicy,
        interface: String::new(),
        operation: "the action".to_owned(),
        target: name.to_owned(),
        reason: "it has the name of a capability, and nobody configured it".to_owned(),
        hint: "give the component's file a name without `.`, or configure it with `engine add`"
            .to_owned(),
        count: 1,
    }])))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_configured_has_no_capabilitys_name() {
        for name in [
            "fs.read",
            "fs.run",
            "text.count-words",
            "fs.demo:fs/files@1.0.0#read",
        ] {
            assert!(check_unconfigured(name).is_ok(), "{name}");
        }
        let fault = check_unconfigured("fs.read.v1").unwrap_err();
        assert_eq!(fault.code().as_str(), "E-DENIED-POLICY");
        assert!(fault.to_string().contains("`fs.read.v1`"), "{fault}");
    }
}
