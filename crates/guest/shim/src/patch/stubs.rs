//! Memory areas for stubs, within reach of the code that jumps to them.
//!
//! # Safety
//! An area is mapped where nothing was, and belongs to the shim for good. Only the thread that
//! holds `HOLDERS.patching` adds stubs to an area. A stub never changes once it is added.
#![allow(unsafe_code)]

use core::sync::atomic::{AtomicUsize, Ordering};

use newroot_abi::Errno;
use newroot_sys::arch::site;
use newroot_sys::raw;

use super::code::{Moved, Patch};
use crate::kernel;

/// Size of an area in bytes.
pub const AREA: usize = 4096;
/// Largest number of areas of a process.
pub const AREAS: usize = 8;

/// An area. The entry code knows its layout.
#[derive(Debug)]
#[repr(C)]
pub struct AreaState {
    /// First address; 0 if the area isn't mapped yet.
    base: AtomicUsize,
    used: AtomicUsize,
}

/// The mapped areas, followed by those that aren't mapped yet.
pub static AREA_STATES: [AreaState; AREAS] =
    [const { AreaState { base: AtomicUsize::new(0), used: AtomicUsize::new(0) } }; AREAS];

/// Returns the first address of the stub that contains an address.
pub(super) fn containing(address: usize) -> Option<usize> {
    AREA_STATES.iter().find_map(|area| {
        let base = area.base.load(Ordering::Relaxed);
        let offset = address.checked_sub(base).filter(|&offset| base != 0 && offset < AREA)?;
        Some(address - offset % site::STUB)
    })
}

/// An area that stays writable until it is dropped.
pub(super) struct Area(&'static AreaState);

impl Area {
    /// Returns an area with space for a stub, within reach of `address`: an existing one, or a new
    /// one that ends at `free`.
    ///
    /// # Errors
    /// EPERM if memory can't be writable and executable; ENOMEM if there is no space for an area.
    pub(super) fn near(address: usize, free: usize) -> Result<Self, Errno> {
        let in_reach = |base: usize| base.abs_diff(address) < site::REACH - 2 * AREA;
        for area in &AREA_STATES {
            let base = area.base.load(Ordering::Relaxed);
            if base == 0 {
                let base = free.checked_sub(AREA).filter(|&base| in_reach(base)).ok_or(Errno::NOMEM)?;
                let flags = raw::MAP_PRIVATE | raw::MAP_ANONYMOUS | raw::MAP_FIXED_NOREPLACE;
                // SAFETY: the mapping never replaces another one.
                let got = unsafe { kernel::mmap(base, AREA, WRITABLE, flags, -1, 0) }.map_err(refused)?;
                if got != base {
                    // Kernels before 4.17 take the address for a hint.
                    // SAFETY: it was mapped just now.
                    unsafe { kernel::munmap(got, AREA) };
                    return Err(Errno::NOMEM);
                }
                area.base.store(base, Ordering::Relaxed);
                return Ok(Self(area));
            }
            if in_reach(base) && area.used.load(Ordering::Relaxed) + site::STUB <= AREA {
                // SAFETY: the area belongs to the shim; it stays executable for threads that run in
                // it.
                unsafe { kernel::mprotect(base, AREA, WRITABLE) }.map_err(refused)?;
                return Ok(Self(area));
            }
        }
        Err(Errno::NOMEM)
    }

    /// Adds a stub for a call site, which jumps to `entry`; returns the patch for the site, or
    /// `None` if the area is full or too far away.
    pub(super) fn add(&mut self, moved: Moved, entry: u32) -> Option<Patch> {
        let used = self.0.used.load(Ordering::Relaxed);
        let at = self.0.base.load(Ordering::Relaxed) + used;
        if used + site::STUB > AREA {
            return None;
        }
        let code = site::stub(at, moved.instruction(), moved.next(), entry)?;
        let patch = Patch::new(moved.address(), at)?;
        // SAFETY: within the area, at an address that no code jumps to yet.
        unsafe { (at as *mut [u8; site::STUB]).write(code) };
        self.0.used.store(used + site::STUB, Ordering::Relaxed);
        Some(patch)
    }
}

impl Drop for Area {
    fn drop(&mut self) {
        // SAFETY: the area belongs to the shim.
        let _ = unsafe { kernel::mprotect(self.0.base.load(Ordering::Relaxed), AREA, EXECUTABLE) };
    }
}

/// Protection of an area or code while something is written.
pub(super) const WRITABLE: u32 = raw::PROT_READ | raw::PROT_WRITE | raw::PROT_EXEC;
/// Protection at any other time.
pub(super) const EXECUTABLE: u32 = raw::PROT_READ | raw::PROT_EXEC;

/// Turns the errnos of a policy that forbids such memory, EACCES (SELinux) and EPERM, into EPERM:
/// another attempt is pointless.
pub(super) fn refused(error: Errno) -> Errno {
    match error {
        Errno::ACCES | Errno::PERM => Errno::PERM,
        other => other,
    }
}
