//! Writes the plan. `newroot_abi::plan` describes it.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use newroot_abi::plan::{self, Flags, Header, MAGIC, Mount, NO_DESCRIPTOR};
use newroot_abi::table;

use crate::command::Command;
use crate::guest::{Guest, OwnedMount};
use crate::spec::Uname;

/// Contents of the plan besides mounts and program.
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

/// Returns the strings for uname(2), in the plan's form.
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

/// The way in which mounts travel to the shim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mounts {
    /// As strings of the plan.
    Strings,
    /// In a [table](mod@table) behind the image.
    Table,
}

/// Returns the plan's strings.
pub(super) fn encode(guest: &Guest, command: &Command, facts: &Facts<'_>, how: Mounts) -> Vec<OsString> {
    let (mounts, flags) = match how {
        Mounts::Strings => (guest.mounts(), facts.flags),
        Mounts::Table => (&[][..], facts.flags.with(Flags::TABLE)),
    };
    let count = plan::strings(mounts.len());
    let header = Header {
        strings: u32::try_from(count).unwrap_or(u32::MAX),
        flags,
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
        // The shim finds the interpreter itself.
        OsString::new(),
        own(facts.links_in_root),
    ];
    strings.extend(mounts.iter().map(|mount| OsString::from_vec(text(mount))));
    strings.resize(count - 1, OsString::new());
    strings.push(own(&header.encode()));
    strings
}

fn text(mount: &OwnedMount) -> Vec<u8> {
    [&mount.borrow().encode_prefix()[..], &mount.guest, &mount.host].concat()
}

/// Returns the mounts as a [table](mod@table), if there are too many for strings.
pub(super) fn table(guest: &Guest) -> Option<Vec<u8>> {
    let mounts: Vec<Mount<'_>> = guest.mounts().iter().map(OwnedMount::borrow).collect();
    let index = guest.index(&mounts)?;
    let index_at = table::HEADER_LEN;
    let mounts_at = (index_at + 4 * index.len()).next_multiple_of(align_of::<Mount<'_>>());
    let texts_at = mounts_at + mounts.len() * table::MOUNT_LEN;
    let mut out = vec![0; texts_at];
    for (place, word) in out[index_at..].chunks_exact_mut(4).zip(&index) {
        place.copy_from_slice(&word.to_ne_bytes());
    }
    for (number, mount) in guest.mounts().iter().enumerate() {
        let guest_at = (table::ADDRESS + out.len() + plan::MOUNT_PREFIX_LEN) as u64;
        let encoded = table::encode_mount(&mount.borrow(), guest_at, guest_at + mount.guest.len() as u64);
        let at = mounts_at + number * table::MOUNT_LEN;
        out[at..at + table::MOUNT_LEN].copy_from_slice(&encoded);
        out.extend_from_slice(&text(mount));
        out.push(0);
    }
    let word = |value: usize| u32::try_from(value).ok();
    let header = table::Header {
        len: word(out.len())?,
        index: word(index_at)?,
        index_words: word(index.len())?,
        mounts: word(mounts_at)?,
        count: word(mounts.len())?,
        texts: word(texts_at)?,
    };
    out[..table::HEADER_LEN].copy_from_slice(&header.encode());
    Some(out)
}
