//! Calls that the running kernel may be too old for.
//!
//! Such a call answers ENOSYS whatever its arguments are, and C libraries go on with another one. Ours must
//! do so too, before anything is said about the path.

use core::sync::atomic::{AtomicU64, Ordering};

use newroot_abi::Errno;
use newroot_sys::raw;

use super::forward;

/// From here on (Linux 5.8) each call came with a kernel that ours may not be. All processors have the
/// same numbers here.
const FIRST: usize = raw::__NR_faccessat2 as usize;

/// Which calls are known to be there, by their distance from the first.
static PRESENT: AtomicU64 = AtomicU64::new(0);

/// Whether the kernel doesn't have this call.
#[must_use]
pub fn is_missing(number: usize) -> bool {
    let Some(bit) = number.checked_sub(FIRST).and_then(|distance| 1u64.checked_shl(distance as u32)) else {
        return false;
    };
    if PRESENT.load(Ordering::Relaxed) & bit != 0 {
        return false;
    }
    // No descriptor, no pointer and no flag of this is valid.
    if forward(number as u32, [usize::MAX; 6]) == Err(Errno::NOSYS) {
        return true;
    }
    PRESENT.fetch_or(bit, Ordering::Relaxed);
    false
}
