//! The launch specification, which every dialect makes: the command, its root and its host files.

mod identity;
mod isolation;

use std::ffi::OsString;
use std::fmt;
use std::num::NonZeroU32;
use std::path::PathBuf;

pub use self::identity::{Dotted, Identity, Principal};
pub use self::isolation::{Capabilities, Confinement, Isolation, Namespace, UserMap};

/// Everything that an engine needs to know. A dialect fills it from its arguments alone, without a
/// look at any file.
#[derive(Clone, Debug)]
pub struct LaunchSpec {
    /// Host directory that becomes `/`.
    pub rootfs: PathBuf,
    /// Bindings in the order in which they were given. Of two at the same guest path the last wins.
    pub bindings: Vec<Binding>,
    /// Rules by which bindings combine, and the meaning of symlinks in them.
    pub binding_rules: BindingRules,
    /// Empty directories made for this command alone.
    pub fresh: Vec<Fresh>,
    /// Whether the command must not change the root. Bindings and fresh directories are unaffected.
    pub read_only: bool,
    /// Whether the user has an entry in the guest's passwd and group files where the root's files
    /// lack one. The entry is made up from the host's. It is for the caller, or for a user that was
    /// given by a name which the host knows. Root gets none.
    pub accounts: bool,
    /// Directory in which the command starts.
    pub cwd: WorkingDirectory,
    /// Program and arguments.
    pub command: CommandLine,
    /// Environment of the program.
    pub environment: Environment,
    /// Engine that runs the command.
    pub engine: EngineChoice,
    /// Whether the trap engine patches call sites.
    pub patching: Patching,
    /// Identity with which the command runs.
    pub identity: Identity,
    /// Whether that identity is emulated for an ordinary user.
    pub fake_root: FakeRoot,
    /// Treatment of hard links that the host refuses.
    pub hard_links: HardLinks,
    /// Resources that the command doesn't share with the host, beyond its root.
    pub isolation: Isolation,
    /// File mode creation mask, if not the caller's.
    pub umask: Option<u32>,
    /// Whether newroot kills the remaining processes of the command once the command itself has
    /// ended, and whether the command dies if newroot is killed.
    pub kill_on_exit: bool,
    /// Answers of uname(2) in the guest, if not the host's.
    pub uname: Uname,
    /// Amount of output. 0: errors and warnings. 1: also newroot's steps. 2 and more: also the
    /// shim's.
    pub verbosity: u8,
}

/// A host file or directory that is visible at a guest path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Binding {
    /// Host path, absolute or relative to the caller's working directory. Symlinks are followed.
    pub host: PathBuf,
    /// Guest path, from the guest's `/` if it is relative. `None` stands for the text of the host
    /// path, made absolute.
    pub guest: Option<PathBuf>,
    /// Whether the guest may write through it.
    pub access: Access,
    /// Treatment of a symlink at the guest path.
    pub guest_link: GuestLink,
    /// Treatment of a host path that doesn't exist.
    pub missing: Missing,
}

/// An empty directory made for one command. The kernel engines mount a tmpfs. The trap engine makes
/// a directory that belongs to the user; newroot then waits for the command, ends the processes
/// that it leaves behind, and removes the directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fresh {
    /// Guest path. A binding that the user named at the same path prevails.
    pub guest: PathBuf,
    /// Mode of the directory.
    pub mode: u32,
}

/// Rules by which bindings combine, and the meaning of symlinks in them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BindingRules {
    /// The rules of mounts: a later binding covers an earlier one below it, and the text of a
    /// symlink is left as it is.
    #[default]
    Mounts,
    /// PRoot's rules. A binding at a deeper guest path prevails over one above it, in whichever
    /// order they were given. In a root other than the host's own, an absolute symlink into the
    /// host directory of its own binding (or of the root) reads as the guest path of its target,
    /// and leads there.
    Proot,
}

/// Answers of uname(2) in the guest.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Uname {
    /// The host's answers.
    #[default]
    Hosts,
    /// The host's answers, with this kernel release.
    Release(OsString),
    /// These fields alone, none of which contains a backslash.
    Fields {
        /// Fields in the order of `struct utsname`: system, node, release, version, machine, domain
        /// name.
        names: [OsString; 6],
        /// AT_HWCAP of the auxiliary vector, if not the host's.
        capabilities: Option<u64>,
    },
}

/// Whether a guest may write through a binding.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Writes, as far as the host allows them.
    ReadWrite,
    /// No writes: every attempt fails with EROFS.
    ReadOnly,
}

/// Meaning of a binding onto a guest symlink.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GuestLink {
    /// The binding covers the target of the link.
    Follow,
    /// The binding covers the link itself (PRoot's trailing `!`).
    Keep,
}

/// Treatment of a binding whose host path doesn't exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Missing {
    /// An error: nothing runs.
    Fail,
    /// A warning; the launch continues without the binding.
    Warn,
    /// Silence, for bindings that the user didn't name.
    Ignore,
}

/// Directory in which the command starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WorkingDirectory {
    /// The caller's own directory if the guest has it, else `/` with a warning.
    Inherit,
    /// The caller's own directory if the guest has it, else `/` silently.
    InheritOrRoot,
    /// This guest path (a relative one from `/`); an error if it can't be entered.
    Guest(PathBuf),
    /// This guest path; if it can't be entered, `/` with a warning (PRoot's `-w`).
    GuestOrRoot(PathBuf),
    /// The caller's directory, left as it is (chroot's `--skip-chdir`). It is an error unless the
    /// root is the host's own: from any other root the directory would be a way out.
    Leave,
}

/// Program and arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CommandLine {
    /// `argv`. The first word is looked up in the guest's `PATH` unless it contains a slash.
    Given(Vec<OsString>),
    /// The guest's shell: the first of these guest paths that exists and is executable, with these
    /// arguments.
    FirstOf {
        /// Candidate programs, best first.
        programs: Vec<PathBuf>,
        /// Arguments after argv\[0\].
        arguments: Vec<OsString>,
    },
}

/// Environment of the program.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment {
    /// Whether the environment starts empty, not as a copy of the caller's.
    pub clear: bool,
    /// Whether `PATH` and `HOME` get values that suit the guest, before `set` is applied. `PATH`
    /// lists the usual directories that the guest has. `HOME` is the first of these that the guest
    /// has: the caller's own (unless another user was asked for), that of the passwd entry, `/`.
    pub guest_defaults: bool,
    /// `HOME` in place of the one that `guest_defaults` finds; a guest path.
    pub home: Option<PathBuf>,
    /// Changes in order: a value sets the variable, `None` removes it.
    pub set: Vec<(OsString, Option<OsString>)>,
}

/// Engine that runs the command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EngineChoice {
    /// The namespace engine for root, the trap engine for ordinary users.
    #[default]
    Auto,
    /// The in-process trap engine.
    Trap,
    /// A private mount namespace, and for an ordinary user a user namespace around it.
    Namespace,
    /// chroot(2), for root alone.
    Chroot,
    /// The nearest equivalent of chroot(1). Root gets the chroot engine. An ordinary user gets the
    /// namespace engine where the host grants it. The trap engine serves where the host doesn't, or
    /// where another identity is asked for.
    LikeChroot,
}

/// Whether a guest process changes its own code in memory, so that its calls need no signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patching {
    /// No: every call traps.
    Never,
    /// Yes, after N trapped calls (at least one): patching doesn't pay for a process that makes few
    /// calls.
    After(NonZeroU32),
}

impl Default for Patching {
    /// Patches after 32 traps. Reading the memory map costs as much as ten traps, and a program
    /// that starts and ends makes thirty.
    fn default() -> Self {
        const TRAPS: NonZeroU32 = NonZeroU32::new(32).unwrap();
        Self::After(TRAPS)
    }
}

/// Whether newroot emulates users, groups and the owners of files for an ordinary user. Root needs
/// no emulation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FakeRoot {
    /// No: the command runs as the caller only.
    #[default]
    Off,
    /// Yes. A file without a record belongs to root if it lies in the root, and to the process that
    /// looks if it lies in a binding.
    On,
    /// The same as `On`, but an engine without fake root refuses the launch: a mere number for an
    /// ordinary user isn't enough.
    Required,
    /// Yes. A file without a record belongs to the identity that was asked for (PRoot's `-i`).
    OwnFiles,
}

/// Treatment of a hard link that the host refuses. Some systems, Android first of all, grant hard
/// links to nobody.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HardLinks {
    /// The call fails. A root that has hard links of newroot's own keeps them, and new ones are
    /// made there, too.
    #[default]
    OfTheHost,
    /// newroot makes its own (PRoot's `--link2symlink`), for which it keeps the file in the root's
    /// store.
    Emulated,
}

/// A condition worth a line on stderr that doesn't keep the command from running.
#[derive(Debug)]
pub enum Warning {
    /// A binding left out because its host path doesn't exist.
    BindingSkipped {
        /// Host path as given.
        host: PathBuf,
        /// Reason why it could not be bound.
        cause: std::io::Error,
    },
    /// A binding left out because the root has something unfit at the guest path.
    PlaceUnfit {
        /// Host path as given.
        host: PathBuf,
        /// Reason why nothing can be bound there, in words.
        why: String,
    },
    /// Recommended files left out: the root has no mount points for them, and a view of their
    /// directory would be read-only.
    PlacesMissing {
        /// Guest paths of the files.
        guests: Vec<PathBuf>,
    },
    /// The extent to which the kernel confines the command: a note rather than a warning.
    Confined {
        /// Landlock's version.
        version: i32,
        /// Operations that it checks, in words.
        enforced: Vec<&'static str>,
        /// Operations that only a newer version would check; empty if all are enforced.
        missing: Vec<&'static str>,
    },
    /// A root that can't be written to, for a command that runs as fake root in it: a note rather
    /// than a warning.
    RootNotWritable {
        /// Root as given.
        rootfs: PathBuf,
        /// Reason why it can't be written to.
        cause: std::io::Error,
        /// Store in which owners and modes are recorded.
        store: PathBuf,
    },
    /// A dot between user and group.
    ObsoleteDot,
    /// Hard links that the host refuses stay refused, because the root can't be written to.
    NoHardLinks {
        /// Path that could not be made.
        path: PathBuf,
        /// Reason.
        cause: std::io::Error,
    },
    /// A working directory that doesn't exist in the guest.
    WorkingDirectory {
        /// Guest path that was asked for.
        wanted: PathBuf,
        /// Reason why it could not be entered.
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
            Self::Confined { version, enforced, missing } => {
                let list = enforced.join("; ");
                write!(f, "confined to the root and the bindings by Landlock {version}: {list}")?;
                if missing.is_empty() { Ok(()) } else { write!(f, "; not enforced: {}", missing.join("; ")) }
            }
            Self::RootNotWritable { rootfs, cause, store } => write!(
                f,
                "the root '{}' can't be written to ({}): what you can't change in it, the command can't either; \
                 owners and modes are remembered in '{}' and don't move with the root",
                rootfs.display(),
                reason(cause),
                store.display()
            ),
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

/// Returns the kernel's words for an I/O error, without Rust's "(os error N)" and without Rust's
/// own words for the kinds of errors that it knows.
#[must_use]
pub fn reason(error: &std::io::Error) -> String {
    newroot_records::reason(error)
}
