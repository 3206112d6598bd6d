//! Writing the plan; `newroot_abi::plan` says how it reads.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use newroot_abi::plan::{self, Flags, Header, MAGIC, NO_DESCRIPTOR};

use crate::command::Command;
use crate::guest::Guest;
use crate::spec::Uname;

/// What the plan says beside mounts and program.
pub(super) struct Facts<'a> {
    pub(super) flags: Flags,
    pub(super) mask: u64,
    pub(super) patch_after: u32,
    pub(super) cwd_mount: usize,
    pub(super) shim_path: Option<&'a Path>,
    pub(super) uname: &'a Uname,
    pub(super) session_file: Option<&'a Path>,
    pub(super) links: Option<&'a Path>,
    pub(super) links_in_root: &'a [u8],
}

/// What uname(2) is to say, as the plan has it.
fn uname(wanted: &Uname) -> OsString {
    match wanted {
        Uname::Hosts => OsString::new(),
        Uname::Release(release) => release.clone(),
        Uname::Fields { names, capabilities } => {
            let mut text = OsString::new();
            for name in names {
                text.push("\\");
                text.push(name);
            }
            text.push("\\");
            if let Some(capabilities) = capabilities {
                text.push(format!("{capabilities:x}"));
            }
            text
        }
    }
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
        uname(facts.uname),
        own(&command.name),
        path(facts.session_file),
        path(facts.links),
        // Where the interpreter is, the shim finds out.
        OsString::new(),
        own(facts.links_in_root),
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
