//! Makes requests from the arguments of `export` and `import`.

use std::ffi::OsStr;
use std::path::Path;

use newroot_archive::{Compression, ExportOptions, Format, ImportOptions, Input, Output};

use super::arguments::{self, Compress, Export, Import};
use crate::caller::Caller;
use crate::dialects::{Request, UsageError};

/// The environment variable of <https://reproducible-builds.org/specs/source-date-epoch/>.
const VARIABLE: &str = "SOURCE_DATE_EPOCH";

/// The latest time that a file of an archive may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Latest {
    Seconds(i64),
    /// Value of the environment variable.
    SourceDateEpoch,
}

impl Latest {
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        if text == VARIABLE {
            return Ok(Self::SourceDateEpoch);
        }
        seconds(text.strip_prefix('@').unwrap_or(text))
            .map(Self::Seconds)
            .ok_or("it is not a number of seconds")
    }
}

fn seconds(text: &str) -> Option<i64> {
    if text.starts_with('+') { None } else { text.parse().ok() }
}

pub(super) fn export(export: Export, caller: &Caller) -> Result<Request, UsageError> {
    let latest = match export.mtime {
        None => None,
        Some(Latest::Seconds(seconds)) => Some(seconds),
        Some(Latest::SourceDateEpoch) => {
            let value = caller.variable(OsStr::new(VARIABLE)).ok_or_else(|| {
                UsageError::new(format!("--mtime needs {VARIABLE}, which isn't set in the environment"))
            })?;
            let number = value.to_str().and_then(seconds);
            Some(number.ok_or_else(|| UsageError::new(format!("{VARIABLE} is not a number of seconds")))?)
        }
    };
    let compression = compression(&export)?;
    let options = ExportOptions {
        compression,
        format: match export.format {
            arguments::Format::Tar => Format::Tar,
            arguments::Format::OciLayer => Format::OciLayer,
        },
        output: match export.output {
            Some(path) if path != Path::new("-") => Output::File(path),
            _ => Output::Stdout,
        },
        latest,
    };
    Ok(Request::Export { root: export.root, options })
}

/// Returns the compression of the archive: the one asked for, else the one that the file's name
/// promises.
fn compression(export: &Export) -> Result<Compression, UsageError> {
    let promised = export.output.as_deref().and_then(promised_by);
    let is_layer = matches!(export.format, arguments::Format::OciLayer);
    let asked = match (export.compress, promised) {
        (Some(Compress::None), _) => Some(Compression::None),
        (Some(Compress::Gzip), _) => Some(Compression::Gzip),
        (Some(Compress::Xz), _) => Some(Compression::Xz),
        (None, None) => None,
        (None, Some(Promise::Kept(compression))) => Some(compression),
        (None, Some(Promise::NoTar(format))) => {
            let name = export.output.clone().unwrap_or_default();
            return Err(UsageError::new(format!(
                "cannot write '{}': newroot writes tar archives, not {format}",
                name.display()
            ))
            .hint("a name such as root.tar.gz; --compress=none writes a plain archive of any name"));
        }
        (None, Some(Promise::Unknown(program))) => {
            let name = export.output.clone().unwrap_or_default();
            return Err(UsageError::new(format!(
                "cannot write '{}': newroot compresses with gzip or xz, not with {program}",
                name.display()
            ))
            .hint(format!(
                "newroot export {} | {program} > {}; or --compress=none, for a plain archive of this name",
                export.root.display(),
                name.display()
            )));
        }
    };
    match asked {
        None if is_layer => Ok(Compression::Gzip),
        Some(Compression::None | Compression::Xz) if is_layer => {
            Err(UsageError::new("a layer (--format oci-layer) can only be compressed with gzip"))
        }
        asked => Ok(asked.unwrap_or_default()),
    }
}

/// Compression that the name of an archive's file promises.
enum Promise {
    Kept(Compression),
    /// The compression of this program, which newroot doesn't have.
    Unknown(&'static str),
    /// It is in this format, and no tar archive.
    NoTar(&'static str),
}

fn promised_by(path: &Path) -> Option<Promise> {
    Some(match path.extension()?.to_str()? {
        "gz" | "tgz" | "taz" => Promise::Kept(Compression::Gzip),
        "xz" | "txz" => Promise::Kept(Compression::Xz),
        "zst" | "tzst" | "zstd" => Promise::Unknown("zstd"),
        "bz2" | "tbz" | "tbz2" | "tb2" => Promise::Unknown("bzip2"),
        "lz4" => Promise::Unknown("lz4"),
        "lz" => Promise::Unknown("lzip"),
        "lzma" | "tlz" => Promise::Unknown("lzma"),
        "lzo" => Promise::Unknown("lzop"),
        "Z" | "taZ" => Promise::Unknown("compress"),
        "zip" | "jar" => Promise::NoTar("zip archives"),
        "7z" => Promise::NoTar("7-Zip archives"),
        "rar" => Promise::NoTar("RAR archives"),
        "cpio" => Promise::NoTar("cpio archives"),
        "iso" => Promise::NoTar("ISO images"),
        "sqfs" | "squashfs" | "sif" => Promise::NoTar("SquashFS images"),
        "img" | "qcow2" | "ext4" => Promise::NoTar("disk images"),
        _ => return None,
    })
}

pub(super) fn import(import: Import) -> Request {
    let archive = if import.archive == Path::new("-") { Input::Stdin } else { Input::File(import.archive) };
    let options = ImportOptions { force: import.force, own_links: import.link2symlink };
    Request::Import { archive, directory: import.directory, options }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_is_a_number_with_or_without_an_at_sign() {
        assert_eq!(Latest::parse("12"), Ok(Latest::Seconds(12)));
        assert_eq!(Latest::parse("@-12"), Ok(Latest::Seconds(-12)));
        assert_eq!(Latest::parse(VARIABLE), Ok(Latest::SourceDateEpoch));
        for bad in ["", "@", "+1", "1.5", "now", "@@1"] {
            assert!(Latest::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn name_of_another_format_is_no_tar_archive() {
        let refused = |name: &str| matches!(promised_by(Path::new(name)), Some(Promise::NoTar(_)));
        assert!(["a.zip", "b/c.sqfs", "d.7z"].into_iter().all(refused));
        assert!(!["a.tar", "b", "c.tar.gz", "zip"].into_iter().any(refused));
    }
}
