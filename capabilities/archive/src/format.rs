use flate2::bufread::MultiGzDecoder;

use crate::bounds::Meter;
use crate::exports::engine::archive::archives::{Error, Format};
use crate::gzip::{self, Unpacked};
use crate::{Visit, tar, zip};

/// An archive whose format is known.
pub(crate) struct Archive<'a> {
    pub(crate) format: Format,
    bytes: &'a [u8],
    /// What the one file of a gzip is called, and how large it is.
    only: Option<(String, u64)>,
}

impl<'a> Archive<'a> {
    /// Tells the format of an archive by its content.
    pub(crate) fn new(path: &str, bytes: &'a [u8]) -> Result<Self, Error> {
        let archive = |format| Self {
            format,
            bytes,
            only: None,
        };
        if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06") {
            return Ok(archive(Format::Zip));
        }
        if bytes.starts_with(&[0x1f, 0x8b]) {
            let name = path.rsplit('/').next().unwrap_or(path);
            let lower = name.to_ascii_lowercase();
            let named = lower.ends_with(".tar.gz") || lower.ends_with(".tgz");
            if tar::begins(&gzip::first(bytes), named) {
                return Ok(archive(Format::TarGzip));
            }
            let stem = match name.len().checked_sub(3) {
                Some(stem) if stem > 0 && lower.ends_with(".gz") => name.get(..stem),
                _ => None,
            };
            let name = stem.map_or_else(|| format!("{name}.unpacked"), str::to_owned);
            let size = gzip::size(bytes, &mut Meter::new(bytes.len()))?;
            return Ok(Self {
                only: Some((name, size)),
                ..archive(Format::Gzip)
            });
        }
        if tar::begins(bytes, true) {
            return Ok(archive(Format::Tar));
        }
        Err(Error::Unsupported(format!(
            "`{path}` is neither zip, tar nor gzip"
        )))
    }

    /// Shows everything that is in the archive; fails as soon as it passes a bound or is broken.
    pub(crate) fn visit(&self, visitor: &mut dyn Visit) -> Result<(), Error> {
        let mut meter = Meter::new(self.bytes.len());
        match self.format {
            Format::Zip => zip::visit(self.bytes, &mut meter, visitor),
            Format::Tar => tar::visit(&mut Unpacked::new(self.bytes, &mut meter), visitor),
            Format::TarGzip => {
                let stream = MultiGzDecoder::new(self.bytes);
                tar::visit(&mut Unpacked::new(stream, &mut meter), visitor)
            }
            Format::Gzip => {
                let (name, size) = self
                    .only
                    .as_ref()
                    .map_or(("", 0), |(name, size)| (name.as_str(), *size));
                gzip::visit(self.bytes, name, size, &mut meter, visitor)
            }
        }
    }
}
