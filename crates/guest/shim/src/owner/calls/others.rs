//! What else root may do: to other processes, and to the machine.
//!
//! What harms nobody and can't be had is granted in appearance (priorities, limits); what changes the machine
//! for all is refused, as it is to root in a container.

use newroot_abi::Errno;
use newroot_fakeroot::session::{self, Identity};
use newroot_fakeroot::{Capabilities, permission as rules};
use newroot_sys::raw;

use super::peers;
use crate::calls::{forward, system};
use crate::host;
use crate::memory;
use crate::owner::session_file;
use crate::trap::{Outcome, Trapped};

/// Runs such a call.
pub(super) fn run(call: &mut Trapped<'_>, me: &Identity<'_>, number: u32) -> Outcome {
    let [a, b, ..] = call.arguments;
    let plain = |call: &Trapped<'_>| forward(number, call.arguments);
    match number {
        raw::__NR_setpriority
        | raw::__NR_sched_setscheduler
        | raw::__NR_sched_setparam
        | raw::__NR_sched_setattr
        | raw::__NR_sched_setaffinity
        | raw::__NR_ioprio_set => peers::schedule(call, me, number).into(),
        raw::__NR_process_vm_readv
        | raw::__NR_process_vm_writev
        | raw::__NR_kcmp
        | raw::__NR_pidfd_getfd
        | raw::__NR_process_madvise
        | raw::__NR_migrate_pages
        | raw::__NR_move_pages
        | raw::__NR_get_robust_list => peers::may_trace(call, me, number).and_then(|()| plain(call)).into(),
        raw::__NR_getrlimit if a as u32 == session::RESOURCE => {
            memory::write(b, &[u64::MAX; 2]).map(|()| 0).into()
        }
        raw::__NR_setrlimit if a as u32 == session::RESOURCE => memory::read::<[u64; 2]>(b).map(|_| 0).into(),
        raw::__NR_setrlimit => set_limit(me, 0, a, b, 0).into(),
        raw::__NR_prlimit64 => prlimit(call, me).into(),
        raw::__NR_sethostname | raw::__NR_setdomainname => set_name(me, number, a, b).into(),
        _ => plain(call).into(),
    }
}

/// What the kernel refuses for want of a capability that the guest has is granted in appearance.
pub(super) fn granted(
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
    peers::check(target as u32, |other| rules::may_limit(&me.credentials, other))?;
    if resource as u32 == session::RESOURCE {
        host::limits_of(target as u32, session::RESOURCE)?;
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

/// sethostname(2), setdomainname(2): for the process's namespace, which is the session's at first.
fn set_name(me: &Identity<'_>, number: u32, name: usize, len: usize) -> Result<usize, Errno> {
    if !me.credentials.effective.has(Capabilities::SYS_ADMIN) {
        return Err(Errno::PERM);
    }
    let mut bytes = [0u8; session::NAME_MAX];
    let place = bytes.get_mut(..len).ok_or(Errno::INVAL)?;
    memory::read_bytes(name, place)?;
    session_file::set_name(me.place.names, number == raw::__NR_setdomainname, place);
    Ok(0)
}

/// uname(2): names that were set in the process's namespace.
pub(super) fn uname(call: &mut Trapped<'_>, me: &Identity<'_>) -> Outcome {
    let [out, ..] = call.arguments;
    let outcome = system::uname(call);
    if let Outcome::Done(0) = outcome {
        const FIELD: usize = 65;
        for (domain, field) in [(false, 1), (true, 5)] {
            let mut name = [0u8; FIELD];
            if let Some(known) = name.get_mut(..session::NAME_MAX)
                && session_file::name(me.place.names, domain, known)
            {
                memory::copy_owned(out + field * FIELD, &name);
            }
        }
    }
    outcome
}
