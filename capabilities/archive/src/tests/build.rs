//! Makes archives, good ones and bad ones.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::{DeflateEncoder, GzEncoder};

/// An entry of a zip, each part of which a test can change.
#[derive(Clone)]
pub(super) struct Entry {
    pub(super) name: Vec<u8>,
    /// The name before the entry itself.
    pub(super) local_name: Vec<u8>,
    pub(super) flags: u16,
    pub(super) method: u16,
    pub(super) local_method: u16,
    pub(super) packed: Vec<u8>,
    pub(super) crc: u32,
    pub(super) size: u32,
    pub(super) local_size: u32,
    pub(super) mode: u32,
    pub(super) extra: Vec<u8>,
    /// What lies behind the content, such as sizes that were not known before.
    pub(super) behind: Vec<u8>,
}

pub(super) fn crc(content: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(content);
    crc.sum()
}

pub(super) fn stored(name: &str, content: &[u8]) -> Entry {
    let size = u32::try_from(content.len()).unwrap();
    Entry {
        name: name.into(),
        local_name: name.into(),
        flags: 0,
        method: 0,
        local_method: 0,
        packed: content.to_vec(),
        crc: crc(content),
        size,
        local_size: size,
        mode: 0,
        extra: Vec::new(),
        behind: Vec::new(),
    }
}

pub(super) fn deflated(name: &str, content: &[u8]) -> Entry {
    let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content).unwrap();
    Entry {
        method: 8,
        local_method: 8,
        packed: encoder.finish().unwrap(),
        ..stored(name, content)
    }
}

/// A zip of entries, with this behind each of them and at its end.
pub(super) fn zip(entries: &[Entry]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut directory = Vec::new();
    for entry in entries {
        let offset = u32::try_from(bytes.len()).unwrap();
        let packed = u32::try_from(entry.packed.len()).unwrap();
        let streamed = entry.flags & 8 != 0;
        let local = if streamed {
            [0, 0, 0]
        } else {
            [entry.crc, packed, entry.local_size]
        };
        bytes.extend(b"PK\x03\x04\x14\0");
        push16(&mut bytes, &[entry.flags, entry.local_method, 0, 0x21]);
        push32(&mut bytes, &local);
        push16(
            &mut bytes,
            &[length(&entry.local_name), length(&entry.extra)],
        );
        bytes.extend(&entry.local_name);
        bytes.extend(&entry.extra);
        bytes.extend(&entry.packed);
        bytes.extend(&entry.behind);

        directory.extend(b"PK\x01\x02\x14\x03\x14\0");
        push16(&mut directory, &[entry.flags, entry.method, 0, 0x21]);
        push32(&mut directory, &[entry.crc, packed, entry.size]);
        push16(
            &mut directory,
            &[length(&entry.name), length(&entry.extra), 0, 0, 0],
        );
        push32(&mut directory, &[entry.mode << 16, offset]);
        directory.extend(&entry.name);
        directory.extend(&entry.extra);
    }
    let start = u32::try_from(bytes.len()).unwrap();
    let count = u16::try_from(entries.len()).unwrap();
    let size = u32::try_from(directory.len()).unwrap();
    bytes.extend(directory);
    bytes.extend(b"PK\x05\x06");
    push16(&mut bytes, &[0, 0, count, count]);
    push32(&mut bytes, &[size, start]);
    push16(&mut bytes, &[0]);
    bytes
}

fn length(bytes: &[u8]) -> u16 {
    u16::try_from(bytes.len()).unwrap()
}

fn push16(bytes: &mut Vec<u8>, numbers: &[u16]) {
    bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
}

pub(super) fn push32(bytes: &mut Vec<u8>, numbers: &[u32]) {
    bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
}

/// A part of a tar: a header and its content. Types are `0` for a file, `5` for a directory, `x` for pax.
pub(super) fn part(kind: u8, name: &str, content: &[u8]) -> Vec<u8> {
    let mut header = ::tar::Header::new_ustar();
    header.set_size(content.len() as u64);
    changed(header, kind, name, content)
}

/// The same with a header of one's own.
pub(super) fn changed(mut header: ::tar::Header, kind: u8, name: &str, content: &[u8]) -> Vec<u8> {
    header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
    header.set_entry_type(::tar::EntryType::new(kind));
    header.set_cksum();
    let mut bytes = header.as_bytes().to_vec();
    bytes.extend(content);
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

/// A tar of parts, with its end.
pub(super) fn tar(parts: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = parts.concat();
    bytes.resize(bytes.len() + 1_024, 0);
    bytes
}

/// A record of a pax header.
pub(super) fn record(key: &str, value: &str) -> Vec<u8> {
    let rest = format!(" {key}={value}\n");
    let mut length = rest.len() + 1;
    while length != rest.len() + length.to_string().len() {
        length += 1;
    }
    format!("{length}{rest}").into_bytes()
}

pub(super) fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}
