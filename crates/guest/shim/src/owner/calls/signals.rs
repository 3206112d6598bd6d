//! kill(2) and its kin: who may signal whom, by who they seem to be.
//!
//! The host's kernel would let the one real user signal all of his processes, those outside of the session as
//! well. So "all processes" (kill(-1)) are those of the session, which are looked for here.

use newroot_abi::Errno;
use newroot_fakeroot::session::Identity;
use newroot_fakeroot::{Capabilities, permission as rules};
use newroot_paths::{Buffer, Host};
use newroot_procfs::{Decimal, status};
use newroot_sys::raw;

use crate::calls::forward;
use crate::host::{self, AT_FDCWD, Listing, Path};
use crate::owner::{process, procfs};
use crate::trap::Trapped;

const SIGKILL: u32 = 9;
const SIGCONT: u32 = 18;
/// The highest signal's number.
const LAST: u32 = 64;

/// Runs such a call.
pub(super) fn run(call: &Trapped<'_>, me: &Identity<'_>, number: u32) -> Result<usize, Errno> {
    let [a, b, c, ..] = call.arguments;
    match number {
        raw::__NR_kill => return kill(me, a as i32, b as u32),
        raw::__NR_tkill | raw::__NR_rt_sigqueueinfo => may_signal(me, a as i32, b as u32)?,
        raw::__NR_tgkill | raw::__NR_rt_tgsigqueueinfo => may_signal(me, b as i32, c as u32)?,
        _ => return by_descriptor(call, me),
    }
    forward(number, call.arguments)
}

/// Whether a process may be sent a signal. What else is wrong is for the call to find.
fn may_signal(me: &Identity<'_>, target: i32, signal: u32) -> Result<(), Errno> {
    if me.credentials.capable(Capabilities::KILL) || signal > LAST {
        return Ok(());
    }
    match u32::try_from(target) {
        Err(_) | Ok(0) => Ok(()),
        Ok(target) if target == host::getpid() => Ok(()),
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

/// Whether a process belongs to the caller's session of jobs (setsid(2)).
fn in_our_session(target: u32) -> bool {
    let session = |of: u32| forward(raw::__NR_getsid, [of as usize, 0, 0, 0, 0, 0]);
    session(target).is_ok_and(|theirs| session(0) == Ok(theirs))
}

fn send(target: i32, signal: u32) -> Result<usize, Errno> {
    forward(raw::__NR_kill, [target as isize as usize, signal as usize, 0, 0, 0, 0])
}

/// kill(2).
fn kill(me: &Identity<'_>, target: i32, signal: u32) -> Result<usize, Errno> {
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

/// All of the launch but the caller and the first process of all: `kill_something_info` of kernel/signal.c.
fn all(me: &Identity<'_>, signal: u32) -> Result<usize, Errno> {
    // The shim asks, not the kernel: with a signal that doesn't exist, it would ask about everybody.
    if signal > LAST {
        return Err(Errno::INVAL);
    }
    let own = host::getpid();
    let mut answer = Err(Errno::SRCH);
    // What a process forks while it waits for its death dies the second time.
    for _ in 0..if signal == SIGKILL { 2 } else { 1 } {
        each_process(|other| {
            if other <= 1 || other == own || process::of(other).is_none_or(|of| !process::is_of_launch(&of)) {
                return;
            }
            let sent = may_signal(me, other as i32, signal).and_then(|()| send(other as i32, signal));
            match sent {
                // To those that aren't the caller's it isn't sent, and nothing said.
                Ok(_) | Err(Errno::PERM) if answer == Err(Errno::SRCH) => answer = Ok(0),
                Ok(_) | Err(Errno::PERM | Errno::SRCH) => {}
                Err(error) => answer = Err(error),
            }
        })?;
    }
    answer
}

/// Those of a process group that the caller may signal: `__kill_pgrp_info` of kernel/signal.c.
fn group(me: &Identity<'_>, group: u32, signal: u32) -> Result<usize, Errno> {
    let own = host::getpid();
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
    // Oneself last: it may be the end.
    if is_member(own) {
        signal_one(own);
    }
    answer
}

/// pidfd_send_signal(2).
fn by_descriptor(call: &Trapped<'_>, me: &Identity<'_>) -> Result<usize, Errno> {
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

/// The process that a descriptor stands for: one of pidfd_open(2), or of its directory in /proc.
pub(super) fn described(descriptor: i32) -> Option<u32> {
    let mut path = Buffer::<Host, 64>::new();
    path.assign(b"/proc/self/fdinfo/").ok()?;
    path.extend(Decimal::new(u64::try_from(descriptor).ok()?).bytes()).ok()?;
    let mut text = [0u8; 512];
    let info = host::openat(AT_FDCWD, Path::new(path.with_nul()), raw::O_RDONLY | raw::O_CLOEXEC, 0).ok()?;
    let len = host::read(info.number(), &mut text).ok()?;
    match status::value(text.get(..len)?, b"Pid") {
        // -1 for one that is gone.
        Some(number) => u32::try_from(Decimal::parse(number)?).ok(),
        None => procfs::process_of_descriptor(descriptor),
    }
}

/// Visits all processes that there are. They are read from procfs a few at a time, in the order of their numbers.
pub(super) fn each_process(mut visit: impl FnMut(u32)) -> Result<(), Errno> {
    let flags = raw::O_RDONLY | raw::O_DIRECTORY | raw::O_CLOEXEC;
    let all = host::openat(AT_FDCWD, Path::new(b"/proc\0"), flags, 0)?;
    let mut listing = Listing::<2048>::new();
    while let Some((_, name)) = listing.next(all.number())? {
        let number = Decimal::parse(Path::new(name).bytes());
        if let Some(process) = number.and_then(|number| u32::try_from(number).ok()) {
            visit(process);
        }
    }
    Ok(())
}
