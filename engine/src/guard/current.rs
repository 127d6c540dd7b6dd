use std::sync::{PoisonError, RwLock};

use super::Policies;

/// The policies in force, which can be replaced while calls go on.
///
/// A call is judged by one set from beginning to end; a permit of a set that is in force no more is stale.
#[derive(Debug, Default)]
pub(crate) struct Current(RwLock<Policies>);

impl Current {
    pub(crate) fn new(policies: Policies) -> Self {
        Self(RwLock::new(policies))
    }

    pub(crate) fn get(&self) -> Policies {
        // A set is replaced as a whole, so it is whole even after a panic.
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(crate) fn replace(&self, policies: Policies) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = policies;
    }
}
