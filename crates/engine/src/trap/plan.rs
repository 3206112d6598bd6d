//! Writing the plan; `newroot_abi::plan` says how it reads.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use newroot_abi::plan::{self, Flags, Header, MAGIC, NO_DESCRIPTOR};

use crate::command::Command;
use crate::guest::{Guest, shown};

/// What the plan says beside mounts and program.
pub(super) struct Facts<'a> {
    pub(super) flags: Flags,
    pub(super) mask: u64,
    pub(super) patch_after: u32,
    pub(super) cwd_mount: usize,
    pub(super) shim_path: Option<&'a Path>,
    pub(super) release: Option<&'a OsStr>,
    pub(super) session_file: Option<&'a Path>,
    pub(super) links: Option<&'a Path>,
}

/// The plan's strings.
pub(super) fn encode(guest: &Guest, command: &Command, facts: &Facts<'_>) -> Vec<OsString> {
    let count = plan::strings(guest.mounts().len());
    let header = Header {
        strings: u32::try_from(count).unwrap_or(u32::MAX),
        flags: facts.flags,
        mask: facts.mask,
        cwd_mount: u32::try_from(facts.cwd_mount).unwrap_or(0),
        descriptor: NO_DESCRIPTOR,
        patch_after: facts.patch_after,
    };
    let own = |bytes: &[u8]| OsString::from_vec(bytes.to_vec());
    let path = |path: Option<&Path>| own(path.map_or(b"", |path| path.as_os_str().as_bytes()));
    let mut strings = vec![
        own(MAGIC),
        own(&command.exe),
        path(facts.shim_path),
        own(facts.release.map_or(b"", OsStr::as_bytes)),
        own(&command.name),
        path(facts.session_file),
        path(facts.links),
        // Where the interpreter is, the shim finds out.
        OsString::new(),
        own(&links_in_root(&shown(guest.root()))),
    ];
    for mount in guest.mounts() {
        let mut text = mount.borrow().encode_prefix().to_vec();
        text.extend_from_slice(&mount.guest);
        text.extend_from_slice(&mount.host);
        strings.push(OsString::from_vec(text));
    }
    strings.resize(count - 1, OsString::new());
    strings.push(own(&header.encode()));
    strings
}

/// Hints about the links in the root directory; none, if it can't be read.
fn links_in_root(root: &Path) -> Vec<u8> {
    let mut hints = Vec::new();
    for entry in std::fs::read_dir(root).into_iter().flatten().flatten() {
        if !entry.file_type().is_ok_and(|kind| kind.is_symlink()) {
            continue;
        }
        let Ok(text) = std::fs::read_link(entry.path()) else { continue };
        let (name, text) = (entry.file_name().into_vec(), text.into_os_string().into_vec());
        if let Some(prefix) = plan::hint_prefix(&name, &text) {
            hints.extend([&prefix[..], &name, &text].concat());
        }
    }
    hints
}
