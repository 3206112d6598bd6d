//! The forms of the command line.
//!
//! A dialect is a pure function from an argument vector to a [`Request`]. A [`Caller`] has all that
//! it knows of its surroundings. It never checks whether a path exists, or whether a program can
//! run.
//!
//! A dialect other than the native one is a row in `BY_NAME`.

pub mod chroot;
mod identity;
pub mod native;
pub mod proot;

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use newroot_archive::{ExportOptions, ImportOptions, Input};
use newroot_engine::LaunchSpec;

use crate::caller::Caller;

/// Parser of a dialect. It gets the arguments after the name that chose the dialect.
type Parse = fn(&[OsString], &Caller) -> Result<Request, UsageError>;

/// Function that puts an engine's error in a dialect's words. `None` leaves it in newroot's words.
pub(crate) type Wording = fn(&newroot_engine::Error) -> Option<String>;

/// Dialect that a name chooses: that of the link through which newroot was started, or the first
/// argument.
struct Row {
    name: &'static str,
    parse: Parse,
    wording: Wording,
}

/// The dialects other than the native one.
const BY_NAME: &[Row] = &[
    Row { name: "chroot", parse: chroot::parse, wording: chroot::wording },
    Row { name: "proot", parse: proot::parse, wording: newroots_own },
];

/// Leaves an error in newroot's own words.
fn newroots_own(_: &newroot_engine::Error) -> Option<String> {
    None
}

/// Task that a command line asks for.
#[derive(Debug)]
pub enum Request {
    /// Run a command in a root.
    Launch(Box<Launch>),
    /// Build a root from the host's own programs.
    Init {
        /// Host directory to build it in.
        directory: PathBuf,
        /// Names or paths of the programs; none means the usual ones.
        programs: Vec<OsString>,
        /// Whether to build it even in a directory that isn't empty.
        force: bool,
        /// Whether to report skipped files, too.
        verbose: bool,
    },
    /// Copy further programs of the host into a root.
    Add {
        /// Host directory of the root.
        directory: PathBuf,
        /// Names or paths of the programs.
        programs: Vec<OsString>,
        /// Whether to replace files that are in the way.
        force: bool,
        /// Whether to report skipped files, too.
        verbose: bool,
    },
    /// Write a root as an archive.
    Export {
        /// Host directory of the root.
        root: PathBuf,
        /// Destination, format and compression.
        options: ExportOptions,
    },
    /// Unpack an archive as a root.
    Import {
        /// Where the archive comes from.
        archive: Input,
        /// Host directory to unpack it in.
        directory: PathBuf,
        /// Options of the import.
        options: ImportOptions,
    },
    /// Report what this host allows.
    Doctor,
    /// Write all manual pages.
    Manual {
        /// Host directory to write them in, made if it doesn't exist.
        directory: PathBuf,
    },
    /// Make the links through which newroot takes the other dialects.
    Links {
        /// Host directory to make them in, made if it doesn't exist.
        directory: PathBuf,
        /// Host directory for their manual pages; `None` for the usual one.
        manual: Option<PathBuf>,
    },
    /// Print a text, which ends in a newline.
    Print(String),
}

/// Command to run, with the settings that the launch specification doesn't have.
#[derive(Debug)]
pub struct Launch {
    /// The launch specification.
    pub spec: LaunchSpec,
    /// Whether the root is the user's default root, which is made if it doesn't exist. Until then
    /// the specification's `rootfs` is empty.
    pub default_root: bool,
    /// Error for an option that stands where the command does. It counts if the root exists. In
    /// `newroot run ls -l` it doesn't, and the missing root is the error to report.
    pub stray_option: Option<UsageError>,
    /// Files with environment variables. They are set before the variables that `spec` names.
    pub env_files: Vec<PathBuf>,
    /// Whether notes and warnings are suppressed.
    pub quiet: bool,
}

/// Error in a command line.
#[derive(Debug, PartialEq, Eq)]
pub struct UsageError {
    /// Message in one line.
    pub message: String,
    /// Hint at what the user can do about it.
    pub hint: Option<String>,
}

impl UsageError {
    /// Returns an error without a hint.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None }
    }

    /// Returns the same error with a hint.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// A command line, parsed by the dialect it was written in.
#[derive(Debug)]
pub struct Invocation {
    /// Name by which the user started newroot. It is the prefix of every message.
    pub name: &'static str,
    /// The request, or the error in the command line.
    pub request: Result<Request, UsageError>,
    /// The dialect's words for the engine's errors.
    pub(crate) wording: Wording,
}

/// Parses a whole argument vector, the program's name included.
#[must_use]
pub fn parse(argv: &[OsString], caller: &Caller) -> Invocation {
    let (program, arguments) = match argv.split_first() {
        Some((program, arguments)) => (Path::new(program).file_name(), arguments),
        None => (None, argv),
    };
    if let Some(row) = program.and_then(by_link) {
        return Invocation { name: row.name, request: (row.parse)(arguments, caller), wording: row.wording };
    }
    let row = arguments.first().and_then(|first| by_name(first));
    let (request, wording) = match row {
        Some(row) => ((row.parse)(&arguments[1..], caller), row.wording),
        None => (native::parse(arguments, caller), newroots_own as Wording),
    };
    Invocation { name: "newroot", request, wording }
}

/// Returns the names of the links through which newroot takes another dialect.
pub(crate) fn links() -> impl Iterator<Item = &'static str> {
    BY_NAME.iter().map(|row| row.name)
}

/// Returns the dialect of the link through which newroot was started, by the link's name. For PRoot
/// anything may follow a hyphen: launchers bring it as `proot-x86_64`, `proot-static` and the like.
fn by_link(name: &OsStr) -> Option<&'static Row> {
    if name.as_bytes().starts_with(b"proot-") { by_name(OsStr::new("proot")) } else { by_name(name) }
}

fn by_name(name: &OsStr) -> Option<&'static Row> {
    BY_NAME.iter().find(|row| name == row.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn launch_of(words: &[&str]) -> (&'static str, Launch) {
        let argv: Vec<OsString> = words.iter().map(OsString::from).collect();
        let invocation = parse(&argv, &Caller::default());
        match invocation.request {
            Ok(Request::Launch(launch)) => (invocation.name, *launch),
            other => panic!("{words:?} gave {other:?}"),
        }
    }

    #[test]
    fn link_named_proot_speaks_proot() {
        let (name, launch) = launch_of(&["/opt/bin/proot", "-r", "guest", "ls"]);
        assert_eq!(name, "proot");
        assert_eq!(launch.spec.rootfs, Path::new("guest"));
    }

    #[test]
    fn link_named_as_launchers_name_proot_speaks_proot() {
        for program in ["proot-x86_64-4_8_0", "./bin/proot-x86_64", "/opt/proot-static", "proot-"] {
            let (name, launch) = launch_of(&[program, "-r", "guest", "ls"]);
            assert_eq!(name, "proot", "{program}");
            assert_eq!(launch.spec.rootfs, Path::new("guest"), "{program}");
        }
    }

    #[test]
    fn first_argument_proot_speaks_proot() {
        let (name, launch) = launch_of(&["newroot", "proot", "-r", "guest", "ls"]);
        assert_eq!(name, "newroot");
        assert_eq!(launch.spec.rootfs, Path::new("guest"));
    }

    #[test]
    fn chroot_is_spoken_by_link_and_by_first_argument() {
        for words in [&["/usr/sbin/chroot", "guest", "ls"][..], &["newroot", "chroot", "guest", "ls"]] {
            let (_, launch) = launch_of(words);
            assert_eq!(launch.spec.engine, newroot_engine::EngineChoice::LikeChroot);
        }
    }

    #[test]
    fn any_other_program_name_speaks_native() {
        for program in ["my-proot", "prooted", "chroot-static"] {
            let (name, launch) = launch_of(&[program, "run", "guest", "ls"]);
            assert_eq!(name, "newroot", "{program}");
            assert_eq!(launch.spec.rootfs, Path::new("guest"), "{program}");
        }
    }

    #[test]
    fn command_named_proot_is_not_a_dialect() {
        let (_, launch) = launch_of(&["newroot", "run", "guest", "proot", "-r", "x"]);
        assert_eq!(launch.spec.rootfs, Path::new("guest"));
    }

    #[test]
    fn empty_argument_vector_is_a_usage_error() {
        let invocation = parse(&[], &Caller::default());
        assert!(invocation.request.is_err(), "{:?}", invocation.request);
    }
}
