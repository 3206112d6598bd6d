//! kill(2) and its variants: who may signal which process, by the identities that both seem to
//! have.
//!
//! The host's kernel would let the one real user signal all of the user's processes, even outside
//! of the session. So "all processes" (kill(-1)) are those of the session, and the shim looks for
//! them.

use newroot_abi::Errno;
use newroot_fakeroot::session::Identity;
use newroot_fakeroot::{Capabilities, permission as rules};
use newroot_paths::{Buffer, Host};
use newroot_procfs::{Decimal, status};
use newroot_sys::raw;

use crate::call::{Trapped, forward};
use crate::calls::path::argument;
use crate::fakeroot::procfs;
use crate::identity::process;
use crate::kernel::{self, AT_FDCWD, Listing, Path};

const SIGKILL: u32 = 9;
const SIGCONT: u32 = 18;
/// Highest signal number.
const LAST: u32 = 64;

/// Runs a call that sends a signal to one process or thread. `target` is the index of its argument.
/// The next argument is the signal.
pub(super) fn signal(call: &Trapped<'_>, me: &Identity<'_>, target: u8) -> Result<usize, Errno> {
    let [target, signal] = [target, target + 1].map(|index| argument(&call.arguments, index));
    may_signal(me, target as i32, signal as u32)?;
    forward(call.number as u32, call.arguments)
}

/// Checks whether a process may be sent a signal. The call itself reports all other errors.
fn may_signal(me: &Identity<'_>, target: i32, signal: u32) -> Result<(), Errno> {
    if me.credentials.capable(Capabilities::KILL) || signal > LAST {
        return Ok(());
    }
    match u32::try_from(target) {
        Err(_) | Ok(0) => Ok(()),
        Ok(target) if target == kernel::getpid() => Ok(()),
        Ok(target) => {
            let other = match process::of(target) {
                Some(other) => other.credentials,
                None => {
                    send(target as i32, 0)?;
                    process::stranger()
                }
            };
            match rules::may_signal(&me.credentials, &other) {
                Err(_) if signal == SIGCONT && in_our_session(target) => Ok(()),
                answer => answer,
            }
        }
    }
}

/// Returns whether a process belongs to the caller's session of jobs (setsid(2)).
fn in_our_session(target: u32) -> bool {
    let session = |of: u32| forward(raw::__NR_getsid, [of as usize, 0, 0, 0, 0, 0]);
    session(target).is_ok_and(|theirs| session(0) == Ok(theirs))
}

fn send(target: i32, signal: u32) -> Result<usize, Errno> {
    forward(raw::__NR_kill, [target as isize as usize, signal as usize, 0, 0, 0, 0])
}

/// Runs kill(2).
pub(super) fn kill(call: &Trapped<'_>, me: &Identity<'_>) -> Result<usize, Errno> {
    let [target, signal, ..] = call.arguments;
    let (target, signal) = (target as i32, signal as u32);
    match target {
        -1 => all(me, signal),
        i32::MIN | 1.. => {
            may_signal(me, target, signal)?;
            send(target, signal)
        }
        _ if me.credentials.capable(Capabilities::KILL) || signal > LAST => send(target, signal),
        0 => group(me, forward(raw::__NR_getpgid, [0; 6])? as u32, signal),
        _ => group(me, target.unsigned_abs(), signal),
    }
}

/// Signals all processes of the launch except the caller and process 1: `kill_something_info` of
/// kernel/signal.c.
fn all(me: &Identity<'_>, signal: u32) -> Result<usize, Errno> {
    // The shim checks the signal number here. With an invalid one the kernel would only check
    // permissions.
    if signal > LAST {
        return Err(Errno::INVAL);
    }
    let own = kernel::getpid();
    let mut answer = Err(Errno::SRCH);
    // A process can fork while its SIGKILL is pending. The second pass kills the child.
    for _ in 0..if signal == SIGKILL { 2 } else { 1 } {
        each_process(|other| {
            if other <= 1 || other == own || process::of(other).is_none_or(|of| !process::is_of_launch(&of)) {
                return;
            }
            let sent = may_signal(me, other as i32, signal).and_then(|()| send(other as i32, signal));
            match sent {
                // Processes that the caller may not signal are skipped without an error.
                Ok(_) | Err(Errno::PERM) if answer == Err(Errno::SRCH) => answer = Ok(0),
                Ok(_) | Err(Errno::PERM | Errno::SRCH) => {}
                Err(error) => answer = Err(error),
            }
        })?;
    }
    answer
}

/// Signals the processes of a group that the caller may signal: `__kill_pgrp_info` of
/// kernel/signal.c.
fn group(me: &Identity<'_>, group: u32, signal: u32) -> Result<usize, Errno> {
    let own = kernel::getpid();
    let is_member = |of: u32| forward(raw::__NR_getpgid, [of as usize, 0, 0, 0, 0, 0]) == Ok(group as usize);
    let mut answer = Err(Errno::SRCH);
    let mut signal_one = |other: u32| {
        let sent = may_signal(me, other as i32, signal).and_then(|()| send(other as i32, signal));
        if sent.is_ok() || answer.is_err() {
            answer = sent;
        }
    };
    each_process(|other| {
        if other != own && is_member(other) {
            signal_one(other);
        }
    })?;
    // The caller comes last, because the signal may end it.
    if is_member(own) {
        signal_one(own);
    }
    answer
}

/// Runs pidfd_send_signal(2).
pub(super) fn by_descriptor(call: &Trapped<'_>, me: &Identity<'_>) -> Result<usize, Errno> {
    const PROCESS_GROUP: u32 = 4;
    let [descriptor, signal, _, flags, ..] = call.arguments;
    if !me.credentials.capable(Capabilities::KILL)
        && let Some(target) = described(descriptor as i32)
    {
        if flags as u32 == PROCESS_GROUP {
            return group(me, target, signal as u32);
        }
        may_signal(me, target as i32, signal as u32)?;
    }
    forward(raw::__NR_pidfd_send_signal, call.arguments)
}

/// Returns the process of a descriptor: one of pidfd_open(2), or of its directory in /proc.
pub(super) fn described(descriptor: i32) -> Option<u32> {
    let mut path = Buffer::<Host, 64>::new();
    path.assign(b"/proc/self/fdinfo/").ok()?;
    path.extend(Decimal::new(u64::try_from(descriptor).ok()?).bytes()).ok()?;
    let mut text = [0u8; 512];
    let info =
        kernel::openat(AT_FDCWD, Path::new(path.with_nul()), raw::O_RDONLY | raw::O_CLOEXEC, 0).ok()?;
    let len = kernel::read(info.number(), &mut text).ok()?;
    match status::value(text.get(..len)?, b"Pid") {
        // -1 for a process that has ended.
        Some(number) => u32::try_from(Decimal::parse(number)?).ok(),
        None => procfs::process_of_descriptor(descriptor),
    }
}

/// Visits all existing processes. They are read from procfs a few at a time, in the order of their
/// numbers.
pub(super) fn each_process(mut visit: impl FnMut(u32)) -> Result<(), Errno> {
    let flags = raw::O_RDONLY | raw::O_DIRECTORY | raw::O_CLOEXEC;
    let all = kernel::openat(AT_FDCWD, Path::new(b"/proc\0"), flags, 0)?;
    let mut listing = Listing::<2048>::new();
    while let Some((_, name)) = listing.next(all.number())? {
        let number = Decimal::parse(Path::new(name).bytes());
        if let Some(process) = number.and_then(|number| u32::try_from(number).ok()) {
            visit(process);
        }
    }
    Ok(())
}
