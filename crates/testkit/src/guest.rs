//! The guest programs: found in their folder, told apart by what their first lines say.

use std::fs;
use std::path::{Path, PathBuf};

use crate::enter::User;

/// How a program is linked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Linkage {
    /// With glibc, statically.
    Static,
    /// With glibc, dynamically.
    Dynamic,
    /// With musl, dynamically.
    Musl,
    /// With glibc, dynamically, and run with a newer release's.
    Newer,
}

/// A binding that a program asks for beyond those that all have.
#[derive(Clone, Debug)]
pub struct ExtraBinding {
    /// A name in the host part of the tree, or an absolute host path.
    pub host: PathBuf,
    /// Guest path.
    pub guest: PathBuf,
    /// Whether writing answers EROFS.
    pub read_only: bool,
}

/// One program of `tests/guests`.
#[derive(Clone, Debug)]
pub struct Guest {
    /// `area::behaviour`.
    pub name: String,
    /// Its text.
    pub source: PathBuf,
    /// Every way it is to be linked.
    pub linkages: Vec<Linkage>,
    /// Whether root has to run it.
    pub as_root: bool,
    /// Whether the host path of its root is to be nearly as long as a path can be.
    pub long_root: bool,
    /// Bindings beyond those that all have.
    pub bindings: Vec<ExtraBinding>,
}

/// Every program below `folder`, in order of name.
///
/// # Panics
/// When the folder can't be read or a program's first lines can't be understood.
#[must_use]
pub fn discover(folder: &Path) -> Vec<Guest> {
    let mut guests = Vec::new();
    for area in entries(folder).filter(|path| path.is_dir()) {
        let sources = entries(&area).filter(|path| path.extension().is_some_and(|e| e == "c"));
        guests.extend(sources.filter(|_| !area.ends_with(TOOLS)).map(|source| Guest::read(&source)));
    }
    guests
}

/// The area whose programs are no tests but tools that the tests find in `/bin`.
const TOOLS: &str = "tools";

/// The programs that every root has in `/bin`.
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

    /// Who runs it.
    pub(crate) fn user(&self) -> User {
        if self.as_root { User::ROOT } else { User::ordinary() }
    }

    /// Whether it belongs to this area.
    #[must_use]
    pub fn is_in(&self, area: &str) -> bool {
        self.name.split("::").next() == Some(area)
    }

    /// What is expected where that isn't what the kernel gives: the lines of `<behaviour>.<ending>`
    /// after those with the reason, which begin with `#`.
    #[must_use]
    pub fn expected_difference(&self, ending: &str) -> Option<String> {
        let text = fs::read_to_string(self.source.with_extension(ending)).ok()?;
        Some(text.split_inclusive('\n').skip_while(|line| line.starts_with('#')).collect())
    }

    /// Takes in one line of the leading comment. Only the known keys mean something.
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
