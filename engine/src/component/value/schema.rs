use serde_json::{Map, Value, json};

use crate::types::{Function, WitType};

/// The JSON Schemas (2020-12) of a function: of its parameters as an object, and of its result.
///
/// Arguments that a schema refuses are refused by the engine as well. A top-level `result` appears as
/// its `ok` payload, because its error case becomes the outcome's status.
#[must_use]
pub fn schema(function: &Function) -> (Value, Value) {
    let fields = function
        .parameters
        .iter()
        .map(|parameter| (parameter.name.as_str(), &parameter.ty));
    let result = match &function.result {
        None => json!({ "type": "null" }),
        Some(WitType::Result { ok, .. }) => {
            ok.as_deref().map_or_else(|| json!({ "type": "null" }), of)
        }
        Some(ty) => of(ty),
    };
    (object(fields), result)
}

fn of(ty: &WitType) -> Value {
    match ty {
        WitType::Bool => json!({ "type": "boolean" }),
        WitType::U8 => json!({ "type": "integer", "minimum": 0, "maximum": u8::MAX }),
        WitType::U16 => json!({ "type": "integer", "minimum": 0, "maximum": u16::MAX }),
        WitType::U32 => json!({ "type": "integer", "minimum": 0, "maximum": u32::MAX }),
        WitType::S8 => json!({ "type": "integer", "minimum": i8::MIN, "maximum": i8::MAX }),
        WitType::S16 => json!({ "type": "integer", "minimum": i16::MIN, "maximum": i16::MAX }),
        WitType::S32 => json!({ "type": "integer", "minimum": i32::MIN, "maximum": i32::MAX }),
        WitType::U64 => json!({ "anyOf": [
            { "type": "integer", "minimum": 0, "maximum": u64::MAX },
            { "type": "string", "pattern": "^(0|[1-9][0-9]{0,19})$" },
        ] }),
        WitType::S64 => json!({ "anyOf": [
            { "type": "integer", "minimum": i64::MIN, "maximum": i64::MAX },
            { "type": "string", "pattern": "^(0|-?[1-9][0-9]{0,18})$" },
        ] }),
        WitType::F32 | WitType::F64 => json!({ "anyOf": [
            { "type": "number" },
            { "enum": ["NaN", "Infinity", "-Infinity"] },
        ] }),
        WitType::Char => json!({ "type": "string", "minLength": 1, "maxLength": 1 }),
        WitType::String => json!({ "type": "string" }),
        WitType::List(inner) if **inner == WitType::U8 => json!({ "anyOf": [
            { "type": "string", "contentEncoding": "base64" },
            { "type": "array", "items": of(inner) },
        ] }),
        WitType::List(inner) => json!({ "type": "array", "items": of(inner) }),
        WitType::Record(fields) => {
            object(fields.iter().map(|field| (field.name.as_str(), &field.ty)))
        }
        WitType::Tuple(types) => json!({
            "type": "array",
            "prefixItems": types.iter().map(of).collect::<Vec<_>>(),
            "minItems": types.len(),
            "maxItems": types.len(),
        }),
        WitType::Variant(cases) => {
            let cases: Vec<Value> = cases
                .iter()
                .map(|case| {
                    let mut properties = Map::new();
                    properties.insert("tag".to_owned(), json!({ "const": case.name }));
                    let mut required = vec!["tag"];
                    match &case.ty {
                        Some(ty) => {
                            properties.insert("value".to_owned(), of(ty));
                            if !matches!(ty, WitType::Option(_)) {
                                required.push("value");
                            }
                        }
                        None => {
                            properties.insert("value".to_owned(), json!({ "type": "null" }));
                        }
                    }
                    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
                })
                .collect();
            json!({ "oneOf": cases })
        }
        WitType::Enum(names) => json!({ "enum": &**names }),
        WitType::Option(inner) if matches!(**inner, WitType::Option(_)) => {
            json!({ "anyOf": [{ "type": "null" }, single("some", Some(inner))] })
        }
        WitType::Option(inner) => json!({ "anyOf": [{ "type": "null" }, of(inner)] }),
        WitType::Result { ok, err } => {
            json!({ "oneOf": [single("ok", ok.as_deref()), single("err", err.as_deref())] })
        }
        WitType::Flags(names) => {
            json!({ "type": "array", "items": { "enum": &**names }, "uniqueItems": true })
        }
        // No value fits: such a function cannot be called with JSON.
        WitType::Opaque(_) => json!(false),
    }
}

fn object<'a>(fields: impl Iterator<Item = (&'a str, &'a WitType)>) -> Value {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for (name, ty) in fields {
        properties.insert(name.to_owned(), of(ty));
        if !matches!(ty, WitType::Option(_)) {
            required.push(name);
        }
    }
    json!({ "type": "object", "properties": properties, "required": required, "additionalProperties": false })
}

/// An object with exactly one key.
fn single(key: &str, ty: Option<&WitType>) -> Value {
    let value = ty.map_or_else(|| json!({ "type": "null" }), of);
    json!({ "type": "object", "properties": { key: value }, "required": [key], "additionalProperties": false })
}

#[cfg(test)]
mod tests;
