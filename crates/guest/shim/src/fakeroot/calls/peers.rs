//! Calls of one process on another. Whether they are allowed depends on the identities that both
//! seem to have. The host's kernel knows one user, who may do all of this.

use newroot_abi::Errno;
use newroot_fakeroot::session::Identity;
use newroot_fakeroot::{Capabilities, Credentials, permission as rules};
use newroot_sys::raw;
use newroot_sys::table::Traced;

use super::others::granted;
use super::signals::{described, each_process};
use crate::call::{Outcome, Trapped, forward};
use crate::identity::process;
use crate::kernel;
use crate::tracing::request;

/// Checks a call on another process, if that exists. 0 is the caller.
pub(super) fn check(target: u32, may: impl FnOnce(&Credentials) -> Result<(), Errno>) -> Result<(), Errno> {
    if target == 0 || target as i32 <= 0 || target == kernel::getpid() || target == kernel::gettid() {
        return Ok(());
    }
    // The call itself reports a process that isn't in this session or doesn't exist.
    match process::of(target) {
        Some(other) => may(&other.credentials),
        None => forward(raw::__NR_kill, [target as usize, 0, 0, 0, 0, 0])
            .map_or(Ok(()), |_| may(&process::stranger())),
    }
}

/// Runs sched_setscheduler(2), sched_setparam(2), sched_setattr(2) and sched_setaffinity(2).
pub(super) fn schedule(call: &Trapped<'_>, me: &Identity<'_>) -> Result<usize, Errno> {
    let [target, ..] = call.arguments;
    schedule_one(me, target as u32, || forward(call.number as u32, call.arguments))
}

/// Runs setpriority(2) and ioprio_set(2). `first` is PRIO_PROCESS or IOPRIO_WHO_PROCESS. The next
/// two values mean a process group and a user.
pub(super) fn schedule_priority(call: &Trapped<'_>, me: &Identity<'_>, first: u8) -> Result<usize, Errno> {
    let [kind, who, value, ..] = call.arguments;
    let (number, first) = (call.number as u32, u32::from(first));
    let one = |target: u32| forward(number, [first as usize, target as usize, value, 0, 0, 0]);
    match (kind as u32).checked_sub(first) {
        Some(0) => schedule_one(me, who as u32, || forward(number, call.arguments)),
        Some(1) if !me.credentials.capable(Capabilities::SYS_NICE) => {
            let of = |process: usize| forward(raw::__NR_getpgid, [process, 0, 0, 0, 0, 0]);
            let group = if who as u32 == 0 { of(0)? } else { who as u32 as usize };
            schedule_those(me, |process| of(process as usize) == Ok(group), one)
        }
        // The host's user has processes outside of the session, too.
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

/// Calls it for all processes among those. The last error is the result.
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

/// Runs a call that reaches into another process, if the caller may trace that.
pub(super) fn trace(call: &Trapped<'_>, me: &Identity<'_>, traced: Traced) -> Result<usize, Errno> {
    let [a, b, ..] = call.arguments;
    let may = |other: &Credentials| rules::may_trace(&me.credentials, other);
    match traced {
        Traced::Process => check(a as u32, may)?,
        Traced::TwoProcesses => {
            check(a as u32, may)?;
            check(b as u32, may)?;
        }
        Traced::Descriptor => {
            if let Some(target) = described(a as i32) {
                check(target, may)?;
            }
        }
    }
    forward(call.number as u32, call.arguments)
}

/// Checks ptrace(2). `None` leaves the call to the ordinary code.
pub(super) fn ptrace(call: &Trapped<'_>, me: &Identity<'_>) -> Option<Outcome> {
    let [request, target, ..] = call.arguments;
    match request as u32 {
        request::ATTACH | request::SEIZE => {
            check(target as u32, |other| rules::may_trace(&me.credentials, other)).err().map(Into::into)
        }
        _ => None,
    }
}
