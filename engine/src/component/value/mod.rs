//! JSON ⇄ WIT: arguments in, results out, and the schemas of both.
//!
//! | WIT | JSON |
//! | --- | --- |
//! | `bool`, integers up to 32 bits, `string` | the same |
//! | `s64`, `u64` | a number up to 2^53−1 either way of zero, a string beyond; both are taken |
//! | `f32`, `f64` | a number, or `"NaN"`, `"Infinity"`, `"-Infinity"` |
//! | `char` | a string of one character |
//! | `list<u8>` | base64 (RFC 4648, padded); an array of numbers is taken too |
//! | `list<T>`, `tuple<…>` | an array |
//! | `record` | an object; fields that are options may be left out |
//! | `enum` | a string |
//! | `flags` | an array of names |
//! | `variant` | `{"tag": …, "value": …}`, without `value` where a case has no payload |
//! | `option<T>` | `null` or the value; `{"some": …}` where `T` is an option itself |
//! | `result<T, E>` | `{"ok": …}` or `{"err": …}`, with `null` where there is no payload |
//!
//! Nothing is rounded, cut or guessed: a value that does not fit is refused with its place.

mod arguments;
mod digest;
mod encode;
mod item;
mod parts;
mod path;
mod schema;
mod typed;

pub use schema::schema;

pub(crate) use arguments::Arguments;
pub(super) use arguments::Given;
pub(super) use encode::{NoJson, encode_item, encode_until};
pub(super) use item::Item;
