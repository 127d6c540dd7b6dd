mod pax;

use std::io::Read;

use ::tar::{EntryType, Header};

use crate::exports::engine::archive::archives::{Error, Kind};
use crate::gzip::Unpacked;
use crate::{Content, Found, Visit};
use pax::Told;

const BLOCK: usize = 512;
/// The most bytes of a header that gives an entry a long name or other properties.
const MOST_EXTRA: u64 = 1 << 20;

/// Whether these bytes begin a tar; an empty one begins with an empty block, as other files do.
pub(crate) fn begins(bytes: &[u8], may_be_empty: bool) -> bool {
    let Some(block) = bytes.first_chunk::<BLOCK>() else {
        return false;
    };
    if is_empty(block) {
        return may_be_empty;
    }
    is_header(block)
}

/// Shows everything in a tar, and reads it to its end.
pub(crate) fn visit<R: Read>(
    stream: &mut Unpacked<'_, R>,
    visitor: &mut dyn Visit,
) -> Result<(), Error> {
    let mut told = Told::default();
    loop {
        let Some(block) = block(stream)? else {
            return broken("it ends without the empty blocks of an end");
        };
        if is_empty(&block) {
            break;
        }
        if !is_header(&block) {
            return broken("the checksum of a header is another one");
        }
        let mut header = Header::new_old();
        header.as_mut_bytes().copy_from_slice(&block);
        let size = number(&header.as_old().size)
            .ok_or_else(|| Error::Malformed("the size of an entry is no number".to_owned()))?;
        let mut member = Member {
            stream,
            left: size,
            padding: size.next_multiple_of(BLOCK as u64) - size,
        };
        match header.entry_type() {
            EntryType::GNULongName => told.long_name(&member.extra()?)?,
            EntryType::XHeader => told.pax(&member.extra()?)?,
            EntryType::XGlobalHeader => pax::global(&member.extra()?)?,
            EntryType::GNULongLink => {}
            kind => {
                let told = std::mem::take(&mut told);
                member.entry(&header, kind, told, visitor)?;
            }
        }
        member.skip()?;
    }
    if !told.is_empty() {
        return broken("its last header describes nothing");
    }
    while let Some(block) = block(stream)? {
        if !is_empty(&block) {
            return broken("something follows its end");
        }
    }
    Ok(())
}

/// What an entry holds.
struct Member<'a, 'm, R> {
    stream: &'a mut Unpacked<'m, R>,
    left: u64,
    padding: u64,
}

impl<R: Read> Member<'_, '_, R> {
    fn entry(
        &mut self,
        header: &Header,
        kind: EntryType,
        told: Told,
        visitor: &mut dyn Visit,
    ) -> Result<(), Error> {
        self.stream.meter().entry()?;
        self.stream.meter().stated(self.left)?;
        let Told {
            path, size, sparse, ..
        } = told;
        if size.is_some_and(|size| size != self.left) {
            return broken("an entry has two sizes");
        }
        let name = path.unwrap_or_else(|| header.path_bytes().into_owned());
        let (kind, content) = match kind {
            // Before there was a type for directories, a `/` at the end made one.
            EntryType::Regular | EntryType::Continuous if name.ends_with(b"/") => {
                (Kind::Directory, false)
            }
            EntryType::Regular | EntryType::Continuous | EntryType::GNUSparse => (Kind::File, true),
            EntryType::Directory => (Kind::Directory, false),
            EntryType::Link | EntryType::Symlink => (Kind::Link, false),
            EntryType::Char | EntryType::Block | EntryType::Fifo => (Kind::Other, false),
            // What only another program knows is skipped with its content.
            _ => (Kind::Other, true),
        };
        let trouble = if sparse || header.entry_type() == EntryType::GNUSparse {
            Some("it is sparse, which is not supported")
        } else if !content && self.left > 0 {
            // Readers do not agree on where the next entry begins.
            Some("it has content, though it is no file")
        } else {
            None
        };
        let found = Found {
            name: &name,
            kind,
            size: self.left,
            trouble: trouble.map(str::to_owned),
        };
        visitor.entry(&found, self)
    }

    /// The whole content of a header that describes what comes after it.
    fn extra(&mut self) -> Result<Vec<u8>, Error> {
        if self.left > MOST_EXTRA {
            return Err(Error::TooLarge(format!(
                "a header has {} bytes, over the limit of {MOST_EXTRA}",
                self.left
            )));
        }
        let mut extra = Vec::new();
        let mut buffer = [0; BLOCK];
        loop {
            let read = self.read(&mut buffer)?;
            if read == 0 {
                return Ok(extra);
            }
            extra.extend_from_slice(buffer.get(..read).unwrap_or_default());
        }
    }

    /// Reads to the next header, whatever was read before.
    fn skip(&mut self) -> Result<(), Error> {
        self.left = self.left.saturating_add(self.padding);
        self.padding = 0;
        let mut buffer = vec![0; 16 << 10];
        while self.read(&mut buffer)? > 0 {}
        Ok(())
    }
}

impl<R: Read> Content for Member<'_, '_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        let most = usize::try_from(self.left)
            .unwrap_or(usize::MAX)
            .min(buffer.len());
        let Some(buffer) = buffer.get_mut(..most).filter(|_| most > 0) else {
            return Ok(0);
        };
        let read = self.stream.read(buffer)?;
        if read == 0 {
            return broken("it ends within an entry");
        }
        self.left -= read as u64;
        Ok(read)
    }
}

/// The next block; none at the end of the stream.
fn block<R: Read>(stream: &mut Unpacked<'_, R>) -> Result<Option<[u8; BLOCK]>, Error> {
    let mut block = [0; BLOCK];
    let mut filled = 0;
    while let Some(rest) = block.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match stream.read(rest)? {
            0 if filled == 0 => return Ok(None),
            0 => return broken("it ends within a block"),
            read => filled += read,
        }
    }
    Ok(Some(block))
}

fn is_empty(block: &[u8; BLOCK]) -> bool {
    block.iter().all(|byte| *byte == 0)
}

/// Whether a block has the checksum of its own bytes, with spaces for the checksum itself.
fn is_header(block: &[u8; BLOCK]) -> bool {
    let stated = block.get(148..156).and_then(number);
    let bytes = block.iter().enumerate().map(|(at, byte)| match at {
        148..156 => u64::from(b' '),
        _ => u64::from(*byte),
    });
    stated == Some(bytes.sum())
}

/// A number of a header: octal digits between spaces and NULs, or, if the first bit is set, its bytes.
fn number(field: &[u8]) -> Option<u64> {
    match field.split_first() {
        Some((0x80, bytes)) => {
            let (high, low) = bytes.split_at_checked(bytes.len().checked_sub(8)?)?;
            let low = u64::from_be_bytes(low.try_into().ok()?);
            high.iter().all(|byte| *byte == 0).then_some(low)
        }
        Some((0x81.., _)) | None => None,
        Some(_) => {
            let text = field.trim_ascii_start();
            let end = text.iter().position(|byte| matches!(byte, 0 | b' '));
            let (digits, rest) = text.split_at_checked(end.unwrap_or(text.len()))?;
            let plain = rest.iter().all(|byte| matches!(byte, 0 | b' '));
            let octal = digits.iter().all(|byte| (b'0'..=b'7').contains(byte));
            if !plain || !octal || digits.len() > 21 {
                return None;
            }
            let value = digits.iter().fold(0_u64, |value, digit| {
                value.wrapping_shl(3) | u64::from(digit - b'0')
            });
            Some(value)
        }
    }
}

fn broken<T>(why: &str) -> Result<T, Error> {
    Err(Error::Malformed(why.to_owned()))
}
