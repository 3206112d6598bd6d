//! musl's loader.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use super::{By, Found, Object, directories, expand};
use crate::probe;

/// Directories that musl searches if no file says otherwise.
const DEFAULT: &str = "/lib:/usr/local/lib:/usr/lib";

/// musl's loader, which is its C library, too.
#[derive(Debug)]
pub(crate) struct Musl {
    system_path: OsString,
    /// The file that `system_path` was read from.
    path_file: Option<PathBuf>,
}

impl Musl {
    /// Reads `PREFIX/etc/ld-musl-ARCH.path` for the loader `PREFIX/lib/ld-musl-ARCH.so.1`.
    pub(crate) fn open(interpreter: &Path) -> Self {
        let read = || {
            let name = interpreter.file_name()?.as_bytes();
            let stem = name.split(|&byte| byte == b'.').next()?;
            let prefix = interpreter.parent()?.parent()?;
            let mut file = prefix.join("etc").join(OsStr::from_bytes(stem));
            file.as_mut_os_string().push(".path");
            let mut list = probe::content(&file)?;
            for byte in &mut list {
                if *byte == b'\n' {
                    *byte = b':';
                }
            }
            Some((OsString::from_vec(list), file))
        };
        match read() {
            Some((system_path, file)) => Self { system_path, path_file: Some(file) },
            None => Self { system_path: DEFAULT.into(), path_file: None },
        }
    }

    /// Searches `LD_LIBRARY_PATH` first, then the run paths of the object and of those that loaded
    /// it. musl doesn't distinguish `DT_RPATH` and `DT_RUNPATH`.
    pub(crate) fn find(
        &self,
        library: &OsStr,
        chain: &[Object<'_>],
        library_path: &OsStr,
        fits: &mut dyn FnMut(&Path) -> bool,
    ) -> Option<Found> {
        let mut look =
            |list: &OsStr| directories(list).map(|directory| directory.join(library)).find(|path| fits(path));
        let path = look(library_path).or_else(|| {
            chain.iter().find_map(|object| {
                let list = object.elf.runpath.as_ref().or(object.elf.rpath.as_ref())?;
                look(&expand(list, &|name| (name == b"ORIGIN").then(|| object.origin.into())))
            })
        });
        if let Some(path) = path {
            return Some(Found { path, by: By::Itself });
        }
        let path = look(&self.system_path)?;
        let built_in =
            path.parent().is_some_and(|parent| directories(OsStr::new(DEFAULT)).any(|known| known == parent));
        let by = match &self.path_file {
            Some(file) if !built_in => By::Directories(file.clone()),
            _ => By::Itself,
        };
        Some(Found { path, by })
    }
}

/// Returns whether musl takes `library` for a part of libc.so, whether or not a file of that name
/// exists.
pub(crate) fn is_built_in(library: &OsStr) -> bool {
    let name = library.as_bytes();
    let Some(stem) = name.strip_prefix(b"lib").and_then(|rest| rest.split(|&byte| byte == b'.').next())
    else {
        return name.starts_with(b"ld-musl-");
    };
    [b"c".as_slice(), b"pthread", b"rt", b"m", b"dl", b"util", b"xnet"].contains(&stem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_the_c_library_are_no_files() {
        for name in ["libc.so", "libm.so.6", "libpthread.so", "ld-musl-x86_64.so.1"] {
            assert!(is_built_in(OsStr::new(name)), "{name}");
        }
        for name in ["libcap.so.2", "libz.so.1", "libmagic.so", "c.so"] {
            assert!(!is_built_in(OsStr::new(name)), "{name}");
        }
    }
}
