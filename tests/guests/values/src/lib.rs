//! A component with every type of value and every way to end.

use std::sync::atomic::{AtomicU32, Ordering};

use exports::test::values::bulk::Guest as Bulk;
use exports::test::values::deeds::{Guest as Deeds, GuestThing, Thing};
use exports::test::values::echo::{Direction, Everything, Guest as Echo, Point, Rights, Shape};

wit_bindgen::generate!({ world: "values", path: "wit" });

struct Values;

macro_rules! echo {
    ($($name:ident: $ty:ty;)*) => {
        impl Echo for Values {
            $(fn $name(value: $ty) -> $ty { value })*

            fn results(value: Result<u32, String>) -> (Result<u32, String>,) {
                (value,)
            }
        }
    };
}

echo! {
    bools: bool;
    s8s: i8;
    u8s: u8;
    s16s: i16;
    u16s: u16;
    s32s: i32;
    u32s: u32;
    s64s: i64;
    u64s: u64;
    f32s: f32;
    f64s: f64;
    chars: char;
    strings: String;
    bytes: Vec<u8>;
    lists: Vec<Vec<i16>>;
    records: Point;
    tuples: (u8, String, f64);
    variants: Shape;
    enums: Direction;
    options: Option<Option<String>>;
    flags_of: Rights;
    all: Everything;
}

impl Bulk for Values {
    fn joined(mut bytes: Vec<u8>, text: String) -> Result<Vec<u8>, String> {
        if text.is_empty() {
            return Err("no text".into());
        }
        bytes.extend(text.into_bytes());
        Ok(bytes)
    }

    fn labelled(text: String, bytes: Vec<u8>) -> String {
        format!("{text}: {}", bytes.len())
    }

    fn appended(mut one: Vec<u8>, two: Vec<u8>) -> Vec<u8> {
        one.extend(two);
        one
    }

    fn some(bytes: Vec<u8>) -> Option<Vec<u8>> {
        (!bytes.is_empty()).then_some(bytes)
    }

    fn swallowed(_bytes: Vec<u8>) {}

    fn checked(bytes: Vec<u8>) -> Result<(), String> {
        if bytes.is_empty() {
            Err("nothing".into())
        } else {
            Ok(())
        }
    }

    fn decoded(bytes: Vec<u8>) -> Result<String, String> {
        String::from_utf8(bytes).map_err(|error| error.to_string())
    }

    fn encoded(text: String) -> Vec<u8> {
        text.into_bytes()
    }

    fn both(one: String, two: String) -> Vec<u8> {
        (one + &two).into_bytes()
    }

    fn made() -> Vec<u8> {
        vec![7; 1_000_000]
    }
}

struct Empty;

impl GuestThing for Empty {
    fn new() -> Self {
        Empty
    }
}

static CALLS: AtomicU32 = AtomicU32::new(0);

impl Deeds for Values {
    type Thing = Empty;

    fn answer(fail: bool, word: String) -> Result<String, String> {
        if fail { Err(word) } else { Ok(word) }
    }

    fn silent() {}

    fn quiet_result(fail: bool) -> Result<(), ()> {
        if fail { Err(()) } else { Ok(()) }
    }

    fn count() -> u32 {
        CALLS.fetch_add(1, Ordering::Relaxed) + 1
    }

    fn chatter() -> u32 {
        println!("to the output: \u{1b}[31mred\u{1b}[0m");
        eprintln!("to the error stream");
        7
    }

    fn panic() {
        outer(3);
    }

    fn exit(code: u8) {
        wasip2::cli::exit::exit_with_code(code);
    }

    fn take(_it: Thing) {}

    fn environment() -> Vec<(String, String)> {
        std::env::vars().collect()
    }
}

#[inline(never)]
fn outer(depth: u32) {
    std::hint::black_box(depth);
    inner(depth);
    std::hint::black_box(depth);
}

#[inline(never)]
fn inner(depth: u32) {
    assert!(
        std::hint::black_box(depth) > 3,
        "the guest gave up at depth {depth}"
    );
}

export!(Values);
