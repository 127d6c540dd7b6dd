use std::io::Read as _;

use flate2::Crc;
use flate2::bufread::DeflateDecoder;
use rawzip::extra_fields::{ExtraFieldId, ExtraFields};
use rawzip::{CompressionMethod, ZipArchive, ZipFileHeaderRecord, ZipSliceArchive, ZipSliceEntry};

use crate::bounds::Meter;
use crate::exports::engine::archive::archives::{Error, Kind};
use crate::{Content, Found, Visit};

/// What begins an entry, and what ends an archive.
const ENTRY: &[u8] = b"PK\x03\x04";
const END: &[u8] = b"PK\x05\x06";
/// The type in the mode of a file, and the types it may have.
const TYPE: u32 = 0o170_000;
const FILE: u32 = 0o100_000;
const DIRECTORY: u32 = 0o040_000;
const LINK: u32 = 0o120_000;

/// Shows everything in a zip.
///
/// A zip says everything twice, before each entry and in a directory at its end, and readers differ in whom they believe.
/// So both have to say the same, and nothing may lie between entries that looks like one.
pub(crate) fn visit(bytes: &[u8], meter: &mut Meter, visitor: &mut dyn Visit) -> Result<(), Error> {
    let archive = ZipArchive::from_slice(bytes).map_err(malformed)?;
    let mut listed = Vec::new();
    let mut entries = archive.entries();
    while let Some(entry) = entries.next_entry().map_err(malformed)? {
        meter.entry()?;
        listed.push(entry);
    }
    if listed.len() as u64 != archive.entries_hint() {
        return broken(&format!(
            "its directory has {} entries and states {}",
            listed.len(),
            archive.entries_hint()
        ));
    }
    laid_out(bytes, &archive, &listed)?;
    for central in &listed {
        let entry = archive.get_entry(central.wayfinder()).map_err(malformed)?;
        meter.stated(central.uncompressed_size_hint())?;
        let found = Found {
            name: central.file_path().as_bytes(),
            kind: kind(central),
            size: central.uncompressed_size_hint(),
            trouble: trouble(central, &entry),
        };
        let mut content = Packed::new(central, entry.data(), meter);
        visitor.entry(&found, &mut content)?;
    }
    Ok(())
}

/// Checks that entries follow one another, that each says what the directory says, and that there is nothing else.
fn laid_out(
    bytes: &[u8],
    archive: &ZipSliceArchive<&[u8]>,
    listed: &[ZipFileHeaderRecord<'_>],
) -> Result<(), Error> {
    if archive.end_offset() != bytes.len() as u64 {
        return broken("something follows its end");
    }
    let mut places = Vec::with_capacity(listed.len());
    for central in listed {
        let entry = archive.get_entry(central.wayfinder()).map_err(malformed)?;
        agree(central, &entry)?;
        let (_, end) = entry.compressed_data_range();
        places.push((central.local_header_offset(), end));
    }
    places.sort_unstable();
    let directory = archive.directory_offset();
    let mut before = 0;
    for (start, end) in places.into_iter().chain([(directory, directory)]) {
        if start < before {
            return broken("two of its entries overlap");
        }
        // Between entries there may be sizes that were not known before, or what aligns the next one.
        if holds(bytes, before, start, ENTRY) {
            return broken("it has an entry that its directory does not have");
        }
        before = end;
    }
    if !ends_once(bytes, before) {
        return broken("it has more than one end");
    }
    Ok(())
}

fn holds(bytes: &[u8], from: u64, to: u64, what: &[u8]) -> bool {
    between(bytes, from, to)
        .windows(what.len())
        .any(|window| window == what)
}

fn ends_once(bytes: &[u8], from: u64) -> bool {
    let end = between(bytes, from, bytes.len() as u64);
    end.windows(END.len())
        .filter(|window| *window == END)
        .count()
        == 1
}

fn between(bytes: &[u8], from: u64, to: u64) -> &[u8] {
    let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
    bytes.get(place(from)..place(to)).unwrap_or_default()
}

/// Checks that an entry says of itself what the directory says of it.
fn agree(central: &ZipFileHeaderRecord<'_>, entry: &ZipSliceEntry<'_>) -> Result<(), Error> {
    let local = entry.local_header();
    let name = String::from_utf8_lossy(central.file_path().as_bytes()).into_owned();
    let differ = |what: &str| broken(&format!("`{name}` has two {what}"));
    if local.file_path().as_bytes() != central.file_path().as_bytes() {
        return differ("names");
    }
    if local.compression_method() != central.compression_method() {
        return differ("ways of compression");
    }
    let (own, listed) = (local.flags(), central.flags());
    if own.is_encrypted() != listed.is_encrypted()
        || own.has_data_descriptor() != listed.has_data_descriptor()
        || own.is_utf8() != listed.is_utf8()
    {
        return differ("sets of flags");
    }
    let listed = (
        central.crc32(),
        central.compressed_size_hint(),
        central.uncompressed_size_hint(),
    );
    let own = (
        local.crc32(),
        local.compressed_size_hint(),
        local.uncompressed_size_hint(),
    );
    let descriptor = entry.data_descriptor().map_err(malformed)?;
    match descriptor {
        None if own == listed => Ok(()),
        // Whoever did not know them writes zeros, or has a guess for the sizes.
        Some(later) => {
            let later = (
                later.crc32(),
                later.compressed_size(),
                later.uncompressed_size(),
            );
            if later == listed && (own == (0, 0, 0) || own == listed) {
                Ok(())
            } else {
                differ("sizes or checksums")
            }
        }
        None => differ("sizes or checksums"),
    }
}

fn kind(central: &ZipFileHeaderRecord<'_>) -> Kind {
    let directory = central.file_path().as_bytes().ends_with(b"/");
    match (mode(central) & TYPE, directory) {
        (0 | FILE, false) => Kind::File,
        (0 | DIRECTORY, true) => Kind::Directory,
        (LINK, _) => Kind::Link,
        // What a name and a mode do not agree about is told as trouble.
        (FILE, true) => Kind::Directory,
        (DIRECTORY, false) => Kind::File,
        _ => Kind::Other,
    }
}

/// The mode that Unix has for it; zero where nobody set one.
fn mode(central: &ZipFileHeaderRecord<'_>) -> u32 {
    central.external_attributes() >> 16
}

/// Why an entry must not be unpacked.
fn trouble(central: &ZipFileHeaderRecord<'_>, entry: &ZipSliceEntry<'_>) -> Option<String> {
    let name = central.file_path().as_bytes();
    let directory = name.ends_with(b"/");
    let method = central.compression_method();
    let flags = central.flags();
    if flags.is_encrypted() || flags.has_strong_encryption() || flags.is_masked() {
        return Some("it is encrypted".to_owned());
    }
    if ![CompressionMethod::STORE, CompressionMethod::DEFLATE].contains(&method) {
        return Some(format!(
            "its compression, method {}, is not supported",
            method.as_u16()
        ));
    }
    let odd = matches!(
        (mode(central) & TYPE, directory),
        (FILE, true) | (DIRECTORY, false)
    );
    if odd {
        return Some("its name and its mode differ in whether it is a directory".to_owned());
    }
    if directory && central.uncompressed_size_hint() > 0 {
        return Some("it has content, though it is no file".to_owned());
    }
    let local = entry.local_header().extra_fields();
    if [central.extra_fields(), local]
        .into_iter()
        .any(|fields| renamed(fields, name))
    {
        return Some("it has another name in another place".to_owned());
    }
    None
}

/// Whether an extra field has another name for an entry, which some readers believe.
fn renamed(mut fields: ExtraFields<'_>, name: &[u8]) -> bool {
    fields.any(|(id, field)| {
        // Before the name there are a version and a checksum.
        id == ExtraFieldId::INFO_ZIP_UNICODE_PATH && field.get(5..) != Some(name)
    })
}

/// The content of an entry, which is unpacked as it is read.
struct Packed<'a, 'm> {
    unpacking: Unpacking<'a>,
    packed: u64,
    size: u64,
    crc32: u32,
    read: u64,
    crc: Crc,
    meter: &'m mut Meter,
}

enum Unpacking<'a> {
    Stored(&'a [u8]),
    Deflated(Box<DeflateDecoder<&'a [u8]>>),
}

impl<'a, 'm> Packed<'a, 'm> {
    fn new(central: &ZipFileHeaderRecord<'_>, data: &'a [u8], meter: &'m mut Meter) -> Self {
        Self {
            // What is compressed otherwise was refused.
            unpacking: if central.compression_method() == CompressionMethod::DEFLATE {
                Unpacking::Deflated(Box::new(DeflateDecoder::new(data)))
            } else {
                Unpacking::Stored(data)
            },
            packed: data.len() as u64,
            size: central.uncompressed_size_hint(),
            crc32: central.crc32(),
            read: 0,
            crc: Crc::new(),
            meter,
        }
    }

    /// Checks at the end that everything is as it was stated.
    fn end(&self) -> Result<(), Error> {
        if self.read != self.size {
            return broken(&format!(
                "it has {} bytes and states {}",
                self.read, self.size
            ));
        }
        if self.crc.sum() != self.crc32 {
            return broken("its checksum is another one");
        }
        let used = match &self.unpacking {
            Unpacking::Stored(_) => self.packed,
            Unpacking::Deflated(decoder) => decoder.total_in(),
        };
        if used != self.packed {
            return broken("something follows its compressed content");
        }
        Ok(())
    }
}

impl Content for Packed<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        let read = match &mut self.unpacking {
            Unpacking::Stored(data) => data.read(buffer),
            Unpacking::Deflated(decoder) => decoder.read(buffer),
        };
        let read = read.map_err(|error| Error::Malformed(error.to_string()))?;
        if read == 0 {
            self.end()?;
            return Ok(0);
        }
        self.meter.unpacked(read)?;
        self.crc.update(buffer.get(..read).unwrap_or_default());
        self.read += read as u64;
        if self.read > self.size {
            return broken(&format!("it has over the {} bytes it states", self.size));
        }
        Ok(read)
    }
}

fn malformed(error: rawzip::Error) -> Error {
    let text = error.to_string();
    let mut letters = text.chars();
    let first = letters.next().map(|c| c.to_ascii_lowercase());
    Error::Malformed(first.into_iter().chain(letters).collect())
}

fn broken<T>(why: &str) -> Result<T, Error> {
    Err(Error::Malformed(why.to_owned()))
}
