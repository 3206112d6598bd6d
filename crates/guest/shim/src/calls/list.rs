//! Directory listings, where a binding's name has to be added: its parent directory doesn't have it.
//!
//! The added names come first, while the descriptor stands at offset zero; the kernel's own entries
//! follow. So there is nothing to remember between calls, and rewinding begins anew. If the
//! guest's buffer can't hold all added names, where to go on is kept for as long as it takes.
//!
//! # Safety
//! The list of unfinished listings is words, written whole.
#![allow(unsafe_code)]

pub mod entries;

use core::cell::UnsafeCell;

use newroot_abi::plan::{Flags, Mount, MountFlags};
use newroot_abi::{ABSENT, Errno, STORE};
use newroot_paths::{GuestBuf, HostBuf};
use newroot_sys::raw;

use self::entries::Layout;
use super::{descriptor_argument, forward};
use crate::host;
use crate::links;
use crate::memory;
use crate::resolve;
use crate::session::session;
use crate::trap::{Outcome, Trapped};

const DT_DIR: u8 = 4;
const DT_REG: u8 = 8;
const DT_UNKNOWN: u8 = 0;

/// getdents(2).
pub fn getdents(call: &mut Trapped<'_>) -> Outcome {
    list_amended(call, Layout::Old).into()
}

/// getdents64(2).
pub fn getdents64(call: &mut Trapped<'_>) -> Outcome {
    list_amended(call, Layout::New).into()
}

/// The listing without what is hidden, and in a session with links with what their names stand for.
fn list_amended(call: &mut Trapped<'_>, layout: Layout) -> Result<usize, Errno> {
    loop {
        let len = list(call, layout)?;
        let [directory, out, ..] = call.arguments;
        let directory = descriptor_argument(directory);
        let left = if len == 0 {
            return Ok(len);
        } else if links::on() {
            links::amend_listing(directory, out, len, layout)
        } else if session().has(Flags::HIDING) {
            entries::amend(memory::written_bytes(out, len), layout, |entry| !is_hidden(entry, directory))
        } else {
            return Ok(len);
        };
        // Nothing left isn't the end.
        if left != 0 {
            return Ok(left);
        }
    }
}

/// Whether an entry of a directory is a store that the guest isn't to find.
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

    let stat = match host::fstat(descriptor) {
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
    if added.peek().is_none() || host::lseek(descriptor, 0, raw::SEEK_CUR)? != 0 {
        return plain(out, size);
    }
    let skip = unfinished::take(descriptor, identity.1);
    let mut len = 0;
    for (index, mount) in added.enumerate().skip(skip) {
        let name = name_of(mount);
        let kind = match mount.flags {
            flags if flags.has(MountFlags::DIRECTORY) => DT_DIR,
            // Nearly always a descriptor's; others look at the file.
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
    // What the kernel has to say goes behind it, if there is room for it.
    match plain(out + len, size - len) {
        Ok(more) => Ok(len + more),
        Err(error) if len == 0 => Err(error),
        Err(_) => {
            // No room for one more name, or whatever it is: the next call hears it, behind the names that this one has.
            // Some file systems move on even so; then that call isn't for us.
            if host::lseek(descriptor, 0, raw::SEEK_CUR)? == 0 {
                unfinished::put(descriptor, identity.1, usize::MAX);
            }
            Ok(len)
        }
    }
}

/// The guest path at which a directory is listed, if it lacks names of bindings: it may be the host directory of others.
struct Here {
    /// Whether it is seen at all.
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

    /// Whether a mount belongs there.
    fn has(&self, mount: &Mount<'_>) -> bool {
        let rest = || newroot_paths::strip_prefix(mount.guest, self.guest.bytes());
        self.seen && rest().is_some_and(|rest| rest.len() == name_of(mount).len() + 1)
    }
}

/// The name under which a mount's parent directory has it.
fn name_of<'a>(mount: &Mount<'a>) -> &'a [u8] {
    mount.guest.rsplit(|&byte| byte == b'/').next().unwrap_or(&[])
}

/// Writes one entry; `None` if there is no room for it.
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

/// Listings that didn't fit the guest's buffer.
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

    /// How many names were listed already; forgets it.
    pub(super) fn take(descriptor: i32, inode: u64) -> usize {
        // SAFETY: see the head of the file.
        let (whose, which, skip) = unsafe { cell(descriptor).read_volatile() };
        if skip == 0 || whose != descriptor || which != inode {
            return 0;
        }
        put(descriptor, inode, 0);
        skip
    }

    /// Who hears an error hardly goes on: the number may be another descriptor's soon.
    pub(super) fn give_up<T>(descriptor: i32, error: Errno) -> Result<T, Errno> {
        put(descriptor, 0, 0);
        Err(error)
    }

    pub(super) fn put(descriptor: i32, inode: u64, skip: usize) {
        // SAFETY: see the head of the file.
        unsafe { cell(descriptor).write_volatile((descriptor, inode, skip)) };
    }
}
