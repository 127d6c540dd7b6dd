//! Calls of functions whose values cross in bulk.

use wasmtime::Store;
use wasmtime::component::{ComponentNamedList, Func, Lift, Lower};

use super::instance::Guest;
use super::value::Item;
use crate::types::{Gives, Kind};

/// What came back in bulk.
#[derive(Debug)]
pub(super) enum Came {
    /// A value, or the value of the good case; `None` if there is none to give.
    Value(Option<Item>),
    /// Nothing where there could have been something.
    Absent,
    /// The error case.
    Error(String),
}

/// Calls a function with items of the kinds that it takes.
///
/// # Errors
///
/// Those of the guest; an error of types if the function is another than was described.
pub(super) async fn call(
    store: &mut Store<Guest>,
    callee: Func,
    items: &[Item],
    gives: Gives,
) -> wasmtime::Result<Came> {
    match items {
        [] => text_to(store, callee, (), gives).await,
        [Item::Text(one)] => text_to(store, callee, (one.as_str(),), gives).await,
        [Item::Text(one), Item::Text(two)] => {
            text_to(store, callee, (one.as_str(), two.as_str()), gives).await
        }
        [Item::Bytes(one)] => bytes_to(store, callee, (one.as_slice(),), gives).await,
        [Item::Bytes(one), Item::Text(two)] => {
            bytes_to(store, callee, (one.as_slice(), two.as_str()), gives).await
        }
        [Item::Text(one), Item::Bytes(two)] => {
            bytes_to(store, callee, (one.as_str(), two.as_slice()), gives).await
        }
        [Item::Bytes(one), Item::Bytes(two)] => {
            bytes_to(store, callee, (one.as_slice(), two.as_slice()), gives).await
        }
        [_, _, _, ..] => Err(wasmtime::Error::msg("too many values to cross in bulk")),
    }
}

/// A call without bytes among its arguments: there are some in its result.
async fn text_to<P: ComponentNamedList + Lower + Send>(
    store: &mut Store<Guest>,
    callee: Func,
    given: P,
    gives: Gives,
) -> wasmtime::Result<Came> {
    match gives {
        Gives::One(Kind::Bytes) => typed::<P, (Vec<u8>,)>(store, callee, given).await,
        Gives::Maybe => typed::<P, (Option<Vec<u8>>,)>(store, callee, given).await,
        Gives::Result(Some(Kind::Bytes)) => {
            typed::<P, (Result<Vec<u8>, String>,)>(store, callee, given).await
        }
        Gives::Nothing | Gives::One(Kind::Text) | Gives::Result(None | Some(Kind::Text)) => {
            Err(wasmtime::Error::msg("nothing here has to cross in bulk"))
        }
    }
}

/// A call with bytes among its arguments.
async fn bytes_to<P: ComponentNamedList + Lower + Send>(
    store: &mut Store<Guest>,
    callee: Func,
    given: P,
    gives: Gives,
) -> wasmtime::Result<Came> {
    match gives {
        Gives::Nothing => typed::<P, ()>(store, callee, given).await,
        Gives::One(Kind::Text) => typed::<P, (String,)>(store, callee, given).await,
        Gives::Result(None) => typed::<P, (Result<(), String>,)>(store, callee, given).await,
        Gives::Result(Some(Kind::Text)) => {
            typed::<P, (Result<String, String>,)>(store, callee, given).await
        }
        Gives::One(Kind::Bytes) | Gives::Maybe | Gives::Result(Some(Kind::Bytes)) => {
            text_to(store, callee, given, gives).await
        }
    }
}

async fn typed<P, R>(store: &mut Store<Guest>, callee: Func, given: P) -> wasmtime::Result<Came>
where
    P: ComponentNamedList + Lower + Send,
    R: ComponentNamedList + Lift + Into<Returned> + Send + 'static,
{
    let function = callee.typed::<P, R>(&*store)?;
    let Returned(came) = function.call_async(store, given).await?.into();
    Ok(came)
}

/// What each type of result is.
struct Returned(Came);

impl From<()> for Returned {
    fn from((): ()) -> Self {
        Self(Came::Value(None))
    }
}

impl From<(String,)> for Returned {
    fn from((text,): (String,)) -> Self {
        Self(Came::Value(Some(Item::Text(text))))
    }
}

impl From<(Vec<u8>,)> for Returned {
    fn from((bytes,): (Vec<u8>,)) -> Self {
        Self(Came::Value(Some(Item::Bytes(bytes))))
    }
}

impl From<(Option<Vec<u8>>,)> for Returned {
    fn from((bytes,): (Option<Vec<u8>>,)) -> Self {
        Self(bytes.map_or(Came::Absent, |bytes| Came::Value(Some(Item::Bytes(bytes)))))
    }
}

impl From<(Result<(), String>,)> for Returned {
    fn from((result,): (Result<(), String>,)) -> Self {
        Self(result.map_or_else(Came::Error, |()| Came::Value(None)))
    }
}

impl From<(Result<String, String>,)> for Returned {
    fn from((result,): (Result<String, String>,)) -> Self {
        Self(result.map_or_else(Came::Error, |text| Came::Value(Some(Item::Text(text)))))
    }
}

impl From<(Result<Vec<u8>, String>,)> for Returned {
    fn from((result,): (Result<Vec<u8>, String>,)) -> Self {
        Self(result.map_or_else(Came::Error, |bytes| Came::Value(Some(Item::Bytes(bytes)))))
    }
}
