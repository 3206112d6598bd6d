//! The directories in which dynamic loaders look for libraries.
//!
//! This repeats the search of the two loaders step by step and doesn't run them: `ldd` executes the
//! program's loader, which may be hostile.

mod glibc;
pub mod index;
mod musl;

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use crate::elf::Elf;

/// A dynamic loader (`PT_INTERP`), with its directories.
#[derive(Debug)]
pub(crate) enum Loader {
    Glibc(glibc::Glibc),
    Musl(musl::Musl),
}

/// A program or library during linking, as the loader sees it.
#[derive(Debug)]
pub(crate) struct Object<'a> {
    /// Value of `$ORIGIN`.
    pub(crate) origin: &'a Path,
    /// Its dynamic section.
    pub(crate) elf: &'a Elf,
}

/// A library that was found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// Path at which the loader opens it.
    pub(crate) path: PathBuf,
    /// The reason why the guest's loader looks there.
    pub(crate) by: By,
}

/// The reason why a loader looks in a directory.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// The program or the environment names the directory, or it is compiled in.
    Itself,
    /// An entry of the loader's index, which the guest's index needs, too.
    Index(index::Entry),
    /// A file that lists directories, which the guest needs, too.
    Directories(PathBuf),
}

impl Loader {
    /// Opens the loader at the host path `interpreter`.
    pub(crate) fn open(interpreter: &Path) -> io::Result<Self> {
        let musl = interpreter.file_name().is_some_and(|name| name.as_bytes().starts_with(b"ld-musl-"));
        Ok(if musl {
            Self::Musl(musl::Musl::open(interpreter))
        } else {
            Self::Glibc(glibc::Glibc::open(interpreter)?)
        })
    }

    /// Finds `library` for the first object of `chain`, which the second one loaded, and so on up
    /// to the program. `fits` says whether a file can be linked.
    pub(crate) fn find(
        &self,
        library: &OsStr,
        chain: &[Object<'_>],
        library_path: &OsStr,
        fits: &mut dyn FnMut(&Path) -> bool,
    ) -> Option<Found> {
        if library.as_bytes().contains(&b'/') {
            let path = PathBuf::from(library);
            return (path.is_absolute() && fits(&path)).then_some(Found { path, by: By::Itself });
        }
        match self {
            Self::Glibc(loader) => loader.find(library, chain, library_path, fits),
            Self::Musl(loader) => loader.find(library, chain, library_path, fits),
        }
    }

    /// Returns whether the C library is in the loader itself, so that `library` is no file.
    pub(crate) fn provides(&self, library: &OsStr) -> bool {
        matches!(self, Self::Musl(_)) && musl::is_built_in(library)
    }

    /// Returns the libraries that the C library opens at run time, although no program names them.
    pub(crate) fn opened_later(&self) -> &'static [&'static str] {
        match self {
            // For unwinding in pthread_cancel, and for the name services before glibc 2.34.
            Self::Glibc(_) => &["libgcc_s.so.1", "libnss_files.so.2", "libnss_dns.so.2"],
            Self::Musl(_) => &[],
        }
    }

    /// Returns the path of the index of [`By::Index`] entries.
    pub(crate) fn index(&self) -> Option<&Path> {
        match self {
            Self::Glibc(loader) => Some(loader.index_path()),
            Self::Musl(_) => None,
        }
    }
}

/// Returns the absolute directories of a list with colons.
fn directories(list: &OsStr) -> impl Iterator<Item = &Path> {
    list.as_bytes()
        .split(|&byte| byte == b':')
        .map(|directory| Path::new(OsStr::from_bytes(directory)))
        .filter(|directory| directory.is_absolute())
}

/// Returns `list` with each `$NAME` and `${NAME}` replaced that `value` knows.
fn expand(list: &OsStr, value: &dyn Fn(&[u8]) -> Option<OsString>) -> OsString {
    let mut rest = list.as_bytes();
    let mut expanded = Vec::with_capacity(rest.len());
    while let Some(at) = rest.iter().position(|&byte| byte == b'$') {
        expanded.extend_from_slice(&rest[..at]);
        let after = &rest[at + 1..];
        let (name, length) = token(after);
        match value(name) {
            Some(text) if !name.is_empty() => {
                expanded.extend_from_slice(text.as_bytes());
                rest = &after[length..];
            }
            _ => {
                expanded.push(b'$');
                rest = after;
            }
        }
    }
    expanded.extend_from_slice(rest);
    OsString::from_vec(expanded)
}

/// Returns the name at the beginning of `text`, with or without braces, and its length with them.
fn token(text: &[u8]) -> (&[u8], usize) {
    if let Some(braced) = text.strip_prefix(b"{") {
        return match braced.iter().position(|&byte| byte == b'}') {
            Some(end) => (&braced[..end], end + 2),
            None => (b"", 0),
        };
    }
    let end =
        text.iter().position(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_').unwrap_or(text.len());
    (&text[..end], end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_expanded_with_braces_or_without() {
        let value = |name: &[u8]| match name {
            b"ORIGIN" => Some(OsString::from("/opt/x/bin")),
            b"LIB" => Some(OsString::from("lib64")),
            _ => None,
        };
        for (text, expanded) in [
            ("$ORIGIN/../lib:/usr/$LIB", "/opt/x/bin/../lib:/usr/lib64"),
            ("${ORIGIN}x", "/opt/x/binx"),
            ("$ORIGINAL:$", "$ORIGINAL:$"),
            ("${LIB", "${LIB"),
            ("", ""),
        ] {
            assert_eq!(expand(OsStr::new(text), &value), expanded, "{text}");
        }
    }
}
