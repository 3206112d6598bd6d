//! The ways a launch can be spelled.
//!
//! A dialect is a pure function from an argument vector to a [`Request`]: it never looks
//! at the world. What it must know of its surroundings comes in as a [`Caller`]; whether a
//! path exists, or a program can be run, is for others to find out.
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

/// A dialect's parser. It gets the arguments after the name the dialect was chosen by.
type Parse = fn(&[OsString], &Caller) -> Result<Request, UsageError>;

/// How a dialect's users know an error of the engine's; `None` leaves it in newroot's words.
pub(crate) type Wording = fn(&newroot_engine::Error) -> Option<String>;

/// A dialect chosen by name: that of the link newroot was started through, or the first argument.
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

/// newroot's own words.
fn newroots_own(_: &newroot_engine::Error) -> Option<String> {
    None
}

/// What a command line asks for.
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
        /// Build it even in a directory that isn't empty.
        force: bool,
        /// Report what is skipped, too.
        verbose: bool,
    },
    /// Copy further programs of the host into a root.
    Add {
        /// Host directory of the root.
        directory: PathBuf,
        /// Names or paths of the programs.
        programs: Vec<OsString>,
        /// Replace files that are in the way.
        force: bool,
        /// Report what is skipped, too.
        verbose: bool,
    },
    /// Write a root as an archive.
    Export {
        /// Host directory of the root.
        root: PathBuf,
        /// How, and where to.
        options: ExportOptions,
    },
    /// Unpack an archive as a root.
    Import {
        /// Where the archive comes from.
        archive: Input,
        /// Host directory to unpack it in.
        directory: PathBuf,
        /// How.
        options: ImportOptions,
    },
    /// Tell what this host allows.
    Doctor,
    /// Write all manual pages.
    Manual {
        /// Host directory to write them in, made if it isn't there.
        directory: PathBuf,
    },
    /// Make the links by which the other dialects are spoken.
    Links {
        /// Host directory to make them in, made if it isn't there.
        directory: PathBuf,
        /// Host directory for their manual pages; `None` for the usual one.
        manual: Option<PathBuf>,
    },
    /// Print a text, which ends in a newline.
    Print(String),
}

/// A command to run, and what the launch specification has no word for.
#[derive(Debug)]
pub struct Launch {
    /// What to run, where, and how.
    pub spec: LaunchSpec,
    /// The root is the user's default one, to be made if it doesn't exist yet; the
    /// specification's own is empty until then.
    pub default_root: bool,
    /// Files with environment variables, which `spec` is to set before those that it names.
    pub env_files: Vec<PathBuf>,
    /// Notes and warnings are not wanted.
    pub quiet: bool,
}

/// A command line that means nothing.
#[derive(Debug, PartialEq, Eq)]
pub struct UsageError {
    /// What is wrong with it, in one line.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl UsageError {
    /// An error without a hint.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None }
    }

    /// The same error with a hint.
    #[must_use]
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// A command line, parsed by the dialect it was written in.
#[derive(Debug)]
pub struct Invocation {
    /// The name the user called us by: it stands in front of every message.
    pub name: &'static str,
    /// What is asked for.
    pub request: Result<Request, UsageError>,
    /// The dialect's words for what can go wrong.
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

/// Returns the names of links through which newroot speaks another dialect.
pub(crate) fn links() -> impl Iterator<Item = &'static str> {
    BY_NAME.iter().map(|row| row.name)
}

/// The dialect of the link newroot was started through: its name, and for PRoot's programs, which
/// launchers carry under such names as `proot-x86_64` and `proot-static`, anything behind a hyphen.
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
