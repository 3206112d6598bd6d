//! Directories to build roots in, and ways to run commands in them.

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

/// A scratch directory that every user can enter, with a path for a root in it.
pub(crate) struct Scratch {
    directory: TempDir,
}

impl Scratch {
    /// Makes an empty scratch directory.
    pub(crate) fn new() -> Self {
        let directory = tempfile::tempdir().expect("a scratch directory");
        fs::set_permissions(directory.path(), Permissions::from_mode(0o755)).expect("chmod");
        Self { directory }
    }

    /// Returns a path in it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Returns the path of the root.
    pub(crate) fn root(&self) -> PathBuf {
        self.path("root")
    }

    /// Makes a script at `name`.
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

    /// Calls [`newroot_roots::init`] for the root, without an observer.
    pub(crate) fn init<P: AsRef<OsStr>>(&self, programs: &[P]) -> Result<Summary, Error> {
        newroot_roots::init(&self.root(), &names(programs), &Options::default(), &mut ())
    }

    /// Calls [`newroot_roots::add`] for the root, without an observer.
    pub(crate) fn add<P: AsRef<OsStr>>(&self, programs: &[P]) -> Result<Summary, Error> {
        newroot_roots::add(&self.root(), &names(programs), &Options::default(), &mut ())
    }

    /// Runs `command` in the root, and returns its output. The command must succeed.
    pub(crate) fn run<A: AsRef<OsStr>>(&self, command: &[A]) -> String {
        run_in(&self.root(), command)
    }

    /// Lists every path in the root, with its type.
    pub(crate) fn listing(&self) -> Vec<String> {
        listing(&self.root())
    }
}

fn names<P: AsRef<OsStr>>(programs: &[P]) -> Vec<OsString> {
    programs.iter().map(|name| name.as_ref().to_owned()).collect()
}

/// Runs `command` with `root` as `/`, and returns its output. The command must succeed.
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

/// Returns a command that calls chroot(1) for `root`, with the host's `/proc` (the loader reads
/// `$ORIGIN` there) and `/dev` in it. It makes a mount namespace, and a user namespace if it needs
/// one.
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

/// Lists every path below `top`, sorted, with mode, link text or size, and time.
pub(crate) fn listing(top: &Path) -> Vec<String> {
    let output =
        Command::new("find").arg(top).args(["-printf", "%P %M %s %l %T@\\n"]).output().expect("find runs");
    let mut lines: Vec<_> = String::from_utf8_lossy(&output.stdout)
        .lines()
        // Leaves out the size and time of directories, which change when a file is made and
        // removed.
        .map(|line| match line.split_once(" d") {
            Some((path, _)) => path.to_owned() + "/",
            None => line.to_owned(),
        })
        .collect();
    lines.sort();
    lines
}

/// Set in the environment of a test that another test started.
const INNER: &str = "NEWROOT_ROOTS_INNER";

/// Returns the argument of [`again`], if it started this process.
pub(crate) fn inner() -> Option<OsString> {
    env::var_os(INNER)
}

/// Returns a command that runs only the test `name` of this program again, where [`inner`] returns
/// `argument`. `program` is this program, or a copy of it.
pub(crate) fn again(mut command: Command, program: &Path, name: &str, argument: &OsStr) -> Command {
    command.arg(program).args([name, "--exact", "--nocapture", "--test-threads=1"]).env(INNER, argument);
    command
}

/// Runs the test `name` again as an ordinary user, in a directory of that user.
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

/// A user number that no host uses.
pub(crate) const ORDINARY: u32 = 21_734;

/// Checks that a test that was run [`again`] ran, and passed.
pub(crate) fn expect_one_passed(output: &Output) {
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && stdout.contains("1 passed"),
        "{stdout}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
