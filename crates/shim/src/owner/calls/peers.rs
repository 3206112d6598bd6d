//! What a process does to another one, and may do by who both seem to be. The host's kernel knows one user,
//! who may do all of it.

use newroot_abi::Errno;
use newroot_owner::session::Identity;
use newroot_owner::{Credentials, permission as rules};
use newroot_sys::raw;

use super::signals::described;
use crate::host;
use crate::owner::process;
use crate::trap::{Outcome, Trapped};

/// Asks about another process, if it is another and there. 0 is the caller.
pub(super) fn check(target: u32, may: impl FnOnce(&Credentials) -> Result<(), Errno>) -> Result<(), Errno> {
    if target == 0 || target as i32 <= 0 || target == host::getpid() || target == host::gettid() {
        return Ok(());
    }
    // One that isn't of this session, or isn't there: that the call will find.
    match process::of(target) {
        Some(other) => may(&other.credentials),
        None => crate::calls::forward(raw::__NR_kill, [target as usize, 0, 0, 0, 0, 0])
            .map_or(Ok(()), |_| may(&process::stranger())),
    }
}

/// Before setpriority(2), ioprio_set(2) and sched_set*(2).
pub(super) fn may_schedule(call: &Trapped<'_>, me: &Identity<'_>, number: u32) -> Result<(), Errno> {
    const IOPRIO_WHO_PROCESS: usize = 1;
    let [a, b, ..] = call.arguments;
    let target = match number {
        raw::__NR_setpriority if a as u32 == 0 => b,
        raw::__NR_ioprio_set if a as u32 as usize == IOPRIO_WHO_PROCESS => b,
        // Groups and users: those of the real one.
        raw::__NR_setpriority | raw::__NR_ioprio_set => return Ok(()),
        _ => a,
    };
    check(target as u32, |other| rules::may_schedule(&me.credentials, other))
}

/// Before calls that look into another process.
pub(super) fn may_trace(call: &Trapped<'_>, me: &Identity<'_>, number: u32) -> Result<(), Errno> {
    let [a, b, ..] = call.arguments;
    let may = |other: &Credentials| rules::may_trace(&me.credentials, other);
    match number {
        raw::__NR_kcmp => check(a as u32, may).and_then(|()| check(b as u32, may)),
        raw::__NR_pidfd_getfd | raw::__NR_process_madvise => {
            described(a as i32).map_or(Ok(()), |of| check(of, may))
        }
        _ => check(a as u32, may),
    }
}

/// ptrace(2): who may be attached to. `None` leaves the call to the ordinary code.
pub(super) fn ptrace(call: &Trapped<'_>, me: &Identity<'_>) -> Option<Outcome> {
    const TRACEME: u32 = 0;
    const ATTACH: u32 = 16;
    const SEIZE: u32 = 0x4206;
    let [request, target, ..] = call.arguments;
    match request as u32 {
        TRACEME => None,
        ATTACH | SEIZE => match check(target as u32, |other| rules::may_trace(&me.credentials, other)) {
            Ok(()) => Some(crate::calls::forward(raw::__NR_ptrace, call.arguments).into()),
            Err(error) => Some(error.into()),
        },
        _ => Some(crate::calls::forward(raw::__NR_ptrace, call.arguments).into()),
    }
}
