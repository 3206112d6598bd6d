//! What programs need: the host paths that must be in a root for them to run there.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use crate::elf::{self, Elf, Kind};
use crate::error::{Error, Result};
use crate::loader::{By, Loader, Object, index};
use crate::observer::Warning;
use crate::options::Options;
use crate::{probe, script, search};

/// Collects host paths, program by program.
#[derive(Debug)]
pub(crate) struct Closure<'a> {
    options: &'a Options,
    /// What was collected, in order, each path once.
    paths: Vec<PathBuf>,
    known: HashSet<PathBuf>,
    /// Those of them that are run: what was named, and interpreters.
    programs: Vec<PathBuf>,
    /// Entries that the guest's index of libraries must have, by the index's path.
    indexed: BTreeMap<PathBuf, Vec<index::Entry>>,
    warnings: Vec<Warning>,
    loaders: HashMap<PathBuf, Rc<Loader>>,
    libraries: HashMap<PathBuf, Option<Rc<Elf>>>,
}

/// A program or library in the order in which the loader maps them.
struct Linked {
    path: PathBuf,
    /// What `$ORIGIN` stands for.
    origin: PathBuf,
    elf: Rc<Elf>,
    /// Which one needed it first.
    needed_by: Option<usize>,
}

/// Everything that was collected.
#[derive(Debug)]
pub(crate) struct Collected {
    pub(crate) paths: Vec<PathBuf>,
    pub(crate) indexed: BTreeMap<PathBuf, Vec<index::Entry>>,
    pub(crate) warnings: Vec<Warning>,
}

impl<'a> Closure<'a> {
    pub(crate) fn new(options: &'a Options) -> Self {
        Self {
            options,
            paths: Vec::new(),
            known: HashSet::new(),
            programs: Vec::new(),
            indexed: BTreeMap::new(),
            warnings: Vec::new(),
            loaders: HashMap::new(),
            libraries: HashMap::new(),
        }
    }

    pub(crate) fn finish(self) -> Collected {
        Collected { paths: self.paths, indexed: self.indexed, warnings: self.warnings }
    }

    /// Adds a file that is just a file. Says whether it is new.
    pub(crate) fn file(&mut self, path: &Path) -> bool {
        let new = self.known.insert(path.to_owned());
        if new {
            self.paths.push(path.to_owned());
        }
        new
    }

    /// What was collected so far.
    pub(crate) fn paths(&self) -> &[PathBuf] {
        &self.paths
    }

    /// The programs among it.
    pub(crate) fn programs(&self) -> &[PathBuf] {
        &self.programs
    }

    /// Adds the program at the absolute `path` with everything that it names: its
    /// interpreter, its loader, its libraries.
    pub(crate) fn program(&mut self, path: &Path) -> Result<()> {
        if !self.file(path) {
            return Ok(());
        }
        self.programs.push(path.to_owned());
        let unreadable = |cause| Error::io("read", path, cause);
        match elf::read(path).map_err(unreadable)? {
            Kind::Native(elf) => self.link_program(path, elf),
            Kind::Foreign(machine) => {
                Err(Error::WrongArchitecture { path: path.to_owned(), machine, host: std::env::consts::ARCH })
            }
            Kind::Malformed => {
                Err(Error::NotAProgram { path: path.to_owned(), why: "its ELF headers are damaged" })
            }
            Kind::Other => match script::read(path).map_err(unreadable)? {
                Some(script) => self.script(path, &script),
                None => Err(Error::NotAProgram {
                    path: path.to_owned(),
                    why: "it is neither an ELF program nor a script with a #! line",
                }),
            },
        }
    }

    /// Adds a file of a larger whole. If it is a program, its libraries come with it; if
    /// it is a module, those that it needs when `program` opens it.
    pub(crate) fn part(&mut self, path: &Path, program: Option<&Path>) -> Result<()> {
        if !self.file(path) {
            return Ok(());
        }
        let kind = elf::read(path).map_err(|cause| Error::io("read", path, cause))?;
        match (kind, program) {
            (Kind::Native(elf), _) if elf.interpreter.is_some() => self.link_program(path, elf),
            (Kind::Native(elf), Some(program)) => self.link_module(path, elf, program),
            _ => Ok(()),
        }
    }

    fn link_module(&mut self, path: &Path, elf: Elf, program: &Path) -> Result<()> {
        let Some(opener) = self.library(program) else {
            return Ok(());
        };
        let Some(interpreter) = opener.interpreter.clone() else {
            return Ok(());
        };
        let loader = self.loader(program, &interpreter)?;
        let mut module = linked(path, Rc::new(elf));
        module.needed_by = Some(0);
        self.link(&loader, vec![linked(program, opener), module], 1, &[]);
        Ok(())
    }

    fn script(&mut self, path: &Path, script: &script::Script) -> Result<()> {
        let missing = |interpreter: &OsStr| Error::InterpreterNotFound {
            script: path.to_owned(),
            interpreter: interpreter.into(),
        };
        if !script.interpreter.is_absolute() || !probe::is_file(&script.interpreter) {
            probe::all_told()?;
            return Err(missing(script.interpreter.as_os_str()));
        }
        self.program(&script.interpreter)?;
        if let Some(name) = script.program_for_env() {
            let program = search::program(&name, &self.options.search_path).map_err(|_| missing(&name))?;
            self.program(&program)?;
        }
        Ok(())
    }

    fn link_program(&mut self, path: &Path, elf: Elf) -> Result<()> {
        let Some(interpreter) = elf.interpreter.clone() else {
            // Static, or the loader itself.
            return Ok(());
        };
        if !interpreter.is_absolute() {
            return Err(Error::NotAProgram {
                path: path.to_owned(),
                why: "it names its loader by a relative path",
            });
        }
        let loader = self.loader(path, &interpreter)?;
        // The program's own place, as the kernel tells it in /proc/self/exe.
        let real = path.canonicalize().map_err(|cause| Error::io("read", path, cause))?;
        let mut program = linked(&real, Rc::new(elf));
        program.path = path.to_owned();
        let mut first = vec![program];
        // The loader is one of the objects: libraries name it, too.
        if let Some(elf) = self.library(&interpreter) {
            first.push(linked(&interpreter, elf));
        }
        self.link(&loader, first, 0, loader.opened_later());
        Ok(())
    }

    /// Maps, breadth first, what `objects[from]` and those after it need, and then what
    /// is `optional`: libraries that may be opened later, if they exist.
    fn link(&mut self, loader: &Loader, mut objects: Vec<Linked>, from: usize, optional: &[&str]) {
        // A library is mapped once, under whichever of its names it was asked for.
        let mut names: HashSet<OsString> = HashSet::new();
        for object in &objects {
            names.extend(object.path.file_name().map(Into::into));
            names.extend(object.elf.soname.clone());
        }
        let mut wanted: VecDeque<(usize, OsString, bool)> = VecDeque::new();
        let want = |wanted: &mut VecDeque<_>, index: usize, elf: &Elf| {
            wanted.extend(elf.needed.iter().map(|name| (index, name.clone(), true)));
        };
        for (index, object) in objects.iter().enumerate().skip(from) {
            want(&mut wanted, index, &object.elf);
        }
        wanted.extend(optional.iter().map(|name| (from, OsString::from(name), false)));
        while let Some((needed_by, name, required)) = wanted.pop_front() {
            if names.contains(&name) || loader.provides(&name) {
                continue;
            }
            let Some((path, elf)) = self.find(loader, &objects, needed_by, &name) else {
                if required {
                    self.warn(Warning::LibraryNotFound {
                        library: name,
                        needed_by: objects[needed_by].path.clone(),
                    });
                }
                continue;
            };
            names.insert(name);
            names.extend(elf.soname.clone());
            self.file(&path);
            want(&mut wanted, objects.len(), &elf);
            let mut object = linked(&path, elf);
            object.needed_by = Some(needed_by);
            objects.push(object);
        }
    }

    /// Finds the library `name` for `objects[needed_by]` and notes what the guest needs
    /// to find it as well.
    fn find(
        &mut self,
        loader: &Loader,
        objects: &[Linked],
        needed_by: usize,
        name: &OsStr,
    ) -> Option<(PathBuf, Rc<Elf>)> {
        let chain: Vec<Object<'_>> = std::iter::successors(Some(&objects[needed_by]), |object| {
            object.needed_by.map(|index| &objects[index])
        })
        .map(|object| Object { origin: &object.origin, elf: &object.elf })
        .collect();
        let library_path = &self.options.library_path;
        let mut fits = |path: &Path| read_library(&mut self.libraries, path).is_some();
        let found = loader.find(name, &chain, library_path, &mut fits)?;
        match found.by {
            By::Itself => {}
            By::Directories(file) => {
                self.file(&file);
            }
            By::Index(entry) => {
                if let Some(index) = loader.index() {
                    let entries = self.indexed.entry(index.to_owned()).or_default();
                    if !entries.contains(&entry) {
                        entries.push(entry);
                    }
                }
            }
        }
        let elf = self.library(&found.path)?;
        Some((found.path, elf))
    }

    fn loader(&mut self, program: &Path, interpreter: &Path) -> Result<Rc<Loader>> {
        self.file(interpreter);
        if let Some(loader) = self.loaders.get(interpreter) {
            return Ok(Rc::clone(loader));
        }
        let loader = Loader::open(interpreter).map_err(|cause| match cause.kind() {
            io::ErrorKind::NotFound => {
                Error::InterpreterNotFound { script: program.to_owned(), interpreter: interpreter.to_owned() }
            }
            _ => Error::io("read", interpreter, cause),
        })?;
        let loader = Rc::new(loader);
        self.loaders.insert(interpreter.to_owned(), Rc::clone(&loader));
        Ok(loader)
    }

    fn library(&mut self, path: &Path) -> Option<Rc<Elf>> {
        read_library(&mut self.libraries, path)
    }

    fn warn(&mut self, warning: Warning) {
        if !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }
}

/// The library at `path`, if it is one for this machine; each file is read once.
fn read_library(known: &mut HashMap<PathBuf, Option<Rc<Elf>>>, path: &Path) -> Option<Rc<Elf>> {
    if let Some(library) = known.get(path) {
        return library.clone();
    }
    let library = match probe::found(path, elf::read(path)) {
        Some(Kind::Native(elf)) => Some(Rc::new(elf)),
        _ => None,
    };
    known.insert(path.to_owned(), library.clone());
    library
}

fn linked(path: &Path, elf: Rc<Elf>) -> Linked {
    Linked {
        path: path.to_owned(),
        origin: path.parent().unwrap_or(Path::new("/")).to_owned(),
        elf,
        needed_by: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::ffi::OsStrExt as _;
    use std::process::Command;

    /// The libraries that the host's own loader maps for `program`.
    fn listed_by_ldd(program: &Path) -> Option<Vec<PathBuf>> {
        // By its real path, as the kernel would tell the loader; ldd only tells the name.
        let program = program.canonicalize().ok()?;
        let output = Command::new("ldd").arg(program).output().expect("ldd runs");
        let listed = String::from_utf8(output.stdout).ok()?;
        let paths = listed
            .lines()
            .filter_map(|line| line.split_whitespace().find(|word| word.starts_with('/')))
            .map(PathBuf::from)
            .collect();
        output.status.success().then_some(paths)
    }

    #[test]
    fn closure_is_what_ldd_lists() {
        let options = Options::default();
        let mut compared = 0;
        // A quarter of the host's programs: ldd is slow.
        for entry in std::fs::read_dir("/usr/bin").expect("/usr/bin").step_by(4) {
            let program = entry.expect("an entry").path();
            match elf::read(&program) {
                // ldd runs the loader that a program names; keep to the usual one.
                Ok(Kind::Native(elf))
                    if elf.interpreter.as_ref().is_some_and(|path| {
                        path.file_name().is_some_and(|name| name.as_bytes().starts_with(b"ld-linux"))
                    }) => {}
                _ => continue,
            }
            let Some(mut expected) = listed_by_ldd(&program) else {
                continue;
            };
            let mut closure = Closure::new(&options);
            closure.program(&program).expect("a closure");
            let mut collected = closure.finish().paths;
            // Libraries that the C library opens later, and libresolv for one of them.
            let later = ["libgcc_s.so.1", "libnss_files.so.2", "libnss_dns.so.2", "libresolv.so.2"];
            collected.retain(|path| {
                let is_later = later.iter().any(|name| path.ends_with(name));
                path != &program && (!is_later || expected.contains(path))
            });
            collected.sort();
            expected.sort();
            assert_eq!(collected, expected, "{}", program.display());
            compared += 1;
        }
        assert!(compared >= 10, "only {compared} programs to compare with");
    }
}
