//! Files of a root besides programs.
//!
//! There are few: the directories that engines bind host directories on, writable directories, and
//! the files of `/etc` without which `id`, `whoami` or `ping localhost` misbehave. Existing files
//! are left alone.

use std::path::Path;

use crate::error::{Error, Result};
use crate::guest::{Existing, Transaction, ensure, place};
use crate::identity::Caller;
use crate::probe;

/// Directories and their modes.
const DIRECTORIES: &[(&str, u32)] = &[
    ("/dev", 0o755),
    ("/etc", 0o755),
    ("/home", 0o755),
    ("/proc", 0o755),
    ("/root", 0o700),
    ("/run", 0o755),
    ("/sys", 0o755),
    ("/tmp", 0o1777),
    ("/var", 0o755),
    ("/var/tmp", 0o1777),
];

const HOSTS: &[u8] = b"127.0.0.1 localhost\n::1 localhost\n";

/// Without the file, glibc's defaults depend on how it was built.
const NSSWITCH: &[u8] = b"passwd: files\ngroup: files\nshadow: files\nhosts: files dns\n";

/// Makes the missing files and directories.
pub(crate) fn make(transaction: &mut Transaction) -> Result<()> {
    top_level_links(transaction)?;
    for (path, mode) in DIRECTORIES {
        ensure::directory(transaction, Path::new(path), *mode)?;
    }
    let caller = Caller::current();
    if let Some(home) = caller.home() {
        ensure::directory(transaction, home, 0o700)?;
    }
    for (path, content) in [
        ("/etc/passwd", caller.passwd().as_slice()),
        ("/etc/group", caller.group().as_slice()),
        ("/etc/hosts", HOSTS),
        ("/etc/nsswitch.conf", NSSWITCH),
        // A mount point for the host's file.
        ("/etc/resolv.conf", b""),
    ] {
        ensure::file(transaction, Path::new(path), content)?;
    }
    Ok(())
}

/// Makes the host's `/bin -> usr/bin` and the like, if it has them: programs name their
/// interpreters by either path.
fn top_level_links(transaction: &mut Transaction) -> Result<()> {
    let top = std::fs::read_dir("/").map_err(|cause| Error::io("read", "/", cause))?;
    let mut links: Vec<_> = top
        .filter_map(|entry| probe::found(Path::new("/"), entry))
        .map(|entry| entry.path())
        .filter(|path| {
            let text = probe::found(path, std::fs::read_link(path));
            text.is_some_and(|text| text.starts_with("usr")) && probe::is_directory(path)
        })
        .collect();
    links.sort();
    for link in links {
        place(transaction, &link, Existing::Keep)?;
    }
    Ok(())
}
