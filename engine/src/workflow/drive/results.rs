//! Results of pure actions that are kept, so that the same work is not done twice.

use std::sync::Arc;

use super::WorkflowStore;
use super::driving::blocking;
use crate::session::{Call, Compiled, Engine, LookedUp};
use crate::types::{Claimed, Digest, Outcome, Principal, Status};
use crate::workflow::machine::Output;

/// Under which name results of pure actions are kept.
const RESULTS: &str = "result";

/// Where the result of one call is kept.
pub(super) struct Kept {
    pub(super) store: Arc<dyn WorkflowStore>,
    pub(super) key: String,
}

/// Names a call by all that its result depends on: the component's bytes, the function and the arguments. One
/// principal's results are nobody else's.
pub(super) fn result_key(found: &LookedUp, args: &str, principal: &Principal) -> String {
    let shape = found.component.describe();
    let function = shape.functions().get(found.position);
    let function = function
        .map(|function| function.full_name())
        .unwrap_or_default();
    let key = Digest::of_parts([
        "result 2".as_bytes(),
        principal.as_str().as_bytes(),
        shape.digest().as_bytes(),
        function.as_bytes(),
        args.as_bytes(),
    ]);
    key.to_string().trim_start_matches("sha256:").to_owned()
}

impl Kept {
    /// The kept result of a call that the guard permits. Whatever keeps it from being found, the call is made.
    pub(super) async fn find(
        &self,
        engine: &Engine,
        component: &Compiled,
        call: &Call,
    ) -> Option<Output> {
        let (store, key) = (self.store.clone(), self.key.clone());
        let claimed = blocking(move || store.claim(RESULTS, &key)).await.ok()?;
        let Claimed::Settled(output) = claimed else {
            return None;
        };
        let explained = engine.explain(component, call.clone()).await.ok()?;
        if !explained.verdict.decision.permits() {
            return None;
        }
        serde_json::from_str(&output).ok()
    }

    /// Keeps the result of a call. One that cannot be kept is made again the next time.
    pub(super) async fn keep(self, outcome: &Outcome) {
        let Kept { store, key } = self;
        let json = (outcome.status() == Status::Ok).then(|| outcome.value().as_str().to_owned());
        let kept = blocking(move || match json {
            Some(json) => {
                let output = super::calls::kept(&json, &*store)?;
                let written = serde_json::to_string(&output).unwrap_or_default();
                store.settle(RESULTS, &key, &written)
            }
            None => store.release(RESULTS, &key),
        })
        .await;
        if let Err(fault) = kept {
            tracing::warn!(%fault, "a result could not be kept");
        }
    }
}
