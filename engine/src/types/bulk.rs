//! Functions whose values cross in bulk, and not one by one.

use super::{Function, WitType};

/// Text or bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    Bytes,
}

impl Kind {
    pub(crate) fn of(ty: &WitType) -> Option<Self> {
        #[expect(
            clippy::wildcard_enum_match_arm,
            reason = "all others cross one by one"
        )]
        match ty {
            WitType::String => Some(Kind::Text),
            WitType::List(inner) if **inner == WitType::U8 => Some(Kind::Bytes),
            _ => None,
        }
    }
}

/// What a function gives back in bulk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gives {
    Nothing,
    One(Kind),
    /// Bytes or nothing.
    Maybe,
    /// With text as the error.
    Result(Option<Kind>),
}

impl Function {
    /// What it gives back, if all its values can cross in bulk and some of them gain by it: at most two parameters of text
    /// and bytes, and a result of them alone, in an `option`, or in a `result` whose error is text.
    pub(crate) fn in_bulk(&self) -> Option<Gives> {
        let mut bytes = false;
        for parameter in &self.parameters {
            bytes |= Kind::of(&parameter.ty)? == Kind::Bytes;
        }
        let gives = match self.result.as_ref() {
            None => Gives::Nothing,
            Some(WitType::Option(inner)) if Kind::of(inner)? == Kind::Bytes => Gives::Maybe,
            Some(WitType::Result { ok, err: Some(err) }) if **err == WitType::String => match ok {
                None => Gives::Result(None),
                Some(ok) => Gives::Result(Some(Kind::of(ok)?)),
            },
            Some(ty) => Gives::One(Kind::of(ty)?),
        };
        bytes |= match gives {
            Gives::Maybe => true,
            Gives::One(kind) | Gives::Result(Some(kind)) => kind == Kind::Bytes,
            Gives::Nothing | Gives::Result(None) => false,
        };
        (bytes && self.parameters.len() <= 2).then_some(gives)
    }
}
