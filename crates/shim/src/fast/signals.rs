//! Signal masks and actions, as long as they change nothing about SIGSYS.

use newroot_abi::Errno;
use newroot_sys::arch::SignalAction;
use newroot_sys::raw;
use newroot_sys::table::SIGSYS;

use crate::calls::forward;
use crate::calls::signal::{MUSL_CANCEL, SIGSET_SIZE};
use crate::handlers;
use crate::memory;
use crate::state;
use crate::trap::SIGSYS_BIT;

pub(super) fn sigprocmask([how, new, old, size, ..]: [usize; 6]) -> Option<Result<usize, Errno>> {
    if size != SIGSET_SIZE {
        return None;
    }
    let blocked = state::sigsys_blocked();
    // A copy: another thread could change the guest's own once it has been looked at.
    let mask = if new == 0 { None } else { Some(memory::read::<u64>(new).ok()?) };
    if let Some(mask) = mask {
        let named = mask & SIGSYS_BIT != 0;
        let after = match how as u32 {
            raw::SIG_BLOCK => blocked || named,
            raw::SIG_UNBLOCK => blocked && !named,
            raw::SIG_SETMASK => named,
            _ => return None,
        };
        // What the guest wants of SIGSYS changes with all signals blocked.
        if after != blocked {
            return None;
        }
    }
    let open = mask.map(|mask| mask & !SIGSYS_BIT);
    let at = open.as_ref().map_or(0, |open| core::ptr::from_ref(open) as usize);
    let result = forward(raw::__NR_rt_sigprocmask, [how, at, old, size, 0, 0]);
    if blocked && old != 0 && result.is_ok() {
        let told: u64 = memory::owned_value(old);
        memory::store_owned(old, &(told | SIGSYS_BIT));
    }
    Some(result)
}

pub(super) fn sigaction([number, new, old, size, ..]: [usize; 6]) -> Option<Result<usize, Errno>> {
    if size != SIGSET_SIZE || number as u32 == SIGSYS || state::sigsys_is_in_a_mask() {
        return None;
    }
    if new == 0 {
        return Some(handlers::set(number, None, old));
    }
    let action: SignalAction = memory::read(new).ok()?;
    if action.mask & SIGSYS_BIT != 0 || number == MUSL_CANCEL {
        return None;
    }
    Some(handlers::set(number, Some(&action), old))
}
