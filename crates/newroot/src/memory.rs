//! The allocator: the C library's, with a reserve for when that has no more memory.
//!
//! Rust aborts a program whose allocation fails, and its half-made files would stay. So memory that
//! the C library refuses is taken from a reserve, which costs nothing until then, and the refusal
//! is recorded. A command that makes something checks that record as it checks for signals
//! (`commands/interrupt.rs`), and undoes its work.
//!
//! Unsafe is allowed for the allocator's contract, which is passed on to the C library. The
//! reserve's blocks lie in a static that nothing else refers to. No two blocks overlap, and none is
//! handed out twice.
#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::UnsafeCell;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Size of the reserve in bytes: enough to undo everything, and for the largest buffers that are
/// allocated on the way there.
const SIZE: usize = 1 << 20;

#[repr(align(4096))]
struct Reserve {
    bytes: UnsafeCell<[u8; SIZE]>,
    /// Number of bytes handed out.
    used: AtomicUsize,
}

// SAFETY: see the head of the file.
unsafe impl Sync for Reserve {}

impl Reserve {
    const fn new() -> Self {
        Self { bytes: UnsafeCell::new([0; SIZE]), used: AtomicUsize::new(0) }
    }

    /// Returns a block of zeros, or null if the reserve has no space for it.
    fn take(&self, layout: Layout) -> *mut u8 {
        let range = |used: usize| {
            let start = used.checked_next_multiple_of(layout.align())?;
            let end = start.checked_add(layout.size())?;
            (layout.align() <= align_of::<Self>() && end <= SIZE).then_some((start, end))
        };
        let taken = self.used.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| Some(range(used)?.1));
        match taken.ok().and_then(range) {
            // SAFETY: the block lies within the reserve.
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

/// Returns whether the C library has ever refused memory.
pub(crate) fn ran_short() -> bool {
    RAN_SHORT.load(Ordering::Relaxed)
}

/// The C library's allocator, with the reserve behind it.
pub struct Allocator(Reserve);

impl Allocator {
    /// Returns an allocator with a reserve of its own.
    #[must_use]
    #[expect(clippy::new_without_default, reason = "there is one of it, which is a constant")]
    pub const fn new() -> Self {
        Self(Reserve::new())
    }

    /// Returns a block of the reserve in place of one that the C library refused.
    fn instead(&self, layout: Layout) -> *mut u8 {
        RAN_SHORT.store(true, Ordering::Relaxed);
        self.0.take(layout)
    }
}

// Never inlined: copies in every place that allocates would be a twentieth of the program.
// SAFETY: each block comes from the C library or the reserve, and goes back to where it came from.
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
            // SAFETY: the block comes from the C library; the rest is the caller's contract.
            unsafe { System.dealloc(block, layout) };
        }
    }

    #[inline(never)]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        if !self.0.has(block) {
            // SAFETY: the block comes from the C library; the rest is the caller's contract.
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
    /// Moves a block to the reserve with another size, as realloc(3) would, wherever it lies now.
    ///
    /// # Safety
    /// That of [`GlobalAlloc::realloc`].
    unsafe fn move_to_reserve(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let Ok(wanted) = Layout::from_size_align(size, layout.align()) else { return ptr::null_mut() };
        let other = if self.0.has(block) { self.0.take(wanted) } else { self.instead(wanted) };
        if !other.is_null() {
            // SAFETY: the caller owns the old block, and nothing else refers to the new one. Both
            // have at least as many bytes as are copied.
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
        // SAFETY: the blocks have the stated sizes, and aren't used after they are freed.
        unsafe {
            block.copy_from_nonoverlapping(b"abcd".as_ptr(), 4);
            let larger = ALLOCATOR.realloc(block, layout(4, 4), 400);
            assert_eq!(std::slice::from_raw_parts(larger, 4), b"abcd");
            ALLOCATOR.dealloc(larger, layout(400, 4));
        }
    }
}
