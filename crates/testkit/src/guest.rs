//! Finds the guest programs in their folder, and reads the settings in their first lines.

use std::fs;
use std::path::{Path, PathBuf};

use crate::enter::User;

/// The way in which a program is linked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Linkage {
    /// With glibc, statically.
    Static,
    /// With glibc, dynamically.
    Dynamic,
    /// With musl, dynamically.
    Musl,
    /// With glibc, dynamically, and run with a newer release's glibc.
    Newer,
}

/// A binding that a program needs beyond those of every guest.
#[derive(Clone, Debug)]
pub struct ExtraBinding {
    /// A name in the host part of the tree, or an absolute host path.
    pub host: PathBuf,
    /// Guest path.
    pub guest: PathBuf,
    /// Whether writing gives EROFS.
    pub read_only: bool,
}

/// One program of `tests/guests`.
#[derive(Clone, Debug)]
pub struct Guest {
    /// `area::behaviour`.
    pub name: String,
    /// Path of its C source.
    pub source: PathBuf,
    /// The system calls that it is about, by the kernel's names.
    pub syscalls: Vec<String>,
    /// Every linkage that it is tested with.
    pub linkages: Vec<Linkage>,
    /// Whether root runs it.
    pub as_root: bool,
    /// Whether the host path of its root is nearly as long as a path can be.
    pub long_root: bool,
    /// Bindings beyond those of every guest.
    pub bindings: Vec<ExtraBinding>,
}

/// Returns every program below `folder`, sorted by name.
///
/// # Panics
/// If the folder can't be read, or a program's first lines are invalid.
#[must_use]
pub fn discover(folder: &Path) -> Vec<Guest> {
    let mut guests = Vec::new();
    for area in entries(folder).filter(|path| path.is_dir()) {
        let sources = entries(&area).filter(|path| path.extension().is_some_and(|e| e == "c"));
        guests.extend(sources.filter(|_| !area.ends_with(TOOLS)).map(|source| Guest::read(&source)));
    }
    guests
}

/// The area whose programs are no tests, but tools that every root has in `/bin`.
const TOOLS: &str = "tools";

/// Returns the sources of the programs that every root has in `/bin`.
pub(crate) fn tools(folder: &Path) -> Vec<PathBuf> {
    entries(&folder.join(TOOLS)).collect()
}

fn entries(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let list = fs::read_dir(folder).unwrap_or_else(|e| panic!("cannot read '{}': {e}", folder.display()));
    let mut paths: Vec<_> = list.map(|entry| entry.expect("a directory entry").path()).collect();
    paths.sort();
    paths.into_iter()
}

impl Guest {
    fn read(source: &Path) -> Self {
        let text =
            fs::read_to_string(source).unwrap_or_else(|e| panic!("cannot read '{}': {e}", source.display()));
        let [behaviour, area] = [Some(source), source.parent()]
            .map(|path| path.and_then(Path::file_stem).expect("a name").to_string_lossy());
        let mut guest = Self {
            name: format!("{area}::{behaviour}"),
            source: source.to_owned(),
            syscalls: Vec::new(),
            linkages: vec![Linkage::Static],
            as_root: false,
            long_root: false,
            bindings: Vec::new(),
        };
        for line in text.lines().map_while(|line| line.strip_prefix("// ")) {
            guest.heed(line).unwrap_or_else(|why| panic!("{}: {why}: {line}", source.display()));
        }
        guest
    }

    /// Returns the user who runs it.
    pub(crate) fn user(&self) -> User {
        if self.as_root { User::ROOT } else { User::ordinary() }
    }

    /// Returns whether it belongs to this area.
    #[must_use]
    pub fn is_in(&self, area: &str) -> bool {
        self.name.split("::").next() == Some(area)
    }

    /// Returns the expected result where it differs from the kernel's: the lines of
    /// `<behaviour>.<ending>` behind the reason, whose lines begin with `#`.
    #[must_use]
    pub fn expected_difference(&self, ending: &str) -> Option<String> {
        let text = fs::read_to_string(self.source.with_extension(ending)).ok()?;
        Some(text.split_inclusive('\n').skip_while(|line| line.starts_with('#')).collect())
    }

    /// Applies one line of the leading comment. Lines without a known key mean nothing.
    fn heed(&mut self, line: &str) -> Result<(), &'static str> {
        let Some((key, value)) = line.split_once(": ") else { return Ok(()) };
        match key {
            "link" => {
                let linkages = value.split_whitespace().map(|word| match word {
                    "static" => Ok(Linkage::Static),
                    "dynamic" => Ok(Linkage::Dynamic),
                    "musl" => Ok(Linkage::Musl),
                    "newer" => Ok(Linkage::Newer),
                    _ => Err("not a way to link"),
                });
                self.linkages = linkages.collect::<Result<_, _>>()?;
            }
            "syscalls" => self.syscalls.extend(value.split_whitespace().map(str::to_owned)),
            "user" if value == "root" => self.as_root = true,
            "root" if value == "long" => self.long_root = true,
            "root" => return Err("a root can only be long"),
            "user" => return Err("root is the only other user"),
            "bind" => {
                let mut words = value.split(':');
                let (Some(host), Some(guest)) = (words.next(), words.next()) else {
                    return Err("a binding is HOST:GUEST[:ro]");
                };
                self.bindings.push(ExtraBinding {
                    host: host.into(),
                    guest: guest.into(),
                    read_only: words.next() == Some("ro"),
                });
            }
            _ => {}
        }
        Ok(())
    }
}
