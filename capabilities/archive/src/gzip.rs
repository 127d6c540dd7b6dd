use std::io::Read;

use flate2::bufread::MultiGzDecoder;

use crate::bounds::Meter;
use crate::exports::engine::archive::archives::{Error, Kind};
use crate::{Content, Found, Visit};

/// A stream of bytes that are counted as they come out of an archive. The archive lies in memory, so that whatever fails here
/// is the archive's fault.
pub(crate) struct Unpacked<'a, R> {
    stream: R,
    meter: &'a mut Meter,
}

impl<'a, R: Read> Unpacked<'a, R> {
    pub(crate) fn new(stream: R, meter: &'a mut Meter) -> Self {
        Self { stream, meter }
    }

    pub(crate) fn meter(&mut self) -> &mut Meter {
        self.meter
    }
}

impl<R: Read> Content for Unpacked<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        // The checksum and the length at the end of a gzip are compared by the decoder, which then says what is wrong.
        let read = self.stream.read(buffer);
        let read = read.map_err(|error| Error::Malformed(error.to_string()))?;
        self.meter.unpacked(read)?;
        Ok(read)
    }
}

/// The first block of what is in a gzip; shorter, or empty, if there is no more or it is broken, as is found later.
pub(crate) fn first(bytes: &[u8]) -> Vec<u8> {
    let mut first = Vec::new();
    let read = MultiGzDecoder::new(bytes).take(512).read_to_end(&mut first);
    if read.is_err() {
        first.clear();
    }
    first
}

/// How large what is in a gzip is. All of it is unpacked for that.
pub(crate) fn size(bytes: &[u8], meter: &mut Meter) -> Result<u64, Error> {
    let mut content = Unpacked::new(MultiGzDecoder::new(bytes), meter);
    let mut buffer = vec![0; 64 << 10];
    let mut size = 0;
    loop {
        match content.read(&mut buffer)? {
            0 => return Ok(size),
            read => size += read as u64,
        }
    }
}

/// Shows the one file of a gzip.
pub(crate) fn visit(
    bytes: &[u8],
    name: &str,
    size: u64,
    meter: &mut Meter,
    visitor: &mut dyn Visit,
) -> Result<(), Error> {
    meter.entry()?;
    let found = Found {
        name: name.as_bytes(),
        kind: Kind::File,
        size,
        trouble: None,
    };
    let mut content = Unpacked::new(MultiGzDecoder::new(bytes), meter);
    visitor.entry(&found, &mut content)
}
