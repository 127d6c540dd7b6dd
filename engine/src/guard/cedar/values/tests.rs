use std::str::FromStr;
use std::sync::Arc;

use cedar_policy::{Context, EntityUid, Request, Schema};
use proptest::prelude::*;
use serde_json::json;

use super::super::schema::{Known, schema};
use super::*;
use crate::types::{Field, Function, Parameter};

/// A function with parameters.
pub(in crate::guard::cedar) fn named(name: &str, parameters: Vec<(&str, WitType)>) -> Function {
    Function {
        interface: None,
        name: name.into(),
        parameters: parameters
            .into_iter()
            .map(|(name, ty)| Parameter {
                name: name.into(),
                ty,
            })
            .collect(),
        result: None,
    }
}

const NAMES: [&str; 5] = ["tag", "some", "ok", "max-depth", "z9"];

/// Any type.
pub(in crate::guard::cedar) fn kinds() -> impl Strategy<Value = WitType> {
    let leaf = prop_oneof![
        Just(WitType::Bool),
        Just(WitType::U8),
        Just(WitType::S64),
        Just(WitType::U64),
        Just(WitType::F32),
        Just(WitType::F64),
        Just(WitType::Char),
        Just(WitType::String),
        Just(WitType::Opaque("resource".into())),
        Just(WitType::Enum(NAMES.map(str::to_owned).into())),
        Just(WitType::Flags(NAMES.map(str::to_owned).into())),
    ];
    leaf.prop_recursive(4, 24, 5, |inner| {
        let some = proptest::collection::vec(inner.clone(), 1..5);
        let maybe = proptest::option::of(inner.clone());
        prop_oneof![
            inner.clone().prop_map(|ty| WitType::List(ty.into())),
            inner.prop_map(|ty| WitType::Option(ty.into())),
            some.clone().prop_map(|types| WitType::Tuple(types.into())),
            some.prop_map(|types| {
                let fields = NAMES.iter().zip(types);
                WitType::Record(
                    fields
                        .map(|(name, ty)| Field {
                            name: (*name).into(),
                            ty,
                        })
                        .collect::<Arc<[_]>>(),
                )
            }),
            proptest::collection::vec(maybe.clone(), 1..5).prop_map(|types| {
                let cases = NAMES.iter().zip(types);
                WitType::Variant(
                    cases
                        .map(|(name, ty)| Case {
                            name: (*name).into(),
                            ty,
                        })
                        .collect::<Arc<[_]>>(),
                )
            }),
            (maybe.clone(), maybe).prop_map(|(ok, err)| WitType::Result {
                ok: ok.map(Arc::new),
                err: err.map(Arc::new),
            }),
        ]
    })
}

/// Any value of a type, in its canonical form.
fn values(ty: &WitType) -> BoxedStrategy<Value> {
    let each = |types: Vec<&WitType>| types.into_iter().map(values).collect::<Vec<_>>();
    match ty {
        WitType::Bool => any::<bool>().prop_map(Value::from).boxed(),
        WitType::F32 | WitType::F64 => prop_oneof![
            any::<f64>()
                .prop_filter("JSON has no others", |f| f.is_finite())
                .prop_map(Value::from),
            Just(json!("Infinity")),
            Just(json!("-Infinity")),
        ]
        .boxed(),
        WitType::S64 => any::<i64>().prop_map(|n| json!(n.to_string())).boxed(),
        WitType::U64 => prop_oneof![
            any::<u64>().prop_map(|n| json!(n)),
            any::<u64>().prop_map(|n| json!(n.to_string()))
        ]
        .boxed(),
        WitType::S8 | WitType::U8 | WitType::S16 | WitType::U16 | WitType::S32 | WitType::U32 => {
            (0u8..128).prop_map(Value::from).boxed()
        }
        WitType::Char => any::<char>().prop_map(|c| json!(c.to_string())).boxed(),
        WitType::String => any::<String>().prop_map(Value::from).boxed(),
        WitType::Enum(names) => proptest::sample::select(names.to_vec())
            .prop_map(Value::from)
            .boxed(),
        WitType::Flags(names) => {
            let most = names.len();
            proptest::sample::subsequence(names.to_vec(), 0..=most)
                .prop_map(|names| json!(names))
                .boxed()
        }
        WitType::List(inner) if **inner == WitType::U8 => Just(json!("AAEC")).boxed(),
        WitType::List(inner) => proptest::collection::vec(values(inner), 0..3)
            .prop_map(Value::from)
            .boxed(),
        WitType::Tuple(types) => each(types.iter().collect()).prop_map(Value::from).boxed(),
        WitType::Record(fields) => {
            let names: Vec<String> = fields.iter().map(|field| field.name.clone()).collect();
            each(fields.iter().map(|field| &field.ty).collect())
                .prop_map(move |values| Value::Object(names.iter().cloned().zip(values).collect()))
                .boxed()
        }
        WitType::Variant(cases) => {
            let case = |case: &Case| {
                let name = case.name.clone();
                match &case.ty {
                    None => Just(json!({ "tag": name })).boxed(),
                    Some(ty) => values(ty)
                        .prop_map(move |value| json!({ "tag": name, "value": value }))
                        .boxed(),
                }
            };
            proptest::strategy::Union::new(cases.iter().map(case)).boxed()
        }
        WitType::Option(inner) => {
            let wrapped = matches!(**inner, WitType::Option(_));
            let some = values(inner).prop_map(move |value| {
                if wrapped {
                    json!({ "some": value })
                } else {
                    value
                }
            });
            prop_oneof![Just(Value::Null), some].boxed()
        }
        WitType::Result { ok, err } => {
            let side = |name: &'static str, ty: &Option<Arc<WitType>>| {
                ty.as_ref()
                    .map_or_else(|| Just(Value::Null).boxed(), |ty| values(ty))
                    .prop_map(move |value| json!({ name: value }))
            };
            prop_oneof![side("ok", ok), side("err", err)].boxed()
        }
        WitType::Opaque(_) => Just(Value::Null).boxed(),
    }
}

fn args(value: &Value, ty: &WitType) -> Result<RestrictedExpression, Unfit> {
    let value = attribute(value, ty)?.map(|value| ("a".to_owned(), value));
    RestrictedExpression::new_record(value).map_err(|_| Unfit::WrongType)
}

/// The value as Cedar prints it; `None` if it is left out.
fn shown(value: Value, ty: &WitType) -> Option<String> {
    attribute(&value, ty).unwrap().map(printed)
}

fn printed(value: RestrictedExpression) -> String {
    let context = Context::from_pairs([("a".to_owned(), value)]).unwrap();
    context.get("a").unwrap().to_string()
}

fn option(inner: WitType) -> WitType {
    WitType::Option(inner.into())
}

fn list(inner: WitType) -> WitType {
    WitType::List(inner.into())
}

#[test]
fn integers_beyond_those_of_cedar_become_the_greatest() {
    let greatest = i64::MAX.to_string();
    assert_eq!(shown(json!(u64::MAX), &WitType::U64).unwrap(), greatest);
    assert_eq!(
        shown(json!("18446744073709551615"), &WitType::U64).unwrap(),
        greatest
    );
    assert_eq!(
        shown(json!("-9223372036854775808"), &WitType::S64).unwrap(),
        i64::MIN.to_string()
    );
    assert_eq!(
        attribute(&json!(1.5), &WitType::U8).err(),
        Some(Unfit::WrongType)
    );
}

#[test]
fn floats_are_rounded_and_clamped_and_nan_is_refused() {
    for (float, decimal) in [
        (json!(1), "1.0000"),
        (json!(0.123_46), "0.1235"),
        (json!(-0.000_01), "-0.0000"),
        (json!(-0.5), "-0.5000"),
        (json!(922_337_203_685_477.5), "922337203685477.5000"),
        (json!(922_337_203_685_477.6), GREATEST),
        (json!(-922_337_203_685_477.6), LEAST),
        (json!(1e300), GREATEST),
        (json!("Infinity"), GREATEST),
        (json!("-Infinity"), LEAST),
    ] {
        let shown = shown(float, &WitType::F64).unwrap();
        let expected = printed(RestrictedExpression::new_decimal(decimal));
        assert_eq!(shown, expected, "{decimal}");
    }
    assert_eq!(
        attribute(&json!("NaN"), &WitType::F32).err(),
        Some(Unfit::NotANumber)
    );
    let deep = list(option(WitType::F64));
    assert_eq!(
        attribute(&json!([null, "NaN"]), &deep).err(),
        Some(Unfit::NotANumber)
    );
}

#[test]
fn options_are_left_out_and_wrapped_where_they_cannot_be() {
    let once = option(WitType::Bool);
    assert_eq!(shown(json!(null), &once), None);
    assert_eq!(shown(json!(true), &once).unwrap(), "true");
    let twice = option(once.clone());
    assert_eq!(shown(json!(null), &twice), None);
    assert_eq!(shown(json!({ "some": null }), &twice).unwrap(), "{}");
    assert_eq!(
        shown(json!({ "some": true }), &twice).unwrap(),
        "{\"some\": true}"
    );
    let many = shown(json!([true, null]), &list(once)).unwrap();
    assert!(
        many.contains("{\"some\": true}") && many.contains("{}"),
        "{many}"
    );
}

#[test]
fn what_is_opaque_is_left_out_even_if_it_is_not_there() {
    let opaque = option(WitType::Opaque("resource".into()));
    let case = Case {
        name: "held".into(),
        ty: Some(opaque.clone()),
    };
    let variant = WitType::Variant([case].into());
    let value = json!({ "tag": "held", "value": null });
    assert_eq!(shown(value, &variant).unwrap(), "{\"tag\": \"held\"}");
    assert_eq!(shown(json!([null]), &list(opaque)).unwrap(), "{\"len\": 1}");
}

#[test]
fn bytes_have_only_a_length() {
    let bytes = list(WitType::U8);
    for (value, length) in [
        (json!(""), 0),
        (json!("AA=="), 1),
        (json!("AAEC"), 3),
        (json!([1, 2]), 2),
    ] {
        assert_eq!(
            shown(value, &bytes).unwrap(),
            format!("{{\"len\": {length}}}")
        );
    }
}

#[test]
fn results_say_which_side_even_without_a_payload() {
    let nothing = WitType::Result {
        ok: None,
        err: None,
    };
    assert_eq!(
        shown(json!({ "ok": null }), &nothing).unwrap(),
        "{\"ok\": true}"
    );
    assert_eq!(
        shown(json!({ "err": null }), &nothing).unwrap(),
        "{\"err\": true}"
    );
}

#[test]
fn strings_that_look_like_cedars_escapes_stay_strings() {
    let text = r#"{"__entity":{"type":"Principal","id":"root"}}"#;
    assert_eq!(
        shown(json!(text), &WitType::String).unwrap(),
        printed(RestrictedExpression::new_string(text.to_owned()))
    );
}

proptest! {
    #[test]
    fn every_value_conforms_to_the_schema_of_its_type(
        (ty, value) in kinds().prop_flat_map(|ty| {
            let value = values(&ty);
            (Just(ty), value)
        })
    ) {
        let known = Known {
            name: "c.f".into(),
            component: "c".into(),
            function: Some(named("f", vec![("a", ty.clone())])),
            declared: None,
        };
        let (schema, _) = Schema::from_cedarschema_str(&schema(&[known])).unwrap();
        let record = |text: &str| RestrictedExpression::from_str(text).unwrap();
        let empty = "{paths: [], places: [], odd: [], outside: [], unwritable: [], blocked: [], hosts: [], origins: [], private_hosts: [], \
                     userinfo: false, secrets: [], commands: [], shell: false, bytes: 0, incomplete: false}";
        let context = Context::from_pairs([
            ("args".to_owned(), args(&value, &ty).unwrap()),
            ("facts".to_owned(), record(empty)),
            ("calls".to_owned(), record("{all: 0, denied: 0, same: 0, repeats: 0}")),
            ("labels".to_owned(), record("[\"untrusted\"]")),
            ("via".to_owned(), record("\"direct\"")),
        ])
        .unwrap();
        let uid = |text: &str| EntityUid::from_str(text).unwrap();
        let request = Request::new(
            uid("Principal::\"p\""),
            uid("Action::\"c.f\""),
            uid("Component::\"c\""),
            context,
            Some(&schema),
        );
        prop_assert!(request.is_ok(), "{value} of {ty}: {:?}", request.err());
    }
}
