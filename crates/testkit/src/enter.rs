//! Environments made by the real kernel: the user of a command, its mounts, and the system calls
//! that it lacks. The program `helpers/enter.c` makes them.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::{getegid, geteuid};

/// The user of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct User {
    /// User number.
    pub uid: u32,
    /// Group number.
    pub gid: u32,
}

impl User {
    /// Returns a user without privilege: the caller, or, if root runs the tests, a user number that
    /// nobody else has.
    #[must_use]
    pub fn ordinary() -> Self {
        if Self::we_are_root() {
            Self { uid: 54321, gid: 54321 }
        } else {
            Self { uid: geteuid().as_raw(), gid: getegid().as_raw() }
        }
    }

    /// Root.
    pub const ROOT: Self = Self { uid: 0, gid: 0 };

    /// Returns whether root runs the tests.
    #[must_use]
    pub fn we_are_root() -> bool {
        geteuid().is_root()
    }
}

/// Steps that `enter` takes before it runs the command.
#[derive(Clone, Debug)]
pub struct Enter {
    helper: PathBuf,
    steps: Vec<OsString>,
}

impl Enter {
    pub(crate) fn new(helper: PathBuf) -> Self {
        Self { helper, steps: Vec::new() }
    }

    fn step<const N: usize>(mut self, words: [&OsStr; N]) -> Self {
        self.steps.extend(words.map(OsStr::to_owned));
        self
    }

    /// Makes a private mount namespace. Comes before every mount.
    #[must_use]
    pub fn mounts(self) -> Self {
        self.step([OsStr::new("--mounts")])
    }

    /// Makes a real bind mount.
    #[must_use]
    pub fn bind(self, host: &Path, place: &Path) -> Self {
        self.step([OsStr::new("--bind"), host.as_os_str(), place.as_os_str()])
    }

    /// Makes a real bind mount that is read-only.
    #[must_use]
    pub fn bind_read_only(self, host: &Path, place: &Path) -> Self {
        self.step([OsStr::new("--bind-ro"), host.as_os_str(), place.as_os_str()])
    }

    /// Makes a real bind mount from which nothing can be executed.
    #[must_use]
    pub fn bind_noexec(self, host: &Path, place: &Path) -> Self {
        self.step([OsStr::new("--bind-noexec"), host.as_os_str(), place.as_os_str()])
    }

    /// Makes a real bind mount in which no symlink is followed (Linux 5.10).
    #[must_use]
    pub fn bind_nosymfollow(self, host: &Path, place: &Path) -> Self {
        self.step([OsStr::new("--bind-nosymfollow"), host.as_os_str(), place.as_os_str()])
    }

    /// Mounts an empty tmpfs with these options.
    #[must_use]
    pub fn tmpfs(self, options: &str, place: &Path) -> Self {
        self.step([OsStr::new("--tmpfs"), OsStr::new(options), place.as_os_str()])
    }

    /// Calls the real chroot(2).
    #[must_use]
    pub fn root(self, root: &Path) -> Self {
        self.step([OsStr::new("--root"), root.as_os_str()])
    }

    /// Sets the working directory.
    #[must_use]
    pub fn cwd(self, cwd: &Path) -> Self {
        self.step([OsStr::new("--cwd"), cwd.as_os_str()])
    }

    /// Switches from root to `user`, without supplementary groups.
    #[must_use]
    pub fn user(self, user: User) -> Self {
        self.user_in_groups(user, &[])
    }

    /// Switches from root to `user`, with these supplementary groups.
    #[must_use]
    pub fn user_in_groups(self, user: User, groups: &[u32]) -> Self {
        if user == User::ROOT {
            return self;
        }
        let groups = match groups {
            [] => "-".to_owned(),
            some => some.iter().map(u32::to_string).collect::<Vec<_>>().join(","),
        };
        let [uid, gid] = [user.uid, user.gid].map(|id| id.to_string());
        self.step(["--user", &uid, &gid, &groups].map(OsStr::new))
    }

    /// Stays root, without supplementary groups.
    #[must_use]
    pub fn root_alone(self) -> Self {
        self.step(["--user", "0", "0", "-"].map(OsStr::new))
    }

    /// Sets a soft and hard rlimit: `as`, `nofile`, `nproc`, `stack` or `fsize`.
    #[must_use]
    pub fn limit(self, name: &str, value: u64) -> Self {
        self.step(["--limit", name, &value.to_string()].map(OsStr::new))
    }

    /// Makes one system call fail for the command and all its descendants, for instance
    /// `openat2=ENOSYS`. The names are those of `features` in `helpers/enter.c`.
    #[must_use]
    pub fn deny(self, rule: &str) -> Self {
        self.step([OsStr::new("--deny"), OsStr::new(rule)])
    }

    /// Makes several system calls fail.
    #[must_use]
    pub fn deny_all(self, rules: &[&str]) -> Self {
        rules.iter().fold(self, |world, rule| world.deny(rule))
    }

    /// Denies user namespaces, as a container with Docker's default profile does.
    #[must_use]
    pub fn without_user_namespaces(self) -> Self {
        self.deny("user_clone=EPERM").deny("user_unshare=EPERM").deny("clone3=ENOSYS").deny("setns=EPERM")
    }

    /// Denies every way to look into another process.
    #[must_use]
    pub fn without_ptrace(self) -> Self {
        self.deny("ptrace=EPERM").deny("process_vm_readv=EPERM").deny("process_vm_writev=EPERM")
    }

    /// Denies memory that is both writable and executable, as a strict security policy does.
    #[must_use]
    pub fn without_writable_code(self) -> Self {
        self.deny("mmap_writable_code=EACCES").deny("mprotect_writable_code=EACCES")
    }

    /// Denies hard links, as Android does.
    #[must_use]
    pub fn without_hard_links(self) -> Self {
        self.deny_all(&WITHOUT_HARD_LINKS)
    }

    /// Denies seccomp filters, as a kernel built without them does.
    #[must_use]
    pub fn without_seccomp(self) -> Self {
        self.deny("seccomp=ENOSYS").deny("prctl_set_seccomp=EINVAL")
    }

    /// Returns the command that takes the steps, then runs `program` with a clean environment.
    #[must_use]
    pub fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(&self.helper);
        command.args(&self.steps).arg("--").arg(program);
        command.env_clear().envs(ENVIRONMENT);
        command
    }
}

/// The rules of [`Enter::without_hard_links`].
pub(crate) const WITHOUT_HARD_LINKS: [&str; 2] = ["link=EPERM", "linkat=EPERM"];

/// Environment of every command of a test. Tests add to it.
pub(crate) const ENVIRONMENT: [(&str, &str); 4] =
    [("PATH", "/bin:/usr/bin"), ("HOME", "/"), ("LC_ALL", "C"), ("TERM", "dumb")];
