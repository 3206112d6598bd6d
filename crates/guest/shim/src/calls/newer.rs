//! Calls that the running kernel may be too old for, or that a policy denies.
//!
//! Such a call answers ENOSYS (or EPERM) whatever its arguments are, and C libraries go on with another one. Ours
//! must do so too, before anything is said about the path.

use core::sync::atomic::{AtomicU64, Ordering};

use newroot_abi::Errno;
use newroot_sys::raw;

use super::forward;

/// From here on (Linux 5.8) each call came with a kernel that ours may not be. All processors have the
/// same numbers here.
const FIRST: usize = raw::__NR_faccessat2 as usize;
/// The bit of statx(2), which old policies don't know. No call from [`FIRST`] on has come that far yet.
const STATX_BIT: usize = 63;

/// Which calls are known to be there, by their distance from the first.
static PRESENT: AtomicU64 = AtomicU64::new(0);

/// What the host answers to this call whatever its arguments are; `None` if it is there.
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
    // No descriptor, no pointer and no flag of this is valid.
    match forward(number as u32, [usize::MAX; 6]) {
        Err(error @ (Errno::NOSYS | Errno::PERM)) => Some(error),
        _ => {
            PRESENT.fetch_or(bit, Ordering::Relaxed);
            None
        }
    }
}
