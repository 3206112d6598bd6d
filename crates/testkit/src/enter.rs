//! Worlds made by the real kernel: who runs the command, in which mounts, without which
//! system calls. The work is done by `helpers/enter.c`, which a test machine compiles once.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::{getegid, geteuid};

/// Who runs a guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct User {
    /// User number.
    pub uid: u32,
    /// Group number.
    pub gid: u32,
}

impl User {
    /// Somebody without any privilege: ourselves, or, when root runs the tests, a user that
    /// nobody else is.
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

    /// Whether root runs the tests.
    #[must_use]
    pub fn we_are_root() -> bool {
        geteuid().is_root()
    }
}

/// The steps `enter` takes before it runs the command.
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

    /// A private mount namespace; comes before every mount.
    #[must_use]
    pub fn mounts(self) -> Self {
        self.step([OsStr::new("--mounts")])
    }

    /// A real bind mount.
    #[must_use]
    pub fn bind(self, host: &Path, place: &Path) -> Self {
        self.step([OsStr::new("--bind"), host.as_os_str(), place.as_os_str()])
    }

    /// A real bind mount that nothing can be written through.
    #[must_use]
    pub fn bind_read_only(self, host: &Path, place: &Path) -> Self {
        self.step([OsStr::new("--bind-ro"), host.as_os_str(), place.as_os_str()])
    }

    /// A real bind mount that nothing can be executed from.
    #[must_use]
    pub fn bind_noexec(self, host: &Path, place: &Path) -> Self {
        self.step([OsStr::new("--bind-noexec"), host.as_os_str(), place.as_os_str()])
    }

    /// A real bind mount in which no link is followed (Linux 5.10).
    #[must_use]
    pub fn bind_nosymfollow(self, host: &Path, place: &Path) -> Self {
        self.step([OsStr::new("--bind-nosymfollow"), host.as_os_str(), place.as_os_str()])
    }

    /// An empty tmpfs with these mount options.
    #[must_use]
    pub fn tmpfs(self, options: &str, place: &Path) -> Self {
        self.step([OsStr::new("--tmpfs"), OsStr::new(options), place.as_os_str()])
    }

    /// A real chroot(2).
    #[must_use]
    pub fn root(self, root: &Path) -> Self {
        self.step([OsStr::new("--root"), root.as_os_str()])
    }

    /// The working directory.
    #[must_use]
    pub fn cwd(self, cwd: &Path) -> Self {
        self.step([OsStr::new("--cwd"), cwd.as_os_str()])
    }

    /// Gives up root for `user`, who is in no other group.
    #[must_use]
    pub fn user(self, user: User) -> Self {
        self.user_in_groups(user, &[])
    }

    /// Gives up root for `user`, who is also in these groups.
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

    /// Root stays root, but in no other group.
    #[must_use]
    pub fn root_alone(self) -> Self {
        self.step(["--user", "0", "0", "-"].map(OsStr::new))
    }

    /// An rlimit, soft and hard: `as`, `nofile`, `nproc`, `stack` or `fsize`.
    #[must_use]
    pub fn limit(self, name: &str, value: u64) -> Self {
        self.step(["--limit", name, &value.to_string()].map(OsStr::new))
    }

    /// Makes one system call fail for the command and all its descendants, such as
    /// `openat2=ENOSYS`. The names are those of `features` in `helpers/enter.c`.
    #[must_use]
    pub fn deny(self, rule: &str) -> Self {
        self.step([OsStr::new("--deny"), OsStr::new(rule)])
    }

    /// The same for several.
    #[must_use]
    pub fn deny_all(self, rules: &[&str]) -> Self {
        rules.iter().fold(self, |world, rule| world.deny(rule))
    }

    /// No user namespace can be made, as inside a container with Docker's default profile.
    #[must_use]
    pub fn without_user_namespaces(self) -> Self {
        self.deny("user_clone=EPERM").deny("user_unshare=EPERM").deny("clone3=ENOSYS").deny("setns=EPERM")
    }

    /// No process can look into another.
    #[must_use]
    pub fn without_ptrace(self) -> Self {
        self.deny("ptrace=EPERM").deny("process_vm_readv=EPERM").deny("process_vm_writev=EPERM")
    }

    /// No memory can be written and executed at a time, as under a strict security policy.
    #[must_use]
    pub fn without_writable_code(self) -> Self {
        self.deny("mmap_writable_code=EACCES").deny("mprotect_writable_code=EACCES")
    }

    /// A host that grants nobody a hard link, as Android.
    #[must_use]
    pub fn without_hard_links(self) -> Self {
        self.deny_all(&WITHOUT_HARD_LINKS)
    }

    /// A kernel built without seccomp filters.
    #[must_use]
    pub fn without_seccomp(self) -> Self {
        self.deny("seccomp=ENOSYS").deny("prctl_set_seccomp=EINVAL")
    }

    /// The command that takes the steps, then runs `program`, with a clean environment.
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

/// What the environment of every command of a test holds, unless the test adds to it.
pub(crate) const ENVIRONMENT: [(&str, &str); 4] =
    [("PATH", "/bin:/usr/bin"), ("HOME", "/"), ("LC_ALL", "C"), ("TERM", "dumb")];
