//! Exports and imports, as they are asked for.

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
    /// What the environment says.
    SourceDateEpoch,
}

impl Latest {
    pub(super) fn parse(text: &str) -> Result<Self, &'static str> {
        if text == VARIABLE {
            return Ok(Self::SourceDateEpoch);
        }
        seconds(text.strip_prefix('@').unwrap_or(text)).map(Self::Seconds).ok_or("it is no number of seconds")
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
                UsageError::new(format!("--mtime wants {VARIABLE}, which the environment hasn't"))
            })?;
            let number = value.to_str().and_then(seconds);
            Some(number.ok_or_else(|| UsageError::new(format!("{VARIABLE} is no number of seconds")))?)
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

/// What the archive is compressed with: what was asked for, else what its file's name promises.
fn compression(export: &Export) -> Result<Compression, UsageError> {
    let promised = export.output.as_deref().and_then(promised_by);
    let is_layer = matches!(export.format, arguments::Format::OciLayer);
    let asked = match (export.compress, promised) {
        (Some(Compress::None), _) => Some(Compression::None),
        (Some(Compress::Gzip), _) => Some(Compression::Gzip),
        (Some(Compress::Xz), _) => Some(Compression::Xz),
        (None, None) => None,
        (None, Some(Promise::Kept(compression))) => Some(compression),
        (None, Some(Promise::Unknown(program))) => {
            let name = export.output.clone().unwrap_or_default();
            return Err(UsageError::new(format!(
                "cannot write '{}': newroot compresses with gzip or xz, and not with {program}",
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
        Some(Compression::None | Compression::Xz) if is_layer => Err(UsageError::new(
            "a layer (--format oci-layer) is compressed with gzip, and with nothing else",
        )),
        asked => Ok(asked.unwrap_or_default()),
    }
}

/// What the name of an archive's file says of its compression.
enum Promise {
    Kept(Compression),
    /// It is what this program makes, and newroot can't.
    Unknown(&'static str),
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
}
