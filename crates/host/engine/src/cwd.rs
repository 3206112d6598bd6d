//! The directory in which the command starts.

use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use newroot_paths::{GuestBuf, Last};

use crate::error::{Error, Result};
use crate::guest::{Guest, Resolved, Source, shown};
use crate::spec::{Warning, WorkingDirectory};

/// Finds the starting directory before the guest is entered.
pub(crate) fn resolve(
    guest: &Guest,
    wanted: &WorkingDirectory,
    warn: &mut dyn FnMut(Warning),
) -> Result<Resolved> {
    let outcome = match wanted {
        WorkingDirectory::Inherit | WorkingDirectory::InheritOrRoot | WorkingDirectory::Leave => {
            inherited(guest)
        }
        WorkingDirectory::Guest(path) | WorkingDirectory::GuestOrRoot(path) => {
            enter(guest, path.as_os_str().as_bytes()).map_err(|cause| (path.clone(), cause))
        }
    };
    match outcome {
        Ok(found) => Ok(found),
        Err((path, cause)) => match wanted {
            WorkingDirectory::Guest(_) | WorkingDirectory::Leave => {
                Err(Error::WorkingDirectory { path, cause })
            }
            WorkingDirectory::InheritOrRoot => root(guest),
            WorkingDirectory::Inherit | WorkingDirectory::GuestOrRoot(_) => {
                warn(Warning::WorkingDirectory { wanted: path, cause });
                root(guest)
            }
        },
    }
}

fn root(guest: &Guest) -> Result<Resolved> {
    enter(guest, b"/").map_err(|cause| Error::WorkingDirectory { path: PathBuf::from("/"), cause })
}

/// Finds the caller's directory: at the same path if the guest has it there, else at the path where
/// the guest sees it.
fn inherited(guest: &Guest) -> std::result::Result<Resolved, (PathBuf, io::Error)> {
    let here = std::env::current_dir().map_err(|cause| (PathBuf::from("."), cause))?;
    let bytes = here.as_os_str().as_bytes();
    match enter(guest, bytes) {
        Ok(found) => Ok(found),
        Err(cause) => {
            let mut seen = GuestBuf::new();
            let visible = guest.with_table(|table| table.detranslate(bytes, None, &mut seen)).is_some();
            if !visible {
                return Err((here, cause));
            }
            enter(guest, shown(seen.bytes()).as_os_str().as_bytes()).map_err(|cause| (here, cause))
        }
    }
}

/// Resolves a fresh directory, which will be mounted and doesn't exist yet.
fn fresh_directory(guest: &Guest, path: &[u8]) -> Option<Resolved> {
    let at = guest.resolve_missing(path, Last::Follow).ok()?;
    let mount = guest.mounts().iter().position(|mount| mount.guest == at)?;
    let found = &guest.mounts()[mount];
    matches!(found.source, Source::Fresh(_)).then(|| Resolved { guest: at, host: shown(&found.host), mount })
}

/// Resolves a directory, and checks that it can be entered.
fn enter(guest: &Guest, path: &[u8]) -> io::Result<Resolved> {
    if let Some(fresh) = fresh_directory(guest, path) {
        return Ok(fresh);
    }
    let found = guest.resolve(path, Last::Follow)?;
    if !std::fs::metadata(&found.host)?.is_dir() {
        return Err(io::Error::from_raw_os_error(libc::ENOTDIR));
    }
    rustix::fs::access(&found.host, rustix::fs::Access::EXEC_OK)?;
    Ok(found)
}
