use sha2::{Digest as _, Sha256};
use wasmtime::component::Val;

use super::arguments::Given;
use super::item::Item;
use crate::types::Digest;

/// Bytes that are gathered before they are hashed.
const GATHERED: usize = 4096;

/// The digest of values: every value with its kind and its length before it, so that no two lists of
/// values look the same.
pub(super) fn digest(given: &Given, words: &[String]) -> Digest {
    let mut hash = Hash {
        hash: Sha256::new(),
        gathered: Vec::with_capacity(64),
    };
    match given {
        Given::Values(values) => hash.values(b'(', values),
        Given::Bulk(items, _) => {
            hash.begin(b'B', items.len());
            for item in items {
                match item {
                    Item::Text(text) => hash.text(b's', text),
                    Item::Bytes(bytes) => {
                        hash.begin(b'y', bytes.len());
                        hash.add(bytes);
                    }
                }
            }
        }
    }
    hash.begin(b'w', words.len());
    for word in words {
        hash.text(b's', word);
    }
    hash.flush();
    Digest::from_bytes(hash.hash.finalize().into())
}

struct Hash {
    hash: Sha256,
    gathered: Vec<u8>,
}

impl Hash {
    fn flush(&mut self) {
        self.hash.update(&self.gathered);
        self.gathered.clear();
    }

    fn add(&mut self, bytes: &[u8]) {
        if bytes.len() >= GATHERED {
            self.flush();
            self.hash.update(bytes);
            return;
        }
        self.gathered.extend_from_slice(bytes);
        if self.gathered.len() >= GATHERED {
            self.flush();
        }
    }

    fn begin(&mut self, kind: u8, length: usize) {
        self.add(&[kind]);
        self.add(&(length as u64).to_le_bytes());
    }

    fn text(&mut self, kind: u8, text: &str) {
        self.begin(kind, text.len());
        self.add(text.as_bytes());
    }

    fn number<const N: usize>(&mut self, kind: u8, bytes: [u8; N]) {
        self.add(&[kind]);
        self.add(&bytes);
    }

    fn values(&mut self, kind: u8, values: &[Val]) {
        self.begin(kind, values.len());
        for value in values {
            self.value(value);
        }
    }

    fn payload(&mut self, payload: Option<&Val>) {
        match payload {
            None => self.add(b"0"),
            Some(payload) => {
                self.add(b"1");
                self.value(payload);
            }
        }
    }

    fn value(&mut self, value: &Val) {
        match value {
            Val::Bool(value) => self.number(b'b', [u8::from(*value)]),
            Val::S8(value) => self.number(1, value.to_le_bytes()),
            Val::U8(value) => self.number(2, value.to_le_bytes()),
            Val::S16(value) => self.number(3, value.to_le_bytes()),
            Val::U16(value) => self.number(4, value.to_le_bytes()),
            Val::S32(value) => self.number(5, value.to_le_bytes()),
            Val::U32(value) => self.number(6, value.to_le_bytes()),
            Val::S64(value) => self.number(7, value.to_le_bytes()),
            Val::U64(value) => self.number(8, value.to_le_bytes()),
            Val::Float32(value) => self.number(9, value.to_bits().to_le_bytes()),
            Val::Float64(value) => self.number(10, value.to_bits().to_le_bytes()),
            Val::Char(value) => self.number(b'c', u32::from(*value).to_le_bytes()),
            Val::String(value) => self.text(b's', value),
            Val::List(values) => self.values(b'[', values),
            Val::Tuple(values) => self.values(b'(', values),
            Val::Record(fields) => {
                self.begin(b'{', fields.len());
                for (name, value) in fields {
                    self.text(b'n', name);
                    self.value(value);
                }
            }
            Val::Variant(name, payload) => {
                self.text(b'v', name);
                self.payload(payload.as_deref());
            }
            Val::Enum(name) => self.text(b'e', name),
            Val::Option(value) => {
                self.add(b"?");
                self.payload(value.as_deref());
            }
            Val::Result(Ok(value)) => {
                self.add(b"+");
                self.payload(value.as_deref());
            }
            Val::Result(Err(value)) => {
                self.add(b"-");
                self.payload(value.as_deref());
            }
            Val::Flags(names) => {
                self.begin(b'f', names.len());
                for name in names {
                    self.text(b'n', name);
                }
            }
            // None of these can be made from JSON.
            Val::Resource(_)
            | Val::Future(_)
            | Val::Stream(_)
            | Val::ErrorContext(_)
            | Val::Map(_)
            | Val::FixedLengthList(_) => self.add(b"!"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::Gives;

    #[test]
    fn other_values_have_other_digests() {
        let text = |text: &str| Val::String(text.into());
        let lists = [
            vec![],
            vec![text("")],
            vec![text("ab")],
            vec![text("a"), text("b")],
            vec![Val::List(vec![text("a"), text("b")])],
            vec![Val::List(vec![text("a")]), Val::List(vec![text("b")])],
            vec![Val::U8(1)],
            vec![Val::S8(1)],
            vec![Val::U32(1)],
            vec![Val::Bool(true)],
            vec![Val::Option(None)],
            vec![Val::Option(Some(Box::new(Val::Option(None))))],
            vec![Val::Result(Ok(None))],
            vec![Val::Result(Err(None))],
            vec![Val::Variant("a".into(), None)],
            vec![Val::Enum("a".into())],
            vec![Val::Flags(vec!["a".into()])],
            vec![Val::Record(vec![("a".into(), Val::Bool(false))])],
            vec![Val::Record(vec![("b".into(), Val::Bool(false))])],
            vec![text(&"x".repeat(10_000))],
            vec![text(&"x".repeat(10_001))],
        ];
        let mut seen = std::collections::BTreeSet::new();
        let of = |list: &[Val]| digest(&Given::Values(list.to_vec()), &[]);
        for list in &lists {
            assert!(seen.insert(of(list)), "{list:?}");
            assert_eq!(of(list), of(&list.clone()));
        }
        let words = |words: &[&str]| {
            let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            digest(&Given::Values(Vec::new()), &words)
        };
        assert!(seen.insert(words(&["a"])));
        assert!(seen.insert(words(&["a", ""])));
        for items in [
            vec![],
            vec![Item::Text("ab".into())],
            vec![Item::Bytes(b"ab".into())],
            vec![Item::Bytes(b"a".into()), Item::Bytes(b"b".into())],
        ] {
            assert!(seen.insert(digest(&Given::Bulk(items, Gives::Nothing), &[])));
        }
    }
}
