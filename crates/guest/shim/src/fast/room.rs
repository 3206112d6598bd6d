//! Room for a path, on a stack of the guest's.
//!
//! # Safety
//! The room is left as it is found, for to clear it would take longer than to fill it. What lies between a
//! [`Text`]'s start and the NUL behind its end was written, and nothing else is read.
#![allow(unsafe_code)]

use core::mem::MaybeUninit;

use newroot_paths::Glance;

use crate::host::Path;
use crate::memory;

const WORD: usize = size_of::<u64>();
/// Words for a path as the guest gave it: longer ones take the long way.
const GIVEN: usize = 256 / WORD;
/// Words in front of it, for what the host's path has more than the guest's.
const FRONT: usize = 256 / WORD;

/// The room.
pub(super) struct Room([MaybeUninit<u64>; FRONT + GIVEN]);

impl Room {
    pub(super) const fn new() -> Self {
        Self([MaybeUninit::uninit(); FRONT + GIVEN])
    }

    /// Reads the guest's path at an address; `None` unless it is a readable, short one that isn't empty.
    pub(super) fn read(&mut self, address: usize) -> Option<Text<'_>> {
        let (_, given) = self.0.split_at_mut_checked(FRONT)?;
        let mut glance = Glance::new();
        let len = memory::read_words(address, given, &mut glance).ok()?;
        (len != 0).then_some(Text { room: self, start: FRONT * WORD, end: FRONT * WORD + len, glance })
    }
}

/// A path in its room, with the NUL behind it.
pub(super) struct Text<'a> {
    room: &'a mut Room,
    start: usize,
    end: usize,
    /// What was seen of it when it was read.
    pub(super) glance: Glance,
}

impl Text<'_> {
    /// The path.
    pub(super) fn bytes(&self) -> &[u8] {
        // SAFETY: see the head of the file.
        unsafe { core::slice::from_raw_parts(self.first().add(self.start), self.end - self.start) }
    }

    /// The path for the kernel.
    pub(super) fn path(&self) -> Path<'_> {
        // SAFETY: the same; the NUL was written, too.
        Path::new(unsafe {
            core::slice::from_raw_parts(self.first().add(self.start), self.end + 1 - self.start)
        })
    }

    /// Puts `front` in the place of the first `gone` bytes; `None`, and nothing changed, if there are no so many, or
    /// it doesn't fit.
    pub(super) fn replace_front(&mut self, gone: usize, front: &[u8]) -> Option<()> {
        let behind = self.start.checked_add(gone).filter(|&behind| behind <= self.end)?;
        let start = behind.checked_sub(front.len())?;
        let to = self.room.0.as_mut_ptr().cast::<u8>();
        // SAFETY: from `start` on there is room for all of it, and it lies elsewhere.
        unsafe { core::ptr::copy_nonoverlapping(front.as_ptr(), to.add(start), front.len()) };
        self.start = start;
        Some(())
    }

    /// Ends the path where its last slash is; the result is the address of what stood behind that. `None`, and
    /// nothing changed, if it has no slash but in front, or nothing behind it.
    pub(super) fn split(&mut self) -> Option<usize> {
        let slash = self.bytes().iter().rposition(|&byte| byte == b'/').filter(|&slash| slash > 0)?;
        let slash = self.start + slash;
        if slash + 1 == self.end {
            return None;
        }
        let first = self.room.0.as_mut_ptr().cast::<u8>();
        // SAFETY: both lie within the path.
        let name = unsafe {
            first.add(slash).write(0);
            first.add(slash + 1)
        };
        self.end = slash;
        Some(name as usize)
    }

    fn first(&self) -> *const u8 {
        self.room.0.as_ptr().cast()
    }
}
