//! What the tests of this crate share: directories to build roots in, and ways into them.

// Each test program uses its own part of this.
#![allow(dead_code)]

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use newroot_roots::{Error, Options, Summary};
use tempfile::TempDir;

/// A scratch directory that anybody may enter, with a place for a root in it.
pub(crate) struct Scratch {
    directory: TempDir,
}

impl Scratch {
    /// An empty one.
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().expect("a scratch directory");
        fs::set_permissions(directory.path(), Permissions::from_mode(0o755)).expect("chmod");
        Self { directory }
    }

    /// A path in it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Where the root goes.
    pub(crate) fn root(&self) -> PathBuf {
        self.path("root")
    }

    /// A script at `name`.
    pub(crate) fn script(&self, name: impl AsRef<Path>, text: &str) -> PathBuf {
        let path = self.directory.path().join(name);
        fs::create_dir_all(path.parent().expect("a directory")).expect("mkdir");
        fs::write(&path, text).expect("a script");
        fs::set_permissions(&path, Permissions::from_mode(0o755)).expect("chmod");
        path
    }

    /// Compiles the C program `source` to `output`, both below the scratch directory.
    pub(crate) fn compile(&self, compiler: &str, source: &str, output: &str, arguments: &[&str]) -> PathBuf {
        let output = self.path(output);
        fs::create_dir_all(output.parent().expect("a directory")).expect("mkdir");
        let file = output.with_extension("c");
        fs::write(&file, source).expect("a source");
        let status = Command::new(compiler)
            .arg("-o")
            .arg(&output)
            .arg(&file)
            .args(arguments)
            .current_dir(self.directory.path())
            .status()
            .unwrap_or_else(|error| panic!("{compiler}: {error}"));
        assert!(status.success(), "{compiler} {}", file.display());
        output
    }

    /// [`newroot_roots::init`] of the root, silently.
    pub(crate) fn init<P: AsRef<OsStr>>(&self, programs: &[P]) -> Result<Summary, Error> {
        newroot_roots::init(&self.root(), &names(programs), &Options::default(), &mut ())
    }

    /// [`newroot_roots::add`] to the root, silently.
    pub(crate) fn add<P: AsRef<OsStr>>(&self, programs: &[P]) -> Result<Summary, Error> {
        newroot_roots::add(&self.root(), &names(programs), &Options::default(), &mut ())
    }

    /// What `command` prints in the root, which must end well.
    pub(crate) fn run<A: AsRef<OsStr>>(&self, command: &[A]) -> String {
        run_in(&self.root(), command)
    }

    /// Every path in the root, with what it is.
    pub(crate) fn listing(&self) -> Vec<String> {
        listing(&self.root())
    }
}

fn names<P: AsRef<OsStr>>(programs: &[P]) -> Vec<OsString> {
    programs.iter().map(|name| name.as_ref().to_owned()).collect()
}

/// What `command` prints with `root` as `/`, which must end well.
pub(crate) fn run_in<A: AsRef<OsStr>>(root: &Path, command: &[A]) -> String {
    let output = entering(root).args(command).output().expect("chroot runs");
    let shown: Vec<_> = command.iter().map(AsRef::as_ref).collect();
    assert!(
        output.status.success(),
        "{shown:?}: {}: {}",
        output.status,
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).expect("text")
}

/// chroot(1) into `root`, which gets the host's `/proc` (the loader reads `$ORIGIN` there)
/// and `/dev`: in a mount namespace, and in a user namespace if it takes one.
pub(crate) fn entering(root: &Path) -> Command {
    let mut command = Command::new("unshare");
    if !rustix::process::geteuid().is_root() {
        command.arg("--map-root-user");
    }
    command
        .args(["--mount", "--propagation", "private", "sh", "-c"])
        .arg("for i in proc dev; do mount --rbind /$i \"$0/$i\" || exit; done; exec chroot \"$0\" \"$@\"")
        .arg(root)
        .env("LC_ALL", "C")
        .env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin");
    command
}

/// Every path below `top`, sorted, with mode, link text or size, and time.
pub(crate) fn listing(top: &Path) -> Vec<String> {
    let output =
        Command::new("find").arg(top).args(["-printf", "%P %M %s %l %T@\\n"]).output().expect("find runs");
    let mut lines: Vec<_> = String::from_utf8_lossy(&output.stdout)
        .lines()
        // A directory's own size and time tell that something came and went.
        .map(|line| match line.split_once(" d") {
            Some((path, _)) => path.to_owned() + "/",
            None => line.to_owned(),
        })
        .collect();
    lines.sort();
    lines
}

/// Set in the environment of a test that another one started.
const INNER: &str = "NEWROOT_ROOTS_INNER";

/// Whether this process was started by [`again`], and with what.
pub(crate) fn inner() -> Option<OsString> {
    env::var_os(INNER)
}

/// A command that runs only the test `name` of this program once more, where [`inner`]
/// then answers `argument`. `program` is this program, or a copy of it.
pub(crate) fn again(mut command: Command, program: &Path, name: &str, argument: &OsStr) -> Command {
    command.arg(program).args([name, "--exact", "--nocapture", "--test-threads=1"]).env(INNER, argument);
    command
}

/// Runs the test `name` once more as an ordinary user, in a directory that is theirs.
pub(crate) fn as_ordinary_user(name: &str) {
    let scratch = Scratch::new();
    let home = scratch.path("home");
    fs::create_dir(&home).expect("mkdir");
    let copy = scratch.path("test");
    fs::copy(env::current_exe().expect("this program"), &copy).expect("a copy");
    let mut setpriv = Command::new("setpriv");
    if rustix::process::geteuid().is_root() {
        std::os::unix::fs::chown(&home, Some(ORDINARY), Some(ORDINARY)).expect("chown");
        let user = ORDINARY.to_string();
        setpriv.args(["--reuid", &user, "--regid", &user, "--clear-groups"]);
    }
    setpriv.args(["--no-new-privs", "--"]);
    let output = again(setpriv, &copy, name, home.as_os_str())
        .env("TMPDIR", &home)
        .env("HOME", &home)
        .env("PATH", "/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin")
        .env_remove("XDG_DATA_HOME")
        .output()
        .expect("setpriv runs");
    expect_one_passed(&output);
}

/// The number of a user that no host has.
pub(crate) const ORDINARY: u32 = 21_734;

/// Checks that a test that was run [`again`] did run, and passed.
pub(crate) fn expect_one_passed(output: &Output) {
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && stdout.contains("1 passed"),
        "{stdout}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
