//! Listing directories: the root's store isn't shown, and a stand-in is shown as the device it stands for.

use newroot_sys::raw;
use newroot_sys::table::Call;

use crate::calls::{descriptor_argument, list as ordinary};
use crate::memory;
use crate::owner::sidecar;
use crate::trap::{Outcome, Trapped};

/// getdents(2), getdents64(2).
pub(super) fn list(call: &mut Trapped<'_>, kind: Call) -> Outcome {
    let old = kind == Call::GetDents;
    loop {
        let outcome = if old { ordinary::getdents(call) } else { ordinary::getdents64(call) };
        let Outcome::Done(len @ 1..) = outcome else { return outcome };
        let [directory, out, ..] = call.arguments;
        let left = amend(descriptor_argument(directory), out, len as usize, old);
        // Nothing left isn't the end.
        if left != 0 {
            return Outcome::Done(left as isize);
        }
    }
}

/// Offsets in an entry: inode, its length, the name.
const LENGTH: usize = 16;
const DT_SOCK: u8 = raw::DT_SOCK as u8;

/// Amends the entries that the kernel has just written; the result is how many bytes are left.
fn amend(directory: i32, out: usize, len: usize, old: bool) -> usize {
    let name_at = if old { 18 } else { 19 };
    let mut at = 0;
    let mut left = 0;
    while at + name_at < len {
        let entry = out + at;
        let size = usize::from(memory::owned_value::<u16>(entry + LENGTH));
        if size == 0 {
            break;
        }
        let hidden = memory::owned_string(entry + name_at) == sidecar::NAME
            && sidecar::is_store(directory, memory::owned_value(entry));
        if !hidden {
            let kind = entry + if old { size - 1 } else { 18 };
            if memory::owned_value::<u8>(kind) == DT_SOCK
                && let Some(mode) = sidecar::mode_of(memory::owned_value(entry))
            {
                memory::store_owned(kind, &((mode >> 12) as u8));
            }
            if left != at {
                memory::move_owned(out + left, entry, size);
            }
            left += size;
        }
        at += size;
    }
    left
}
