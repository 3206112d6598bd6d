//! Signal masks and actions, in calls that change nothing about SIGSYS.

use newroot_abi::Errno;
use newroot_sys::arch::{CallFrame, SignalAction};
use newroot_sys::raw;
use newroot_sys::table::SIGSYS;

use super::through;
use crate::call::{SIGSET_SIZE, SIGSYS_BIT, forward};
use crate::handlers;
use crate::memory;
use crate::state;

pub(super) fn sigprocmask(
    frame: &CallFrame,
    [how, new, old, size, ..]: [usize; 6],
) -> Option<Result<usize, Errno>> {
    if size != SIGSET_SIZE {
        return None;
    }
    let blocked = state::sigsys_blocked();
    // The mask that the guest gets would have to be amended after the call.
    if blocked && old != 0 {
        return None;
    }
    if new == 0 {
        return Some(forward(raw::__NR_rt_sigprocmask, [how, 0, old, size, 0, 0]));
    }
    // A copy, because another thread could change the guest's own mask after this check.
    let mask = memory::read::<u64>(new).ok()?;
    let named = mask & SIGSYS_BIT != 0;
    let after = match how as u32 {
        raw::SIG_BLOCK => blocked || named,
        raw::SIG_UNBLOCK => blocked && !named,
        raw::SIG_SETMASK => named,
        _ => return None,
    };
    // The guest's virtual state of SIGSYS changes only while all signals are blocked.
    if after != blocked {
        return None;
    }
    let open = mask & !SIGSYS_BIT;
    let at = core::ptr::from_ref(&open) as usize;
    Some(through::once(frame, raw::__NR_rt_sigprocmask, [how, at, old, size, 0, 0]))
}

pub(super) fn sigaction(
    frame: &CallFrame,
    [number, new, old, size, ..]: [usize; 6],
) -> Option<Result<usize, Errno>> {
    if size != SIGSET_SIZE || number as u32 == SIGSYS || state::sigsys_is_in_a_mask() {
        return None;
    }
    if new == 0 {
        return Some(handlers::set(number, None, old));
    }
    // The action that the guest gets would have to be amended after the call.
    if old != 0 {
        return None;
    }
    let action: SignalAction = memory::read(new).ok()?;
    if action.mask & SIGSYS_BIT != 0 {
        return None;
    }
    let action = SignalAction { handler: handlers::entry_for(action.handler), ..action };
    let at = core::ptr::from_ref(&action) as usize;
    Some(through::once(frame, raw::__NR_rt_sigaction, [number, at, 0, size, 0, 0]))
}
