//! What to run, in which root, with which host files: the one thing every dialect lowers to.

mod identity;
mod isolation;

use std::ffi::OsString;
use std::fmt;
use std::num::NonZeroU32;
use std::path::PathBuf;

pub use self::identity::{Dotted, Identity, Principal};
pub use self::isolation::{Capabilities, Confinement, Isolation, Namespace, UserMap};

/// Everything an engine needs to know. Nothing in it has been looked up yet: a dialect
/// fills it from its arguments alone.
#[derive(Clone, Debug)]
pub struct LaunchSpec {
    /// Host directory that becomes `/`.
    pub rootfs: PathBuf,
    /// Bindings in the order they were given; of two at the same guest path the last wins.
    pub bindings: Vec<Binding>,
    /// How bindings combine, and what symlinks in them mean.
    pub binding_rules: BindingRules,
    /// Where the command starts.
    pub cwd: WorkingDirectory,
    /// The program and its arguments.
    pub command: CommandLine,
    /// The environment the program gets.
    pub environment: Environment,
    /// Which engine runs it.
    pub engine: EngineChoice,
    /// Whether the trap engine patches call sites.
    pub patching: Patching,
    /// Who the command runs as.
    pub identity: Identity,
    /// Whether an ordinary user gets that identity as a fake.
    pub fake_root: FakeRoot,
    /// Where hard links come from.
    pub hard_links: HardLinks,
    /// What the command doesn't share with the host, beyond its root.
    pub isolation: Isolation,
    /// The file mode creation mask, if not the caller's.
    pub umask: Option<u32>,
    /// End every process of the command once the command itself has ended, and take the
    /// command along should newroot be killed.
    pub kill_on_exit: bool,
    /// What uname(2) says in the guest, if not the host's.
    pub uname: Uname,
    /// 0: errors and warnings; 1: what is being done; 2 and more: what the shim does too.
    pub verbosity: u8,
}

/// A host file or directory seen at a place in the guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// Host path, absolute or relative to the caller's working directory; symlinks are followed.
    pub host: PathBuf,
    /// Guest path; `None` is the same text as the host path made absolute. A relative
    /// guest path is taken from the guest's `/`.
    pub guest: Option<PathBuf>,
    /// Whether the guest may write through it.
    pub access: Access,
    /// What to do where the guest path is a symlink.
    pub guest_link: GuestLink,
    /// What to do where the host path doesn't exist.
    pub missing: Missing,
}

/// How bindings combine, and what symlinks in them mean.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BindingRules {
    /// As mounts: a later binding covers an earlier one below it, and a symlink is text.
    #[default]
    Mounts,
    /// As PRoot has it: a binding at a deeper guest path prevails over one above it, whichever came
    /// first; and in a root that isn't the host's own, an absolute symlink into the host directory
    /// that its own binding (or the root) is of reads, and leads, as the guest path of that file.
    Proot,
}

/// What uname(2) says in the guest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Uname {
    /// What it says on the host.
    #[default]
    Hosts,
    /// The host's, with this kernel release.
    Release(OsString),
    /// These fields alone, none of which holds a backslash.
    Fields {
        /// In the order of `struct utsname`: system, node, release, version, machine, domain name.
        names: [OsString; 6],
        /// AT_HWCAP of the auxiliary vector, if not the host's.
        capabilities: Option<u64>,
    },
}

/// Whether a guest may write through a binding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// As the host allows.
    ReadWrite,
    /// Every way of writing answers EROFS.
    ReadOnly,
}

/// What a binding onto a guest symlink means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GuestLink {
    /// Bind onto what the link points to.
    Follow,
    /// Bind over the link itself (PRoot's trailing `!`).
    Keep,
}

/// What becomes of a binding whose host path doesn't exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// An error: nothing is run.
    Fail,
    /// A warning; the rest goes on without it.
    Warn,
    /// Silence; for bindings nobody named.
    Ignore,
}

/// Where the command starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WorkingDirectory {
    /// The caller's own directory if the guest has it, else `/` with a warning.
    Inherit,
    /// The caller's own directory if the guest has it, else `/` silently.
    InheritOrRoot,
    /// This guest path (relative ones from `/`); an error if it can't be entered.
    Guest(PathBuf),
    /// This guest path; if it can't be entered, `/` with a warning (PRoot's `-w`).
    GuestOrRoot(PathBuf),
    /// Wherever the caller is, untouched (chroot's `--skip-chdir`); an error unless the root is the
    /// host's own, for anywhere else it would lead out of the root.
    Leave,
}

/// The program and its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommandLine {
    /// `argv`, whose first word is looked up in the guest's `PATH` unless it has a slash.
    Given(Vec<OsString>),
    /// The guest's shell: the first of these guest paths that exists and is executable,
    /// with these arguments after it.
    FirstOf {
        /// Candidate programs, best first.
        programs: Vec<PathBuf>,
        /// Arguments after argv\[0\].
        arguments: Vec<OsString>,
    },
}

/// The environment the program gets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment {
    /// Start from an empty environment rather than from the caller's.
    pub clear: bool,
    /// Set `PATH` to the directories the guest has, and `HOME` to what its passwd file says
    /// (both before `set` is applied).
    pub guest_defaults: bool,
    /// Changes in order: a value sets the variable, `None` removes it.
    pub set: Vec<(OsString, Option<OsString>)>,
}

/// Which engine runs the command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EngineChoice {
    /// The namespace engine for root, the trap engine for anybody else.
    #[default]
    Auto,
    /// The in-process trap engine.
    Trap,
    /// A private mount namespace, and for an ordinary user a user namespace around it.
    Namespace,
    /// chroot(2), for root alone.
    Chroot,
    /// Whatever chroot(1) comes nearest to: the chroot engine for root; for anybody else the
    /// namespace engine where the host grants it, and the trap engine where it doesn't, or where another identity is
    /// asked for.
    LikeChroot,
}

/// Whether a guest process changes its own code in memory, so that its calls need no signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patching {
    /// No: every call traps.
    Never,
    /// Yes, once so many calls have trapped (at least one): what makes few isn't worth it.
    After(NonZeroU32),
}

impl Default for Patching {
    /// Reading the map of memory costs what some ten traps do, and a program that starts and ends makes
    /// thirty.
    fn default() -> Self {
        const TRAPS: NonZeroU32 = NonZeroU32::new(32).unwrap();
        Self::After(TRAPS)
    }
}

/// Whether users, groups and the owners of files are newroot's own, for an ordinary user. Root needs no fake.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FakeRoot {
    /// No: nobody can be anyone else.
    #[default]
    Off,
    /// Yes. What nothing is recorded of belongs to root in the root, and to whoever looks in bindings.
    On,
    /// The same; an engine that has no fake root refuses instead of giving an ordinary user another number alone.
    Required,
    /// Yes. What nothing is recorded of belongs to the identity that was asked for (PRoot's `-i`).
    OwnFiles,
}

/// What becomes of a hard link that the host refuses: some systems, Android first of all, grant them to nobody.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HardLinks {
    /// It is refused; but a root that has links of newroot's own keeps them, and gets more.
    #[default]
    OfTheHost,
    /// newroot makes its own (PRoot's `--link2symlink`), for which it keeps the file in the root's store.
    Emulated,
}

/// Something worth a line on stderr that doesn't keep the command from running.
#[derive(Debug)]
pub enum Warning {
    /// A binding was left out because its host path doesn't exist.
    BindingSkipped {
        /// The host path as it was given.
        host: PathBuf,
        /// Why it could not be bound.
        cause: std::io::Error,
    },
    /// A binding was left out because the root has something else in its place.
    PlaceUnfit {
        /// The host path as it was given.
        host: PathBuf,
        /// Why nothing can be bound there, in words.
        why: String,
    },
    /// Recommended files were left out: the root has nothing to mount them on, and a stand-in for their directory would
    /// be read-only.
    PlacesMissing {
        /// Their guest paths.
        guests: Vec<PathBuf>,
    },
    /// The command is confined as far as the kernel can: not a warning, but what the caller wants to
    /// be told.
    Confined {
        /// Landlock's version.
        version: i32,
        /// What it is asked about, in words.
        enforced: Vec<&'static str>,
    },
    /// User and group are parted by a dot.
    ObsoleteDot,
    /// Hard links that the host refuses stay refused, for the root can't be written to.
    NoHardLinks {
        /// What could not be made.
        path: PathBuf,
        /// Why.
        cause: std::io::Error,
    },
    /// The wanted working directory doesn't exist in the guest.
    WorkingDirectory {
        /// The guest path that was wanted.
        wanted: PathBuf,
        /// Why it could not be entered.
        cause: std::io::Error,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::BindingSkipped { host, cause } => {
                write!(f, "not binding '{}': {}", host.display(), reason(cause))
            }
            Self::PlaceUnfit { host, why } => write!(f, "not binding '{}': {why}", host.display()),
            Self::PlacesMissing { guests } => {
                let list: Vec<String> = guests.iter().map(|guest| format!("'{}'", guest.display())).collect();
                let them =
                    if guests.len() == 1 { "the root lacks this file" } else { "the root lacks these files" };
                write!(f, "not binding {}: {them} (an empty one is enough)", list.join(", "))
            }
            Self::Confined { version, enforced } => {
                let list = enforced.join("; ");
                write!(f, "confined to the root and the bindings by Landlock {version}: {list}")
            }
            Self::ObsoleteDot => f.write_str("'.' should be ':'"),
            Self::NoHardLinks { path, cause } => write!(
                f,
                "not making hard links where the host refuses them: cannot make '{}': {}",
                path.display(),
                reason(cause)
            ),
            Self::WorkingDirectory { wanted, cause } => {
                write!(f, "cannot start in '{}': {}; starting in '/'", wanted.display(), reason(cause))
            }
        }
    }
}

/// The kernel's words for an I/O error, without Rust's "(os error N)" and without Rust's own words for what it has a
/// kind for.
#[must_use]
pub fn reason(error: &std::io::Error) -> String {
    newroot_records::reason(error)
}
