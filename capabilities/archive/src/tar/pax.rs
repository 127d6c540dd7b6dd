use super::broken;
use crate::exports::engine::archive::archives::Error;

/// What headers before an entry say of it.
#[derive(Default)]
pub(super) struct Told {
    pub(super) path: Option<Vec<u8>>,
    pub(super) size: Option<u64>,
    pub(super) sparse: bool,
    /// Whether there was a pax header.
    pax: bool,
}

impl Told {
    pub(super) fn is_empty(&self) -> bool {
        self.path.is_none() && !self.pax
    }

    /// Takes in the long name that GNU's tar gives an entry.
    pub(super) fn long_name(&mut self, content: &[u8]) -> Result<(), Error> {
        let end = content.iter().rposition(|byte| *byte != 0);
        let name = content.get(..end.map_or(0, |end| end + 1));
        self.named(name.unwrap_or_default())
    }

    /// Takes in the records of a pax header.
    pub(super) fn pax(&mut self, content: &[u8]) -> Result<(), Error> {
        if self.pax {
            return broken("an entry has two pax headers");
        }
        self.pax = true;
        for (key, value) in records(content)? {
            match key {
                b"path" => self.named(value)?,
                b"size" => {
                    let size = std::str::from_utf8(value).ok();
                    let size = size.filter(|size| size.bytes().all(|byte| byte.is_ascii_digit()));
                    let Some(size) = size.and_then(|size| size.parse().ok()) else {
                        return broken("the size in a pax header is no number");
                    };
                    if self.size.replace(size).is_some() {
                        return broken("a pax header has two sizes");
                    }
                }
                key if key.starts_with(b"GNU.sparse.") => self.sparse = true,
                _ => {}
            }
        }
        Ok(())
    }

    fn named(&mut self, name: &[u8]) -> Result<(), Error> {
        if self.path.replace(name.to_vec()).is_some() {
            return broken("an entry is named twice");
        }
        Ok(())
    }
}

/// Checks a header that is for all entries after it: it must not say what they are, as readers do not agree about that.
pub(super) fn global(content: &[u8]) -> Result<(), Error> {
    for (key, _) in records(content)? {
        if matches!(key, b"path" | b"size" | b"linkpath") || key.starts_with(b"GNU.sparse.") {
            let key = String::from_utf8_lossy(key);
            return broken(&format!("a header for all entries has `{key}`"));
        }
    }
    Ok(())
}

/// A key and its value.
type Record<'a> = (&'a [u8], &'a [u8]);

/// The records of a pax header, each of them: a length, a space, the key, `=`, the value, a line feed.
fn records(content: &[u8]) -> Result<Vec<Record<'_>>, Error> {
    let mut records = Vec::new();
    let mut rest = content;
    while !rest.is_empty() {
        let Some((record, behind)) = record(rest) else {
            return broken("a pax header has a record that is none");
        };
        records.push(record);
        rest = behind;
    }
    Ok(records)
}

fn record(bytes: &[u8]) -> Option<(Record<'_>, &[u8])> {
    let space = bytes.iter().take(8).position(|byte| *byte == b' ')?;
    let (digits, _) = bytes.split_at_checked(space)?;
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let length: usize = std::str::from_utf8(digits).ok()?.parse().ok()?;
    let (record, behind) = bytes.split_at_checked(length)?;
    let record = record.get(space + 1..)?.strip_suffix(b"\n")?;
    let equals = record.iter().position(|byte| *byte == b'=')?;
    let (key, value) = record.split_at_checked(equals)?;
    Some(((key, value.get(1..)?), behind))
}
