//! Collects the host paths that programs need to run in a root.

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use crate::elf::{self, Elf, Kind};
use crate::error::{Error, Result};
use crate::loader::{By, Loader, Object, index};
use crate::observer::{Note, Warning};
use crate::options::Options;
use crate::{probe, script, search};

/// Collects host paths, program by program.
#[derive(Debug)]
pub(crate) struct Closure<'a> {
    options: &'a Options,
    /// Collected paths, in order, without duplicates.
    paths: Vec<PathBuf>,
    known: HashSet<PathBuf>,
    /// The ones among them that are executed: requested programs and interpreters.
    programs: Vec<PathBuf>,
    /// A program that has a loader, once one was needed.
    opener: Option<PathBuf>,
    /// Entries that the guest's index of libraries needs, by the path of the index.
    indexed: BTreeMap<PathBuf, Vec<index::Entry>>,
    warnings: Vec<Warning>,
    notes: Vec<Note>,
    /// Paths of files that are neither programs nor libraries, and that the user didn't name.
    supporting: HashSet<PathBuf>,
    loaders: HashMap<PathBuf, Rc<Loader>>,
    libraries: HashMap<PathBuf, Option<Rc<Elf>>>,
}

/// A program or library, in the order in which the loader maps them.
struct Linked {
    path: PathBuf,
    /// Value of `$ORIGIN`.
    origin: PathBuf,
    elf: Rc<Elf>,
    /// The object that needed it first.
    needed_by: Option<usize>,
}

/// The result of a collection.
#[derive(Debug)]
pub(crate) struct Collected {
    pub(crate) paths: Vec<PathBuf>,
    pub(crate) indexed: BTreeMap<PathBuf, Vec<index::Entry>>,
    pub(crate) warnings: Vec<Warning>,
    pub(crate) notes: Vec<Note>,
    pub(crate) supporting: HashSet<PathBuf>,
}

impl<'a> Closure<'a> {
    pub(crate) fn new(options: &'a Options) -> Self {
        Self {
            options,
            paths: Vec::new(),
            known: HashSet::new(),
            programs: Vec::new(),
            opener: None,
            indexed: BTreeMap::new(),
            warnings: Vec::new(),
            notes: Vec::new(),
            supporting: HashSet::new(),
            loaders: HashMap::new(),
            libraries: HashMap::new(),
        }
    }

    pub(crate) fn finish(self) -> Collected {
        Collected {
            paths: self.paths,
            indexed: self.indexed,
            warnings: self.warnings,
            notes: self.notes,
            supporting: self.supporting,
        }
    }

    /// Adds a file without looking into it. Returns whether it is new.
    pub(crate) fn file(&mut self, path: &Path) -> bool {
        let new = self.known.insert(path.to_owned());
        if new {
            self.paths.push(path.to_owned());
        }
        new
    }

    /// Adds a directory, or a file that a requested program only opens.
    pub(crate) fn supporting_file(&mut self, path: &Path) {
        if self.file(path) {
            self.supporting.insert(path.to_owned());
        }
    }

    /// Adds a note for `-v`, once.
    pub(crate) fn note(&mut self, note: Note) {
        if !self.notes.contains(&note) {
            self.notes.push(note);
        }
    }

    /// Returns a program whose loader would open modules: the first one that has a loader.
    pub(crate) fn opener(&mut self) -> Option<PathBuf> {
        if self.opener.is_none() {
            let programs = self.programs.clone();
            self.opener = programs
                .into_iter()
                .find(|program| self.library(program).is_some_and(|elf| elf.interpreter.is_some()));
        }
        self.opener.clone()
    }

    /// Returns the collected paths.
    pub(crate) fn paths(&self) -> &[PathBuf] {
        &self.paths
    }

    /// Returns the programs among them.
    pub(crate) fn programs(&self) -> &[PathBuf] {
        &self.programs
    }

    /// Adds the program at the absolute `path`, with its interpreter, its loader and its libraries.
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

    /// Adds a file of a directory. A program gets its libraries, and a module those that it needs
    /// when `program` opens it.
    pub(crate) fn part(&mut self, path: &Path, program: Option<&Path>) -> Result<()> {
        if !self.file(path) {
            return Ok(());
        }
        let kind = elf::read(path).map_err(|cause| Error::io("read", path, cause))?;
        match (kind, program) {
            (Kind::Native(elf), _) if elf.interpreter.is_some() => self.link_program(path, elf),
            (Kind::Native(elf), Some(program)) => self.link_module(path, elf, program),
            (Kind::Native(_), None) => Ok(()),
            _ => {
                self.supporting.insert(path.to_owned());
                Ok(())
            }
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
            probe::check_no_shortage()?;
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
            // A static program, or the loader itself.
            return Ok(());
        };
        if !interpreter.is_absolute() {
            return Err(Error::NotAProgram {
                path: path.to_owned(),
                why: "it names its loader by a relative path",
            });
        }
        let loader = self.loader(path, &interpreter)?;
        // The program's real path, as the loader reads it from /proc/self/exe.
        let real = path.canonicalize().map_err(|cause| Error::io("read", path, cause))?;
        let mut program = linked(&real, Rc::new(elf));
        program.path = path.to_owned();
        let mut first = vec![program];
        // The loader is one of the objects, because libraries name it, too.
        if let Some(elf) = self.library(&interpreter) {
            first.push(linked(&interpreter, elf));
        }
        self.link(&loader, first, 0, loader.opened_later());
        Ok(())
    }

    /// Maps, breadth first, the libraries of `objects[from]` and those after it, and then the
    /// `optional` ones: libraries that the program may open later, if they exist.
    fn link(&mut self, loader: &Loader, mut objects: Vec<Linked>, from: usize, optional: &[&str]) {
        // The loader maps a library once, under any of its names.
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

    /// Finds the library `name` for `objects[needed_by]`, and notes what the guest's loader needs
    /// to find it.
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

/// Reads the library at `path`, if it is one for this machine. Reads each file once.
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

    /// Returns the libraries that the host's own loader maps for `program`.
    fn listed_by_ldd(program: &Path) -> Option<Vec<PathBuf>> {
        // By its real path, which the loader gets from the kernel. ldd only passes the name on.
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
        // A quarter of the host's programs, because ldd is slow.
        for entry in std::fs::read_dir("/usr/bin").expect("/usr/bin").step_by(4) {
            let program = entry.expect("an entry").path();
            match elf::read(&program) {
                // ldd runs the loader that a program names. Only the usual one is run here.
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
