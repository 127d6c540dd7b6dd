use engine::Source;
use serde_json::{Value, json};

/// A component that takes what functions of agents take, with a manifest of the test's own; it gives back the
/// length of the text.
///
/// Its functions are `compute`, `look`, `store`, `send`, `wipe`, `pay`, each with a text, and `mixed` with
/// values of many types.
pub fn sample(manifest: Option<&Value>) -> Source {
    let text = ["compute", "look", "store", "send", "wipe", "pay"]
        .map(|name| {
            format!(
                r#"(func (export "{name}") (param "path" string) (result u32)
                     (canon lift (core func $i "length") (memory $i "memory") (realloc (func $i "realloc"))))"#
            )
        })
        .join("\n");
    let component = wat::parse_str(format!(
        r#"(component
            (import "wasi:filesystem/preopens@0.2.0" (instance))
            (import "wasi:cli/environment@0.2.0" (instance))
            (core module $m
                (memory (export "memory") 2)
                (global $next (mut i32) (i32.const 1024))
                (func (export "realloc") (param i32 i32 i32 i32) (result i32)
                    (local $at i32)
                    (local.set $at (global.get $next))
                    (global.set $next (i32.add (global.get $next) (local.get 3)))
                    (local.get $at))
                (func (export "length") (param i32 i32) (result i32) (local.get 1))
                (func (export "mixed") (param i32 i32 i64) (result i32) (local.get 1)))
            (core instance $i (instantiate $m))
            {text}
            (func (export "mixed") (param "on" bool) (param "small" u8) (param "max-count" s64) (result u32)
                (canon lift (core func $i "mixed"))))"#
    ))
    .unwrap();
    let bytes = match manifest {
        None => component,
        Some(manifest) => with_section(component, manifest.to_string().as_bytes()),
    };
    Source::bytes("sample", bytes).unwrap()
}

/// The manifest of [`sample`]: each function has the effect that its name says.
pub fn sample_manifest() -> Value {
    let function = |effects: &[&str]| json!({ "effects": effects });
    json!({
        "manifest": 1, "name": "sample", "version": "1.0.0", "description": "For tests.",
        "functions": {
            "compute": { "pure": true },
            "look": function(&["read"]),
            "store": function(&["write"]),
            "send": function(&["network"]),
            "wipe": function(&["destructive"]),
            "pay": function(&["spend"]),
            "mixed": function(&["spend"]),
        },
        "asks": { "files": "rw", "env": ["LANG"] },
    })
}

/// A component with a manifest section at its end.
pub fn with_section(mut component: Vec<u8>, manifest: &[u8]) -> Vec<u8> {
    let name = b"engine:manifest";
    let mut section = leb(name.len());
    section.extend_from_slice(name);
    section.extend_from_slice(manifest);
    component.push(0);
    component.extend(leb(section.len()));
    component.extend(section);
    component
}

fn leb(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let low = u8::try_from(number & 0x7f).unwrap();
        number >>= 7;
        if number == 0 {
            bytes.push(low);
            return bytes;
        }
        bytes.push(low | 0x80);
    }
}
