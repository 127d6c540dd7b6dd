//! Laws of the whole way of a value, for every type.

use std::sync::Arc;

use proptest::prelude::*;

use super::super::super::encode::encode;
use super::super::super::schema::schema;
use super::super::Arguments;
use super::{Val, WitType, list, option, read, record, takes, values};
use crate::types::Case;

fn names(kind: &str, count: usize) -> Arc<[String]> {
    (0..count).map(|i| format!("{kind}-{i}")).collect()
}

fn any_type() -> impl Strategy<Value = WitType> {
    let leaf = prop_oneof![
        Just(WitType::Bool),
        Just(WitType::S8),
        Just(WitType::U8),
        Just(WitType::S16),
        Just(WitType::U16),
        Just(WitType::S32),
        Just(WitType::U32),
        Just(WitType::S64),
        Just(WitType::U64),
        Just(WitType::F32),
        Just(WitType::F64),
        Just(WitType::Char),
        Just(WitType::String),
        (1usize..6).prop_map(|count| WitType::Enum(names("case", count))),
        (1usize..6).prop_map(|count| WitType::Flags(names("flag", count))),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let maybe = prop::option::of(inner.clone());
        prop_oneof![
            inner.clone().prop_map(list),
            inner.clone().prop_map(option),
            prop::collection::vec(inner.clone(), 1..4).prop_map(|types| record(
                types
                    .into_iter()
                    .enumerate()
                    .map(|(i, ty)| (format!("field-{i}"), ty))
                    .collect()
            )),
            prop::collection::vec(inner.clone(), 1..4)
                .prop_map(|types| WitType::Tuple(types.into())),
            prop::collection::vec(maybe.clone(), 1..4).prop_map(|types| WitType::Variant(
                types
                    .into_iter()
                    .enumerate()
                    .map(|(i, ty)| Case {
                        name: format!("case-{i}"),
                        ty
                    })
                    .collect()
            )),
            (maybe.clone(), maybe).prop_map(|(ok, err)| WitType::Result {
                ok: ok.map(Arc::new),
                err: err.map(Arc::new)
            }),
        ]
    })
}

fn any_value(ty: &WitType) -> BoxedStrategy<Val> {
    let payload = |ty: &Option<Arc<WitType>>| match ty {
        Some(ty) => any_value(ty)
            .prop_map(|value| Some(Box::new(value)))
            .boxed(),
        None => Just(None).boxed(),
    };
    match ty {
        WitType::Bool => any::<bool>().prop_map(Val::Bool).boxed(),
        WitType::S8 => any::<i8>().prop_map(Val::S8).boxed(),
        WitType::U8 => any::<u8>().prop_map(Val::U8).boxed(),
        WitType::S16 => any::<i16>().prop_map(Val::S16).boxed(),
        WitType::U16 => any::<u16>().prop_map(Val::U16).boxed(),
        WitType::S32 => any::<i32>().prop_map(Val::S32).boxed(),
        WitType::U32 => any::<u32>().prop_map(Val::U32).boxed(),
        WitType::S64 => any::<i64>().prop_map(Val::S64).boxed(),
        WitType::U64 => any::<u64>().prop_map(Val::U64).boxed(),
        WitType::F32 => any::<u32>()
            .prop_map(|bits| Val::Float32(f32::from_bits(bits)))
            .boxed(),
        WitType::F64 => any::<u64>()
            .prop_map(|bits| Val::Float64(f64::from_bits(bits)))
            .boxed(),
        WitType::Char => any::<char>().prop_map(Val::Char).boxed(),
        WitType::String => any::<String>().prop_map(Val::String).boxed(),
        WitType::List(inner) => prop::collection::vec(any_value(inner), 0..4)
            .prop_map(Val::List)
            .boxed(),
        WitType::Option(inner) => prop::option::of(any_value(inner))
            .prop_map(|value| Val::Option(value.map(Box::new)))
            .boxed(),
        WitType::Record(fields) => {
            let names: Vec<String> = fields.iter().map(|field| field.name.clone()).collect();
            let values: Vec<_> = fields.iter().map(|field| any_value(&field.ty)).collect();
            values
                .prop_map(move |values| Val::Record(names.iter().cloned().zip(values).collect()))
                .boxed()
        }
        WitType::Tuple(types) => types
            .iter()
            .map(any_value)
            .collect::<Vec<_>>()
            .prop_map(Val::Tuple)
            .boxed(),
        WitType::Variant(cases) => {
            let cases: Vec<_> = cases
                .iter()
                .map(|case| {
                    let name = case.name.clone();
                    payload(&case.ty.clone().map(Arc::new))
                        .prop_map(move |value| Val::Variant(name.clone(), value))
                })
                .collect();
            prop::strategy::Union::new(cases).boxed()
        }
        WitType::Enum(names) => prop::sample::select(names.to_vec())
            .prop_map(Val::Enum)
            .boxed(),
        WitType::Flags(names) => prop::sample::subsequence(names.to_vec(), 0..=names.len())
            .prop_map(Val::Flags)
            .boxed(),
        WitType::Result { ok, err } => {
            let ok = payload(ok).prop_map(|value| Val::Result(Ok(value)));
            let err = payload(err).prop_map(|value| Val::Result(Err(value)));
            prop_oneof![ok, err].boxed()
        }
        WitType::Opaque(_) => unreachable!("never generated"),
    }
}

fn typed_value() -> impl Strategy<Value = (WitType, Val)> {
    any_type().prop_flat_map(|ty| {
        let values = any_value(&ty);
        (Just(ty), values)
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn every_value_of_every_type_crosses_unchanged((ty, value) in typed_value()) {
        let json = encode(&value, &ty, usize::MAX).unwrap();
        prop_assert_eq!(read(&ty, &json), value.clone(), "{} as {}", ty, json);
        // By position as well, and through a parser that reorders the keys of objects.
        let reordered: serde_json::Value = serde_json::from_str(&json).unwrap();
        let function = takes(ty.clone());
        let by_position = Arguments::decode(&function, &format!("[{reordered}]"));
        prop_assert_eq!(values(&by_position.unwrap()).remove(0), value);
    }

    #[test]
    fn the_schema_of_a_type_accepts_its_values((ty, value) in typed_value()) {
        let json: serde_json::Value = serde_json::from_str(&encode(&value, &ty, usize::MAX).unwrap()).unwrap();
        let (parameters, _) = schema(&takes(ty.clone()));
        let arguments = serde_json::json!({ "x": json });
        prop_assert!(jsonschema::is_valid(&parameters, &arguments), "{} against {}", arguments, parameters);
    }
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(ty in any_type(), text in "\\PC*|[\\[\\]{}\",:0-9eE.\\-a-z]*") {
        let _ = Arguments::decode(&takes(ty), &text);
    }

    #[test]
    fn no_json_of_another_shape_is_taken_for_a_value((ty, value) in typed_value(), other in any_type()) {
        // Whatever is taken, is written back as a value that is taken again: nothing is guessed.
        let json = encode(&value, &ty, usize::MAX).unwrap();
        if let Ok(taken) = Arguments::decode(&takes(other.clone()), &format!("[{json}]")) {
            let again = encode(&values(&taken)[0], &other, usize::MAX).unwrap();
            prop_assert_eq!(read(&other, &again), values(&taken)[0].clone());
        }
    }
}
