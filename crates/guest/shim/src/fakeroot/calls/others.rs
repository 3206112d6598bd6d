//! Other things that root may do, to other processes and to the machine.
//!
//! A harmless request that the host doesn't grant seems granted (priorities, limits). A change of
//! the machine is refused, as it is to root in a container.

use newroot_abi::Errno;
use newroot_fakeroot::session::{self, Identity};
use newroot_fakeroot::{Capabilities, permission as rules};
use newroot_sys::raw;

use super::peers;
use crate::call::{Outcome, Trapped, forward};
use crate::calls::system;
use crate::identity::session_file;
use crate::kernel;
use crate::memory;

/// Runs getrlimit(2).
pub(super) fn get_limit(call: &Trapped<'_>) -> Result<usize, Errno> {
    let [resource, out, ..] = call.arguments;
    if resource as u32 == session::RESOURCE {
        return memory::write(out, &[u64::MAX; 2]).map(|()| 0);
    }
    forward(raw::__NR_getrlimit, call.arguments)
}

/// Runs setrlimit(2).
pub(super) fn set_own_limit(call: &Trapped<'_>, me: &Identity<'_>) -> Result<usize, Errno> {
    let [resource, new, ..] = call.arguments;
    if resource as u32 == session::RESOURCE {
        return memory::read::<[u64; 2]>(new).map(|_| 0);
    }
    set_limit(me, 0, resource, new, 0)
}

/// Makes a request seem granted that the kernel refuses for lack of a capability that the guest
/// has.
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

/// Runs prlimit(2).
pub(super) fn prlimit(call: &Trapped<'_>, me: &Identity<'_>) -> Result<usize, Errno> {
    let [target, resource, new, old, ..] = call.arguments;
    peers::check(target as u32, |other| rules::may_limit(&me.credentials, other))?;
    if resource as u32 == session::RESOURCE {
        kernel::limits_of(target as u32, session::RESOURCE)?;
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

/// Sets a limit. Root may raise a hard limit, which is done as far as the host allows.
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
    let [_, most] = kernel::limits_of(target as u32, resource as u32)?;
    let possible = [soft.min(most), hard.min(most)];
    let at = possible.as_ptr() as usize;
    forward(raw::__NR_prlimit64, [target, resource, at, old, 0, 0])
}

/// Runs sethostname(2) and setdomainname(2), for the process's namespace. The first namespace is
/// the session's.
pub(super) fn set_name(call: &Trapped<'_>, me: &Identity<'_>, domain: bool) -> Result<usize, Errno> {
    let [name, len, ..] = call.arguments;
    if !me.credentials.effective.has(Capabilities::SYS_ADMIN) {
        return Err(Errno::PERM);
    }
    let mut bytes = [0u8; session::NAME_MAX];
    let place = bytes.get_mut(..len).ok_or(Errno::INVAL)?;
    memory::read_bytes(name, place)?;
    session_file::set_name(me.fs.names, domain, place);
    Ok(0)
}

/// Runs uname(2), with the names that were set in the process's namespace.
pub(super) fn uname(call: &mut Trapped<'_>, me: &Identity<'_>) -> Outcome {
    let [out, ..] = call.arguments;
    let outcome = system::uname(call);
    if let Outcome::Done(0) = outcome {
        const FIELD: usize = 65;
        for (domain, field) in [(false, 1), (true, 5)] {
            let mut name = [0u8; FIELD];
            if let Some(known) = name.get_mut(..session::NAME_MAX)
                && session_file::name(me.fs.names, domain, known)
            {
                memory::copy_owned(out + field * FIELD, &name);
            }
        }
    }
    outcome
}
