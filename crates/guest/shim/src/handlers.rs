//! The guest's signal handlers, which the kernel enters through the shim.
//!
//! A signal can arrive while the shim is in the middle of a call on the guest's own stack: asleep
//! in the kernel, or on its way there with a descriptor open. So the shim gives the kernel an entry
//! of its own for each handler. The entry takes back what was begun and then jumps to the handler:
//! see [`newroot_sys::arch::unwind`] and [`take_back`](crate::trap::take_back).
//!
//! An entry belongs to its handler for good. A vfork's child shares this memory but has its own
//! signal actions, and must find the table unchanged. Programs have few handlers. If a program has
//! more than there are entries, the kernel enters the other handlers directly, and the shim no
//! longer holds descriptors on the guest's stack; these handlers may see the shim's registers.

use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use newroot_abi::Errno;
use newroot_sys::arch::{HANDLERS, SignalAction, handler_entry, handler_of_entry};
use newroot_sys::raw;

use crate::call::{SIG_IGN, SIGSET_SIZE, forward};
use crate::memory;

/// Addresses of the handlers; 0 for an unused entry.
pub static TABLE: [AtomicUsize; HANDLERS] = [const { AtomicUsize::new(0) }; HANDLERS];

/// Whether the kernel enters some handler directly.
static DIRECT: AtomicBool = AtomicBool::new(false);

/// Returns the handler of the entry with this index; 0 if the entry is unused.
#[must_use]
pub fn handler(index: usize) -> usize {
    TABLE.get(index).map_or(0, |handler| handler.load(Ordering::Relaxed))
}

/// Returns whether the kernel could enter a guest handler without the shim's knowledge.
#[must_use]
#[inline]
pub fn some_are_direct() -> bool {
    DIRECT.load(Ordering::Relaxed)
}

/// Calls rt_sigaction(2) such that the guest sees only its own handlers. `old` is a guest address,
/// or 0.
///
/// # Errors
/// The errnos of rt_sigaction(2).
pub fn set(signal: usize, new: Option<&SignalAction>, old: usize) -> Result<usize, Errno> {
    let new = new.map(|new| SignalAction { handler: entry_for(new.handler), ..*new });
    let at = new.as_ref().map_or(0, |new| core::ptr::from_ref(new) as usize);
    let result = forward(raw::__NR_rt_sigaction, [signal, at, old, SIGSET_SIZE, 0, 0])?;
    if old != 0
        && let Some(index) = handler_of_entry(memory::read_checked(old))
    {
        memory::write_owned(old, handler(index));
    }
    Ok(result)
}

/// Returns the address that the kernel is given for a handler.
#[must_use]
pub fn entry_for(handler: usize) -> usize {
    if handler <= SIG_IGN {
        return handler;
    }
    for (index, place) in TABLE.iter().enumerate() {
        let known = match place.compare_exchange(0, handler, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => handler,
            Err(known) => known,
        };
        if known == handler {
            return handler_entry(index);
        }
    }
    DIRECT.store(true, Ordering::Relaxed);
    handler
}
