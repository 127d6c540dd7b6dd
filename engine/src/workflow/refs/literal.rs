#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "a wildcard over types refuses"
)]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Number, Value};

use super::walk::head;
use crate::types::WitType;

/// The largest integers that a double keeps apart, 2^53 − 1.
const EXACT: f64 = 9_007_199_254_740_991.0;

/// Why a string is no value of a type.
#[derive(Debug)]
pub(super) enum Misfit {
    /// It is none of the names.
    Name,
    /// It is something else, in words.
    Found(String),
}

/// Reads a string that stands for itself; returns how many values it holds besides.
pub(super) fn text_value(text: &str, ty: &WitType) -> Result<usize, Misfit> {
    let fits = match ty {
        WitType::String => true,
        WitType::Char => text.chars().nth(1).is_none() && !text.is_empty(),
        WitType::Enum(names) if names.iter().any(|name| name == text) => true,
        WitType::Enum(_) => return Err(Misfit::Name),
        WitType::S64 | WitType::U64 => match text.parse::<i128>() {
            Ok(number) if number.to_string() == text => {
                return fits(number, ty).map(|()| 0).map_err(Misfit::Found);
            }
            _ => false,
        },
        WitType::F32 | WitType::F64 => matches!(text, "NaN" | "Infinity" | "-Infinity"),
        WitType::List(inner) if **inner == WitType::U8 => {
            if let Ok(bytes) = STANDARD.decode(text) {
                return Ok(bytes.len());
            }
            false
        }
        _ => false,
    };
    if fits {
        Ok(0)
    } else {
        Err(Misfit::Found(format!("{:?}", head(text))))
    }
}

/// Reads `null`, a truth value or a number; in words what it is if it does not fit.
pub(super) fn scalar(value: &Value, ty: &WitType) -> Result<(), String> {
    match (value, ty) {
        (Value::Bool(_), WitType::Bool) => Ok(()),
        (Value::Number(number), ty) => self::number(number, ty),
        (value, _) => Err(value.to_string()),
    }
}

fn number(number: &Number, ty: &WitType) -> Result<(), String> {
    let written = number.to_string();
    let finite = match ty {
        // Read from the text, as the engine does: a double may be too large for an `f32`.
        WitType::F32 => written.parse::<f32>().is_ok_and(f32::is_finite),
        WitType::F64 => written.parse::<f64>().is_ok_and(f64::is_finite),
        _ => return whole(number).and_then(|whole| fits(whole, ty)),
    };
    if finite { Ok(()) } else { Err(written) }
}

/// The integer that a number is; in words what it is otherwise.
fn whole(number: &Number) -> Result<i128, String> {
    if let Some(number) = number.as_i128() {
        return Ok(number);
    }
    match number.as_f64() {
        // JSON does not tell `1.0` from `1`. Beyond 2^53 a double stands for several integers.
        Some(double) if double.fract() == 0.0 && double.abs() <= EXACT =>
        {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "it has no fraction and is far inside the range"
            )]
            Ok(double as i128)
        }
        Some(double) => Err(format!("{double:?}")),
        None => Err(number.to_string()),
    }
}

fn fits(number: i128, ty: &WitType) -> Result<(), String> {
    if integer(number, ty) {
        Ok(())
    } else {
        Err(number.to_string())
    }
}

/// Whether an integer is a value of a type of integers.
fn integer(number: i128, ty: &WitType) -> bool {
    match ty {
        WitType::U8 => u8::try_from(number).is_ok(),
        WitType::U16 => u16::try_from(number).is_ok(),
        WitType::U32 => u32::try_from(number).is_ok(),
        WitType::U64 => u64::try_from(number).is_ok(),
        WitType::S8 => i8::try_from(number).is_ok(),
        WitType::S16 => i16::try_from(number).is_ok(),
        WitType::S32 => i32::try_from(number).is_ok(),
        WitType::S64 => i64::try_from(number).is_ok(),
        _ => false,
    }
}
