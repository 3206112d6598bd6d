//! Areas of memory with stubs: within reach of the code that jumps to them.
//!
//! # Safety
//! An area is mapped where nothing was, and belongs to the shim for good. Only the thread that holds
//! `OWNERS.patching` adds to one; a stub that was added isn't changed again.
#![allow(unsafe_code)]

use core::sync::atomic::{AtomicUsize, Ordering};

use newroot_abi::Errno;
use newroot_sys::arch::site;
use newroot_sys::raw;

use super::code::{Moved, Patch};
use crate::host;

/// Bytes of an area.
pub const AREA: usize = 4096;
/// How many areas a process can have.
pub const AREAS: usize = 8;

/// An area. Its layout is known to the entry code.
#[derive(Debug)]
#[repr(C)]
pub struct Place {
    /// First address; 0 for none yet.
    base: AtomicUsize,
    used: AtomicUsize,
}

/// The areas that there are, and behind them those that aren't yet.
pub static PLACES: [Place; AREAS] =
    [const { Place { base: AtomicUsize::new(0), used: AtomicUsize::new(0) } }; AREAS];

/// Returns the first address of the stub that an address lies in.
pub(super) fn containing(address: usize) -> Option<usize> {
    PLACES.iter().find_map(|place| {
        let base = place.base.load(Ordering::Relaxed);
        let offset = address.checked_sub(base).filter(|&offset| base != 0 && offset < AREA)?;
        Some(address - offset % site::STUB)
    })
}

/// An area that can be written, until it is dropped.
pub(super) struct Area(&'static Place);

impl Area {
    /// An area with room, in reach of `address`: one that there is, or a new one that ends at `free`.
    ///
    /// # Errors
    /// EPERM if memory can't be writable and executable; ENOMEM where there is no room.
    pub(super) fn near(address: usize, free: usize) -> Result<Self, Errno> {
        let in_reach = |base: usize| base.abs_diff(address) < site::REACH - 2 * AREA;
        for place in &PLACES {
            let base = place.base.load(Ordering::Relaxed);
            if base == 0 {
                let base = free.checked_sub(AREA).filter(|&base| in_reach(base)).ok_or(Errno::NOMEM)?;
                let flags = raw::MAP_PRIVATE | raw::MAP_ANONYMOUS | raw::MAP_FIXED_NOREPLACE;
                // SAFETY: never in place of anything.
                let got = unsafe { host::mmap(base, AREA, WRITABLE, flags, -1, 0) }.map_err(refused)?;
                if got != base {
                    // A kernel before 4.17 takes the address for a wish.
                    // SAFETY: it was mapped just now.
                    unsafe { host::munmap(got, AREA) };
                    return Err(Errno::NOMEM);
                }
                place.base.store(base, Ordering::Relaxed);
                return Ok(Self(place));
            }
            if in_reach(base) && place.used.load(Ordering::Relaxed) + site::STUB <= AREA {
                // SAFETY: the area is the shim's; it stays executable for threads that are in it.
                unsafe { host::mprotect(base, AREA, WRITABLE) }.map_err(refused)?;
                return Ok(Self(place));
            }
        }
        Err(Errno::NOMEM)
    }

    /// Adds a stub for a call site, which goes to `entry`; `None` if there is no room.
    pub(super) fn add(&mut self, moved: Moved, entry: u32) -> Option<Patch> {
        let used = self.0.used.load(Ordering::Relaxed);
        let at = self.0.base.load(Ordering::Relaxed) + used;
        if used + site::STUB > AREA {
            return None;
        }
        let code = site::stub(at, moved.instruction(), moved.next(), entry)?;
        let patch = Patch::new(moved.address(), at)?;
        // SAFETY: within the area, at a place nobody jumps to yet.
        unsafe { (at as *mut [u8; site::STUB]).write(code) };
        self.0.used.store(used + site::STUB, Ordering::Relaxed);
        Some(patch)
    }
}

impl Drop for Area {
    fn drop(&mut self) {
        // SAFETY: the area is the shim's.
        let _ = unsafe { host::mprotect(self.0.base.load(Ordering::Relaxed), AREA, EXECUTABLE) };
    }
}

/// While something is written.
pub(super) const WRITABLE: u32 = raw::PROT_READ | raw::PROT_WRITE | raw::PROT_EXEC;
/// Otherwise.
pub(super) const EXECUTABLE: u32 = raw::PROT_READ | raw::PROT_EXEC;

/// A policy that forbids such memory says EACCES (SELinux) or EPERM; that won't change.
pub(super) fn refused(error: Errno) -> Errno {
    match error {
        Errno::ACCES | Errno::PERM => Errno::PERM,
        other => other,
    }
}
