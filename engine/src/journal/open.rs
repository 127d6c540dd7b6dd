use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::{Connection, Transaction, TransactionBehavior};
use rustix::fs::{FlockOperation, flock};

use super::key::{Key, PublicKey, remembered};
use super::shared::Shared;
use super::writer::Writer;
use super::{schema, shown, unusable, verify};
use crate::event::{Audit, Commit, Event, Queue, Room, Sink, Source};
use crate::types::{Clock, Fault, FaultKind, JournalId};

/// What a process wants with a journal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Role {
    /// It adds events beside others.
    #[default]
    Appender,
    /// It drives workflows; there is one at a time.
    Driver,
}

/// How a journal is opened.
///
/// Defaults: everything is written down, as one of many appenders, with a key beside the journal.
#[derive(Clone, Debug, Default)]
pub struct JournalOptions {
    audit: Audit,
    role: Role,
    key: Option<PathBuf>,
    room: Option<Room>,
    clock: Option<Arc<dyn Clock>>,
}

impl JournalOptions {
    /// Starts from the defaults.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// How much of arguments and results is written down.
    #[must_use]
    pub fn audit(mut self, audit: Audit) -> Self {
        self.audit = audit;
        self
    }

    /// What this process wants with the journal.
    #[must_use]
    pub fn role(mut self, role: Role) -> Self {
        self.role = role;
        self
    }

    /// The file of the key that signs checkpoints; it is made at first use, readable by its owner alone.
    /// Default: the journal's own path with `.key` added.
    #[must_use]
    pub fn key(mut self, file: impl Into<PathBuf>) -> Self {
        self.key = Some(file.into());
        self
    }

    /// How much may wait for the disk. Default: 65,536 descriptive events of 32 MiB, and as many others.
    #[must_use]
    pub fn room(mut self, room: Room) -> Self {
        self.room = Some(room);
        self
    }

    /// Measures how long transactions take, with this clock. Default: they are not measured.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = Some(clock);
        self
    }

    /// Opens the journal, and makes it if there is none.
    ///
    /// # Errors
    ///
    /// A fault with the code `E-JOURNAL` if the file is something else, of a later version, in a place
    /// that cannot be written, or driven by another process.
    ///
    /// # Example
    ///
    /// ```
    /// use engine::data::JournalOptions;
    /// use engine::{Call, Engine, Fault};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let dir = tempfile::tempdir()?;
    /// let journal = JournalOptions::new().open(dir.path().join("journal.db"))?;
    /// let engine = Engine::builder().sink(journal.clone()).build()?;
    /// let call = Call::function("f", serde_json::json!([]));
    /// engine.refuse("missing", &call, Fault::config("no such component"));
    /// journal.close()?;
    /// # Ok(()) }
    /// ```
    pub fn open(self, path: impl Into<PathBuf>) -> Result<Journal, Fault> {
        // A link to a journal is the journal: its lock and key lie beside the file itself.
        let path = path.into();
        let path = path.canonicalize().unwrap_or(path);
        let JournalOptions {
            audit,
            role,
            key,
            room,
            clock,
        } = self;
        let lock = match role {
            Role::Appender => None,
            Role::Driver => Some(drive(&path)?),
        };
        let (connection, journal) = schema::writable(&path)?;
        let key_file = key.unwrap_or_else(|| beside(&path, "key"));
        let key = Key::at(&key_file)?;
        let unsigned = untouched(&path, &connection, &key_file, key.public())?;
        let public = key.public();
        let shared = Arc::new(Shared::new(Queue::new(room.unwrap_or(Room {
            events: 65_536,
            bytes: 32 << 20,
            reserved: 65_536,
        }))));
        let writer = Writer {
            shared: shared.clone(),
            path: path.clone(),
            connection: Some(connection),
            journal,
            key,
            key_file,
            clock,
            audit,
            batch: Vec::new(),
            marks: 0,
            // Whoever was killed before its signature left them to the next one.
            since_checkpoint: unsigned,
            doubtful: false,
            unmoved: 0,
        };
        let thread = std::thread::Builder::new()
            .name("journal".to_owned())
            .spawn(move || writer.run())
            .map_err(|error| Fault::system("starting a thread").caused_by(error))?;
        Ok(Journal(Arc::new(Inner {
            shared,
            path,
            journal,
            public,
            thread: Mutex::new(Some(thread)),
            store: Mutex::new(None),
            _lock: lock,
        })))
    }
}

/// Checks the end of a journal before anything is added to it: otherwise the next signature would be about
/// whatever somebody made of it. Only rows after the newest signature of this key are read; it returns how many.
fn untouched(
    path: &Path,
    connection: &Connection,
    key_file: &Path,
    key: PublicKey,
) -> Result<u64, Fault> {
    let journal = schema::identity(connection, path)?;
    let known = remembered(key_file, journal)?;
    verify::tail(connection, journal, key, known).map_err(|reason| {
        Fault::new(FaultKind::JournalTampered {
            path: shown(path),
            reason,
        })
        .hint(
            "nothing was added to it; keep it, and name another file. To go on with an older copy that you put \
             back yourself, remove its file in `journal.key.heads` beside the key",
        )
    })
}

/// The path of a file that belongs to a journal.
pub(super) fn beside(path: &Path, what: &str) -> PathBuf {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".");
    name.push(what);
    path.with_file_name(name)
}

/// Takes the place of the one driver. It is given back when the file is closed, however the process ends.
#[expect(clippy::disallowed_methods, reason = "the journal keeps its own lock")]
fn drive(path: &Path) -> Result<File, Fault> {
    let failed = |error: std::io::Error| {
        unusable(path, "the lock of its driver cannot be made").caused_by(error)
    };
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(beside(path, "driver"))
        .map_err(failed)?;
    if flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
        let mut holder = String::new();
        // Whoever it is, it is there.
        (&file).take(32).read_to_string(&mut holder).ok();
        let holder = crate::types::text::line(holder.trim(), 32);
        return Err(
            unusable(path, format!("the process {holder} drives it already"))
                .hint("stop that process, or use another journal"),
        );
    }
    file.set_len(0)
        .and_then(|()| file.rewind())
        .and_then(|()| writeln!(file, "{}", std::process::id()))
        .map_err(failed)?;
    Ok(file)
}

/// An open journal, as a sink of events. Cheap to clone.
///
/// [`emit`](Sink::emit) hands an event to the thread that writes, [`commit`](Sink::commit) waits for the disk.
/// Whoever drops the last clone waits for the rest to be written, and does not learn whether it was; use
/// [`close`](Journal::close) for that.
#[derive(Clone)]
pub struct Journal(Arc<Inner>);

struct Inner {
    shared: Arc<Shared>,
    path: PathBuf,
    journal: JournalId,
    public: PublicKey,
    thread: Mutex<Option<JoinHandle<()>>>,
    /// For what is not an event; made at first use.
    store: Mutex<Option<Connection>>,
    _lock: Option<File>,
}

/// How a journal keeps up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JournalLoad {
    /// Events that wait for the disk.
    pub waiting: usize,
    /// How long the newest transaction took, its sync included; zero without a clock.
    pub latency: Duration,
    /// Events that had no room since this journal was opened.
    pub lost: u64,
    /// Transactions that failed since then.
    pub failures: u64,
}

impl fmt::Debug for Journal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Journal")
            .field("path", &self.0.path)
            .field("id", &self.0.journal)
            .finish_non_exhaustive()
    }
}

impl Journal {
    /// The journal's own id.
    #[must_use]
    pub fn id(&self) -> JournalId {
        self.0.journal
    }

    /// How the journal keeps up with what is emitted.
    #[must_use]
    pub fn load(&self) -> JournalLoad {
        let progress = self.0.shared.progress();
        let progress = progress.borrow();
        JournalLoad {
            waiting: self.0.shared.queue.waiting(),
            latency: progress.latency,
            lost: progress.lost,
            failures: progress.failures,
        }
    }

    /// The key that its signatures can be checked with.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        self.0.public
    }

    /// Does something that is not an event in one transaction, on a connection of its own.
    pub(super) fn within<T>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<T>,
    ) -> Result<T, Fault> {
        // A transaction that was not committed is rolled back, whatever panicked in it.
        let mut store = self.0.store.lock().unwrap_or_else(PoisonError::into_inner);
        let connection = match &mut *store {
            Some(connection) => connection,
            none => none.insert(schema::writable(&self.0.path)?.0),
        };
        connection
            .transaction_with_behavior(TransactionBehavior::Immediate)
            .and_then(|transaction| {
                let done = work(&transaction)?;
                transaction.commit()?;
                Ok(done)
            })
            .map_err(|error| self.0.unwritten(&error.to_string()).caused_by(error))
    }

    /// Reads something that is not an event, without keeping anybody from writing.
    pub(super) fn reading<T>(
        &self,
        read: impl FnOnce(&Connection) -> rusqlite::Result<T>,
    ) -> Result<T, Fault> {
        let mut store = self.0.store.lock().unwrap_or_else(PoisonError::into_inner);
        let connection = match &mut *store {
            Some(connection) => connection,
            none => none.insert(schema::writable(&self.0.path)?.0),
        };
        read(connection).map_err(|error| {
            self.damaged("it cannot be read".to_owned())
                .caused_by(error)
        })
    }

    pub(super) fn path(&self) -> &Path {
        &self.0.path
    }

    /// Something in the file is not as it was written.
    pub(super) fn damaged(&self, reason: String) -> Fault {
        Fault::new(FaultKind::JournalTampered {
            path: shown(&self.0.path),
            reason,
        })
    }

    /// Writes what waits and closes the file. Events that come later are lost.
    ///
    /// # Errors
    ///
    /// A fault with the code `E-JOURNAL-WRITE` if something could not be made durable.
    pub fn close(&self) -> Result<(), Fault> {
        self.0.shut();
        let progress = self.0.shared.progress().borrow().clone();
        if progress.durable < self.0.shared.queue.pushed() || self.0.shared.queue.has_failures() {
            return Err(self.0.unwritten(&progress.reason));
        }
        Ok(())
    }
}

impl Inner {
    fn shut(&self) {
        self.shared.queue.close();
        self.shared.wake();
        let mut thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(thread) = thread.take() {
            // If it panicked, what it did not write is missing in its progress.
            thread.join().ok();
        }
    }

    fn unwritten(&self, reason: &str) -> Fault {
        let reason = if reason.is_empty() {
            "its writer has ended"
        } else {
            reason
        };
        Fault::new(FaultKind::JournalWrite {
            path: shown(&self.path),
            reason: crate::types::text::line(reason, 300),
        })
        .hint("make room on the disk or repair it; nothing that was acknowledged is lost, and no restart is needed")
    }

    async fn committed(&self, source: &Source) -> Result<(), Fault> {
        let ticket = self.shared.queue.pushed();
        if self.shared.queue.take_failure(source) {
            return Err(self.unwritten(if self.shared.queue.is_closed() {
                "the journal was closed before"
            } else {
                "more events wait for the disk than there is room for"
            }));
        }
        let mut progress = self.shared.progress();
        let before = progress.borrow_and_update().failures;
        self.shared.wake();
        loop {
            {
                let now = progress.borrow_and_update();
                if now.durable >= ticket {
                    return Ok(());
                }
                if now.failures > before || now.ended {
                    return Err(self.unwritten(&now.reason));
                }
            }
            if progress.changed().await.is_err() {
                return Err(self.unwritten(""));
            }
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.shut();
    }
}

impl Sink for Journal {
    fn emit(&self, event: &Arc<Event>) {
        self.0.shared.queue.push(event);
        self.0.shared.wake_soon();
    }

    fn commit<'a>(&'a self, source: &'a Source) -> Commit<'a> {
        Box::pin(self.0.committed(source))
    }
}
