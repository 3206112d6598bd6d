//! Calls that an old kernel lacks, or that a policy denies.
//!
//! Such a call fails with ENOSYS (or EPERM) whatever its arguments are, and C libraries fall back
//! on another one. The shim must report that errno, too, before any error of the path.

use core::sync::atomic::{AtomicU64, Ordering};

use newroot_abi::Errno;
use newroot_sys::raw;

use crate::call::forward;

/// The first call (Linux 5.8) that came with a kernel that may be newer than the running one. All
/// processors have the same numbers from here on.
const FIRST: usize = raw::__NR_faccessat2 as usize;
/// Bit of statx(2), which old policies don't know. No call from [`FIRST`] on has this distance yet.
const STATX_BIT: usize = 63;

/// Calls that are known to exist, by their distance from the first.
static PRESENT: AtomicU64 = AtomicU64::new(0);

/// Returns the host's errno for this call with any arguments. `None` if the call exists.
#[must_use]
pub fn refusal(number: usize) -> Option<Errno> {
    let distance = match number as u32 {
        raw::__NR_statx => STATX_BIT,
        _ => number.checked_sub(FIRST).filter(|&distance| distance < STATX_BIT)?,
    };
    let bit = 1 << distance;
    if PRESENT.load(Ordering::Relaxed) & bit != 0 {
        return None;
    }
    // None of these is a valid descriptor, pointer or flag.
    match forward(number as u32, [usize::MAX; 6]) {
        Err(error @ (Errno::NOSYS | Errno::PERM)) => Some(error),
        _ => {
            PRESENT.fetch_or(bit, Ordering::Relaxed);
            None
        }
    }
}
