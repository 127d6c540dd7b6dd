//! What policies can speak about, as a Cedar schema.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::names::{COMPONENT, PRINCIPAL, classes, classes_of, group_of, quoted};
use crate::types::{Declared, Descriptor, Function, FunctionManifest, WitType};

/// A function that policies can name.
#[derive(Clone, Debug, PartialEq)]
pub struct Known {
    /// What policies call it: a configured capability or `component.function`.
    pub name: String,
    /// The component's name.
    pub component: String,
    /// The function's types; `None` for a command.
    pub function: Option<Function>,
    /// What the manifest declares of it.
    pub declared: Option<Declared>,
}

impl Known {
    /// All functions of a component that is not configured, and its command.
    #[must_use]
    pub fn all(shape: &Descriptor) -> Vec<Known> {
        let functions = (0..shape.functions().len())
            .filter_map(|position| Some(Known::named(&shape.action(position)?, shape, position)));
        let command = shape.is_command().then(|| Known {
            name: format!("{}.run", shape.name()),
            component: shape.name().to_owned(),
            function: None,
            declared: None,
        });
        command.into_iter().chain(functions).collect()
    }

    /// One function under the name of a configured capability.
    #[must_use]
    pub fn named(name: &str, shape: &Descriptor, position: usize) -> Known {
        Known {
            name: name.to_owned(),
            component: shape.name().to_owned(),
            function: shape.functions().get(position).cloned(),
            declared: shape.about(position).map(FunctionManifest::declared),
        }
    }

    /// The groups that it belongs to.
    pub(super) fn groups(&self) -> Vec<String> {
        groups(&self.name, &self.component, self.declared.as_ref())
    }
}

/// The groups that an action belongs to, whatever it is called: all but one of its own name, lest one
/// contains itself.
pub(super) fn groups(name: &str, component: &str, declared: Option<&Declared>) -> Vec<String> {
    let classes = classes_of(declared).into_iter().map(str::to_owned);
    classes
        .chain([group_of(component)])
        .filter(|group| group != name)
        .collect()
}

/// Writes the Cedar schema of what policies can speak about.
///
/// Equal functions give an equal text, whatever their order. Of two with the same name, the first counts.
#[must_use]
pub fn schema(known: &[Known]) -> String {
    let mut actions: BTreeMap<&str, &Known> = BTreeMap::new();
    for one in known {
        actions.entry(&one.name).or_insert(one);
    }
    let components = actions.values().map(|one| group_of(&one.component));
    let groups: BTreeSet<String> = classes().map(str::to_owned).chain(components).collect();

    let mut text = format!(
        "type Facts = {};\ntype Calls = {};\n\nentity {PRINCIPAL};\nentity {COMPONENT} = {};\n\n",
        Shape::Record(facts()),
        Shape::Record(calls()),
        Shape::Record(attributes()),
    );
    for group in groups
        .iter()
        .filter(|name| !actions.contains_key(name.as_str()))
    {
        text.push_str(&format!("action {};\n", quoted(group)));
    }
    for (name, one) in &actions {
        // Two actions that are called like groups of each other would make a ring, which Cedar refuses.
        let rings = |group: &str| groups.contains(*name) && actions.contains_key(group);
        let parents = one.groups().into_iter().filter(|group| !rings(group));
        let parents: Vec<String> = parents.map(|group| quoted(&group)).collect();
        let parents = match parents.as_slice() {
            [] => String::new(),
            parents => format!(" in [{}]", parents.join(", ")),
        };
        let context = Shape::Record(context(one.function.as_ref()));
        text.push_str(&format!(
            "\naction {}{parents} appliesTo {{\n  principal: [{PRINCIPAL}],\n  \
             resource: [{COMPONENT}],\n  context: {context},\n}};\n",
            quoted(name),
        ));
    }
    text
}

/// The type of a value, as Cedar has them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Bool,
    Long,
    String,
    Decimal,
    Set(Box<Shape>),
    Record(Fields),
    /// A type that has a name of its own in the schema.
    Named(&'static str, Fields),
}

/// The attributes of a record.
pub(super) type Fields = BTreeMap<String, Field>;

/// One attribute of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) optional: bool,
    pub(super) shape: Shape,
}

impl Shape {
    /// The attributes, if it has any.
    pub(super) fn fields(&self) -> Option<&Fields> {
        match self {
            Shape::Record(fields) | Shape::Named(_, fields) => Some(fields),
            Shape::Bool | Shape::Long | Shape::String | Shape::Decimal | Shape::Set(_) => None,
        }
    }

    /// The shape of a value of a WIT type; `None` for one that is opaque.
    pub(super) fn of(ty: &WitType) -> Option<Shape> {
        Some(match ty {
            WitType::Bool => Shape::Bool,
            WitType::S8
            | WitType::U8
            | WitType::S16
            | WitType::U16
            | WitType::S32
            | WitType::U32
            | WitType::S64
            | WitType::U64 => Shape::Long,
            WitType::F32 | WitType::F64 => Shape::Decimal,
            WitType::Char | WitType::String | WitType::Enum(_) => Shape::String,
            WitType::Flags(_) => set(Shape::String),
            WitType::List(inner) => Shape::Record(list(inner)),
            WitType::Record(fields) => Shape::Record(record(
                fields.iter().map(|field| (field.name.clone(), &field.ty)),
            )),
            WitType::Tuple(types) => Shape::Record(record(
                types
                    .iter()
                    .enumerate()
                    .map(|(at, ty)| (at.to_string(), ty)),
            )),
            WitType::Variant(cases) => {
                let payloads = cases.iter().filter_map(|case| {
                    let shape = Shape::of(case.ty.as_ref()?)?;
                    Some((case_name(&case.name).to_owned(), optional(shape)))
                });
                Shape::Record(payloads.chain([required("tag", Shape::String)]).collect())
            }
            WitType::Option(inner) => {
                Shape::Record([("some".to_owned(), optional(Shape::of(inner)?))].into())
            }
            WitType::Result { ok, err } => Shape::Record(
                [("ok", ok), ("err", err)]
                    .map(|(name, ty)| (name.to_owned(), optional(payload(ty.as_deref()))))
                    .into(),
            ),
            WitType::Opaque(_) => return None,
        })
    }
}

/// How a case of a variant is called among the attributes: a case `tag` must not hide the tag.
pub(super) fn case_name(name: &str) -> &str {
    if name == "tag" { "tag_" } else { name }
}

/// What `context` holds for a function; for a command without one.
pub(super) fn context(function: Option<&Function>) -> Fields {
    let args = match function {
        Some(function) => record(
            function
                .parameters
                .iter()
                .map(|parameter| (parameter.name.clone(), &parameter.ty)),
        ),
        None => [required("words", Shape::Record(list(&WitType::String)))].into(),
    };
    [
        required("args", Shape::Record(args)),
        required("facts", Shape::Named("Facts", facts())),
        required("calls", Shape::Named("Calls", calls())),
        required("labels", set(Shape::String)),
        required("via", Shape::String),
        ("workflow".to_owned(), optional(Shape::String)),
        ("step".to_owned(), optional(Shape::String)),
    ]
    .into()
}

/// The attributes of a component.
pub(super) fn attributes() -> Fields {
    [
        required("digest", Shape::String),
        ("version".to_owned(), optional(Shape::String)),
        required("manifest", Shape::Bool),
    ]
    .into()
}

fn facts() -> Fields {
    let sets = [
        "paths",
        "places",
        "odd",
        "outside",
        "unwritable",
        "blocked",
        "hosts",
        "origins",
        "private_hosts",
        "secrets",
        "commands",
    ];
    let flags = ["userinfo", "shell", "incomplete"];
    sets.map(|name| required(name, set(Shape::String)))
        .into_iter()
        .chain(flags.map(|name| required(name, Shape::Bool)))
        .chain([required("bytes", Shape::Long)])
        .collect()
}

fn calls() -> Fields {
    ["all", "denied", "same", "repeats"]
        .map(|name| required(name, Shape::Long))
        .into()
}

fn record<'a>(fields: impl Iterator<Item = (String, &'a WitType)>) -> Fields {
    fields
        .filter_map(|(name, ty)| {
            let (optional, ty) = if let WitType::Option(inner) = ty {
                (true, &**inner)
            } else {
                (false, ty)
            };
            let shape = Shape::of(ty)?;
            let field = Field { optional, shape };
            Some((name, field))
        })
        .collect()
}

fn list(inner: &WitType) -> Fields {
    // Bytes are not worth a set.
    let items = if *inner == WitType::U8 {
        None
    } else {
        Shape::of(inner).map(|shape| required("items", set(shape)))
    };
    items
        .into_iter()
        .chain([required("len", Shape::Long)])
        .collect()
}

/// What stands for the payload of a result: where there is none, `true`.
fn payload(ty: Option<&WitType>) -> Shape {
    ty.and_then(Shape::of).unwrap_or(Shape::Bool)
}

fn set(items: Shape) -> Shape {
    Shape::Set(Box::new(items))
}

fn optional(shape: Shape) -> Field {
    Field {
        optional: true,
        shape,
    }
}

fn required(name: &str, shape: Shape) -> (String, Field) {
    let field = Field {
        optional: false,
        shape,
    };
    (name.to_owned(), field)
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Shape::Bool => f.write_str("Bool"),
            Shape::Long => f.write_str("Long"),
            Shape::String => f.write_str("String"),
            Shape::Decimal => f.write_str("decimal"),
            Shape::Set(items) => write!(f, "Set<{items}>"),
            Shape::Named(name, _) => f.write_str(name),
            Shape::Record(fields) => {
                f.write_str("{")?;
                for (at, (name, field)) in fields.iter().enumerate() {
                    let comma = if at == 0 { "" } else { ", " };
                    let mark = if field.optional { "?" } else { "" };
                    write!(f, "{comma}{}{mark}: {}", quoted(name), field.shape)?;
                }
                f.write_str("}")
            }
        }
    }
}

#[cfg(test)]
mod tests;
