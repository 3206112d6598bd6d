//! Files that programs need although no ELF header names them. `needs.list` lists them. No list can
//! be complete; this one has the programs that users name most.

mod list;
mod pattern;

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, Read as _};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use rustix::fs::{Access, access};

use self::list::{Line, Section, Subject};
use self::pattern::Variables;
use crate::closure::Closure;
use crate::error::{Error, Result, reason};
use crate::observer::Note;
use crate::options::Options;
use crate::{probe, search};

const LIST: &str = include_str!("needs.list");

/// Limit of a program's output, in bytes. perl's search path, the longest answer, has some hundred.
const OUTPUT_MAX: u64 = 1 << 20;

/// Reason why a program's answer brought no file.
const NO_ANSWER: &str = "the program names no file of this host";

/// Adds the files that the collected programs and libraries look for, and what those need in turn.
///
/// # Errors
/// [`Error`](crate::Error) for a listed program or library that can't be read. A file that the host
/// lacks, or that the caller can't read, is skipped with a [`Note`].
pub(crate) fn collect(closure: &mut Closure<'_>, options: &Options) -> Result<()> {
    let (sections, _) = list::parse(LIST);
    let mut applied: HashSet<(usize, PathBuf)> = HashSet::new();
    let (mut programs_seen, mut paths_seen) = (0, 0);
    loop {
        let programs = closure.programs()[programs_seen..].to_vec();
        let paths = closure.paths()[paths_seen..].to_vec();
        if programs.is_empty() && paths.is_empty() {
            return Ok(());
        }
        programs_seen += programs.len();
        paths_seen += paths.len();
        let subjects = programs.iter().map(|path| (Subject::Program, path));
        for (subject, path) in subjects.chain(paths.iter().map(|path| (Subject::Library, path))) {
            let mut real = None;
            for (index, section) in sections.iter().enumerate() {
                let Some(star) = applies(section, subject, path, &mut real) else { continue };
                let real = real.clone().unwrap_or_else(|| real_path(path));
                if applied.insert((index, real.clone())) {
                    Need::new(path, &real, star, options).bring(closure, section)?;
                }
            }
        }
    }
}

/// Returns whether a section applies to the file at `path`, and what the first `*` of its pattern
/// matches. `real` caches the file's path without symlinks.
fn applies(
    section: &Section<'_>,
    subject: Subject,
    path: &Path,
    real: &mut Option<PathBuf>,
) -> Option<Vec<u8>> {
    let patterns = section.names.iter().filter(|(kind, _)| *kind == subject).flat_map(|(_, names)| names);
    let mut names = vec![path.file_name()?.to_owned()];
    if subject == Subject::Program {
        let real = real.get_or_insert_with(|| real_path(path));
        names.extend(real.file_name().map(OsStr::to_owned));
    }
    patterns
        .flat_map(|pattern| {
            names.iter().map(move |name| pattern::matches(pattern.as_bytes(), name.as_bytes()))
        })
        .flatten()
        .next()
}

fn real_path(path: &Path) -> PathBuf {
    probe::found(path, path.canonicalize()).unwrap_or_else(|| path.to_owned())
}

/// A file that a section applies to.
struct Need<'a> {
    /// Path by which the file was found.
    path: &'a Path,
    variables: Variables,
    options: &'a Options,
}

impl<'a> Need<'a> {
    fn new(path: &'a Path, real: &Path, star: Vec<u8>, options: &'a Options) -> Self {
        let bytes = |path: &OsStr| path.as_bytes().to_vec();
        let directory = real.parent().unwrap_or(Path::new("/"));
        let prefix = match directory.parent() {
            Some(above) if above != Path::new("/") => bytes(above.as_os_str()),
            // Patterns continue with a slash.
            _ => Vec::new(),
        };
        let mut variables: Variables = vec![
            ("prefix".into(), prefix),
            ("dir".into(), bytes(directory.as_os_str())),
            ("name".into(), bytes(real.file_name().unwrap_or_default())),
            ("*".into(), star),
        ];
        variables.extend(terminal().map(|name| ("terminal".into(), name)));
        variables.extend(locale().map(|name| ("locale".into(), name)));
        Self { path, variables, options }
    }

    fn bring(mut self, closure: &mut Closure<'_>, section: &Section<'_>) -> Result<()> {
        for line in &section.lines {
            match line {
                Line::Bring { patterns, except, at_most } => {
                    self.bring_matching(closure, patterns, except, *at_most)?;
                }
                Line::Ask(arguments) => {
                    let mut brought = false;
                    for path in self.ask(closure, arguments) {
                        brought |= self.take(closure, &path, &[], None)?;
                    }
                    if !brought {
                        self.skipped(closure, arguments.join(" "), NO_ANSWER);
                    }
                }
                Line::With(names) => {
                    for name in names {
                        self.with(closure, name)?;
                    }
                }
                Line::Set(variable, arguments) => {
                    let printed = self.printed(closure, arguments);
                    let line = printed.split(|&byte| byte == b'\n').next().unwrap_or_default().to_vec();
                    self.set(variable, Some(line));
                }
                Line::Dir(variable, arguments) => {
                    let path = self.ask(closure, arguments).into_iter().next();
                    let directory = path.as_deref().and_then(Path::parent).map(real_path);
                    if directory.is_none() {
                        self.skipped(closure, arguments.join(" "), NO_ANSWER);
                    }
                    self.set(variable, directory.map(|path| path.into_os_string().into_vec()));
                }
            }
        }
        Ok(())
    }

    fn set(&mut self, variable: &str, value: Option<Vec<u8>>) {
        self.variables.retain(|(known, _)| known != variable);
        self.variables
            .extend(value.filter(|value| !value.is_empty()).map(|value| (variable.to_owned(), value)));
    }

    fn bring_matching(
        &self,
        closure: &mut Closure<'_>,
        patterns: &[&str],
        except: &[&str],
        at_most: Option<u64>,
    ) -> Result<()> {
        let expanded: Vec<Vec<u8>> =
            patterns.iter().flat_map(|text| pattern::expand(text, &self.variables)).collect();
        // A directory that has two paths (/usr/lib64 may be a link to lib) is brought once.
        let mut known = HashSet::new();
        let mut brought = false;
        for path in expanded.iter().flat_map(|pattern| pattern::paths(pattern)) {
            let parent = path.parent().map(real_path).unwrap_or_default();
            if known.insert(parent.join(path.file_name().unwrap_or_default())) {
                brought |= self.take(closure, &path, except, at_most)?;
            }
        }
        if !brought {
            self.skipped(closure, patterns.join(" "), "not on this host");
        }
        Ok(())
    }

    /// Adds the file at `path`, or the directory with everything in it. Returns false if there is
    /// nothing.
    fn take(
        &self,
        closure: &mut Closure<'_>,
        path: &Path,
        except: &[&str],
        at_most: Option<u64>,
    ) -> Result<bool> {
        let Some(metadata) = probe::found(path, fs::metadata(path)) else { return Ok(false) };
        if metadata.is_dir() {
            self.take_directory(closure, path, except)?;
        } else if at_most.is_some_and(|limit| metadata.len() > limit) {
            self.skipped(closure, path, "too large to come unasked");
        } else {
            self.take_file(closure, path)?;
        }
        Ok(true)
    }

    fn take_directory(&self, closure: &mut Closure<'_>, top: &Path, except: &[&str]) -> Result<()> {
        let mut pending = vec![top.to_owned()];
        while let Some(directory) = pending.pop() {
            let entries = match entries(&directory) {
                Ok(entries) => entries,
                Err(error) => {
                    self.unreadable(closure, &directory, error);
                    continue;
                }
            };
            closure.supporting_file(&directory);
            for (path, is_directory) in entries {
                let name = path.file_name().unwrap_or_default().as_bytes();
                let is_excepted =
                    except.iter().any(|pattern| pattern::matches(pattern.as_bytes(), name).is_some());
                if is_excepted && directory == top {
                    continue;
                }
                if is_directory {
                    pending.push(path);
                } else {
                    self.take_file(closure, &path)?;
                }
            }
        }
        Ok(())
    }

    /// Adds a file, or a symlink as it is together with the file that it leads to.
    fn take_file(&self, closure: &mut Closure<'_>, path: &Path) -> Result<()> {
        match probe::found(path, fs::metadata(path)) {
            Some(metadata) if metadata.is_file() => match access(path, Access::READ_OK) {
                Ok(()) => {
                    let opener = closure.opener();
                    closure.part(path, opener.as_deref())?;
                }
                Err(error) => self.unreadable(closure, path, error.into()),
            },
            // A link to a directory, or one that dangles.
            Some(metadata) if metadata.is_dir() => closure.supporting_file(path),
            None => closure.supporting_file(path),
            Some(_) => {}
        }
        Ok(())
    }

    fn with(&self, closure: &mut Closure<'_>, name: &str) -> Result<()> {
        let found = search::find(OsStr::new(name), &self.options.search_path);
        let absolute = |path: PathBuf| probe::found(&path, std::path::absolute(&path));
        let Some(program) = found.and_then(absolute) else {
            self.skipped(closure, name, "not in PATH");
            return Ok(());
        };
        match closure.program(&program) {
            Err(Error::Io { cause, .. }) if cause.kind() == io::ErrorKind::PermissionDenied => {
                self.skipped(closure, &program, reason(&cause));
            }
            Err(error @ Error::Io { .. }) => return Err(error),
            Err(error) => self.skipped(closure, &program, error.to_string()),
            Ok(()) => {}
        }
        Ok(())
    }

    /// Returns the absolute paths that the program prints.
    fn ask(&self, closure: &mut Closure<'_>, arguments: &[&str]) -> Vec<PathBuf> {
        let printed = self.printed(closure, arguments);
        printed
            .split(|&byte| byte == b'\n')
            .map(|line| PathBuf::from(OsString::from_vec(line.to_vec())))
            .filter(|path| path.is_absolute())
            .collect()
    }

    /// Returns the program's standard output for `arguments`.
    fn printed(&self, closure: &mut Closure<'_>, arguments: &[&str]) -> Vec<u8> {
        let mut command = Command::new(self.path);
        command.args(arguments).stdin(Stdio::null()).stderr(Stdio::null());
        // No variable of the caller, such as PERL5LIB or GIT_EXEC_PATH, may change the answer.
        command.env_clear().env("PATH", &self.options.search_path).env("LC_ALL", "C");
        if !self.options.library_path.is_empty() {
            command.env("LD_LIBRARY_PATH", &self.options.library_path);
        }
        match output_of(&mut command) {
            Ok(Some(output)) => output,
            Ok(None) => {
                self.skipped(closure, self.path, "the program prints too much");
                Vec::new()
            }
            Err(error) => {
                self.unreadable(closure, self.path, error);
                Vec::new()
            }
        }
    }

    /// Skips a file for an error. If a resource ran out, the whole collection fails in the end.
    fn unreadable(&self, closure: &mut Closure<'_>, path: &Path, error: io::Error) {
        self.skipped(closure, path, reason(&error));
        let _ = probe::found::<()>(path, Err(error));
    }

    fn skipped(&self, closure: &mut Closure<'_>, what: impl AsRef<OsStr>, why: impl Into<String>) {
        closure.note(Note::Skipped {
            needed_by: self.path.to_owned(),
            what: what.as_ref().to_owned(),
            why: why.into(),
        });
    }
}

/// Runs a program, and returns its standard output. `None` if that is longer than [`OUTPUT_MAX`]:
/// then the program is killed.
fn output_of(command: &mut Command) -> io::Result<Option<Vec<u8>>> {
    let mut child = command.stdout(Stdio::piped()).spawn()?;
    let mut output = Vec::new();
    let read = child.stdout.take().map(|pipe| pipe.take(OUTPUT_MAX + 1).read_to_end(&mut output));
    let is_too_long = output.len() as u64 > OUTPUT_MAX;
    if is_too_long || matches!(read, Some(Err(_))) {
        // It fails for a program that has ended.
        let _ = child.kill();
    }
    child.wait()?;
    read.transpose()?;
    Ok((!is_too_long).then_some(output))
}

/// Returns the entries of `directory` sorted by name, and whether each is a directory itself.
fn entries(directory: &Path) -> io::Result<Vec<(PathBuf, bool)>> {
    let mut entries = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        entries.push((entry.path(), entry.file_type()?.is_dir()));
    }
    entries.sort();
    Ok(entries)
}

/// Returns the value of TERM, if it can be the name of a terminal description.
fn terminal() -> Option<Vec<u8>> {
    let name = std::env::var_os("TERM")?.into_vec();
    is_file_name(&name).then_some(name)
}

/// Returns whether a variable's value can be the name of an entry in a directory.
fn is_file_name(value: &[u8]) -> bool {
    !matches!(value, b"" | b"." | b"..") && !value.contains(&b'/')
}

/// Returns the caller's locale in the form of glibc's directories: `en_US.utf8` for `en_US.UTF-8`.
fn locale() -> Option<Vec<u8>> {
    let set =
        |name| std::env::var_os(name).map(OsString::into_vec).filter(|value: &Vec<u8>| !value.is_empty());
    let value = set("LC_ALL").or_else(|| set("LC_CTYPE")).or_else(|| set("LANG"))?;
    let is_builtin = matches!(value.as_slice(), b"C" | b"POSIX");
    if is_builtin || !is_file_name(&value) { None } else { directory_of_locale(&value) }
}

/// Returns `None` for a value that names no entry in the directory of locales.
fn directory_of_locale(locale: &[u8]) -> Option<Vec<u8>> {
    let dot = locale.iter().position(|&byte| byte == b'.').unwrap_or(locale.len());
    let (language, rest) = locale.split_at(dot);
    let codeset_end = rest.iter().position(|&byte| byte == b'@').unwrap_or(rest.len());
    let (codeset, modifier) = rest.split_at(codeset_end);
    let mut name = language.to_vec();
    if let Some(codeset) = codeset.strip_prefix(b".") {
        name.push(b'.');
        name.extend(codeset.iter().filter(|byte| byte.is_ascii_alphanumeric()).map(u8::to_ascii_lowercase));
    }
    name.extend(modifier);
    is_file_name(&name).then_some(name)
}

#[cfg(test)]
mod tests;
