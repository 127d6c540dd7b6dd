use crate::exports::engine::archive::archives::{Entry, Error, Fate, Kind, Listing};
use crate::format::Archive;
use crate::names::{Names, plain};
use crate::{Content, Found, Visit};

/// Lists an archive.
pub(crate) fn list(archive: &Archive<'_>) -> Result<Listing, Error> {
    let mut list = List::default();
    archive.visit(&mut list)?;
    let files = list
        .entries
        .iter()
        .filter(|entry| matches!(entry.kind, Kind::File));
    Ok(Listing {
        format: archive.format,
        size: files.fold(0, |sum, entry| sum.saturating_add(entry.size)),
        entries: list.entries,
    })
}

#[derive(Default)]
struct List {
    judge: Judge,
    entries: Vec<Entry>,
}

impl Visit for List {
    fn entry(&mut self, found: &Found<'_>, _: &mut dyn Content) -> Result<(), Error> {
        let (path, fate) = self.judge.judge(found);
        self.entries.push(Entry {
            path,
            kind: found.kind,
            size: found.size,
            fate,
        });
        Ok(())
    }
}

/// Says what becomes of entries, the same for every format.
#[derive(Default)]
pub(crate) struct Judge(Names);

impl Judge {
    /// The plain path of an entry, and what becomes of it.
    pub(crate) fn judge(&mut self, found: &Found<'_>) -> (String, Fate) {
        let path = match plain(found.name) {
            Ok(path) => path,
            Err((shown, why)) => return (shown, Fate::Refused(why.to_owned())),
        };
        let directory = matches!(found.kind, Kind::Directory);
        let fate = match (&found.trouble, found.kind) {
            (Some(trouble), _) => Fate::Refused(trouble.clone()),
            (None, _) if path == "." && !directory => {
                Fate::Refused("its path is that of the directory itself".to_owned())
            }
            (None, kind) => match self.0.take(&path, directory) {
                Err(why) => Fate::Refused(why),
                Ok(()) => match kind {
                    Kind::File | Kind::Directory => Fate::Unpacked,
                    Kind::Link => Fate::Skipped("it is a link".to_owned()),
                    Kind::Other => Fate::Skipped("it is neither a file nor a directory".to_owned()),
                },
            },
        };
        (path, fate)
    }
}
