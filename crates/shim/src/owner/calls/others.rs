//! What else root may do: to other processes, and to the machine.
//!
//! What harms nobody and can't be had is granted in appearance (priorities, limits); what changes the machine
//! for all is refused, as it is to root in a container.

use newroot_abi::Errno;
use newroot_owner::session::{self, Identity};
use newroot_owner::{Capabilities, permission as rules};
use newroot_sys::raw;

use crate::calls::{forward, system};
use crate::host;
use crate::memory;
use crate::owner::{process, session_file};
use crate::slots::Scratch;
use crate::trap::{Outcome, Trapped};

/// Runs such a call.
pub(super) fn run(call: &mut Trapped<'_>, me: &Identity<'_>, number: u32, _: &mut Scratch) -> Outcome {
    let [a, b, ..] = call.arguments;
    let plain = |call: &Trapped<'_>| forward(number, call.arguments);
    match number {
        raw::__NR_kill | raw::__NR_tkill | raw::__NR_rt_sigqueueinfo => {
            may_signal(me, a as i32).and_then(|()| plain(call)).into()
        }
        raw::__NR_tgkill | raw::__NR_rt_tgsigqueueinfo => {
            may_signal(me, b as i32).and_then(|()| plain(call)).into()
        }
        raw::__NR_setpriority
        | raw::__NR_sched_setscheduler
        | raw::__NR_sched_setparam
        | raw::__NR_sched_setattr
        | raw::__NR_ioprio_set => granted(me, Capabilities::SYS_NICE, plain(call)).into(),
        raw::__NR_getrlimit if a as u32 == session::RESOURCE => {
            memory::write(b, &[u64::MAX; 2]).map(|()| 0).into()
        }
        raw::__NR_setrlimit if a as u32 == session::RESOURCE => memory::read::<[u64; 2]>(b).map(|_| 0).into(),
        raw::__NR_setrlimit => set_limit(me, 0, a, b, 0).into(),
        raw::__NR_prlimit64 => prlimit(call, me).into(),
        raw::__NR_sethostname | raw::__NR_setdomainname => set_name(me, number, a, b).into(),
        raw::__NR_getsockopt => getsockopt(call, me).into(),
        _ => plain(call).into(),
    }
}

/// Whether a process may be sent a signal, by who we are and who it is.
fn may_signal(me: &Identity<'_>, target: i32) -> Result<(), Errno> {
    // Groups of processes are the kernel's to find.
    if target <= 0 || me.credentials.effective.has(Capabilities::KILL) {
        return Ok(());
    }
    let Some(other) = process::of(target as u32) else { return Ok(()) };
    rules::may_signal(&me.credentials, &other.credentials)
}

/// What the kernel refuses for want of a capability that the guest has is granted in appearance.
fn granted(
    me: &Identity<'_>,
    capability: Capabilities,
    result: Result<usize, Errno>,
) -> Result<usize, Errno> {
    match result {
        Err(Errno::PERM | Errno::ACCES) if me.credentials.effective.has(capability) => Ok(0),
        other => other,
    }
}

fn prlimit(call: &Trapped<'_>, me: &Identity<'_>) -> Result<usize, Errno> {
    let [target, resource, new, old, ..] = call.arguments;
    if resource as u32 == session::RESOURCE {
        if new != 0 {
            memory::read::<[u64; 2]>(new)?;
        }
        return if old == 0 { Ok(0) } else { memory::write(old, &[u64::MAX; 2]).map(|()| 0) };
    }
    if new == 0 {
        return forward(raw::__NR_prlimit64, call.arguments);
    }
    set_limit(me, target, resource, new, old)
}

/// Sets a limit; root may raise a hard one, which is done as far as the host allows.
fn set_limit(
    me: &Identity<'_>,
    target: usize,
    resource: usize,
    new: usize,
    old: usize,
) -> Result<usize, Errno> {
    let result = forward(raw::__NR_prlimit64, [target, resource, new, old, 0, 0]);
    if result != Err(Errno::PERM) || !me.credentials.effective.has(Capabilities::SYS_RESOURCE) {
        return result;
    }
    let [soft, hard] = memory::read::<[u64; 2]>(new)?;
    let [_, most] = host::limits_of(target as u32, resource as u32)?;
    let possible = [soft.min(most), hard.min(most)];
    let at = possible.as_ptr() as usize;
    forward(raw::__NR_prlimit64, [target, resource, at, old, 0, 0])
}

/// sethostname(2), setdomainname(2): for the session.
fn set_name(me: &Identity<'_>, number: u32, name: usize, len: usize) -> Result<usize, Errno> {
    if !me.credentials.effective.has(Capabilities::SYS_ADMIN) {
        return Err(Errno::PERM);
    }
    let mut bytes = [0u8; session::NAME_MAX];
    let place = bytes.get_mut(..len).ok_or(Errno::INVAL)?;
    memory::read_bytes(name, place)?;
    session_file::set_name(number == raw::__NR_setdomainname, place);
    Ok(0)
}

/// uname(2): names that were set in the session.
pub(super) fn uname(call: &mut Trapped<'_>) -> Outcome {
    let [out, ..] = call.arguments;
    let outcome = system::uname(call);
    if let Outcome::Done(0) = outcome {
        const FIELD: usize = 65;
        for (domain, field) in [(false, 1), (true, 5)] {
            let mut name = [0u8; FIELD];
            if let Some(known) = name.get_mut(..session::NAME_MAX)
                && session_file::name(domain, known)
            {
                memory::copy_owned(out + field * FIELD, &name);
            }
        }
    }
    outcome
}

/// getsockopt(2): who is at the other end.
fn getsockopt(call: &Trapped<'_>, me: &Identity<'_>) -> Result<usize, Errno> {
    const SOL_SOCKET: usize = 1;
    const SO_PEERCRED: usize = 17;
    let [_, level, option, value, ..] = call.arguments;
    let result = forward(raw::__NR_getsockopt, call.arguments)?;
    if level as u32 as usize == SOL_SOCKET && option as u32 as usize == SO_PEERCRED {
        let peer = memory::read::<[u32; 3]>(value)?;
        memory::write(value, &shown_peer(me, peer))?;
    }
    Ok(result)
}

/// A `struct ucred` in guest terms.
pub(crate) fn shown_peer(me: &Identity<'_>, [process, uid, gid]: [u32; 3]) -> [u32; 3] {
    let known = session_file::header();
    if uid != known.real_uid {
        return [process, uid, gid];
    }
    match process::of(process) {
        Some(of) => [process, of.credentials.euid, of.credentials.egid],
        // One of the real user's, of no session or gone: their files are root's to the guest, too.
        None if process == host::getpid() => [process, me.credentials.euid, me.credentials.egid],
        None => [process, known.default_uid, known.default_gid],
    }
}
