use std::sync::Arc;

use crate::component::Origin;
use crate::event::{Cache, EventKind};
use crate::types::Descriptor;
use crate::types::text::{MOST_IN_EVENT, line};

/// Names listed in one event.
const NAMES_IN_EVENT: usize = 256;

/// The event of code that was kept from before, if it was used, or could not be trusted.
pub(super) fn kept(origin: &Origin) -> Option<EventKind> {
    let cache = Cache::Code.into();
    match origin.clone() {
        Origin::Compiled => None,
        Origin::Found(key_prefix) => Some(EventKind::CacheHit { cache, key_prefix }),
        Origin::Refused(key_prefix, why) => Some(EventKind::CacheRefused {
            cache,
            key_prefix,
            reason: why.to_owned(),
        }),
    }
}

/// The event of a component that was loaded.
pub(super) fn loaded(shape: &Descriptor) -> EventKind {
    EventKind::ComponentLoaded {
        name: shape.name().to_owned(),
        digest: shape.digest(),
        size: shape.size(),
        imports: names(shape.imports().iter().map(|import| import.name.clone())),
        ungranted: names(
            shape
                .imports()
                .iter()
                .filter(|import| !import.provided)
                .map(|import| import.name.clone()),
        ),
        functions: names(
            shape
                .functions()
                .iter()
                .map(|function| function.full_name()),
        ),
    }
}

/// The first names, few and short enough for an event.
fn names(all: impl Iterator<Item = String>) -> Arc<[String]> {
    let mut length = 0;
    all.take(NAMES_IN_EVENT)
        .map(|name| line(&name, 1024))
        .take_while(|name| {
            length += name.len();
            length <= MOST_IN_EVENT / 4
        })
        .collect()
}
