//! The allocator: the C library's, and a reserve for when that has no more.
//!
//! Rust ends a program on the spot that gets no memory, and what it had half made would stay. So what is refused first
//! is taken from a reserve, which costs nothing before, and noted: a command that makes something looks for that as it
//! does for a signal (`commands/interrupt.rs`), and undoes what it has done.
//!
//! Unsafe is allowed for the allocator's contract, which is passed on to the C library's. The reserve's blocks lie in a
//! static that nothing else refers to, no two of them in the same bytes, and none is given out a second time.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::UnsafeCell;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Bytes of the reserve: enough to undo everything, and for the largest buffers that are made on the way there.
const SIZE: usize = 1 << 20;

#[repr(align(4096))]
struct Reserve {
    bytes: UnsafeCell<[u8; SIZE]>,
    /// How many were given out.
    used: AtomicUsize,
}

// SAFETY: see the head of the file.
unsafe impl Sync for Reserve {}

impl Reserve {
    const fn new() -> Self {
        Self { bytes: UnsafeCell::new([0; SIZE]), used: AtomicUsize::new(0) }
    }

    /// A block of zeros; null if there is no room for it.
    fn take(&self, layout: Layout) -> *mut u8 {
        let range = |used: usize| {
            let start = used.checked_next_multiple_of(layout.align())?;
            let end = start.checked_add(layout.size())?;
            (layout.align() <= align_of::<Self>() && end <= SIZE).then_some((start, end))
        };
        let taken = self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| Some(range(used)?.1));
        match taken.ok().and_then(range) {
            // SAFETY: within the reserve.
            Some((start, _)) => unsafe { self.bytes.get().cast::<u8>().add(start) },
            None => ptr::null_mut(),
        }
    }

    fn has(&self, block: *mut u8) -> bool {
        let start = self.bytes.get() as usize;
        (start..start + SIZE).contains(&(block as usize))
    }
}

static RAN_SHORT: AtomicBool = AtomicBool::new(false);

/// Whether memory was refused at any time.
pub(crate) fn ran_short() -> bool {
    RAN_SHORT.load(Ordering::Relaxed)
}

/// The C library's allocator, with the reserve behind it.
pub struct Allocator(Reserve);

impl Allocator {
    /// With a reserve of its own.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "there is one of it, which is a constant")]
    pub const fn new() -> Self {
        Self(Reserve::new())
    }

    /// What is given instead of a block that was refused.
    fn instead(&self, layout: Layout) -> *mut u8 {
        RAN_SHORT.store(true, Ordering::Relaxed);
        self.0.take(layout)
    }
}

// None of it is to be in every place that wants memory: that would be a twentieth of the program.
// SAFETY: blocks are the C library's or the reserve's, and each goes back to where it comes from.
unsafe impl GlobalAlloc for Allocator {
    #[inline(never)]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's contract is the same.
        let block = unsafe { System.alloc(layout) };
        if block.is_null() { self.instead(layout) } else { block }
    }

    #[inline(never)]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's contract is the same.
        let block = unsafe { System.alloc_zeroed(layout) };
        if block.is_null() { self.instead(layout) } else { block }
    }

    #[inline(never)]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if !self.0.has(block) {
            // SAFETY: it is the C library's; the rest is the caller's contract.
            unsafe { System.dealloc(block, layout) };
        }
    }

    #[inline(never)]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if !self.0.has(block) {
            // SAFETY: it is the C library's; the rest is the caller's contract.
            let other = unsafe { System.realloc(block, layout, size) };
            if !other.is_null() {
                return other;
            }
        }
        // SAFETY: the caller's contract is the same.
        unsafe { self.move_to_reserve(block, layout, size) }
    }
}

impl Allocator {
    /// As realloc does, from wherever to the reserve.
    ///
    /// # Safety
    /// That of [`GlobalAlloc::realloc`].
    unsafe fn move_to_reserve(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let Ok(wanted) = Layout::from_size_align(size, layout.align()) else { return ptr::null_mut() };
        let other = if self.0.has(block) { self.0.take(wanted) } else { self.instead(wanted) };
        if !other.is_null() {
            // SAFETY: the old block is the caller's, the new one nobody's yet; both hold so many bytes.
            unsafe {
                other.copy_from_nonoverlapping(block, layout.size().min(size));
                self.dealloc(block, layout);
            }
        }
        other
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layout(size: usize, align: usize) -> Layout {
        Layout::from_size_align(size, align).expect("a layout")
    }

    #[test]
    fn the_reserve_gives_each_byte_out_once() {
        static RESERVE: Reserve = Reserve::new();
        let mut end = 0;
        for (size, align) in [(1, 1), (100, 8), (4096, 4096), (3, 2), (16, 16)] {
            let block = RESERVE.take(layout(size, align));
            assert!(RESERVE.has(block) && block as usize >= end && (block as usize).is_multiple_of(align));
            end = block as usize + size;
        }
        assert!(RESERVE.take(layout(SIZE, 1)).is_null());
        assert!(RESERVE.take(layout(1, 8192)).is_null());
    }

    #[test]
    fn a_block_of_the_reserve_grows() {
        static ALLOCATOR: Allocator = Allocator::new();
        let block = ALLOCATOR.0.take(layout(4, 4));
        // SAFETY: the blocks are as large as is said, and not used once they were given back.
        unsafe {
            block.copy_from_nonoverlapping(b"abcd".as_ptr(), 4);
            let larger = ALLOCATOR.realloc(block, layout(4, 4), 400);
            assert_eq!(std::slice::from_raw_parts(larger, 4), b"abcd");
            ALLOCATOR.dealloc(larger, layout(400, 4));
        }
    }
}
