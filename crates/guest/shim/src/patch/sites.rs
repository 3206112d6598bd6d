//! Counts the traps of call sites.
//!
//! The table is small and indexed by a hash of the address. Two sites with the same hash displace
//! each other, and the one that traps more often stays. A displaced site only costs time.

use core::ops::Range;
use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

/// Number of sites in the table.
pub(super) const COUNT: usize = 64;

/// An entry of the table.
pub(super) struct Site {
    /// Address of the `syscall` instruction; 0 for none.
    address: AtomicUsize,
    /// Number of traps; [`DONE`] if the site is patched or can't be.
    count: AtomicU32,
}

/// Count of a site that needs no more work.
const DONE: u32 = u32::MAX;

static TABLE: [Site; COUNT] =
    [const { Site { address: AtomicUsize::new(0), count: AtomicU32::new(0) } }; COUNT];

/// Counts a trap of a site.
pub(super) fn count(address: usize) {
    // The instructions of one function lie close together; functions begin at multiples of 16.
    let hash = (address ^ address >> 6 ^ address >> 12) % COUNT;
    let Some(site) = TABLE.get(hash) else { return };
    let count = site.count.load(Ordering::Relaxed);
    if site.address.load(Ordering::Relaxed) == address {
        if count < DONE - 1 {
            site.count.store(count + 1, Ordering::Relaxed);
        }
    } else if count <= 1 || count == DONE {
        // Another thread may do the same at this moment. A count that is wrong then makes the shim
        // patch a site a little sooner or later.
        site.address.store(address, Ordering::Relaxed);
        site.count.store(1, Ordering::Relaxed);
    } else {
        site.count.store(count - 1, Ordering::Relaxed);
    }
}

impl Site {
    /// Returns the address of the `syscall` instruction.
    pub(super) fn address(&self) -> usize {
        self.address.load(Ordering::Relaxed)
    }

    /// Marks the site as done.
    pub(super) fn leave_alone(&self) {
        self.count.store(DONE, Ordering::Relaxed);
    }

    fn is_due(&self, least: u32) -> bool {
        let count = self.count.load(Ordering::Relaxed);
        count >= least && count != DONE
    }
}

/// Returns whether any site trapped at least `least` times.
pub(super) fn any(least: u32) -> bool {
    due(least).next().is_some()
}

/// Returns the sites that trapped at least `least` times.
pub(super) fn due(least: u32) -> impl Iterator<Item = &'static Site> {
    TABLE.iter().filter(move |site| site.is_due(least))
}

/// Returns the sites in a range of addresses that trapped at least `least` times.
pub(super) fn within(range: Range<usize>, least: u32) -> impl Iterator<Item = &'static Site> {
    due(least).filter(move |site| range.contains(&site.address()))
}

/// Returns whether the range has such sites.
pub(super) fn any_within(range: Range<usize>, least: u32) -> bool {
    within(range, least).next().is_some()
}
