//! Lists directories: hides the root's store, and shows a stand-in as its device.

use newroot_sys::raw;
use newroot_sys::table::Call;

use crate::call::{Outcome, Trapped, descriptor_argument};
use crate::calls::list as ordinary;
use crate::fakeroot::sidecar;
use crate::kernel::entries::{Layout, amend};
use crate::memory;

/// Runs getdents(2) and getdents64(2).
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
                    // DT_UNKNOWN. A program that needs the type calls stat(2).
                    Err(_) => entry.set_kind(0),
                }
            }
            entry.name().bytes() != sidecar::NAME || !sidecar::is_store(entry, directory)
        });
        // An empty result would mean the end of the directory.
        if left != 0 {
            return Outcome::Done(left as isize);
        }
    }
}
