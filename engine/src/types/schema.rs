//! JSON Schemas of types that write themselves.

use std::borrow::Cow;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::{
    Bytes, CallId, Digest, EventId, Fuel, JournalId, Limits, RunId, StreamId, TraceId, Usage,
    WorkflowId,
};

macro_rules! schemas {
    ($($name:ident: $schema:tt;)*) => {
        $(impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        })*
    };
}

schemas! {
    RunId: { "type": "string", "format": "uuid" };
    CallId: { "type": "string", "format": "uuid" };
    EventId: { "type": "string", "format": "uuid" };
    WorkflowId: { "type": "string", "format": "uuid" };
    StreamId: { "type": "string", "format": "uuid" };
    JournalId: { "type": "string", "format": "uuid" };
    TraceId: { "type": "string", "pattern": "^[0-9a-f]{32}$" };
    Digest: { "type": "string", "pattern": "^sha256:[0-9a-f]{64}$" };
    Bytes: { "type": "integer", "minimum": 0, "description": "A count of bytes." };
    Fuel: {
        "anyOf": [{ "type": "integer", "minimum": 0 }, { "const": "unlimited" }],
        "description": "Units of computation."
    };
    Limits: {
        "type": "object",
        "properties": {
            "fuel": { "anyOf": [{ "type": "integer", "minimum": 0 }, { "const": "unlimited" }] },
            "memory_bytes": { "type": "integer", "minimum": 0 },
            "wall_ms": { "type": "integer", "minimum": 0 },
            "output_bytes": { "type": "integer", "minimum": 0 }
        },
        "required": ["fuel", "memory_bytes", "wall_ms", "output_bytes"]
    };
    Usage: {
        "type": "object",
        "properties": {
            "fuel": { "type": "integer", "minimum": 0 },
            "memory_peak_bytes": { "type": "integer", "minimum": 0 },
            "wall_ms": { "type": "number", "minimum": 0 },
            "cpu_ms": { "type": "number", "minimum": 0 },
            "stdout_bytes": { "type": "integer", "minimum": 0 },
            "stderr_bytes": { "type": "integer", "minimum": 0 },
            "fs_operations": { "type": "integer", "minimum": 0 },
            "http_requests": { "type": "integer", "minimum": 0 }
        },
        "required": [
            "fuel", "memory_peak_bytes", "wall_ms", "cpu_ms", "stdout_bytes", "stderr_bytes",
            "fs_operations", "http_requests"
        ]
    };
}
