use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, BufWriter, Read as _, Seek as _, Write};
use std::os::fd::AsFd as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};

use engine::data::{Audit, line};
use engine::{Event, Fault, Sink};

use super::lines::pretty;
use crate::args::EventsFormat;
use crate::settings::{Events, EventsTo};

/// Writes events as they come, on a thread of its own: a slow file never holds up the guest.
pub(crate) struct EventWriter(Sender<Arc<Event>>);

/// The other end of an [`EventWriter`].
pub(crate) struct EventThread(JoinHandle<io::Result<()>>);

impl EventWriter {
    pub(crate) fn start(events: &Events) -> Result<(Self, EventThread), Fault> {
        let to: Box<dyn Write + Send> = match &events.to {
            EventsTo::Stderr => Box::new(io::stderr()),
            EventsTo::File(path) => Box::new(create(path, &events.inputs)?),
        };
        let (sender, receiver) = channel();
        let format = events.format;
        let thread = thread::spawn(move || write_all(BufWriter::new(to), format, receiver));
        Ok((Self(sender), EventThread(thread)))
    }
}

/// Opens the file that events go to, and empties it; never one that the run reads or answers into.
#[expect(
    clippy::disallowed_methods,
    reason = "a file that the user named on the command line"
)]
fn create(path: &Path, inputs: &[PathBuf]) -> Result<File, Fault> {
    let shown = line(&path.to_string_lossy(), 200);
    let refused = |error: io::Error| {
        Fault::usage(format!("cannot write events to `{shown}`"))
            .hint("name a file in a directory that exists and that you may write to, or `-`")
            .caused_by(error)
    };
    // Read as well where it is a file; a pipe or a device is only written.
    let regular = std::fs::metadata(path).is_ok_and(|found| found.is_file());
    let mut file = OpenOptions::new()
        .read(regular)
        .write(true)
        .create(true)
        .truncate(false)
        .open(path)
        .map_err(refused)?;
    let found = file.metadata().map_err(refused)?;
    let same = |other: &Metadata| (found.dev(), found.ino()) == (other.dev(), other.ino());
    let read = inputs
        .iter()
        .find(|input| std::fs::metadata(input).is_ok_and(|input| input.is_file() && same(&input)));
    if let Some(read) = read {
        return Err(Fault::usage(format!(
            "events would replace `{}`, which this run reads",
            line(&read.to_string_lossy(), 200)
        ))
        .hint("name another file"));
    }
    if found.is_file() {
        let answers = io::stdout()
            .as_fd()
            .try_clone_to_owned()
            .map(File::from)
            .and_then(|stdout| stdout.metadata());
        if answers.is_ok_and(|answers| same(&answers)) {
            return Err(
                Fault::usage("events and answers would be written over each other")
                    .hint("standard output is for answers; name another file, or `-`"),
            );
        }
        let mut start = [0; 16];
        let database = file.read_exact(&mut start).is_ok() && &start == b"SQLite format 3\0";
        if database {
            return Err(Fault::usage(format!(
                "`{shown}` is a database, and events would replace it"
            ))
            .hint("`--journal FILE` appends to a journal"));
        }
        file.rewind()
            .and_then(|()| file.set_len(0))
            .map_err(refused)?;
    }
    Ok(file)
}

impl EventThread {
    /// Waits until every event is written. The writer must be gone.
    pub(crate) fn finish(self) -> Result<(), Fault> {
        let fault = || Fault::system("writing events");
        match self.0.join() {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(fault().caused_by(error)),
            Err(_) => Err(fault()),
        }
    }
}

impl Sink for EventWriter {
    fn emit(&self, event: &Arc<Event>) {
        // A thread that is gone has an error to report, and does so at the end.
        self.0.send(event.clone()).ok();
    }
}

fn write_all(
    mut to: impl Write,
    format: EventsFormat,
    events: Receiver<Arc<Event>>,
) -> io::Result<()> {
    // With its end, so that nothing else on standard error comes between.
    let line = |event: &Event| {
        let mut line = match format {
            EventsFormat::Jsonl => Audit::Full.json(event),
            EventsFormat::Pretty => pretty(&Audit::Full.of(event)),
        };
        line.push('\n');
        line.into_bytes()
    };
    while let Ok(event) = events.recv() {
        to.write_all(&line(&event))?;
        for event in events.try_iter() {
            to.write_all(&line(&event))?;
        }
        // Followed live: whatever is there now is visible now.
        to.flush()?;
    }
    to.flush()
}
