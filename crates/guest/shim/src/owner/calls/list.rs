//! Listing directories: the root's store isn't shown, and a stand-in is shown as the device it stands for.

use newroot_sys::raw;
use newroot_sys::table::Call;

use crate::calls::list::entries::{Layout, amend};
use crate::calls::{descriptor_argument, list as ordinary};
use crate::memory;
use crate::owner::sidecar;
use crate::trap::{Outcome, Trapped};

/// getdents(2), getdents64(2).
pub(super) fn list(call: &mut Trapped<'_>, kind: Call) -> Outcome {
    let layout = if kind == Call::GetDents { Layout::Old } else { Layout::New };
    loop {
        let outcome = match layout {
            Layout::Old => ordinary::getdents(call),
            Layout::New => ordinary::getdents64(call),
        };
        let Outcome::Done(len @ 1..) = outcome else { return outcome };
        let [directory, out, ..] = call.arguments;
        let directory = descriptor_argument(directory);
        let left = amend(memory::written_bytes(out, len as usize), layout, |entry| {
            if entry.kind() == raw::DT_SOCK {
                match sidecar::mode_of(entry.inode()) {
                    Ok(Some(mode)) => entry.set_kind(mode),
                    Ok(None) => {}
                    // DT_UNKNOWN: who wants to know looks at the file.
                    Err(_) => entry.set_kind(0),
                }
            }
            entry.name().bytes() != sidecar::NAME || !sidecar::is_store(entry, directory)
        });
        // Nothing left isn't the end.
        if left != 0 {
            return Outcome::Done(left as isize);
        }
    }
}
