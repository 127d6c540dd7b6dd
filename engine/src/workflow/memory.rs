use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::types::{
    Begun, Blobs, Claimed, Claims, Digest, Fault, Inputs, Lease, Roster, RosterEntry, WorkflowId,
};

/// Keeps workflows in memory: they are gone with the process. For tests, and for work that need not survive.
///
/// Cheap to clone; clones share everything.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    inputs: HashMap<WorkflowId, Vec<String>>,
    blobs: HashMap<Digest, String>,
    claims: HashMap<(String, String), Option<String>>,
    entries: BTreeMap<WorkflowId, RosterEntry>,
    wishes: HashMap<WorkflowId, Vec<(String, Option<String>)>>,
    driven: BTreeSet<WorkflowId>,
}

impl MemoryStore {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        // Every change is one insertion, so what is kept is whole even after a panic.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inputs for MemoryStore {
    fn append(&self, workflow: WorkflowId, body: &str) -> Result<u64, Fault> {
        let mut kept = self.kept();
        let inputs = kept.inputs.entry(workflow).or_default();
        inputs.push(body.to_owned());
        Ok(inputs.len() as u64 - 1)
    }

    fn inputs(&self, workflow: WorkflowId) -> Result<Vec<String>, Fault> {
        Ok(self
            .kept()
            .inputs
            .get(&workflow)
            .cloned()
            .unwrap_or_default())
    }
}

impl Blobs for MemoryStore {
    fn put(&self, body: &str) -> Result<Digest, Fault> {
        let digest = Digest::of(body.as_bytes());
        self.kept().blobs.insert(digest, body.to_owned());
        Ok(digest)
    }

    fn get(&self, digest: Digest) -> Result<String, Fault> {
        let found = self.kept().blobs.get(&digest).cloned();
        found.ok_or_else(|| Fault::config(format!("there is no result {digest}")))
    }
}

impl Claims for MemoryStore {
    fn claim(&self, scope: &str, key: &str) -> Result<Claimed, Fault> {
        let mut kept = self.kept();
        let key = (scope.to_owned(), key.to_owned());
        Ok(match kept.claims.get(&key) {
            Some(Some(value)) => Claimed::Settled(value.clone()),
            Some(None) => Claimed::Open,
            None => {
                kept.claims.insert(key, None);
                Claimed::New
            }
        })
    }

    fn settle(&self, scope: &str, key: &str, value: &str) -> Result<(), Fault> {
        let key = (scope.to_owned(), key.to_owned());
        match self.kept().claims.get_mut(&key) {
            Some(settled) => {
                settled.get_or_insert_with(|| value.to_owned());
                Ok(())
            }
            None => Err(Fault::config(format!("nobody claimed the key `{}`", key.1))),
        }
    }

    fn release(&self, scope: &str, key: &str) -> Result<(), Fault> {
        let key = (scope.to_owned(), key.to_owned());
        let mut kept = self.kept();
        if kept.claims.get(&key) == Some(&None) {
            kept.claims.remove(&key);
        }
        Ok(())
    }
}

impl Roster for MemoryStore {
    fn enter(&self, entry: &RosterEntry) -> Result<(), Fault> {
        self.kept().entries.insert(entry.workflow, entry.clone());
        Ok(())
    }

    fn entries(&self, most: usize) -> Result<Vec<RosterEntry>, Fault> {
        let kept = self.kept();
        Ok(kept.entries.values().rev().take(most).cloned().collect())
    }

    fn lease(&self, workflow: WorkflowId) -> Result<Option<Box<dyn Lease>>, Fault> {
        if !self.kept().driven.insert(workflow) {
            return Ok(None);
        }
        Ok(Some(Box::new(Held {
            store: self.clone(),
            workflow,
        })))
    }

    fn wish(&self, workflow: WorkflowId, body: &str) -> Result<u64, Fault> {
        let mut kept = self.kept();
        let wishes = kept.wishes.entry(workflow).or_default();
        wishes.push((body.to_owned(), None));
        Ok(wishes.len() as u64)
    }

    fn wishes(&self, workflow: WorkflowId) -> Result<Vec<(u64, String)>, Fault> {
        let kept = self.kept();
        let wishes = kept.wishes.get(&workflow).into_iter().flatten();
        Ok(wishes
            .zip(1..)
            .filter(|((_, reply), _)| reply.is_none())
            .map(|((body, _), number)| (number, body.clone()))
            .collect())
    }

    fn reply(&self, workflow: WorkflowId, wish: u64, body: &str) -> Result<(), Fault> {
        let mut kept = self.kept();
        let at = usize::try_from(wish.saturating_sub(1)).unwrap_or(usize::MAX);
        let wishes = kept.wishes.get_mut(&workflow);
        if let Some((_, reply)) = wishes.and_then(|wishes| wishes.get_mut(at)) {
            reply.get_or_insert_with(|| body.to_owned());
        }
        Ok(())
    }

    fn replied(&self, workflow: WorkflowId, wish: u64) -> Result<Option<String>, Fault> {
        let kept = self.kept();
        let at = usize::try_from(wish.saturating_sub(1)).unwrap_or(usize::MAX);
        let wishes = kept.wishes.get(&workflow);
        Ok(wishes
            .and_then(|wishes| wishes.get(at))
            .and_then(|(_, reply)| reply.clone()))
    }

    fn told(&self, _workflow: WorkflowId) -> Result<u64, Fault> {
        Ok(0)
    }

    fn begun(&self, _workflow: WorkflowId) -> Result<Option<Vec<Begun>>, Fault> {
        Ok(None)
    }
}

/// The place of the one who drives a workflow.
struct Held {
    store: MemoryStore,
    workflow: WorkflowId,
}

impl Lease for Held {}

impl Drop for Held {
    fn drop(&mut self) {
        self.store.kept().driven.remove(&self.workflow);
    }
}
