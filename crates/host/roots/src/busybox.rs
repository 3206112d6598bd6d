//! busybox: one program that acts as hundreds, by the name that it is called by.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::error::{Error, Result};

/// The program's name.
pub(crate) const NAME: &str = "busybox";

/// Returns the guest paths of the applets of the busybox at the host path `program`.
pub(crate) fn applets(program: &Path) -> Result<Vec<PathBuf>> {
    // `--list-full` has each applet's directory. A build without the installer only lists names.
    let mut listed = list(program, "--list-full")?;
    if listed.is_empty() {
        listed = list(program, "--list")?;
    }
    Ok(listed
        .into_iter()
        .filter(|applet| applet != NAME && !applet.as_bytes().ends_with(b"/busybox"))
        .map(|applet| {
            let directory = if applet.as_bytes().contains(&b'/') { "/" } else { "/bin" };
            Path::new(directory).join(applet)
        })
        .collect())
}

fn list(program: &Path, option: &str) -> Result<Vec<OsString>> {
    let output = Command::new(program)
        .arg(option)
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .map_err(|cause| Error::io("run", program, cause))?;
    if !output.status.success() {
        return Ok(Vec::new());
    }
    Ok(output
        .stdout
        .split(|&byte| byte == b'\n')
        .filter(|line| !line.is_empty())
        .map(|line| OsString::from_vec(line.to_vec()))
        .collect())
}

/// Returns whether a symlink with this text makes an applet.
pub(crate) fn is_applet_link(text: &OsStr) -> bool {
    Path::new(text).file_name() == Some(OsStr::new(NAME))
}
