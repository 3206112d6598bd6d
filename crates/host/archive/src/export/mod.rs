//! Writes a root as an archive.

mod output;
mod plan;
mod source;
mod widen_mode;

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use self::output::Destination;
pub use self::output::Output;
use self::source::{Look, Source};
use crate::compress::{Compression, Compressor};
use crate::digest::{Digest, Digesting};
use crate::error::{Error, Result};
use crate::observer::{Observer, Unit, Warning, guest_path, tell};
use crate::tar::Writer;

/// The format of an archive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Format {
    /// A plain tar archive.
    #[default]
    Tar,
    /// A layer of a container image: `application/vnd.oci.image.layer.v1.tar+gzip`.
    OciLayer,
}

/// Options of an export.
#[derive(Clone, Debug)]
pub struct ExportOptions {
    /// Format of the archive.
    pub format: Format,
    /// Compression of the archive. A layer of a container image is always compressed with gzip.
    pub compression: Compression,
    /// Destination of the archive.
    pub output: Output,
    /// Latest modification time in the archive, in seconds since 1970. Later times are replaced by
    /// this one.
    pub latest: Option<i64>,
}

/// Figures of a finished export.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Exported {
    /// Number of entries in the archive.
    pub entries: u64,
    /// Size of the archive in bytes, before compression.
    pub bytes: u64,
    /// For a layer: digests of the archive as stored, and of the tar archive in it.
    pub digests: Option<(Digest, Digest)>,
}

/// Writes the root at `root` as an archive. Entries are sorted by name, so the same root gives the
/// same bytes.
///
/// An output file appears when it is complete, or not at all. While the reader of a pipe keeps
/// newroot waiting, `ended` is polled to find out whether to stop.
///
/// # Errors
/// [`Error`] for a file of the root that can't be read, for an archive that can't be written, or if
/// `ended` asked to stop.
pub fn export(
    root: &Path,
    options: &ExportOptions,
    ended: &dyn Fn() -> bool,
    observer: &mut dyn Observer,
) -> Result<Exported> {
    options.output.check()?;
    let mut source = Source::open(root)?;
    let planned = plan::list(&source, observer)?;
    let destination = Destination::open(&options.output, ended)?;
    let unwritten = |cause| Error::io("write", options.output.name(), cause);
    let buffered = io::BufWriter::with_capacity(1 << 16, destination);
    let (buffered, exported) = match options.format {
        Format::Tar => {
            let compressor = Compressor::new(buffered, options.compression).map_err(unwritten)?;
            let mut writer = Writer::new(Counting { out: compressor, bytes: 0 });
            let entries = write(&mut source, &planned, options, &mut writer, observer)?;
            let Counting { out, bytes } = writer.finish().map_err(unwritten)?;
            (out.finish().map_err(unwritten)?, Exported { entries, bytes, digests: None })
        }
        Format::OciLayer => {
            let compressed =
                Compressor::new(Digesting::new(buffered), Compression::Gzip).map_err(unwritten)?;
            let mut writer = Writer::new(Counting { out: Digesting::new(compressed), bytes: 0 });
            let entries = write(&mut source, &planned, options, &mut writer, observer)?;
            let Counting { out, bytes } = writer.finish().map_err(unwritten)?;
            let (compressed, of_tar) = out.finish();
            let (out, of_layer) = compressed.finish().map_err(unwritten)?.finish();
            (out, Exported { entries, bytes, digests: Some((of_layer, of_tar)) })
        }
    };
    let destination = buffered.into_inner().map_err(|error| unwritten(error.into_error()))?;
    destination.keep()?;
    Ok(exported)
}

fn write<W: Write>(
    source: &mut Source,
    planned: &[Vec<u8>],
    options: &ExportOptions,
    writer: &mut Writer<W>,
    observer: &mut dyn Observer,
) -> Result<u64> {
    let archive = options.output.identity();
    let total = planned.len() as u64;
    let mut entries = 0;
    for (done, path) in (0..).zip(planned) {
        tell(observer, Unit::Files, done, Some(total), path)?;
        let mut found = match source.look(path)? {
            Look::Found(found) => found,
            Look::Socket => {
                observer.warn(&Warning::Socket { path: guest_path(path) });
                continue;
            }
            Look::Gone => continue,
        };
        if archive.is_some() && archive == Some(found.identity) {
            observer.warn(&Warning::Itself { path: guest_path(path) });
            continue;
        }
        source.remember_names(path, &mut found);
        if let Some(latest) = options.latest {
            let modified = &mut found.entry.modified;
            if modified.seconds >= latest {
                (modified.seconds, modified.nanoseconds) = (latest, 0);
            }
        }
        let unwritten = |cause| Error::io("write", options.output.name(), cause);
        writer.entry(&found.entry).map_err(unwritten)?;
        entries += 1;
        if let Some(mut content) = found.content {
            let mut buffer = vec![0; 1 << 17];
            let mut missing = found.entry.size;
            while missing > 0 {
                let most = buffer.len().min(usize::try_from(missing).unwrap_or(usize::MAX));
                let count = match content.read(&mut buffer[..most]) {
                    Ok(0) => return Err(Error::Changed { path: guest_path(path) }),
                    Ok(count) => count,
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Err(error) => return Err(Error::io("read", guest_path(path), error)),
                };
                writer.content(&buffer[..count]).map_err(unwritten)?;
                missing -= count as u64;
                if missing > 0 {
                    tell(observer, Unit::Files, done, Some(total), path)?;
                }
            }
        }
    }
    tell(observer, Unit::Files, total, Some(total), b"")?;
    Ok(entries)
}

/// A writer that counts the bytes that it hands on.
struct Counting<W> {
    out: W,
    bytes: u64,
}

impl<W: Write> Write for Counting<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.out.write(bytes)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl Output {
    /// Returns the output's name in messages.
    fn name(&self) -> PathBuf {
        match self {
            Self::Stdout => "standard output".into(),
            Self::File(path) => path.clone(),
        }
    }
}
