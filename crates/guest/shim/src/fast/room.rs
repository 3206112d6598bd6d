//! A buffer for a path, on the guest's stack.
//!
//! # Safety
//! The buffer isn't initialized, because clearing it would take longer than filling it. The bytes
//! from a [`Text`]'s start to the NUL behind its end are written, and no others are read.
#![allow(unsafe_code)]

use core::mem::MaybeUninit;

use newroot_paths::PathScan;

use crate::kernel::Path;
use crate::memory;

const WORD: usize = size_of::<u64>();
/// Words for the path that the guest passes. Longer paths take the slow path.
const GIVEN: usize = 256 / WORD;
/// Words in front of it, because the host's path can be longer than the guest's.
const FRONT: usize = 256 / WORD;

/// The buffer.
pub(super) struct PathBuffer([MaybeUninit<u64>; FRONT + GIVEN]);

impl PathBuffer {
    pub(super) const fn new() -> Self {
        Self([MaybeUninit::uninit(); FRONT + GIVEN])
    }

    /// Reads the guest's path at an address; returns `None` unless it is readable, short and not
    /// empty.
    pub(super) fn read(&mut self, address: usize) -> Option<Text<'_>> {
        let (_, given) = self.0.split_at_mut_checked(FRONT)?;
        let mut scan = PathScan::new();
        let len = memory::read_words(address, given, &mut scan).ok()?;
        (len != 0).then_some(Text { buffer: self, start: FRONT * WORD, end: FRONT * WORD + len, scan })
    }
}

/// A path in its buffer, with the NUL behind it.
pub(super) struct Text<'a> {
    buffer: &'a mut PathBuffer,
    start: usize,
    end: usize,
    /// The facts that were found while the path was read.
    pub(super) scan: PathScan,
}

impl Text<'_> {
    /// Returns the path's bytes, without the NUL.
    pub(super) fn bytes(&self) -> &[u8] {
        // SAFETY: these bytes were written (see the head of the file).
        unsafe { core::slice::from_raw_parts(self.first().add(self.start), self.end - self.start) }
    }

    /// Returns the path for the kernel.
    pub(super) fn path(&self) -> Path<'_> {
        // SAFETY: as in `bytes`; the NUL was written, too.
        Path::new(unsafe {
            core::slice::from_raw_parts(self.first().add(self.start), self.end + 1 - self.start)
        })
    }

    /// Replaces the first `gone` bytes by `front`; returns `None`, and changes nothing, if the path
    /// is shorter than that, or if `front` doesn't fit.
    pub(super) fn replace_front(&mut self, gone: usize, front: &[u8]) -> Option<()> {
        let behind = self.start.checked_add(gone).filter(|&behind| behind <= self.end)?;
        let start = behind.checked_sub(front.len())?;
        let to = self.buffer.0.as_mut_ptr().cast::<u8>();
        // SAFETY: the buffer has space for all of `front` from `start` on, and the two don't
        // overlap.
        unsafe { core::ptr::copy_nonoverlapping(front.as_ptr(), to.add(start), front.len()) };
        self.start = start;
        Some(())
    }

    /// Ends the path at its last slash; returns the address of the name behind it. Returns `None`,
    /// and changes nothing, if the only slash is the first byte, or if nothing follows the last
    /// one.
    pub(super) fn split(&mut self) -> Option<usize> {
        let slash = self.bytes().iter().rposition(|&byte| byte == b'/').filter(|&slash| slash > 0)?;
        let slash = self.start + slash;
        if slash + 1 == self.end {
            return None;
        }
        let first = self.buffer.0.as_mut_ptr().cast::<u8>();
        // SAFETY: both addresses lie within the path.
        let name = unsafe {
            first.add(slash).write(0);
            first.add(slash + 1)
        };
        self.end = slash;
        Some(name as usize)
    }

    fn first(&self) -> *const u8 {
        self.buffer.0.as_ptr().cast()
    }
}
