//! Call sites that trapped, and how often.
//!
//! A small table, found by address: two sites that fall on the same place push each other out, and
//! the one that comes more often stays. Nothing is lost by that but time.

use core::ops::Range;
use core::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

/// How many sites are known at a time.
pub(super) const COUNT: usize = 64;

/// A place in the table.
pub(super) struct Site {
    /// Address of the `syscall` instruction; 0 for none.
    address: AtomicUsize,
    /// How often it trapped; [`DONE`] if it is patched, or can't be.
    count: AtomicU32,
}

/// Nothing is to be done about a site any more.
const DONE: u32 = u32::MAX;

static TABLE: [Site; COUNT] =
    [const { Site { address: AtomicUsize::new(0), count: AtomicU32::new(0) } }; COUNT];

/// Notes that a site trapped.
pub(super) fn count(address: usize) {
    // Instructions of one function lie close together, functions at multiples of 16.
    let hash = (address ^ address >> 6 ^ address >> 12) % COUNT;
    let Some(site) = TABLE.get(hash) else { return };
    let count = site.count.load(Ordering::Relaxed);
    if site.address.load(Ordering::Relaxed) == address {
        if count < DONE - 1 {
            site.count.store(count + 1, Ordering::Relaxed);
        }
    } else if count <= 1 || count == DONE {
        // Another thread may do the same at this moment: a count that is then wrong patches a site a
        // little sooner or later.
        site.address.store(address, Ordering::Relaxed);
        site.count.store(1, Ordering::Relaxed);
    } else {
        site.count.store(count - 1, Ordering::Relaxed);
    }
}

impl Site {
    /// Address of the `syscall` instruction.
    pub(super) fn address(&self) -> usize {
        self.address.load(Ordering::Relaxed)
    }

    /// Takes it off the list.
    pub(super) fn leave_alone(&self) {
        self.count.store(DONE, Ordering::Relaxed);
    }

    fn is_due(&self, least: u32) -> bool {
        let count = self.count.load(Ordering::Relaxed);
        count >= least && count != DONE
    }
}

/// Whether any site trapped at least so often.
pub(super) fn any(least: u32) -> bool {
    due(least).next().is_some()
}

/// The sites that trapped at least so often.
pub(super) fn due(least: u32) -> impl Iterator<Item = &'static Site> {
    TABLE.iter().filter(move |site| site.is_due(least))
}

/// The sites in a range of addresses that trapped at least so often.
pub(super) fn within(range: Range<usize>, least: u32) -> impl Iterator<Item = &'static Site> {
    due(least).filter(move |site| range.contains(&site.address()))
}

/// Whether there are any such sites.
pub(super) fn any_within(range: Range<usize>, least: u32) -> bool {
    within(range, least).next().is_some()
}
