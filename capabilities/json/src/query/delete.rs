//! `del` and `delpaths`, as jq has them: all paths are of the value as it was, and what is left keeps its order.
//! The interpreter's own deletes one after the other, and moves the last name of an object to the gap.

use jaq_core::load::parse::{Def, Term};
use jaq_json::{Error, Rc, Val, ValR};
use jaq_std::ValT as _;

/// Deletes the paths that it is given.
pub(super) const DELETE: &str = "!delete";

/// The definitions that take the place of the interpreter's.
pub(super) fn defs() -> [Def<&'static str>; 2] {
    let call = |name, args| Term::Call(name, args);
    let paths = call("path", vec![call("f", Vec::new())]);
    [
        Def {
            name: "del",
            args: vec!["f"],
            body: call(DELETE, vec![Term::Arr(Some(Box::new(paths)))]),
        },
        Def {
            name: "delpaths",
            args: vec!["$paths"],
            body: call(DELETE, vec![Term::Var("$paths")]),
        },
    ]
}

pub(super) fn delete(value: Val, paths: Val) -> ValR {
    let mut paths: Vec<Val> = paths
        .into_seq()
        .map_err(|paths| Error::typ(paths, "array"))?;
    // The last first, so that the places of the others stay what they are.
    paths.sort();
    paths.into_iter().rev().try_fold(value, |value, path| {
        let steps: Vec<Val> = path.into_seq().map_err(|path| Error::typ(path, "array"))?;
        without(value, &steps)
    })
}

/// The value without what is at the end of the steps. What is not there is deleted already.
fn without(value: Val, steps: &[Val]) -> ValR {
    let Some((step, rest)) = steps.split_first() else {
        return Ok(Val::Null);
    };
    match (value, step) {
        (Val::Null, _) => Ok(Val::Null),
        (Val::Obj(mut fields), Val::TStr(_)) => {
            let own = Rc::make_mut(&mut fields);
            if rest.is_empty() {
                own.shift_remove(step);
            } else if let Some(field) = own.get_mut(step) {
                *field = without(std::mem::take(field), rest)?;
            }
            Ok(Val::Obj(fields))
        }
        (Val::Arr(mut items), Val::Num(_)) => {
            let Some(place) = place(step, items.len()) else {
                return Ok(Val::Arr(items));
            };
            let own = Rc::make_mut(&mut items);
            if rest.is_empty() {
                if place < own.len() {
                    own.remove(place);
                }
            } else if let Some(item) = own.get_mut(place) {
                *item = without(std::mem::take(item), rest)?;
            }
            Ok(Val::Arr(items))
        }
        (Val::Arr(mut items), Val::Obj(range)) => {
            let length = items.len();
            let bound = |name: &str, open: usize| match range.get(&Val::from(name.to_owned())) {
                None | Some(Val::Null) => open,
                Some(bound) => place_or_begin(bound, length).min(length),
            };
            let (from, to) = (bound("start", 0), bound("end", length));
            let to = to.max(from);
            let own = Rc::make_mut(&mut items);
            if rest.is_empty() {
                own.drain(from..to);
            } else {
                let part = Val::Arr(Rc::new(own.get(from..to).unwrap_or_default().to_vec()));
                let kept: Vec<Val> = without(part, rest)?
                    .into_seq()
                    .map_err(|part| Error::typ(part, "array"))?;
                own.splice(from..to, kept);
            }
            Ok(Val::Arr(items))
        }
        (value, step) => Err(Error::index(value, step.clone())),
    }
}

/// The place that a number means, from the end if it is negative; `None` if it is before the first, or no whole number.
fn place(step: &Val, length: usize) -> Option<usize> {
    let step = step.as_isize()?;
    usize::try_from(step)
        .ok()
        .or_else(|| length.checked_sub(step.unsigned_abs()))
}

fn place_or_begin(step: &Val, length: usize) -> usize {
    place(step, length).unwrap_or(0)
}
