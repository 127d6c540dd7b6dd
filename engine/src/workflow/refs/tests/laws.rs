//! Laws of arguments with and without references, held against the engine's own reader.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a wildcard leaves the rest as it is"
)]

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::super::takes::takes as always;
use super::*;
use crate::types::FaultKind;

fn numbered(kind: &str, count: usize) -> Arc<[String]> {
    (0..count).map(|i| format!("{kind}-{i}")).collect()
}

fn any_type() -> impl Strategy<Value = WitType> {
    use WitType as T;
    let plain = prop::sample::select(vec![
        T::Bool,
        T::S8,
        T::U8,
        T::S16,
        T::U16,
        T::S32,
        T::U32,
        T::S64,
        T::U64,
        T::F32,
        T::F64,
        T::Char,
        T::String,
    ]);
    let leaf = prop_oneof![
        4 => plain,
        1 => (1usize..6).prop_map(|count| T::Enum(numbered("case", count))),
        1 => (1usize..6).prop_map(|count| T::Flags(numbered("flag", count))),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let maybe = prop::option::of(inner.clone());
        let several = prop::collection::vec(inner.clone(), 1..4);
        prop_oneof![
            inner.clone().prop_map(list),
            inner.clone().prop_map(option),
            several.clone().prop_map(|types| {
                let fields = types.into_iter().enumerate().map(|(i, ty)| Field {
                    name: format!("field-{i}"),
                    ty,
                });
                T::Record(fields.collect())
            }),
            several.prop_map(|types| T::Tuple(types.into())),
            prop::collection::vec(maybe.clone(), 1..4).prop_map(|types| {
                let cases = types.into_iter().enumerate().map(|(i, ty)| Case {
                    name: format!("case-{i}"),
                    ty,
                });
                T::Variant(cases.collect())
            }),
            (maybe.clone(), maybe).prop_map(|(ok, err)| T::Result {
                ok: ok.map(Arc::new),
                err: err.map(Arc::new)
            }),
        ]
    })
}

/// JSON that the engine takes as a value of a type, in any of the forms it takes.
fn any_json(ty: &WitType) -> BoxedStrategy<Value> {
    fn number<T>() -> BoxedStrategy<Value>
    where
        T: Arbitrary<Strategy: 'static> + Into<i128>,
    {
        let written = |number: T| {
            let text: i128 = number.into();
            serde_json::from_str(&text.to_string()).unwrap()
        };
        any::<T>().prop_map(written).boxed()
    }
    let wide = |numbers: BoxedStrategy<Value>| {
        let as_text = numbers.clone().prop_map(|number| json!(number.to_string()));
        prop_oneof![numbers, as_text].boxed()
    };
    let special = prop::sample::select(vec![json!("NaN"), json!("Infinity"), json!("-Infinity")]);
    let payload = |ty: Option<&WitType>| match ty {
        Some(ty) => any_json(ty),
        None => Just(Value::Null).boxed(),
    };
    match ty {
        WitType::Bool => any::<bool>().prop_map(Value::from).boxed(),
        WitType::S8 => number::<i8>(),
        WitType::U8 => number::<u8>(),
        WitType::S16 => number::<i16>(),
        WitType::U16 => number::<u16>(),
        WitType::S32 => number::<i32>(),
        WitType::U32 => number::<u32>(),
        WitType::S64 => wide(number::<i64>()),
        WitType::U64 => wide(number::<u64>()),
        WitType::F32 => prop_oneof![any::<f32>().prop_map(Value::from), special].boxed(),
        WitType::F64 => prop_oneof![any::<f64>().prop_map(Value::from), special].boxed(),
        WitType::Char => any::<char>()
            .prop_map(|c| Value::from(c.to_string()))
            .boxed(),
        WitType::String => "[a$\\{\\}.]{0,6}|\\PC{0,6}|\\$\\{inputs\\.q\\}"
            .prop_map(Value::from)
            .boxed(),
        WitType::List(inner) if **inner == WitType::U8 => {
            let bytes = prop::collection::vec(any::<u8>(), 0..5);
            let as_array = bytes.clone().prop_map(Value::from);
            prop_oneof![
                bytes.prop_map(|bytes| json!(STANDARD.encode(bytes))),
                as_array
            ]
            .boxed()
        }
        WitType::List(inner) => prop::collection::vec(any_json(inner), 0..4)
            .prop_map(Value::from)
            .boxed(),
        WitType::Option(inner) => {
            let nested = matches!(**inner, WitType::Option(_));
            prop::option::of(any_json(inner))
                .prop_map(move |value| match value {
                    Some(value) if nested => json!({ "some": value }),
                    Some(value) => value,
                    None => Value::Null,
                })
                .boxed()
        }
        WitType::Record(fields) => {
            let keys: Vec<String> = fields.iter().map(|field| field.name.clone()).collect();
            let values: Vec<_> = fields.iter().map(|field| any_json(&field.ty)).collect();
            values
                .prop_map(move |values| Value::Object(keys.iter().cloned().zip(values).collect()))
                .boxed()
        }
        WitType::Tuple(types) => types
            .iter()
            .map(any_json)
            .collect::<Vec<_>>()
            .prop_map(Value::from)
            .boxed(),
        WitType::Variant(cases) => {
            let cases: Vec<_> = cases
                .iter()
                .map(|case| {
                    let name = case.name.clone();
                    payload(case.ty.as_ref())
                        .prop_map(move |value| json!({ "tag": name, "value": value }))
                })
                .collect();
            prop::strategy::Union::new(cases).boxed()
        }
        WitType::Enum(names) => prop::sample::select(names.to_vec())
            .prop_map(Value::from)
            .boxed(),
        WitType::Flags(names) => prop::sample::subsequence(names.to_vec(), 0..=names.len())
            .prop_map(Value::from)
            .boxed(),
        WitType::Result { ok, err } => {
            let ok = payload(ok.as_deref()).prop_map(|value| json!({ "ok": value }));
            let err = payload(err.as_deref()).prop_map(|value| json!({ "err": value }));
            prop_oneof![ok, err].boxed()
        }
        WitType::Opaque(_) => unreachable!("never generated"),
    }
}

fn typed_json() -> impl Strategy<Value = (WitType, Value)> {
    any_type().prop_flat_map(|ty| {
        let values = any_json(&ty);
        (Just(ty), values)
    })
}

/// Choices that a test makes while it walks through a type.
#[derive(Clone, Debug)]
struct Choices(Vec<u32>);

impl Choices {
    fn below(&mut self, most: usize) -> usize {
        let choice = self.0.pop().unwrap_or(0);
        choice as usize % most.max(1)
    }
}

fn choices() -> impl Strategy<Value = Choices> {
    prop::collection::vec(any::<u32>(), 32).prop_map(Choices)
}

/// Changes one place of a value.
fn mutate(value: &mut Value, choices: &mut Choices) {
    let deeper = choices.below(4) > 0;
    match value {
        Value::Array(values) if deeper && !values.is_empty() => {
            let at = choices.below(values.len());
            return mutate(&mut values[at], choices);
        }
        Value::Object(fields) if deeper && !fields.is_empty() => {
            let at = choices.below(fields.len());
            return mutate(fields.values_mut().nth(at).unwrap(), choices);
        }
        Value::Array(values) => match choices.below(3) {
            0 => return values.push(json!("flag-0")),
            1 => return values.truncate(values.len().saturating_sub(1)),
            _ => {}
        },
        Value::Object(fields) => match (choices.below(3), fields.keys().next().cloned()) {
            (0, _) => {
                fields.insert("field-1".into(), json!(1));
                return;
            }
            (1, Some(key)) => {
                fields.shift_remove(&key);
                return;
            }
            _ => {}
        },
        _ => {}
    }
    let others = [
        json!(null),
        json!(true),
        json!(0),
        json!(-0.0),
        json!(-1),
        json!(255.0),
        json!(256),
        json!(1.5),
        json!(9_007_199_254_740_992.0),
        json!(u64::MAX),
        json!(i64::MIN),
        json!(1e300),
        json!(""),
        json!("a"),
        json!("17"),
        json!("+17"),
        json!("-9223372036854775808"),
        json!("18446744073709551616"),
        json!("AA=="),
        json!("AB=="),
        json!("AA"),
        json!("NaN"),
        json!("nan"),
        json!("case-0"),
        json!("flag-9"),
        json!([]),
        json!(["flag-1", "flag-1"]),
        json!([1, 2, 300]),
        json!({}),
        json!({ "ok": null }),
        json!({ "ok": 1, "err": 1 }),
        json!({ "some": null }),
        json!({ "some": 1, "more": 1 }),
        json!({ "tag": "case-0" }),
        json!({ "tag": "case-1", "value": null }),
        json!({ "value": 1, "tag": "case-0" }),
        json!({ "tag": 1 }),
    ];
    *value = others[choices.below(others.len())].clone();
}

/// Writes a value so that each of its strings stands for itself.
fn escaped(value: &Value) -> Value {
    match value {
        Value::String(text) => json!(Template::literal(text).to_string()),
        Value::Array(values) => values.iter().map(escaped).collect(),
        Value::Object(fields) => fields
            .iter()
            .map(|(key, value)| (key.clone(), escaped(value)))
            .collect(),
        other => other.clone(),
    }
}

/// The value as the engine writes it, if it takes it.
fn written(ty: &WitType, value: &Value) -> Option<Value> {
    let function = takes(&[("x", ty.clone())]);
    let read = Arguments::decode(&function, &json!([value]).to_string()).ok()?;
    Some(read.canonical(Some(&function))["x"].clone())
}

/// A type that takes every value of another.
fn widened(ty: &WitType, choices: &mut Choices) -> WitType {
    use WitType as T;
    let wrap = choices.below(4) == 0 && !matches!(ty, T::Option(_));
    let wide = match ty {
        T::U8 => [T::U8, T::S16, T::U64, T::F32][choices.below(4)].clone(),
        T::S32 => [T::S32, T::S64, T::F64][choices.below(3)].clone(),
        T::F32 => [T::F32, T::F64][choices.below(2)].clone(),
        T::Char | T::Enum(_) => [ty.clone(), T::String][choices.below(2)].clone(),
        T::List(inner) if **inner == T::U8 => ty.clone(),
        T::List(inner) => list(widened(inner, choices)),
        T::Option(inner) => match widened(inner, choices) {
            // An option is not written the same when it holds one.
            T::Option(_) if !matches!(**inner, T::Option(_)) => ty.clone(),
            inner => option(inner),
        },
        T::Tuple(types) => T::Tuple(types.iter().map(|ty| widened(ty, choices)).collect()),
        T::Record(fields) => {
            let mut fields: Vec<Field> = fields
                .iter()
                .map(|field| Field {
                    name: field.name.clone(),
                    ty: widened(&field.ty, choices),
                })
                .collect();
            fields.push(Field {
                name: "added".into(),
                ty: option(T::Bool),
            });
            fields.reverse();
            T::Record(fields.into())
        }
        T::Variant(cases) => {
            let wide = cases.iter().map(|case| Case {
                name: case.name.clone(),
                ty: case.ty.as_ref().map(|ty| widened(ty, choices)),
            });
            let mut cases: Vec<Case> = wide.collect();
            cases.push(Case {
                name: "added".into(),
                ty: None,
            });
            cases.reverse();
            T::Variant(cases.into())
        }
        other => other.clone(),
    };
    if wrap && !matches!(wide, T::Option(_)) {
        option(wide)
    } else {
        wide
    }
}

/// Puts references in the place of parts of a value, and keeps each part with its type.
fn punched(
    value: &Value,
    ty: &WitType,
    choices: &mut Choices,
    parts: &mut Vec<(WitType, Value)>,
) -> Value {
    if choices.below(3) == 0 {
        parts.push((ty.clone(), value.clone()));
        return json!(format!("${{steps.s.output.{}}}", parts.len() - 1));
    }
    match (ty, value) {
        (WitType::Option(inner), Value::Object(fields))
            if matches!(**inner, WitType::Option(_)) =>
        {
            json!({ "some": punched(&fields["some"], inner, choices, parts) })
        }
        (WitType::Option(inner), value) if !value.is_null() => {
            punched(value, inner, choices, parts)
        }
        (WitType::List(inner), Value::Array(values)) => values
            .iter()
            .map(|value| punched(value, inner, choices, parts))
            .collect(),
        (WitType::Tuple(types), Value::Array(values)) => (types.iter().zip(values))
            .map(|(ty, value)| punched(value, ty, choices, parts))
            .collect(),
        (WitType::Record(declared), Value::Object(fields)) => declared
            .iter()
            .map(|field| {
                let value = punched(&fields[&field.name], &field.ty, choices, parts);
                (field.name.clone(), value)
            })
            .collect(),
        (WitType::Variant(cases), Value::Object(fields)) => {
            let mut fields = fields.clone();
            let case = cases.iter().find(|case| fields["tag"] == case.name);
            if let (Some(value), Some(ty)) = (
                fields.get("value").cloned(),
                case.and_then(|case| case.ty.as_ref()),
            ) {
                fields.insert("value".into(), punched(&value, ty, choices, parts));
            }
            Value::Object(fields)
        }
        (_, value) => escaped(value),
    }
}

/// A path into a type, and now and then into another.
fn wander(ty: &WitType, choices: &mut Choices) -> Vec<String> {
    let mut path = Vec::new();
    let mut at = ty.clone();
    while choices.below(4) > 0 {
        let (segment, next) = match &at {
            WitType::Option(inner) if matches!(**inner, WitType::Option(_)) => {
                ("some".to_owned(), (**inner).clone())
            }
            WitType::Option(inner) => {
                at = (**inner).clone();
                continue;
            }
            WitType::List(inner) => (choices.below(3).to_string(), (**inner).clone()),
            WitType::Tuple(types) => {
                let index = choices.below(types.len());
                (index.to_string(), types[index].clone())
            }
            WitType::Record(fields) => {
                let field = &fields[choices.below(fields.len())];
                (field.name.clone(), field.ty.clone())
            }
            WitType::Variant(cases) => {
                let payload = cases[choices.below(cases.len())].ty.clone();
                let segment = ["tag", "value"][choices.below(2)];
                (segment.to_owned(), payload.unwrap_or(WitType::Bool))
            }
            WitType::Result { ok, err } => {
                let (segment, payload) = [("ok", ok), ("err", err)][choices.below(2)];
                let payload = payload.as_deref().cloned().unwrap_or(WitType::Bool);
                (segment.to_owned(), payload)
            }
            _ => break,
        };
        path.push(segment);
        at = next;
    }
    path
}

fn none(reference: &Reference) -> Result<Yields, Problem> {
    Err(Problem::new("no references", reference))
}

fn any_part() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a$\\{\\}.]{1,4}".prop_map(|text| Template::literal(&text).to_string()),
        "\\$\\{inputs\\.[a-z]{1,3}(\\.[a-z0-9-]{1,3}){0,2}\\}",
        "\\$\\{steps\\.[A-Z_-]{1,3}\\.output(\\.[0-9]{1,2}){0,2}\\}",
        Just("${step.idempotency_key}".to_owned()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(5_000))]

    #[test]
    fn json_without_references_fits_exactly_if_the_reader_takes_it(
        (ty, value) in typed_json(),
        other in any_type(),
        mut choices in choices(),
    ) {
        let ty = if choices.below(4) == 0 { other } else { ty };
        let mut value = value;
        for _ in 0..choices.below(3) {
            mutate(&mut value, &mut choices);
        }
        let function = takes(&[("x", ty.clone())]);
        let arguments = if choices.below(2) == 0 { json!([value]) } else { json!({ "x": value }) };
        let problems = fit(&escaped(&arguments), &function, &none);
        match Arguments::decode(&function, &arguments.to_string()) {
            Ok(_) => prop_assert_eq!(problems, [], "{} as {}", arguments, ty),
            Err(fault) => {
                let FaultKind::Argument { pointer, expected, .. } = fault.kind() else {
                    panic!("wrong fault: {fault}");
                };
                prop_assert!(
                    problems.iter().any(|problem| problem.pointer == *pointer && problem.expected == *expected),
                    "{arguments} as {ty}: the reader says {fault}, but not one of {problems:#?}"
                );
            }
        }
        let resolved = resolve(&escaped(&arguments), &|_| Ok(Value::Null));
        prop_assert_eq!(resolved.unwrap(), arguments);
    }

    #[test]
    fn a_value_of_a_type_that_fits_is_taken_by_the_reader(
        (from, value) in typed_json(),
        any in any_type(),
        mut choices in choices(),
    ) {
        let value = written(&from, &value).unwrap();
        let wide = widened(&from, &mut choices);
        prop_assert!(always(&wide, &from), "{} into {}", from, wide);
        prop_assert!(written(&wide, &value).is_some(), "{} of {} into {}", value, from, wide);
        if always(&any, &from) {
            prop_assert!(written(&any, &value).is_some(), "{} of {} into {}", value, from, any);
        }
    }

    #[test]
    fn arguments_that_fit_are_taken_by_the_reader_once_they_are_resolved(
        (ty, value) in typed_json(),
        mut choices in choices(),
    ) {
        let value = written(&ty, &value).unwrap();
        let mut parts = Vec::new();
        let arguments = json!({ "x": punched(&value, &ty, &mut choices, &mut parts) });
        let index = |reference: &Reference| match reference {
            Reference::Output { path, .. } => path[0].parse::<usize>().unwrap(),
            other => panic!("{other} is not in the arguments"),
        };
        let function = takes(&[("x", ty.clone())]);
        let problems = fit(&arguments, &function, &|reference| {
            Ok(Yields::known(parts[index(reference)].0.clone()))
        });
        prop_assert_eq!(problems, [], "{} as {}", arguments, ty);
        prop_assert_eq!(references(&arguments).unwrap().len(), parts.len());
        let resolved = resolve(&arguments, &|reference| Ok(parts[index(reference)].1.clone()));
        let resolved = resolved.unwrap();
        prop_assert!(Arguments::decode(&function, &resolved.to_string()).is_ok());
        prop_assert_eq!(&resolved["x"], &value);
    }

    #[test]
    fn a_path_leads_to_a_value_of_the_type_it_yields(
        (ty, value) in typed_json(),
        mut choices in choices(),
    ) {
        let value = written(&ty, &value).unwrap();
        let path = wander(&ty, &mut choices);
        let Ok(found) = yields(Some(&ty), &path) else { return Ok(()) };
        match at(&value, &path) {
            Ok(part) => if let Some(ty) = found.ty() {
                let again = written(ty, part);
                prop_assert_eq!(again.as_ref(), Some(part), "{:?} as {}", path, ty);
            },
            Err(problem) => prop_assert!(found.may_be_missing(), "{:?} of {}: {}", path, value, problem),
        }
    }

    #[test]
    fn a_template_prints_as_a_string_that_means_the_same(parts in prop::collection::vec(any_part(), 0..6)) {
        // Two texts side by side may make another one, but never a broken one.
        let text = parts.concat();
        if let Ok(template) = Template::parse(&text) {
            let printed = template.to_string();
            prop_assert_eq!(Template::parse(&printed).unwrap(), template);
        }
    }

    #[test]
    fn a_literal_means_itself(text in "[a$\\{\\}.]{0,12}|\\PC*") {
        let printed = Template::literal(&text).to_string();
        let template = Template::parse(&printed).unwrap();
        prop_assert_eq!(template.plain(), Some(text.as_str()));
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "(\\$\\{|[a-z.\\$\\{\\} ]|steps|inputs|\\PC){0,20}") {
        if let Ok(template) = Template::parse(&text) {
            let printed = template.to_string();
            prop_assert_eq!(Template::parse(&printed).unwrap(), template);
        }
    }
}
