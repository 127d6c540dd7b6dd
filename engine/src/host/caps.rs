use crate::types::Bytes;

/// Bounds on what the host itself spends on one guest. They are the same for every call.
///
/// Each stops a way to make the host pay much for little guest work; the reasons stand in
/// `docs/guides/limits.md`.
#[derive(Debug)]
pub(crate) struct Caps;

impl Caps {
    /// Files and directories open at once.
    pub(crate) const OPEN_FILES: u32 = 64;
    /// Host objects held at once: streams, descriptors, pollables, header fields. Some hold 64 KiB.
    pub(crate) const HOST_OBJECTS: usize = 1024;
    /// Resource handles held at once, over all component instances of a store.
    pub(crate) const HANDLES: usize = 4096;
    /// Host calls of one run.
    pub(crate) const HOST_CALLS: u64 = 10_000_000;
    /// Bytes that one host call may move to the host. 40 bytes are charged for each element of a list.
    pub(crate) const HOST_DATA: Bytes = Bytes::mib(64);
    /// Random bytes asked for at once.
    pub(crate) const RANDOM: Bytes = Bytes::mib(1);
    /// Size of one set of HTTP header fields in memory.
    pub(crate) const FIELDS: Bytes = Bytes::kib(32);
    /// Core instances, memories and tables of a store, each.
    pub(crate) const INSTANCES: usize = 64;
    /// Elements of one table: all that the default limit on memory has room for.
    pub(crate) const TABLE_ELEMENTS: usize = 16 << 20;
    /// Refusals with an event of their own.
    pub(crate) const DENIAL_EVENTS: u64 = 1_000;
    /// Things reached with an event of their own.
    pub(crate) const ACCESS_EVENTS: u64 = 1_000;
    /// Different refusals kept for the outcome.
    pub(crate) const DENIALS_KEPT: usize = 100;
    /// Output that is gathered before it becomes an event.
    pub(crate) const OUTPUT_CHUNK: usize = 16 << 10;
    /// The most of a guest's message that is an event.
    pub(crate) const MESSAGE: usize = 8 << 10;
    /// The most of what a guest says it is doing that is an event.
    pub(crate) const DOING: usize = 1 << 10;
    /// How far events of progress are apart, in milliseconds.
    pub(crate) const PROGRESS_APART_MS: u64 = 100;
    /// What a message counts against the limit on output beside its bytes.
    pub(crate) const MESSAGE_COSTS: u64 = 16;
    /// Artifacts of one call.
    pub(crate) const ARTIFACTS: usize = 256;
    /// Calls of other actions that one call makes.
    pub(crate) const ACTIONS: u64 = 1_000;
    /// How deep actions call each other.
    pub(crate) const DEPTH: u32 = 8;
    /// How long output may wait for more before it becomes an event, in milliseconds.
    pub(crate) const OUTPUT_WAIT_MS: u64 = 50;
}
