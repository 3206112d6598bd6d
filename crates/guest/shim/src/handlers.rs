//! The guest's signal handlers, entered by way of the shim.
//!
//! A signal can find the shim in the middle of a call on the guest's own stack: asleep in the kernel, or on its way there
//! with a descriptor open. So the kernel is given an entry of the shim's for each handler, which takes
//! back what was begun and goes on to the handler: see [`newroot_sys::arch::unwind`] and
//! [`take_back`](crate::trap::take_back).
//!
//! An entry is the handler's for good: a vfork's child, which shares this memory, has actions of its own, and
//! must find nothing changed. Programs have few handlers. One that has more than there are entries has the
//! others entered directly, and gives up on holding descriptors; these handlers may see the shim's registers.

use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use newroot_abi::Errno;
use newroot_sys::arch::{HANDLERS, SignalAction, handler_entry, handler_of_entry};
use newroot_sys::raw;

use crate::calls::forward;
use crate::calls::signal::{SIG_IGN, SIGSET_SIZE};
use crate::memory;

/// Addresses of the handlers; 0 where there is none yet.
pub static TABLE: [AtomicUsize; HANDLERS] = [const { AtomicUsize::new(0) }; HANDLERS];

/// Some handler isn't among them.
static DIRECT: AtomicBool = AtomicBool::new(false);

/// Returns the handler that is entered with an index; 0 for one that isn't.
#[must_use]
pub fn handler(index: usize) -> usize {
    TABLE.get(index).map_or(0, |handler| handler.load(Ordering::Relaxed))
}

/// Whether a handler of the guest's could be entered without the shim's knowledge.
#[must_use]
#[inline]
pub fn some_are_direct() -> bool {
    DIRECT.load(Ordering::Relaxed)
}

/// rt_sigaction(2), of which the guest sees nothing but its own handlers. `old` is the guest's.
///
/// # Errors
/// The call's.
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

/// Returns what the kernel is to enter for a handler.
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
