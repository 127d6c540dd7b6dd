use std::thread::sleep;
use std::time::Duration;

use engine::Fault;
use engine::data::{
    Begun, Blobs, Claimed, Claims, Digest, Inputs, Lease, Roster, RosterEntry, WorkflowId,
};
use engine::workflow::MemoryStore;

/// How long it takes until an input is kept.
const WRITES: Duration = Duration::from_millis(40);

/// A store on a slow disk: whoever writes to it may be gone before it has written.
#[derive(Clone, Debug, Default)]
pub(crate) struct SlowStore(MemoryStore);

impl Inputs for SlowStore {
    fn append(&self, workflow: WorkflowId, body: &str) -> Result<u64, Fault> {
        sleep(WRITES);
        self.0.append(workflow, body)
    }

    fn inputs(&self, workflow: WorkflowId) -> Result<Vec<String>, Fault> {
        self.0.inputs(workflow)
    }
}

impl Blobs for SlowStore {
    fn put(&self, body: &str) -> Result<Digest, Fault> {
        self.0.put(body)
    }

    fn get(&self, digest: Digest) -> Result<String, Fault> {
        self.0.get(digest)
    }
}

impl Claims for SlowStore {
    fn claim(&self, scope: &str, key: &str) -> Result<Claimed, Fault> {
        self.0.claim(scope, key)
    }

    fn settle(&self, scope: &str, key: &str, value: &str) -> Result<(), Fault> {
        self.0.settle(scope, key, value)
    }

    fn release(&self, scope: &str, key: &str) -> Result<(), Fault> {
        self.0.release(scope, key)
    }
}

impl Roster for SlowStore {
    fn enter(&self, entry: &RosterEntry) -> Result<(), Fault> {
        self.0.enter(entry)
    }

    fn entries(&self, most: usize) -> Result<Vec<RosterEntry>, Fault> {
        self.0.entries(most)
    }

    fn lease(&self, workflow: WorkflowId) -> Result<Option<Box<dyn Lease>>, Fault> {
        self.0.lease(workflow)
    }

    fn wish(&self, workflow: WorkflowId, body: &str) -> Result<u64, Fault> {
        self.0.wish(workflow, body)
    }

    fn wishes(&self, workflow: WorkflowId) -> Result<Vec<(u64, String)>, Fault> {
        self.0.wishes(workflow)
    }

    fn reply(&self, workflow: WorkflowId, wish: u64, body: &str) -> Result<(), Fault> {
        self.0.reply(workflow, wish, body)
    }

    fn replied(&self, workflow: WorkflowId, wish: u64) -> Result<Option<String>, Fault> {
        self.0.replied(workflow, wish)
    }

    fn told(&self, workflow: WorkflowId) -> Result<u64, Fault> {
        self.0.told(workflow)
    }

    fn begun(&self, workflow: WorkflowId) -> Result<Option<Vec<Begun>>, Fault> {
        self.0.begun(workflow)
    }
}
