//! A private file system for temporary files.

use std::ffi::OsString;
use std::process::{Command, ExitStatus};

/// Set in the environment of the second start.
const INSIDE: &str = "NEWROOT_ORACLE_INSIDE";

/// Starts this program again with `arguments`, in a private mount namespace with a tmpfs of its own
/// for temporary files. Returns `None` in that second start. A tmpfs is fast, and never gives a new
/// file the inode number of a removed one, so that the number identifies a file.
///
/// # Panics
/// If it can't be started. Only root can mount.
#[must_use]
pub fn again_on_a_tmpfs(arguments: &[OsString]) -> Option<ExitStatus> {
    if std::env::var_os(INSIDE).is_some() {
        return None;
    }
    let place = tempfile::Builder::new().prefix("newroot-oracle-").tempdir().expect("a mount point");
    let mut command = Command::new("unshare");
    command.args(["--mount", "--propagation", "private", "--", "sh", "-c"]);
    command.arg("mount -t tmpfs -o mode=755 newroot-oracle \"$0\" && TMPDIR=\"$0\" exec \"$@\"");
    command.arg(place.path()).arg(std::env::current_exe().expect("our own name")).args(arguments);
    Some(command.env(INSIDE, "1").status().expect("unshare"))
}
