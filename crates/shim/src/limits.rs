//! A few descriptors more than the process may have, for a moment.
//!
//! Where the kernel needs no descriptor and we do, a process that has used up its soft limit
//! (RLIMIT_NOFILE) may have some of what its hard limit still allows, until the guard is dropped.
//!
//! # Safety
//! prlimit(2) with structures that live for the call.
#![allow(unsafe_code)]

use newroot_sys::raw;

use crate::host;

const RLIMIT_NOFILE: usize = 7;
const EXTRA: u64 = 8;

/// The raised limit; dropping it restores the old one.
#[derive(Debug)]
pub struct Spare {
    old: [u64; 2],
}

impl Spare {
    /// Raises the soft limit; `None` if the hard one forbids it.
    #[must_use]
    pub fn new() -> Option<Self> {
        let mut old = [0u64; 2];
        if !prlimit(None, Some(&mut old)) || old[0] >= old[1] {
            return None;
        }
        prlimit(Some(&[(old[0] + EXTRA).min(old[1]), old[1]]), None).then_some(Self { old })
    }
}

impl Drop for Spare {
    fn drop(&mut self) {
        prlimit(Some(&self.old), None);
    }
}

fn prlimit(new: Option<&[u64; 2]>, old: Option<&mut [u64; 2]>) -> bool {
    let new = new.map_or(0, |new| new.as_ptr() as usize);
    let old = old.map_or(0, |old| old.as_mut_ptr() as usize);
    // SAFETY: both structures are borrowed for the call.
    unsafe { host::forward(raw::__NR_prlimit64, &[0, RLIMIT_NOFILE, new, old, 0, 0]) == 0 }
}
