use std::fmt;

use super::WitType;

/// A type with the range of its values, where that helps.
pub(crate) struct Expected<'a>(pub(crate) &'a WitType);

impl fmt::Display for Expected<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ty = self.0;
        match ty {
            WitType::U8 => write!(f, "{ty} (0 to {})", u8::MAX),
            WitType::U16 => write!(f, "{ty} (0 to {})", u16::MAX),
            WitType::U32 => write!(f, "{ty} (0 to {})", u32::MAX),
            WitType::U64 => write!(f, "{ty} (0 to {}, as a number or a string)", u64::MAX),
            WitType::S8 => write!(f, "{ty} ({} to {})", i8::MIN, i8::MAX),
            WitType::S16 => write!(f, "{ty} ({} to {})", i16::MIN, i16::MAX),
            WitType::S32 => write!(f, "{ty} ({} to {})", i32::MIN, i32::MAX),
            WitType::S64 => write!(
                f,
                "{ty} ({} to {}, as a number or a string)",
                i64::MIN,
                i64::MAX
            ),
            WitType::F32 | WitType::F64 => {
                write!(f, "{ty} (a number, \"NaN\", \"Infinity\" or \"-Infinity\")")
            }
            WitType::Char => write!(f, "{ty} (a string of one character)"),
            WitType::List(inner) if **inner == WitType::U8 => {
                write!(f, "{ty} (base64 with padding, or an array of numbers)")
            }
            WitType::Variant(_) => write!(f, "{ty} as {{\"tag\": …, \"value\": …}}"),
            WitType::Option(inner) if matches!(**inner, WitType::Option(_)) => {
                write!(f, "{ty} as null or {{\"some\": …}}")
            }
            WitType::Result { .. } => write!(f, "{ty} as {{\"ok\": …}} or {{\"err\": …}}"),
            WitType::Flags(_) => write!(f, "{ty} as an array of names"),
            WitType::Tuple(types) => write!(f, "{ty} as an array of {}", types.len()),
            WitType::Bool
            | WitType::String
            | WitType::List(_)
            | WitType::Record(_)
            | WitType::Enum(_)
            | WitType::Option(_)
            | WitType::Opaque(_) => ty.fmt(f),
        }
    }
}
