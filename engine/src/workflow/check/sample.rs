use serde_json::{Map, Value, json};

use crate::types::WitType;

/// A value of a type that is as harmless as values can be: zero, an empty text, the first case. The guard is asked
/// about it where the real value is not known yet.
pub(super) fn sample(ty: &WitType) -> Value {
    match ty {
        WitType::Bool => json!(false),
        WitType::S8
        | WitType::U8
        | WitType::S16
        | WitType::U16
        | WitType::S32
        | WitType::U32
        | WitType::S64
        | WitType::U64 => json!(0),
        WitType::F32 | WitType::F64 => json!(0.0),
        WitType::Char => json!("a"),
        WitType::String => json!(""),
        WitType::List(inner) if **inner == WitType::U8 => json!(""),
        WitType::List(_) | WitType::Flags(_) => json!([]),
        WitType::Option(_) | WitType::Opaque(_) => Value::Null,
        WitType::Record(fields) => Value::Object(
            fields
                .iter()
                .map(|field| (field.name.clone(), sample(&field.ty)))
                .collect(),
        ),
        WitType::Tuple(types) => Value::Array(types.iter().map(sample).collect()),
        WitType::Enum(names) => json!(names.first()),
        WitType::Variant(cases) => {
            let mut value = Map::new();
            if let Some(case) = cases.first() {
                value.insert("tag".to_owned(), json!(case.name));
                if let Some(ty) = &case.ty {
                    value.insert("value".to_owned(), sample(ty));
                }
            }
            Value::Object(value)
        }
        WitType::Result { ok, .. } => {
            json!({ "ok": ok.as_deref().map_or(Value::Null, sample) })
        }
    }
}
