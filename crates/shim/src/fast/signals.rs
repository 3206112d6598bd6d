//! Signal masks and actions, of processes that have nothing to do with SIGSYS.

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
    if size != SIGSET_SIZE || state::cares_for_sigsys() {
        return None;
    }
    if new == 0 {
        return Some(forward(raw::__NR_rt_sigprocmask, [how, 0, old, size, 0, 0]));
    }
    // A copy: another thread could change the guest's own once it has been looked at.
    let mask: u64 = memory::read(new).ok()?;
    if mask & SIGSYS_BIT != 0 {
        return None;
    }
    Some(forward(raw::__NR_rt_sigprocmask, [how, &raw const mask as usize, old, size, 0, 0]))
}

pub(super) fn sigaction([number, new, old, size, ..]: [usize; 6]) -> Option<Result<usize, Errno>> {
    if size != SIGSET_SIZE || number as u32 == SIGSYS || state::cares_for_sigsys() {
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
