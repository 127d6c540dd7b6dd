//! What filters call that is not written in jq.

use std::cell::Cell;

use jaq_core::box_iter::box_once;
use jaq_core::data::HasLut;
use jaq_core::native::{Fun, bome, v};
use jaq_core::{DataT, Exn, Lut, Native, ValXs};
use jaq_json::{Num, Val};
use jaq_std::ValT as _;

use super::{delete, guarding, output};
use crate::MOST_BYTES;

/// The most bytes of the stack that filters take, as this code sees it.
///
/// The engine gives a guest 512 KiB for its calls, and this code sees another stack, which has more of most calls in
/// it. Of every form that calls itself, none took more than 448 KiB of the engine's at 1,280 KiB of this one.
const MOST_STACK: usize = 768 * KIB;
/// The same where little of a call is in the stack that this code sees: in folds, in definitions inside of others, and
/// where values are changed. None took more than 448 KiB at this bound.
const MOST_HIDDEN_STACK: usize = 96 * KIB;
/// Calls are larger where the tests of this crate run, and so is the stack.
const KIB: usize = if cfg!(target_family = "wasm") {
    1 << 10
} else {
    32 << 10
};
/// The most calls of definitions that hand filters on to themselves.
const MOST_GROWTH: u32 = 1_000;
/// The most levels of a value. Filters nest documents in new values, and take them out again.
const MOST_DEPTH: usize = 200;
/// The most steps of a path.
const MOST_STEPS: usize = 1_000;

/// Filters of the interpreter that give other results at another time or place.
const IMPURE: [&str; 4] = ["env", "now", "localtime", "strflocaltime"];

/// Filters over JSON, with a [`Query`] at hand.
pub(super) struct Documents;

impl DataT for Documents {
    type V<'a> = Val;
    type Data<'a> = &'a Query<'a>;
}

/// One run of a filter.
pub(super) struct Query<'a> {
    filters: &'a Lut<Documents>,
    stack: Stack,
    growth: Cell<u32>,
}

impl<'a> HasLut<'a, Documents> for &'a Query<'a> {
    fn lut(&self) -> &'a Lut<Documents> {
        self.filters
    }
}

/// Where the stack was when the query began.
#[derive(Clone, Copy)]
pub(super) struct Stack {
    begin: usize,
}

impl Stack {
    pub(super) fn new() -> Self {
        Self { begin: here() }
    }

    fn used(self) -> usize {
        self.begin.abs_diff(here())
    }
}

/// An address on the stack.
#[inline(never)]
fn here() -> usize {
    let mark = 0_u8;
    std::ptr::from_ref(std::hint::black_box(&mark)).addr()
}

fn fail(message: impl ToString) -> Exn<'static, Val> {
    Exn::from(jaq_core::Error::str(message))
}

impl<'a> Query<'a> {
    pub(super) fn new(filters: &'a Lut<Documents>, stack: Stack) -> Self {
        Self {
            filters,
            stack,
            growth: Cell::new(0),
        }
    }

    fn room(&self, most: usize) -> Result<(), Exn<'static, Val>> {
        if self.stack.used() > most {
            return Err(fail(
                "the filter calls itself too deeply; a call at the end of a definition takes no stack",
            ));
        }
        Ok(())
    }

    fn grow(&self) -> Result<(), Exn<'static, Val>> {
        let growth = self.growth.get().saturating_add(1);
        if growth > MOST_GROWTH {
            return Err(fail(format_args!(
                "a definition with filters as arguments calls itself more than {MOST_GROWTH} times, which is the most; \
                 put the part that repeats into a definition without arguments inside of it"
            )));
        }
        self.growth.set(growth);
        Ok(())
    }
}

/// What comes out of a filter that changes nothing: the value as it is, or why not.
fn passed<'a, T: 'a>(checked: Result<(), Exn<'static, Val>>, value: T) -> ValXs<'a, T, Val> {
    box_once(checked.map(|()| value))
}

/// Refuses a path with so many steps.
fn short(steps: usize) -> Result<(), Exn<'static, Val>> {
    if steps > MOST_STEPS {
        return Err(fail(format_args!(
            "a path has more than {MOST_STEPS} steps, which is the most"
        )));
    }
    Ok(())
}

/// All filters that are not written in jq. Of two with one name the first counts.
pub(super) fn all() -> impl Iterator<Item = Fun<Documents>> {
    let known = jaq_core::funs()
        .chain(jaq_std::funs())
        .chain(jaq_json::funs())
        .filter(|(name, ..)| !IMPURE.contains(name));
    own().into_iter().chain(known)
}

fn own() -> [Fun<Documents>; 7] {
    [
        (
            guarding::ROOM,
            v(0),
            Native::<Documents>::new(|cv| passed(cv.0.data().room(MOST_STACK), cv.1))
                .with_paths(|cv| {
                    let steps = cv.1.1.iter().take(MOST_STEPS.saturating_add(1));
                    let checked = short(steps.count());
                    passed(checked.and_then(|()| cv.0.data().room(MOST_STACK)), cv.1)
                })
                .with_update(|cv, update| match cv.0.data().room(MOST_HIDDEN_STACK) {
                    Ok(()) => update(cv.1),
                    Err(error) => box_once(Err(error)),
                }),
        ),
        (
            guarding::HIDDEN_ROOM,
            v(0),
            Native::<Documents>::new(|cv| passed(cv.0.data().room(MOST_HIDDEN_STACK), cv.1))
                .with_paths(|cv| {
                    let steps = cv.1.1.iter().take(MOST_STEPS.saturating_add(1));
                    let checked = short(steps.count());
                    passed(
                        checked.and_then(|()| cv.0.data().room(MOST_HIDDEN_STACK)),
                        cv.1,
                    )
                })
                .with_update(|cv, update| match cv.0.data().room(MOST_HIDDEN_STACK) {
                    Ok(()) => update(cv.1),
                    Err(error) => box_once(Err(error)),
                }),
        ),
        (
            guarding::GROW,
            v(0),
            Native::<Documents>::new(|cv| passed(cv.0.data().grow(), cv.1))
                .with_paths(|cv| passed(cv.0.data().grow(), cv.1))
                .with_update(|cv, update| match cv.0.data().grow() {
                    Ok(()) => update(cv.1),
                    Err(error) => box_once(Err(error)),
                }),
        ),
        (
            guarding::SHALLOW,
            v(0),
            Native::<Documents>::new(|cv| bome(shallow(cv.1)))
                .with_paths(|cv| box_once(Ok(cv.1)))
                .with_update(|cv, update| update(cv.1)),
        ),
        (
            guarding::TIMES,
            v(2),
            Native::<Documents>::new(|mut cv| {
                let right = cv.0.pop_var();
                let left = cv.0.pop_var();
                bome(times(left, right))
            }),
        ),
        (
            delete::DELETE,
            v(1),
            Native::<Documents>::new(|mut cv| {
                let paths = cv.0.pop_var();
                bome(delete::delete(cv.1, paths))
            }),
        ),
        // The interpreter's own takes more than JSON, and any depth.
        (
            "fromjson",
            v(0),
            Native::<Documents>::new(|cv| bome(from_json(&cv.1))),
        ),
    ]
}

fn from_json(value: &Val) -> jaq_json::ValR {
    let text = value.try_as_utf8_bytes_owned()?;
    let text = std::str::from_utf8(&text).map_err(jaq_core::Error::str)?;
    super::read("the text", text).map_err(jaq_core::Error::str)
}

/// Refuses a value that nests too deeply: whatever walks over it calls itself for each level.
fn shallow(value: Val) -> jaq_json::ValR {
    if deeper_than(&value, MOST_DEPTH) {
        return Err(jaq_core::Error::str(format_args!(
            "a value nests more than {MOST_DEPTH} levels, which is the most"
        )));
    }
    Ok(value)
}

fn deeper_than(value: &Val, levels: usize) -> bool {
    match value {
        Val::Null | Val::Bool(_) | Val::Num(_) | Val::BStr(_) | Val::TStr(_) => false,
        Val::Arr(items) => match levels.checked_sub(1) {
            None => true,
            Some(levels) => items.iter().any(|item| deeper_than(item, levels)),
        },
        Val::Obj(fields) => match levels.checked_sub(1) {
            None => true,
            Some(levels) => fields
                .iter()
                .any(|(name, field)| deeper_than(name, levels) || deeper_than(field, levels)),
        },
    }
}

/// Multiplies. A string times a number is the string so many times, and has a bound before it has memory.
fn times(left: Val, right: Val) -> jaq_json::ValR {
    if let (Val::TStr(text) | Val::BStr(text), Val::Num(number))
    | (Val::Num(number), Val::TStr(text) | Val::BStr(text)) = (&left, &right)
    {
        let most = MOST_BYTES.checked_div(text.len()).unwrap_or(MOST_BYTES);
        if over(number, most) {
            return Err(jaq_core::Error::str(format_args!(
                "a string of {} bytes times {} is more than {MOST_BYTES} bytes, which is the most",
                text.len(),
                output::shown(&Val::Num(number.clone()))
            )));
        }
    }
    left * right
}

/// Whether a number is more than `most`.
fn over(number: &Num, most: usize) -> bool {
    let value = Val::Num(number.clone());
    match value.as_isize() {
        Some(times) => usize::try_from(times).is_ok_and(|times| times > most),
        // Beyond what a whole number of the machine holds, or a fraction, with which strings are not multiplied.
        None => value.is_int() && value > Val::from(0_usize),
    }
}
