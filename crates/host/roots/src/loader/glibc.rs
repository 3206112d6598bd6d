//! The GNU C library's loader (ld.so(8)).

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path, PathBuf};

use super::index::{self, Index};
use super::{By, Found, Object, directories, expand};
use crate::probe;

/// One build of ld.so, with its compiled-in paths.
#[derive(Debug)]
pub(crate) struct Glibc {
    /// Compiled-in directories, in the order of the search.
    system_directories: Vec<PathBuf>,
    /// Value of `$LIB`.
    lib: OsString,
    /// Path of the index.
    index_path: PathBuf,
    index: Index,
}

impl Glibc {
    /// Reads the constants from the loader's file. Distributions differ in the compiled-in
    /// directories, and some (Nix, Guix, Gentoo Prefix) even in the path of the index.
    pub(crate) fn open(interpreter: &Path) -> io::Result<Self> {
        let file = fs::read(interpreter)?;
        let mut system_directories: Vec<PathBuf> = Vec::new();
        let mut index_path = PathBuf::from("/etc/ld.so.cache");
        for text in file.split(|&byte| byte == 0) {
            if text.len() < 5 || text[0] != b'/' || !text.iter().all(u8::is_ascii_graphic) {
                continue;
            }
            let path = Path::new(OsStr::from_bytes(text));
            if text.ends_with(b"/") && lib_part(path).is_some() {
                if !system_directories.iter().any(|known| known == path) {
                    system_directories.push(path.components().collect());
                }
            } else if text.ends_with(b"/ld.so.cache") {
                index_path = path.to_owned();
            }
        }
        if system_directories.is_empty() {
            system_directories.extend(["/lib64", "/usr/lib64", "/lib", "/usr/lib"].map(Into::into));
        }
        let lib = lib_part(&system_directories[0]).unwrap_or_else(|| "lib".into());
        let index = probe::content(&index_path).and_then(|bytes| Index::parse(&bytes)).unwrap_or_default();
        Ok(Self { system_directories, lib, index_path, index })
    }

    pub(crate) fn index_path(&self) -> &Path {
        &self.index_path
    }

    /// Searches in the order of ld.so(8): `DT_RPATH` of the object and of those that loaded it,
    /// `LD_LIBRARY_PATH`, `DT_RUNPATH`, the index, the compiled-in directories.
    pub(crate) fn find(
        &self,
        library: &OsStr,
        chain: &[Object<'_>],
        library_path: &OsStr,
        fits: &mut dyn FnMut(&Path) -> bool,
    ) -> Option<Found> {
        let object = chain.first()?;
        let mut look = |list: &OsStr, origin: &Path| {
            let list = expand(list, &|name| self.token(name, origin));
            directories(&list).map(|directory| directory.join(library)).find(|path| fits(path))
        };
        let mut found = None;
        if object.elf.runpath.is_none() {
            found = chain
                .iter()
                .filter_map(|object| Some((object.elf.rpath.as_deref()?, object.origin)))
                .find_map(|(rpath, origin)| look(rpath, origin));
        }
        let program = chain.last()?.origin;
        found = found.or_else(|| look(library_path, program));
        if let Some(runpath) = object.elf.runpath.as_deref() {
            found = found.or_else(|| look(runpath, object.origin));
        }
        if let Some(path) = found {
            return Some(Found { path, by: By::Itself });
        }
        let default_directories = !object.elf.no_default_directories;
        let indexed = self
            .index
            .entries_for(library)
            .filter(|entry| default_directories || !self.is_system(entry.path()))
            .find(|entry| fits(entry.path()));
        if let Some(entry) = indexed {
            return Some(self.found_in_index(entry));
        }
        self.system_directories
            .iter()
            .filter(|_| default_directories)
            .map(|directory| directory.join(library))
            .find(|path| fits(path))
            .map(|path| Found { path, by: By::Itself })
    }

    fn found_in_index(&self, entry: &index::Entry) -> Found {
        let path = entry.path().to_owned();
        let by = if self.is_system(&path) { By::Itself } else { By::Index(entry.clone()) };
        Found { path, by }
    }

    fn is_system(&self, library: &Path) -> bool {
        library.parent().is_some_and(|parent| self.system_directories.iter().any(|known| known == parent))
    }

    fn token(&self, name: &[u8], origin: &Path) -> Option<OsString> {
        match name {
            b"ORIGIN" => Some(origin.into()),
            b"LIB" => Some(self.lib.clone()),
            b"PLATFORM" => Some(std::env::consts::ARCH.into()),
            _ => None,
        }
    }
}

/// Returns the path from the component that is `lib`, `lib64` or the like to the end.
fn lib_part(directory: &Path) -> Option<OsString> {
    let mut components = directory.components().skip_while(|component| {
        !matches!(component, Component::Normal(name)
            if matches!(name.as_bytes(), b"lib" | b"lib64" | b"lib32" | b"libx32"))
    });
    let first = components.next()?;
    let mut part = PathBuf::from(&first);
    part.extend(components);
    Some(part.into_os_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::elf::Elf;

    /// Searches with a loader of two directories, where only the given libraries exist.
    fn search(chain: &[(&str, Elf)], library_path: &str, existing: &[&str]) -> Option<String> {
        let loader = Glibc {
            system_directories: vec!["/lib64".into(), "/usr/lib64".into()],
            lib: "lib64".into(),
            index_path: "/etc/ld.so.cache".into(),
            index: Index::default(),
        };
        let chain: Vec<_> =
            chain.iter().map(|(origin, elf)| Object { origin: Path::new(origin), elf }).collect();
        let mut fits = |path: &Path| existing.iter().any(|known| Path::new(known) == path);
        loader
            .find(OsStr::new("libx.so"), &chain, OsStr::new(library_path), &mut fits)
            .map(|found| found.path.to_string_lossy().into_owned())
    }

    fn rpath(list: &str) -> Elf {
        Elf { rpath: Some(list.into()), ..Elf::default() }
    }

    fn runpath(list: &str) -> Elf {
        Elf { runpath: Some(list.into()), ..Elf::default() }
    }

    const EVERYWHERE: &[&str] = &["/p/libx.so", "/env/libx.so", "/q/libx.so", "/lib64/libx.so"];

    #[test]
    fn rpath_of_the_program_serves_its_libraries() {
        let chain = [("/l", Elf::default()), ("/p/bin", rpath("$ORIGIN/.."))];
        let found = search(&chain, "/env", &["/p/bin/../libx.so", "/env/libx.so"]);
        assert_eq!(found.as_deref(), Some("/p/bin/../libx.so"));
    }

    #[test]
    fn runpath_of_the_program_does_not_serve_its_libraries() {
        let chain = [("/l", Elf::default()), ("/", runpath("/p"))];
        assert_eq!(search(&chain, "", EVERYWHERE).as_deref(), Some("/lib64/libx.so"));
    }

    #[test]
    fn runpath_silences_every_rpath_of_the_chain() {
        let chain = [("/l", runpath("/q")), ("/", rpath("/p"))];
        assert_eq!(search(&chain, "", EVERYWHERE).as_deref(), Some("/q/libx.so"));
    }

    #[test]
    fn environment_stands_between_rpath_and_runpath() {
        assert_eq!(search(&[("/", rpath("/p"))], "/env", EVERYWHERE).as_deref(), Some("/p/libx.so"));
        assert_eq!(search(&[("/", runpath("/p"))], "/env", EVERYWHERE).as_deref(), Some("/env/libx.so"));
    }

    #[test]
    fn lib_token_is_what_the_loader_was_built_with() {
        let chain = [("/", runpath("/usr/$LIB/x"))];
        let found = search(&chain, "", &["/usr/lib64/x/libx.so"]);
        assert_eq!(found.as_deref(), Some("/usr/lib64/x/libx.so"));
        for (directory, lib) in [
            ("/usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu"),
            ("/nix/store/x-glibc-2.39/lib", "lib"),
            ("/lib64", "lib64"),
        ] {
            assert_eq!(lib_part(Path::new(directory)), Some(lib.into()));
        }
    }

    #[test]
    fn nodeflib_leaves_the_default_directories_out() {
        let elf = Elf { no_default_directories: true, ..Elf::default() };
        assert_eq!(search(&[("/", elf)], "", EVERYWHERE), None);
    }
}
