//! Writes archives. Extended headers are written only where the plain header is too small, so that
//! the same entries give the same bytes.

use std::io::{self, Write};

use super::header::{self, Fields};
use super::{BLOCK, Entry, Kind, padding, pax};

/// Record size in bytes. GNU tar and pax(1) fill the last record with zeros.
const RECORD: u64 = 20 * BLOCK as u64;

/// Writes one entry after the other.
#[derive(Debug)]
pub struct Writer<W> {
    out: W,
    written: u64,
    /// Bytes of the current entry's content that are still to come.
    missing: u64,
    padding: u64,
}

impl<W: Write> Writer<W> {
    /// Begins an archive in `out`.
    pub fn new(out: W) -> Self {
        Self { out, written: 0, missing: 0, padding: 0 }
    }

    /// Begins an entry. Its [content](Self::content) must follow, `entry.size` bytes of it.
    ///
    /// # Errors
    /// Errors of the output. UnexpectedEof if the previous entry's content isn't complete.
    pub fn entry(&mut self, entry: &Entry) -> io::Result<()> {
        self.end_content()?;
        let (mut fields, extended) = describe(entry);
        if !extended.is_empty() {
            let header = Fields {
                name: extended_name(&entry.name),
                kind: b'x',
                mode: 0o644,
                size: extended.len() as u64,
                ..Fields::default()
            };
            self.put(&header::encode(&header))?;
            self.put(&extended)?;
            self.pad(padding(extended.len() as u64))?;
            // The extended header has the whole name. This one is a fallback and has to fit.
            fields.name.truncate(header::NAME_MAX);
        }
        self.put(&header::encode(&fields))?;
        if entry.kind == Kind::File {
            (self.missing, self.padding) = (entry.size, padding(entry.size));
        }
        Ok(())
    }

    /// Writes a part of the current entry's content.
    ///
    /// # Errors
    /// The I/O error of the output, or InvalidInput if there is more content than the entry has.
    pub fn content(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.missing = self.missing.checked_sub(bytes.len() as u64).ok_or(io::ErrorKind::InvalidInput)?;
        self.put(bytes)
    }

    /// Ends the archive, and returns the output.
    ///
    /// # Errors
    /// Errors of the output. UnexpectedEof if the last entry's content isn't complete.
    pub fn finish(mut self) -> io::Result<W> {
        self.end_content()?;
        self.pad(2 * BLOCK as u64)?;
        self.pad(self.written.wrapping_neg() % RECORD)?;
        self.out.flush()?;
        Ok(self.out)
    }

    fn end_content(&mut self) -> io::Result<()> {
        if self.missing > 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let padding = std::mem::take(&mut self.padding);
        self.pad(padding)
    }

    fn pad(&mut self, count: u64) -> io::Result<()> {
        self.put(&vec![0; count as usize])
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.written = self.written.wrapping_add(bytes.len() as u64);
        self.out.write_all(bytes)
    }
}

/// Returns the header of an entry, and the records of its extended header.
fn describe(entry: &Entry) -> (Fields, Vec<u8>) {
    let mut fields = Fields {
        name: entry.name.clone(),
        mode: entry.mode,
        uid: entry.uid.into(),
        gid: entry.gid.into(),
        seconds: entry.modified.seconds,
        ..Fields::default()
    };
    match &entry.kind {
        Kind::File => (fields.kind, fields.size) = (b'0', entry.size),
        Kind::HardLink(target) => (fields.kind, fields.link) = (b'1', target.clone()),
        Kind::Symlink(target) => (fields.kind, fields.link) = (b'2', target.clone()),
        Kind::Character(major, minor) => (fields.kind, fields.major, fields.minor) = (b'3', *major, *minor),
        Kind::Block(major, minor) => (fields.kind, fields.major, fields.minor) = (b'4', *major, *minor),
        Kind::Directory => {
            fields.kind = b'5';
            fields.name.push(b'/');
        }
        Kind::Fifo => fields.kind = b'6',
        Kind::Unknown(letter) => fields.kind = *letter,
    }

    // Sorted by keyword. Those of attributes are in capitals and come first.
    let mut extended = Vec::new();
    for (name, value) in &entry.attributes {
        pax::write(&mut extended, &pax::attribute_keyword(name), value);
    }
    let decimal = |out: &mut Vec<u8>, keyword: &[u8], number: u64| {
        pax::write(out, keyword, number.to_string().as_bytes());
    };
    if !header::fits(fields.gid.into(), 8) {
        decimal(&mut extended, b"gid", std::mem::take(&mut fields.gid));
    }
    if fields.link.len() > header::NAME_MAX {
        pax::write(&mut extended, b"linkpath", &fields.link);
    }
    if entry.modified.nanoseconds != 0 || !header::fits(fields.seconds.into(), 12) {
        pax::write(&mut extended, b"mtime", pax::time_text(entry.modified).as_bytes());
        if !header::fits(fields.seconds.into(), 12) {
            fields.seconds = 0;
        }
    }
    if fields.name.len() > header::NAME_MAX {
        pax::write(&mut extended, b"path", &fields.name);
    }
    if !header::fits(fields.size.into(), 12) {
        decimal(&mut extended, b"size", std::mem::take(&mut fields.size));
    }
    if !header::fits(fields.uid.into(), 8) {
        decimal(&mut extended, b"uid", std::mem::take(&mut fields.uid));
    }
    (fields, extended)
}

/// Returns the name of the file that a program without support for extended headers unpacks one as.
fn extended_name(name: &[u8]) -> Vec<u8> {
    let last = name.rsplit(|&byte| byte == b'/').next().unwrap_or_default();
    let mut made = b"PaxHeaders/".to_vec();
    made.extend(last.iter().take(header::NAME_MAX - made.len()));
    made
}
