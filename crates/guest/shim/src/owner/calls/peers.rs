//! What a process does to another one, and may do by who both seem to be. The host's kernel knows one user,
//! who may do all of it.

use newroot_abi::Errno;
use newroot_fakeroot::session::Identity;
use newroot_fakeroot::{Capabilities, Credentials, permission as rules};
use newroot_sys::raw;

use super::others::granted;
use super::signals::{described, each_process};
use crate::calls::forward;
use crate::host;
use crate::owner::process;
use crate::tracing::request;
use crate::trap::{Outcome, Trapped};

/// Asks about another process, if it is another and there. 0 is the caller.
pub(super) fn check(target: u32, may: impl FnOnce(&Credentials) -> Result<(), Errno>) -> Result<(), Errno> {
    if target == 0 || target as i32 <= 0 || target == host::getpid() || target == host::gettid() {
        return Ok(());
    }
    // One that isn't of this session, or isn't there: that the call will find.
    match process::of(target) {
        Some(other) => may(&other.credentials),
        None => forward(raw::__NR_kill, [target as usize, 0, 0, 0, 0, 0])
            .map_or(Ok(()), |_| may(&process::stranger())),
    }
}

/// setpriority(2), ioprio_set(2) and sched_set*(2).
pub(super) fn schedule(call: &Trapped<'_>, me: &Identity<'_>, number: u32) -> Result<usize, Errno> {
    let [kind, who, value, ..] = call.arguments;
    // PRIO_PROCESS and its kin are 0, 1 and 2; IOPRIO_WHO_PROCESS and its kin are 1, 2 and 3.
    let first = match number {
        raw::__NR_setpriority => 0,
        raw::__NR_ioprio_set => 1,
        _ => return schedule_one(me, kind as u32, || forward(number, call.arguments)),
    };
    let one = |target: u32| forward(number, [first as usize, target as usize, value, 0, 0, 0]);
    match (kind as u32).checked_sub(first) {
        Some(0) => schedule_one(me, who as u32, || forward(number, call.arguments)),
        Some(1) if !me.credentials.capable(Capabilities::SYS_NICE) => {
            let of = |process: usize| forward(raw::__NR_getpgid, [process, 0, 0, 0, 0, 0]);
            let group = if who as u32 == 0 { of(0)? } else { who as u32 as usize };
            schedule_those(me, |process| of(process as usize) == Ok(group), one)
        }
        // The host's user has more processes than those of the session.
        Some(2) => {
            let uid = if who as u32 == 0 { me.credentials.ruid } else { who as u32 };
            let is_theirs = |process| {
                process::of(process)
                    .is_some_and(|of| of.credentials.ruid == uid && process::is_of_launch(&of))
            };
            schedule_those(me, is_theirs, one)
        }
        _ => granted(me, Capabilities::SYS_NICE, forward(number, call.arguments)),
    }
}

fn schedule_one(
    me: &Identity<'_>,
    target: u32,
    run: impl FnOnce() -> Result<usize, Errno>,
) -> Result<usize, Errno> {
    check(target, |other| rules::may_schedule(&me.credentials, other))?;
    granted(me, Capabilities::SYS_NICE, run())
}

/// All that are among those: the last error is the answer.
fn schedule_those(
    me: &Identity<'_>,
    is_one: impl Fn(u32) -> bool,
    run: impl Fn(u32) -> Result<usize, Errno>,
) -> Result<usize, Errno> {
    let mut answer = Err(Errno::SRCH);
    each_process(|process| {
        if is_one(process) {
            let one = schedule_one(me, process, || run(process));
            if one.is_err() || answer == Err(Errno::SRCH) {
                answer = one;
            }
        }
    })?;
    answer
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

/// ptrace(2): says who may not be attached to. `None` leaves the call to the ordinary code.
pub(super) fn ptrace(call: &Trapped<'_>, me: &Identity<'_>) -> Option<Outcome> {
    let [request, target, ..] = call.arguments;
    match request as u32 {
        request::ATTACH | request::SEIZE => {
            check(target as u32, |other| rules::may_trace(&me.credentials, other)).err().map(Into::into)
        }
        _ => None,
    }
}
