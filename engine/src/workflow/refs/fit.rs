#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a wildcard over types refuses"
)]

use std::fmt;

use serde_json::{Map, Value};

use super::literal::{Misfit, scalar, text_value};
use super::place::Place;
use super::problem::Problem;
use super::resolve::{LARGEST, size};
use super::template::{Reference, Template};
use super::walk::{MOST_PROBLEMS, MOST_REFERENCES, head};
use super::yields::Yields;
use crate::types::text::{closest, quoted};
use crate::types::{Case, Expected, Function, WitType};

/// The most values that one set of arguments may hold: as many as the engine's reader takes.
const MOST_VALUES: usize = 2_000_000;

/// Checks the arguments of a step against the function that it calls, by the rules that the engine reads
/// arguments with: an object by parameter name or an array by position.
///
/// A string that is one reference has the type that `yields` tells, and fits where each value of that
/// type is taken for the same value. What only the run can tell fits here: a value of unknown type, and
/// an option where a value is needed.
///
/// Returns every problem in the order of the arguments, but at most 256.
pub(crate) fn fit(
    arguments: &Value,
    function: &Function,
    yields: &dyn Fn(&Reference) -> Result<Yields, Problem>,
) -> Vec<Problem> {
    let mut fitter = Fitter {
        yields,
        problems: Vec::new(),
        values: 0,
        references: 0,
        in_bulk: function.in_bulk().is_some(),
        stopped: false,
    };
    fitter.arguments(arguments, function);
    fitter.problems
}

/// Named or positional values of declared types.
struct Slot<'a> {
    name: &'a str,
    ty: &'a WitType,
    may_be_left_out: bool,
}

impl<'a> Slot<'a> {
    /// A parameter or a field, which may be left out if it is an option.
    fn named(name: &'a str, ty: &'a WitType) -> Self {
        Self {
            name,
            ty,
            may_be_left_out: matches!(ty, WitType::Option(_)),
        }
    }

    /// A part of a tuple.
    fn part(ty: &'a WitType) -> Self {
        Self {
            name: "",
            ty,
            may_be_left_out: false,
        }
    }
}

struct Fitter<'a> {
    yields: &'a dyn Fn(&Reference) -> Result<Yields, Problem>,
    problems: Vec<Problem>,
    values: usize,
    references: usize,
    /// The bytes of one parameter count as one value.
    in_bulk: bool,
    /// A bound was crossed, and the rest is not looked at.
    stopped: bool,
}

impl Fitter<'_> {
    fn push(&mut self, place: &Place<'_>, problem: Problem) {
        if self.stopped {
            return;
        }
        self.problems.push(problem.at(place));
        self.stopped = self.problems.len() >= MOST_PROBLEMS;
    }

    fn wrong(&mut self, place: &Place<'_>, ty: &WitType, found: impl fmt::Display) {
        self.push(place, Problem::new(Expected(ty), found));
    }

    /// Counts values as the engine's reader does; `false` if there are too many.
    fn count(&mut self, place: &Place<'_>, values: usize) -> bool {
        self.values = self.values.saturating_add(values);
        if self.values > MOST_VALUES {
            let expected = format_args!("at most {MOST_VALUES} values");
            self.push(place, Problem::new(expected, "more"));
            self.stopped = true;
        }
        !self.stopped
    }

    /// Counts a search through so many names, at the reader's price.
    fn count_search(&mut self, place: &Place<'_>, names: usize) -> bool {
        self.count(place, names / 64)
    }

    fn arguments(&mut self, arguments: &Value, function: &Function) {
        let place = &Place::WHOLE;
        if let Some(obstacle) = function.obstacle() {
            let problem = Problem::new("a function that can be called with JSON", obstacle);
            self.push(
                place,
                problem.hint("other components can call it, but no plan"),
            );
            return;
        }
        let most = usize::try_from(LARGEST.get()).unwrap_or(usize::MAX);
        if size(arguments, most).is_none() {
            let expected = format_args!("at most {LARGEST} of arguments");
            self.push(place, Problem::new(expected, "more"));
            return;
        }
        let slots: Vec<Slot<'_>> = function
            .parameters
            .iter()
            .map(|parameter| Slot::named(&parameter.name, &parameter.ty))
            .collect();
        let names: Vec<&str> = slots.iter().map(|slot| slot.name).collect();
        let expected = match names.as_slice() {
            [] => "no arguments: `{}` or `[]`".to_owned(),
            names => format!(
                "an object with {} or an array of {}",
                quoted(names),
                names.len()
            ),
        };
        match arguments {
            Value::Object(fields) => self.named(place, "parameter", &slots, fields),
            Value::Array(values) => self.positional(place, &slots, values, &expected),
            Value::Null | Value::Bool(_) | Value::Number(_) => {
                self.push(place, Problem::new(expected, arguments));
            }
            Value::String(text) => {
                let problem = Problem::new(expected, format_args!("{:?}", head(text)));
                self.push(
                    place,
                    if text.contains("${") {
                        problem.hint("a reference stands for one argument, not for all of them")
                    } else {
                        problem
                    },
                );
            }
        }
    }

    fn named(
        &mut self,
        place: &Place<'_>,
        kind: &str,
        slots: &[Slot<'_>],
        fields: &Map<String, Value>,
    ) {
        for (key, value) in fields {
            if !self.count_search(place, slots.len()) {
                return;
            }
            if let Some(slot) = slots.iter().find(|slot| slot.name == key) {
                self.value(&place.key(key), value, slot.ty);
                continue;
            }
            let known: Vec<&str> = slots.iter().map(|slot| slot.name).collect();
            let expected = match known.as_slice() {
                [] => format!("no {kind}"),
                [_] => format!("the {kind} {}", quoted(&known)),
                known => format!("the {kind}s {}", quoted(known)),
            };
            let found = format_args!("an unknown {kind} {:?}", head(key));
            self.push(
                place,
                Problem::new(expected, found).meant(closest(&known, key)),
            );
        }
        for slot in slots {
            if !slot.may_be_left_out && !fields.contains_key(slot.name) {
                let expected = format_args!("the {kind} `{}`: {}", slot.name, Expected(slot.ty));
                self.push(place, Problem::new(expected, "nothing"));
            }
        }
    }

    fn positional(
        &mut self,
        place: &Place<'_>,
        slots: &[Slot<'_>],
        values: &[Value],
        expected: &dyn fmt::Display,
    ) {
        for (index, (slot, value)) in slots.iter().zip(values).enumerate() {
            self.value(&place.index(index), value, slot.ty);
        }
        let left_out = slots.get(values.len()..).unwrap_or_default();
        if values.len() > slots.len() {
            let found = format_args!("an array of more than {}", slots.len());
            self.push(place, Problem::new(expected, found));
        } else if let Some(at) = left_out.iter().position(|slot| !slot.may_be_left_out) {
            let found = format_args!("an array of {}", values.len() + at);
            self.push(place, Problem::new(expected, found));
        }
    }

    fn value(&mut self, place: &Place<'_>, value: &Value, ty: &WitType) {
        match value {
            Value::String(text) if text.contains("${") => match Template::parse(text) {
                Ok(template) => match template.plain() {
                    Some(text) => self.text(place, text, ty),
                    None => self.hole(place, &template, ty),
                },
                Err(problems) => {
                    for problem in problems {
                        self.push(place, problem);
                    }
                }
            },
            Value::String(text) => self.text(place, text, ty),
            Value::Null | Value::Bool(_) | Value::Number(_) => self.scalar(place, value, ty),
            Value::Array(values) => self.array(place, values, ty),
            Value::Object(fields) => self.object(place, fields, ty),
        }
    }

    /// A string with references.
    fn hole(&mut self, place: &Place<'_>, template: &Template, ty: &WitType) {
        if !self.count(place, 1) {
            return;
        }
        self.references += template.references().count();
        if self.references > MOST_REFERENCES {
            let expected = format_args!("at most {MOST_REFERENCES} references");
            self.push(place, Problem::new(expected, "more"));
            self.stopped = true;
            return;
        }
        if let Some(reference) = template.whole() {
            match (self.yields)(reference) {
                Ok(yields) if yields.fits(ty) => {}
                Ok(yields) => self.push(place, misfit(reference, &yields, ty)),
                Err(problem) => self.push(place, problem.of(reference)),
            }
            return;
        }
        for reference in template.references() {
            match (self.yields)(reference) {
                Ok(yields) if yields.prints() => {}
                Ok(yields) => {
                    let expected = "a string, char, enum, number or bool among other text";
                    self.push(place, Problem::new(expected, yields).of(reference));
                }
                Err(problem) => self.push(place, problem.of(reference)),
            }
        }
        if !Yields::known(WitType::String).fits(ty) {
            let problem = Problem::new(Expected(ty), "text with references, a string");
            self.push(
                place,
                problem.hint("a reference keeps its type where it stands alone"),
            );
        }
    }

    fn text(&mut self, place: &Place<'_>, text: &str, ty: &WitType) {
        let Some(ty) = self.unwrapped(place, ty) else {
            return;
        };
        let names = match ty {
            WitType::Enum(names) => names.len(),
            _ => 0,
        };
        if !self.count_search(place, names) {
            return;
        }
        match text_value(text, ty) {
            Ok(bytes) => {
                self.count(place, if self.in_bulk { 0 } else { bytes });
            }
            Err(Misfit::Name) => self.name(place, text, ty),
            Err(Misfit::Found(found)) => self.wrong(place, ty, found),
        }
    }

    /// `null`, a truth value or a number.
    fn scalar(&mut self, place: &Place<'_>, value: &Value, ty: &WitType) {
        if let (Value::Null, WitType::Option(_)) = (value, ty) {
            self.count(place, 1);
            return;
        }
        let Some(ty) = self.unwrapped(place, ty) else {
            return;
        };
        if let Err(found) = scalar(value, ty) {
            self.wrong(place, ty, found);
        }
    }

    /// Counts a value and the options around it, and returns what they hold. An option that holds an
    /// option stays, because its value is an object.
    fn unwrapped<'t>(&mut self, place: &Place<'_>, ty: &'t WitType) -> Option<&'t WitType> {
        if !self.count(place, 1) {
            return None;
        }
        match ty {
            WitType::Option(inner) if !matches!(**inner, WitType::Option(_)) => {
                self.count(place, 1).then_some(inner)
            }
            ty => Some(ty),
        }
    }

    fn array(&mut self, place: &Place<'_>, values: &[Value], ty: &WitType) {
        let Some(ty) = self.unwrapped(place, ty) else {
            return;
        };
        match ty {
            WitType::List(inner) => {
                for (index, value) in values.iter().enumerate() {
                    if self.stopped {
                        return;
                    }
                    self.value(&place.index(index), value, inner);
                }
            }
            WitType::Tuple(types) => {
                let slots: Vec<Slot<'_>> = types.iter().map(Slot::part).collect();
                self.positional(place, &slots, values, &Expected(ty));
            }
            WitType::Flags(_) => self.flags(place, values, ty),
            _ => self.wrong(place, ty, "an array"),
        }
    }

    fn flags(&mut self, place: &Place<'_>, values: &[Value], ty: &WitType) {
        let WitType::Flags(names) = ty else {
            return;
        };
        let one = WitType::Enum(names.clone());
        let mut set: Vec<&str> = Vec::new();
        for (index, value) in values.iter().enumerate() {
            let inside = place.index(index);
            match value {
                Value::String(text) if text.contains("${") => self.value(&inside, value, &one),
                Value::String(text) => {
                    let known = self.count(&inside, 1)
                        && self.count_search(&inside, names.len())
                        && names.contains(text);
                    if !known {
                        self.name(&inside, text, ty);
                    } else if !self.count_search(place, set.len()) {
                        return;
                    } else if set.contains(&text.as_str()) {
                        let found = format_args!("{:?} twice", head(text));
                        self.push(place, Problem::new("each flag once", found));
                    } else {
                        set.push(text);
                    }
                }
                other => {
                    self.count(&inside, 1);
                    self.wrong(&inside, ty, other);
                }
            }
            if self.stopped {
                return;
            }
        }
    }

    /// Tells of a name that is none of those of an enum, of flags, or of a variant's cases.
    fn name(&mut self, place: &Place<'_>, found: &str, ty: &WitType) {
        let known: Vec<&str> = match ty {
            WitType::Enum(names) | WitType::Flags(names) => {
                names.iter().map(String::as_str).collect()
            }
            WitType::Variant(cases) => cases.iter().map(|case| case.name.as_str()).collect(),
            _ => Vec::new(),
        };
        let expected = format_args!("one of {}", quoted(&known));
        let problem = Problem::new(expected, format_args!("{:?}", head(found)));
        self.push(place, problem.meant(closest(&known, found)));
    }

    fn object(&mut self, place: &Place<'_>, fields: &Map<String, Value>, ty: &WitType) {
        let Some(ty) = self.unwrapped(place, ty) else {
            return;
        };
        match ty {
            WitType::Record(declared) => {
                let slots: Vec<Slot<'_>> = declared
                    .iter()
                    .map(|field| Slot::named(&field.name, &field.ty))
                    .collect();
                self.named(place, "field", &slots, fields);
            }
            WitType::Variant(cases) => self.variant(place, fields, cases, ty),
            WitType::Result { ok, err } => self.only(place, fields, ty, |key| match key {
                "ok" => Some(ok.as_deref()),
                "err" => Some(err.as_deref()),
                _ => None,
            }),
            WitType::Option(inner) => {
                self.only(place, fields, ty, |key| {
                    (key == "some").then_some(Some(inner))
                });
            }
            _ => self.wrong(place, ty, "an object"),
        }
    }

    /// An object with exactly one key, which says the type of its value; `None` there is `null`.
    fn only<'t>(
        &mut self,
        place: &Place<'_>,
        fields: &Map<String, Value>,
        ty: &WitType,
        payload: impl Fn(&str) -> Option<Option<&'t WitType>>,
    ) {
        let Some((key, value)) = fields.iter().next() else {
            return self.wrong(place, ty, "an empty object");
        };
        match payload(key) {
            Some(Some(payload)) => self.value(&place.key(key), value, payload),
            Some(None) if value.is_null() => {}
            Some(None) => {
                let problem = Problem::new("null: there is no payload", value);
                self.push(&place.key(key), problem);
            }
            None => {
                let found = format_args!("an unknown key {:?}", head(key));
                return self.wrong(place, ty, found);
            }
        }
        if fields.len() > 1 {
            self.wrong(place, ty, "more than one key");
        }
    }

    fn variant(
        &mut self,
        place: &Place<'_>,
        fields: &Map<String, Value>,
        cases: &[Case],
        ty: &WitType,
    ) {
        let others = fields.keys().filter(|key| *key != "tag" && *key != "value");
        for key in others {
            let found = format_args!("an unknown key {:?}", head(key));
            self.wrong(place, ty, found);
        }
        let inside = place.key("tag");
        let tag = match fields.get("tag") {
            None => return self.wrong(place, ty, "an object without \"tag\""),
            Some(Value::String(tag)) => tag,
            Some(other) => {
                self.count(&inside, 1);
                return self.wrong(&inside, ty, other);
            }
        };
        if tag.contains("${") {
            let problem = Problem::new("the name of a case", format_args!("{:?}", head(tag)));
            let hint = "a tag is written out, so that the type of its value is known";
            return self.push(&inside, problem.hint(hint));
        }
        if !self.count(&inside, 1) || !self.count_search(&inside, cases.len()) {
            return;
        }
        let Some(case) = cases.iter().find(|case| case.name == *tag) else {
            return self.name(&inside, tag, ty);
        };
        match (&case.ty, fields.get("value")) {
            (None, None | Some(Value::Null)) | (Some(WitType::Option(_)), None) => {}
            (None, Some(_)) => {
                let expected = format_args!("no value for `{tag}`");
                self.push(place, Problem::new(expected, "a value"));
            }
            (Some(ty), Some(value)) => self.value(&place.key("value"), value, ty),
            (Some(ty), None) => {
                let expected = format_args!("\"value\" for `{tag}`: {}", Expected(ty));
                self.push(place, Problem::new(expected, "nothing"));
            }
        }
    }
}

/// A reference whose type does not fit.
fn misfit(reference: &Reference, yields: &Yields, ty: &WitType) -> Problem {
    let problem = Problem::new(Expected(ty), yields).of(reference);
    let inside: Vec<String> = yields
        .fields_that_fit(ty)
        .iter()
        .map(|field| format!("`{}`", reference.field(field)))
        .collect();
    if inside.is_empty() {
        problem
    } else {
        problem.hint(format_args!("did you mean {}?", inside.join(" or ")))
    }
}
