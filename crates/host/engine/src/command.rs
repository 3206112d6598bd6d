//! Finds the command in the guest, and reports in advance why it can't run.
//!
//! A shell says "No such file or directory" for a program that exists but whose interpreter
//! doesn't. Here the error names the file that is missing.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use newroot_image::{
    Class, HEAD_LEN, Header, HeaderError, Image, PROGRAM_HEADER_LEN, ProgramHeader, Segment,
};
use newroot_paths::Last;

use crate::environment::{self, Variables};
use crate::error::{Error, Result, descriptors_hint};
use crate::guest::{Guest, shown};
use crate::spec::CommandLine;

/// A command that can be executed.
#[derive(Debug)]
pub(crate) struct Command {
    /// Canonical guest path of the program that is loaded.
    pub(crate) exe: Vec<u8>,
    /// The path that execve(2) would get.
    pub(crate) name: Vec<u8>,
    /// The whole argument vector, with interpreters in front.
    pub(crate) argv: Vec<OsString>,
}

/// A command as the user means it, not yet checked.
#[derive(Debug)]
pub(crate) struct Found {
    /// Path for execve(2).
    pub(crate) name: Vec<u8>,
    /// Argument vector.
    pub(crate) argv: Vec<OsString>,
    finder: Finder,
    /// The shells that newroot looks for.
    candidates: Vec<PathBuf>,
}

/// The user's request, for messages and lookups.
#[derive(Debug)]
struct Finder {
    guest: Guest,
    cwd: Vec<u8>,
    asked: PathBuf,
    rootfs: PathBuf,
    loader: Loader,
}

/// Programs that install packages, with the words before the package's name.
const PACKAGE_MANAGERS: [(&str, &str); 8] = [
    ("/usr/bin/apt-get", "apt-get install"),
    ("/sbin/apk", "apk add"),
    ("/usr/bin/dnf", "dnf install"),
    ("/usr/bin/microdnf", "microdnf install"),
    ("/usr/bin/yum", "yum install"),
    ("/usr/bin/zypper", "zypper install"),
    ("/usr/bin/pacman", "pacman -S"),
    ("/usr/bin/xbps-install", "xbps-install"),
];

/// The loader of the program: the shim or the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Loader {
    Kernel,
    /// The shim, which only loads programs of its own processor.
    Shim,
}

/// Finds the command, and everything that the shim needs to load it.
pub(crate) fn resolve(
    guest: &Guest,
    cwd: &[u8],
    wanted: &CommandLine,
    variables: &Variables,
    rootfs: &Path,
) -> Result<Command> {
    let mut found = find(guest.clone(), cwd.to_vec(), wanted, variables, rootfs)?;
    found.finder.loader = Loader::Shim;
    found.load()
}

/// Finds the command. `rootfs` is the root's host path, as the user wrote it.
pub(crate) fn find(
    guest: Guest,
    cwd: Vec<u8>,
    wanted: &CommandLine,
    variables: &Variables,
    rootfs: &Path,
) -> Result<Found> {
    let (argv, candidates) = match wanted {
        CommandLine::Given(words) => (words.clone(), Vec::new()),
        CommandLine::FirstOf { programs, arguments } => {
            let first = programs.iter().find(|program| {
                guest.resolve_from(&cwd, program.as_os_str().as_bytes(), Last::Follow).is_ok_and(|found| {
                    found.host.is_file()
                        && rustix::fs::access(&found.host, rustix::fs::Access::EXEC_OK).is_ok()
                })
            });
            let program = first.or(programs.last()).cloned().unwrap_or_else(|| PathBuf::from("/bin/sh"));
            let mut words = vec![program.into_os_string()];
            words.extend(arguments.iter().cloned());
            (words, programs.clone())
        }
    };
    let word = argv.first().cloned().unwrap_or_default();
    let (asked, rootfs) = (PathBuf::from(&word), rootfs.to_owned());
    let finder = Finder { guest, cwd, asked, rootfs, loader: Loader::Kernel };
    let name = if word.as_bytes().contains(&b'/') {
        word.as_bytes().to_vec()
    } else {
        finder.search(&word, variables)?
    };
    Ok(Found { name, argv, finder, candidates })
}

impl Found {
    /// Follows `#!` lines to the program that is loaded.
    fn load(&self) -> Result<Command> {
        let command = self.finder.follow(self.name.clone(), self.argv.clone());
        match command {
            Err(Error::NotFound { command, .. })
                if self.candidates.len() > 1 && self.candidates.contains(&command) =>
            {
                let list: Vec<String> =
                    self.candidates.iter().map(|path| format!("'{}'", path.display())).collect();
                Err(Error::NotFound {
                    command,
                    why: format!("the root has no shell (looked for {})", list.join(", ")),
                    hint: Some(self.finder.copying_hint()),
                })
            }
            other => other,
        }
    }

    /// Returns whether the file is a text without a `#!` line, which the kernel can't execute.
    pub(crate) fn is_text(&self) -> bool {
        self.load().is_ok()
    }

    /// Returns the arguments for `/bin/sh` that runs such a text, as execvp(3) would.
    pub(crate) fn as_shell_script(&self) -> Vec<OsString> {
        let mut argv = vec![OsString::from("/bin/sh"), OsString::from_vec(self.name.clone())];
        argv.extend(self.argv.iter().skip(1).cloned());
        argv
    }

    /// Returns why the kernel refused to execute the command, in as much detail as newroot can
    /// find.
    pub(crate) fn explain(&self, cause: &io::Error) -> Error {
        let number = cause.raw_os_error();
        if number == Some(libc::E2BIG) {
            return too_long(&self.name);
        }
        let (is_missing, why, hint) = match self.load() {
            // The missing file is the shell that would run the text.
            Err(Error::NotFound { why, hint, .. }) => (number == Some(libc::ENOEXEC), why, hint),
            Err(Error::NotExecutable { why, hint, .. }) => (false, why, hint),
            _ => (false, words(cause), None),
        };
        if is_missing || number == Some(libc::ENOENT) {
            self.finder.not_found(why, hint)
        } else {
            self.finder.not_executable(why, hint)
        }
    }
}

/// Makes the error for a path or vector beyond the kernel's limit.
pub(crate) fn too_long(name: &[u8]) -> Error {
    Error::NotExecutable {
        command: shown(name),
        why: "Argument list too long".to_owned(),
        hint: Some("arguments and environment together are more than the kernel takes (RLIMIT_STACK)".into()),
    }
}

impl Finder {
    fn not_found(&self, why: String, hint: Option<String>) -> Error {
        Error::NotFound { command: self.asked.clone(), why, hint }
    }

    fn not_executable(&self, why: String, hint: Option<String>) -> Error {
        Error::NotExecutable { command: self.asked.clone(), why, hint }
    }

    /// Says how to get a program into the root: by the root's own package manager, if it has one,
    /// or else from the host by `newroot add`.
    fn filling_hint(&self, add: impl FnOnce(&str) -> String) -> String {
        let rootfs = quoted(&self.rootfs);
        let has = |path: &str| {
            let found = self.guest.resolve(path.as_bytes(), Last::Follow);
            found.and_then(|found| fs::metadata(found.host)).is_ok_and(|found| found.is_file())
        };
        match PACKAGE_MANAGERS.iter().find(|(path, _)| has(path)) {
            Some((_, words)) => format!("`newroot run --root {rootfs} {words} PACKAGE` installs a package"),
            None => add(&rootfs),
        }
    }

    fn copying_hint(&self) -> String {
        self.filling_hint(|rootfs| {
            format!("`newroot add {rootfs} PROGRAM` copies a program of the host's with its libraries")
        })
    }

    /// Looks a name without a slash up in the guest's PATH, as execvp(3) does.
    fn search(&self, word: &OsStr, variables: &Variables) -> Result<Vec<u8>> {
        if word.is_empty() {
            return Err(self.not_found("No such file or directory".to_owned(), None));
        }
        let path = environment::get(variables, "PATH").unwrap_or(OsStr::new("/bin:/usr/bin"));
        let mut unfit = None;
        for directory in path.as_bytes().split(|&byte| byte == b':') {
            let mut name = if directory.is_empty() { b".".to_vec() } else { directory.to_vec() };
            name.push(b'/');
            name.extend_from_slice(word.as_bytes());
            let Ok(found) = self.guest.resolve_from(&self.cwd, &name, Last::Follow) else { continue };
            if !found.host.is_file() {
                continue;
            }
            if rustix::fs::access(&found.host, rustix::fs::Access::EXEC_OK).is_ok() {
                return Ok(name);
            }
            unfit.get_or_insert(name);
        }
        // execvp(3) reports EACCES if it found a file that it couldn't execute.
        unfit.ok_or_else(|| {
            let why = format!("no directory of the root's PATH has it ({})", path.to_string_lossy());
            self.not_found(why, Some(self.copying_hint()))
        })
    }

    /// Follows `#!` lines to the program that is loaded.
    fn follow(&self, name: Vec<u8>, mut argv: Vec<OsString>) -> Result<Command> {
        let mut path = name.clone();
        // Path of the innermost script, for messages.
        let mut script: Option<Vec<u8>> = None;
        for _ in 0..6 {
            let (exe, file) = self.open(&path, script.as_deref())?;
            let mut head = vec![0; 4096];
            let len = file.read_at(&mut head, 0).map_err(|cause| self.not_executable(words(&cause), None))?;
            head.truncate(len);
            match newroot_image::identify(&head[..len.min(HEAD_LEN)]) {
                Ok(Image::Elf(header)) => {
                    self.check_loader(&file, &header)?;
                    return Ok(Command { exe, name, argv });
                }
                Ok(Image::Script(found)) => {
                    let mut front = vec![OsString::from_vec(found.interpreter.to_vec())];
                    front.extend(found.argument.map(|argument| OsString::from_vec(argument.to_vec())));
                    front.push(OsString::from_vec(path.clone()));
                    let interpreter = found.interpreter.to_vec();
                    argv.splice(0..1, front);
                    script = Some(std::mem::replace(&mut path, interpreter));
                }
                Err(_) => {
                    self.refuse_foreign(&head)?;
                    // A text without `#!`. execvp(3) runs it with the shell.
                    if script.is_some() || path == b"/bin/sh" {
                        return Err(self.not_executable("Exec format error".to_owned(), None));
                    }
                    argv.splice(0..1, [OsString::from("/bin/sh"), OsString::from_vec(path.clone())]);
                    script = Some(std::mem::replace(&mut path, b"/bin/sh".to_vec()));
                }
            }
        }
        Err(self.not_executable("Too many levels of interpreters".to_owned(), None))
    }

    /// Opens a program for reading. `script` is the script that names it as its interpreter.
    fn open(&self, path: &[u8], script: Option<&[u8]>) -> Result<(Vec<u8>, File)> {
        let of = |cause: &io::Error| match script {
            Some(script) => format!(
                "its interpreter '{}', named in the first line of '{}': {}",
                shown(path).display(),
                shown(script).display(),
                words(cause)
            ),
            None => words(cause),
        };
        let found = self
            .guest
            .resolve_from(&self.cwd, path, Last::Follow)
            .and_then(|found| Ok((fs::metadata(&found.host)?, found)));
        let (metadata, found) = match found {
            Ok(found) => found,
            Err(cause) if cause.raw_os_error() == Some(libc::ENOENT) => {
                let hint = match script {
                    Some(script) if path.ends_with(b"\r") => format!(
                        "that line ends in a carriage return, as on Windows: `sed -i 's/\\r$//' {}` mends it",
                        quoted(
                            &self
                                .guest
                                .resolve_from(&self.cwd, script, Last::Follow)
                                .map_or_else(|_| shown(script), |script| script.host)
                        )
                    ),
                    Some(_) => self.filling_hint(|rootfs| {
                        format!("`newroot add {rootfs} {}` copies it from the host", quoted(&shown(path)))
                    }),
                    None => self.copying_hint(),
                };
                return Err(self.not_found(of(&cause), Some(hint)));
            }
            Err(cause) => return Err(self.not_executable(of(&cause), None)),
        };
        if metadata.is_dir() {
            return Err(self.not_executable(of(&io::Error::from_raw_os_error(libc::EISDIR)), None));
        }
        if !metadata.is_file() {
            return Err(self.not_executable(of(&io::Error::from_raw_os_error(libc::EACCES)), None));
        }
        if let Err(cause) = rustix::fs::access(&found.host, rustix::fs::Access::EXEC_OK) {
            let mode = std::os::unix::fs::PermissionsExt::mode(&metadata.permissions());
            let hint = if mode & 0o111 == 0 {
                format!("chmod +x {} makes it executable", quoted(&found.host))
            } else {
                "the file system it lies on may be mounted noexec".to_owned()
            };
            return Err(self.not_executable(of(&cause.into()), Some(hint)));
        }
        let file = File::open(&found.host).map_err(|cause| {
            let hint = match cause.raw_os_error() {
                Some(libc::EACCES) => Some(
                    "newroot must read a program to load it; execute permission alone isn't enough".into(),
                ),
                _ => descriptors_hint(&cause),
            };
            self.not_executable(of(&cause), hint)
        })?;
        Ok((found.guest, file))
    }

    fn refuse_foreign(&self, head: &[u8]) -> Result<()> {
        match Header::parse(head) {
            Err(HeaderError::Foreign(class, machine)) => {
                let own = machine_name(Class::Elf64, newroot_sys::arch::ELF_MACHINE);
                let other = machine_name(class, machine);
                // Only the kernel knows which other programs it runs (binfmt_misc).
                let (whose, hint) = match self.loader {
                    Loader::Kernel => ("this machine", None),
                    Loader::Shim => {
                        ("the trap engine", Some("`--engine namespace` runs whatever the host runs".into()))
                    }
                };
                let why = format!("it is a program for {other}, and {whose} runs {own} programs");
                Err(self.not_executable(why, hint))
            }
            Err(HeaderError::Malformed) => Err(self.damaged()),
            Err(HeaderError::NotElf) | Ok(_) => Ok(()),
        }
    }

    fn damaged(&self) -> Error {
        self.not_executable("it is a damaged or unfinished program (Exec format error)".to_owned(), None)
    }

    /// Checks that the program's loader exists.
    fn check_loader(&self, file: &File, header: &Header) -> Result<()> {
        let Some(loader) = loader_of(file, header).map_err(|cause| match cause.kind() {
            io::ErrorKind::UnexpectedEof => self.damaged(),
            _ => self.not_executable(words(&cause), None),
        })?
        else {
            return Ok(());
        };
        let found = self.guest.resolve(&loader, Last::Follow).and_then(|found| fs::metadata(found.host));
        let loader = shown(&loader);
        match found {
            Ok(metadata) if metadata.is_file() => Ok(()),
            Ok(_) => {
                Err(self
                    .not_executable(format!("its dynamic loader '{}' is no file", loader.display()), None))
            }
            Err(cause) => Err(self.not_found(
                format!("its dynamic loader '{}' isn't in the root: {}", loader.display(), words(&cause)),
                Some(format!(
                    "`newroot add {} {}` copies a program with its loader and libraries",
                    quoted(&self.rootfs),
                    quoted(&self.asked)
                )),
            )),
        }
    }
}

fn loader_of(file: &File, header: &Header) -> io::Result<Option<Vec<u8>>> {
    let mut table = vec![0; usize::from(header.count) * PROGRAM_HEADER_LEN];
    file.read_exact_at(&mut table, header.program_headers)?;
    let interpreter = table
        .chunks_exact(PROGRAM_HEADER_LEN)
        .filter_map(ProgramHeader::parse)
        .find(|segment| segment.segment == Segment::Interpreter);
    let Some(segment) = interpreter else { return Ok(None) };
    let mut path = vec![0; usize::try_from(segment.file_size.min(4096)).unwrap_or(4096)];
    file.read_exact_at(&mut path, segment.offset)?;
    let end = path.iter().position(|&byte| byte == 0).unwrap_or(path.len());
    path.truncate(end);
    Ok(Some(path))
}

fn words(error: &io::Error) -> String {
    crate::spec::reason(error)
}

/// Returns a path, quoted for a shell.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+".contains(&byte);
    if text.bytes().all(plain) { text } else { format!("'{}'", text.replace('\'', "'\\''")) }
}

fn machine_name(class: Class, machine: u16) -> String {
    let name = match (class, machine) {
        (Class::Elf32, 62) => "x32",
        (_, 3) => "32-bit x86",
        (_, 62) => "x86-64",
        (_, 183) => "AArch64",
        (_, 40) => "32-bit Arm",
        (_, 243) => "RISC-V",
        (_, 21) => "PowerPC 64",
        (_, 20) => "PowerPC",
        (_, 22) => "S/390",
        (_, 8) => "MIPS",
        (_, 258) => "LoongArch",
        _ => return format!("machine number {machine}"),
    };
    name.to_owned()
}
