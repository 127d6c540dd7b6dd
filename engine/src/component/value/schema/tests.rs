use serde_json::json;

use super::*;
use crate::types::Parameter;

#[test]
fn the_schema_of_a_function_reads_like_its_signature() {
    let function = Function {
        interface: None,
        name: "search".into(),
        parameters: vec![
            Parameter {
                name: "text".into(),
                ty: WitType::String,
            },
            Parameter {
                name: "most".into(),
                ty: WitType::Option(WitType::U8.into()),
            },
        ],
        result: Some(WitType::Result {
            ok: Some(WitType::Bool.into()),
            err: Some(WitType::String.into()),
        }),
    };
    let (parameters, result) = schema(&function);
    assert_eq!(
        parameters,
        json!({
            "type": "object",
            "properties": {
                "text": { "type": "string" },
                "most": { "anyOf": [{ "type": "null" }, { "type": "integer", "minimum": 0, "maximum": 255 }] },
            },
            "required": ["text"],
            "additionalProperties": false,
        })
    );
    assert_eq!(result, json!({ "type": "boolean" }));
}
