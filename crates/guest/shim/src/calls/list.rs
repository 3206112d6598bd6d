//! Directory listings. A binding's name has to be added where its parent directory lacks it.
//!
//! The added names come first, while the descriptor's offset is zero. The kernel's own entries
//! follow. So nothing is remembered between calls, and rewinding starts again. If the guest's
//! buffer can't hold all added names, the shim keeps the position until the rest is read.
//!
//! # Safety
//! The list of unfinished listings consists of words that are written whole.
#![allow(unsafe_code)]

use core::cell::UnsafeCell;

use newroot_abi::plan::{Flags, Mount, MountFlags};
use newroot_abi::{ABSENT, Errno, STORE};
use newroot_paths::{GuestBuf, HostBuf};
use newroot_sys::raw;

use super::hardlinks::amend_listing;
use crate::call::{Outcome, Trapped, descriptor_argument, forward};
use crate::hardlinks;
use crate::kernel;
use crate::kernel::entries::{self, Layout};
use crate::memory;
use crate::resolve;
use crate::session::session;

const DT_DIR: u8 = 4;
const DT_REG: u8 = 8;
const DT_UNKNOWN: u8 = 0;

/// Runs getdents(2).
pub fn getdents(call: &mut Trapped<'_>) -> Outcome {
    list_amended(call, Layout::Old).into()
}

/// Runs getdents64(2).
pub fn getdents64(call: &mut Trapped<'_>) -> Outcome {
    list_amended(call, Layout::New).into()
}

/// Lists without hidden names, and in a session with links with the files that names stand for.
fn list_amended(call: &mut Trapped<'_>, layout: Layout) -> Result<usize, Errno> {
    loop {
        let len = list(call, layout)?;
        let [directory, out, ..] = call.arguments;
        let directory = descriptor_argument(directory);
        let left = if len == 0 {
            return Ok(len);
        } else if hardlinks::on() {
            amend_listing(directory, out, len, layout)
        } else if session().has(Flags::HIDING) {
            entries::amend(memory::written_bytes(out, len), layout, |entry| !is_hidden(entry, directory))
        } else {
            return Ok(len);
        };
        // An empty result would mean the end of the directory.
        if left != 0 {
            return Ok(left);
        }
    }
}

/// Returns whether an entry of a directory is a store that is hidden from the guest.
fn is_hidden(entry: &entries::Entry<'_>, directory: i32) -> bool {
    entry.name().bytes() == STORE.as_bytes()
        && session().mounts.mounts().iter().any(|mount| {
            let mut path = HostBuf::new();
            mount.flags.has(MountFlags::HIDDEN)
                && path.assign(mount.host.strip_suffix(ABSENT).unwrap_or(mount.host)).is_ok()
                && entries::is_at(entry, directory, &mut path)
        })
}

fn list(call: &mut Trapped<'_>, layout: Layout) -> Result<usize, Errno> {
    let [directory, out, size, ..] = call.arguments;
    let descriptor = descriptor_argument(directory);
    let size = size as u32 as usize;
    let plain = |out: usize, size: usize| forward(call.number as u32, [directory, out, size, 0, 0, 0]);

    let stat = match kernel::fstat(descriptor) {
        Ok(stat) => stat,
        Err(error) if error.is_shortage() => return unfinished::give_up(descriptor, error),
        Err(_) => return plain(out, size),
    };
    let identity = (stat.st_dev, stat.st_ino);
    let mounts = &session().mounts;
    let unlisted = mounts.unlisted_in(identity).map(|index| mounts.get(index));
    let here = Here::find(descriptor, unlisted.clone().next().is_some())
        .or_else(|error| unfinished::give_up(descriptor, error))?;
    let mut added = unlisted.filter(|mount| here.has(mount)).peekable();
    if added.peek().is_none() || kernel::lseek(descriptor, 0, raw::SEEK_CUR)? != 0 {
        return plain(out, size);
    }
    let skip = unfinished::take(descriptor, identity.1);
    let mut len = 0;
    for (index, mount) in added.enumerate().skip(skip) {
        let name = name_of(mount);
        let kind = match mount.flags {
            flags if flags.has(MountFlags::DIRECTORY) => DT_DIR,
            // Usually a descriptor's. A program that needs the type calls stat(2).
            flags if flags.has(MountFlags::EACH_OWN) => DT_UNKNOWN,
            _ => DT_REG,
        };
        match entry(layout, index as u64 + 1, kind, name, out + len, size - len)? {
            Some(entry) => len += entry,
            None if len == 0 => return Err(Errno::INVAL),
            None => {
                unfinished::put(descriptor, identity.1, index);
                return Ok(len);
            }
        }
    }
    // The kernel's entries go behind it, if there is space for them.
    match plain(out + len, size - len) {
        Ok(more) => Ok(len + more),
        Err(error) if len == 0 => Err(error),
        Err(_) => {
            // No space for one more name, or another error: the next call gets it, behind the names
            // of this one. Some file systems advance anyway. Then that call isn't trapped here.
            if kernel::lseek(descriptor, 0, raw::SEEK_CUR)? == 0 {
                unfinished::put(descriptor, identity.1, usize::MAX);
            }
            Ok(len)
        }
    }
}

/// The guest path at which a directory is listed, if it lacks names of bindings. It may be the host
/// directory of several.
struct Here {
    /// Whether the guest sees it at all.
    seen: bool,
    guest: GuestBuf,
}

impl Here {
    fn find(descriptor: i32, lacks_names: bool) -> Result<Self, Errno> {
        let mut here = Self { seen: false, guest: GuestBuf::new() };
        if lacks_names {
            match resolve::listed_path(descriptor, &mut here.guest) {
                Err(error) if error.is_shortage() => return Err(error),
                found => here.seen = found.is_ok(),
            }
        }
        Ok(here)
    }

    /// Returns whether a mount belongs there.
    fn has(&self, mount: &Mount<'_>) -> bool {
        let rest = || newroot_paths::strip_prefix(mount.guest, self.guest.bytes());
        self.seen && rest().is_some_and(|rest| rest.len() == name_of(mount).len() + 1)
    }
}

/// Returns the name of a mount in its parent directory.
fn name_of<'a>(mount: &Mount<'a>) -> &'a [u8] {
    mount.guest.rsplit(|&byte| byte == b'/').next().unwrap_or(&[])
}

/// Writes one entry. `None` if there is no space for it.
fn entry(
    layout: Layout,
    inode: u64,
    kind: u8,
    name: &[u8],
    at: usize,
    room: usize,
) -> Result<Option<usize>, Errno> {
    // Old: name, NUL, (padding), type. New: type, name, NUL.
    let bare = layout.head() + name.len() + if layout == Layout::Old { 2 } else { 1 };
    let len = bare.next_multiple_of(8);
    if len > room {
        return Ok(None);
    }
    let mut bytes = [0u8; 288];
    let bytes = bytes.get_mut(..len).ok_or(Errno::NAMETOOLONG)?;
    let mut put = |offset: usize, part: &[u8]| {
        if let Some(place) = bytes.get_mut(offset..offset + part.len()) {
            place.copy_from_slice(part);
        }
    };
    put(0, &inode.to_ne_bytes());
    // The offset behind it is still the directory's beginning.
    put(8, &0u64.to_ne_bytes());
    put(16, &(len as u16).to_ne_bytes());
    match layout {
        Layout::Old => {
            put(layout.head(), name);
            put(len - 1, &[kind]);
        }
        Layout::New => {
            put(18, &[kind]);
            put(layout.head(), name);
        }
    }
    memory::write_bytes(at, bytes)?;
    Ok(Some(len))
}

/// Listings that didn't fit into the guest's buffer.
mod unfinished {
    use super::{Errno, UnsafeCell};

    struct Cells(UnsafeCell<[(i32, u64, usize); 8]>);
    // SAFETY: see the head of the file.
    unsafe impl Sync for Cells {}
    static CELLS: Cells = Cells(UnsafeCell::new([(0, 0, 0); 8]));

    fn cell(descriptor: i32) -> *mut (i32, u64, usize) {
        // SAFETY: the index is below 8.
        unsafe { CELLS.0.get().cast::<(i32, u64, usize)>().add(descriptor as usize % 8) }
    }

    /// Returns the number of names listed so far, and forgets it.
    pub(super) fn take(descriptor: i32, inode: u64) -> usize {
        // SAFETY: see the head of the file.
        let (whose, which, skip) = unsafe { cell(descriptor).read_volatile() };
        if skip == 0 || whose != descriptor || which != inode {
            return 0;
        }
        put(descriptor, inode, 0);
        skip
    }

    /// A program that gets an error hardly goes on, and the number may be another descriptor's
    /// soon.
    pub(super) fn give_up<T>(descriptor: i32, error: Errno) -> Result<T, Errno> {
        put(descriptor, 0, 0);
        Err(error)
    }

    pub(super) fn put(descriptor: i32, inode: u64, skip: usize) {
        // SAFETY: see the head of the file.
        unsafe { cell(descriptor).write_volatile((descriptor, inode, skip)) };
    }
}
