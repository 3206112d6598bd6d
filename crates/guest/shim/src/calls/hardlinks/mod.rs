//! Changes of the hard links that newroot keeps where the host refuses them.
//!
//! `make` gives a file another name, `remove` removes or moves a name, and `shown` counts
//! names and shows them. [`crate::hardlinks`] reads the same records.

mod lock;
mod make;
mod name_refs;
mod remove;
mod shown;
mod tally;

use newroot_abi::Errno;
use newroot_sys::raw;

use crate::hardlinks::StorePath;
use crate::kernel::{self, AT_FDCWD, Path};

pub use make::{Source, give_name, is_refusal};
pub use remove::{rename, unlink};
pub(crate) use shown::{amend_count, amend_listing};

/// Returns a number that is unlikely to be chosen twice.
fn unlikely_number(salt: u64) -> u64 {
    let mixed = kernel::nanoseconds() ^ u64::from(kernel::gettid()) << 40 ^ salt.rotate_left(20);
    // The finalizer of SplitMix64: each bit depends on every bit.
    let mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}

fn unlinked(path: &mut StorePath) -> Result<(), Errno> {
    kernel::unlinkat(AT_FDCWD, Path::new(path.with_nul()), 0)
}

fn removed(path: &mut StorePath) -> Result<(), Errno> {
    kernel::unlinkat(AT_FDCWD, Path::new(path.with_nul()), raw::AT_REMOVEDIR)
}
