use crate::exports::engine::archive::archives::Error;

/// The most bytes of an archive.
pub(crate) const MOST_ARCHIVE: u64 = 64 << 20;
/// The most entries of an archive.
pub(crate) const MOST_ENTRIES: u32 = 10_000;
/// The most bytes that an archive may have, unpacked.
pub(crate) const MOST_UNPACKED: u64 = 256 << 20;
/// How many times its own size an archive may have, unpacked.
const MOST_RATIO: u64 = 200;
/// What may come out of any archive, however small it is.
const FREE: u64 = 1 << 20;

/// Counts what comes out of an archive, and ends it where a bound is passed.
#[derive(Debug)]
pub(crate) struct Meter {
    archive: u64,
    entries: u32,
    unpacked: u64,
}

impl Meter {
    pub(crate) fn new(archive: usize) -> Self {
        Self {
            archive: archive as u64,
            entries: 0,
            unpacked: 0,
        }
    }

    /// Counts an entry.
    pub(crate) fn entry(&mut self) -> Result<(), Error> {
        if self.entries == MOST_ENTRIES {
            return Err(Error::TooLarge(format!(
                "it has over {MOST_ENTRIES} entries"
            )));
        }
        self.entries += 1;
        Ok(())
    }

    /// Counts bytes that were unpacked.
    pub(crate) fn unpacked(&mut self, bytes: usize) -> Result<(), Error> {
        self.unpacked = self.unpacked.saturating_add(bytes as u64);
        self.within(self.unpacked)
    }

    /// Refuses a size that is stated and would pass a bound.
    pub(crate) fn stated(&self, bytes: u64) -> Result<(), Error> {
        self.within(self.unpacked.saturating_add(bytes))
    }

    fn within(&self, unpacked: u64) -> Result<(), Error> {
        if unpacked > MOST_UNPACKED {
            return Err(Error::TooLarge(format!(
                "it has over {MOST_UNPACKED} bytes, unpacked"
            )));
        }
        if unpacked > FREE && unpacked > self.archive.saturating_mul(MOST_RATIO) {
            return Err(Error::TooLarge(format!(
                "unpacked, it has over {MOST_RATIO} times its {} bytes",
                self.archive
            )));
        }
        Ok(())
    }
}
