//! capget(2), capset(2), and the operations of prctl(2) on credentials.

use linux_raw_sys::prctl as raw_prctl;
use newroot_abi::Errno;
use newroot_fakeroot::Capabilities;
use newroot_fakeroot::session::Identity;
use newroot_sys::raw;
use newroot_sys::table::PR_SET_SYSCALL_USER_DISPATCH;

use super::ids::change;
use crate::call::{Trapped, forward};
use crate::identity::process;
use crate::kernel;
use crate::memory;

/// Versions of the interface (include/uapi/linux/capability.h): version, and number of words of a
/// set.
const VERSIONS: [(u32, usize); 3] = [(0x1998_0330, 1), (0x2007_1026, 2), (0x2008_0522, 2)];

/// Reads the header. Returns the number of words of a set, and the process.
fn header(at: usize) -> Result<Option<(usize, u32)>, Errno> {
    let [version, process] = memory::read::<[u32; 2]>(at)?;
    match VERSIONS.iter().find(|(known, _)| *known == version) {
        Some((_, words)) => Ok(Some((*words, process))),
        None => {
            memory::write(at, &VERSIONS[2].0)?;
            Ok(None)
        }
    }
}

/// Runs capget(2).
pub(super) fn capget(call: &Trapped<'_>, me: &Identity<'_>) -> Result<usize, Errno> {
    let [at, data, ..] = call.arguments;
    let Some((words, process)) = header(at)? else {
        // A process that only wants the version passes no address for the sets.
        return if data == 0 { Ok(0) } else { Err(Errno::INVAL) };
    };
    if data == 0 {
        return Ok(0);
    }
    if (process as i32) < 0 {
        return Err(Errno::INVAL);
    }
    let of = if process == 0 || process == kernel::gettid() || process == kernel::getpid() {
        me.credentials
    } else {
        process::of(process).ok_or(Errno::SRCH)?.credentials
    };
    for word in 0..words {
        let part = |set: Capabilities| (set.0 >> (32 * word)) as u32;
        let [effective, permitted, inheritable] = [of.effective, of.permitted, of.inheritable].map(part);
        memory::write(data + word * 12, &[effective, permitted, inheritable])?;
    }
    Ok(0)
}

/// Runs capset(2).
pub(super) fn capset(call: &Trapped<'_>, me: &Identity<'_>) -> Result<usize, Errno> {
    let [at, data, ..] = call.arguments;
    let (words, process) = header(at)?.ok_or(Errno::INVAL)?;
    // No process may change another's capabilities.
    if process != 0 && process != kernel::gettid() {
        return Err(Errno::PERM);
    }
    let mut sets = [0u64; 3];
    for word in 0..words {
        let parts = memory::read::<[u32; 3]>(data + word * 12)?;
        for (set, part) in sets.iter_mut().zip(parts) {
            *set |= u64::from(part) << (32 * word);
        }
    }
    let [effective, permitted, inheritable] = sets.map(|set| Capabilities(set).existing());
    change(me, |new| new.capset(effective, permitted, inheritable))
}

/// Runs the operations of prctl(2) on credentials, and refuses those that the ordinary code doesn't
/// know. `None` leaves the call to the ordinary code.
pub(super) fn prctl(call: &Trapped<'_>, me: &Identity<'_>) -> Option<Result<usize, Errno>> {
    let [operation, a, b, c, d, _] = call.arguments;
    let of = &me.credentials;
    Some(match operation as u32 {
        raw_prctl::PR_GET_KEEPCAPS => Ok(of.keep_caps().into()),
        raw_prctl::PR_SET_KEEPCAPS => change(me, |new| new.set_keep_caps(a as u64)),
        raw_prctl::PR_GET_SECUREBITS => Ok(of.securebits as usize),
        raw_prctl::PR_SET_SECUREBITS => change(me, |new| new.set_securebits(a as u64)),
        raw_prctl::PR_CAPBSET_READ => of.bounding_read(a as u64).map(usize::from),
        raw_prctl::PR_CAPBSET_DROP => change(me, |new| new.bounding_drop(a as u64)),
        raw_prctl::PR_CAP_AMBIENT => ambient(me, a, b, [c, d]),
        raw_prctl::PR_GET_NO_NEW_PRIVS if [a, b, c, d] == [0; 4] => Ok(of.no_new_privs().into()),
        raw_prctl::PR_SET_NO_NEW_PRIVS if [b, c, d] == [0; 3] => {
            change(me, |new| new.set_no_new_privs(a as u64))
        }
        raw_prctl::PR_GET_NO_NEW_PRIVS | raw_prctl::PR_SET_NO_NEW_PRIVS => Err(Errno::INVAL),
        raw_prctl::PR_SET_SECCOMP | raw_prctl::PR_GET_SECCOMP | PR_SET_SYSCALL_USER_DISPATCH => return None,
        _ => forward(raw::__NR_prctl, call.arguments),
    })
}

fn ambient(me: &Identity<'_>, what: usize, capability: usize, rest: [usize; 2]) -> Result<usize, Errno> {
    let capability = capability as u64;
    if rest != [0; 2] {
        return Err(Errno::INVAL);
    }
    match what as u32 {
        raw_prctl::PR_CAP_AMBIENT_CLEAR_ALL if capability == 0 => change(me, |new| {
            new.ambient_clear();
            Ok(())
        }),
        raw_prctl::PR_CAP_AMBIENT_IS_SET => me.credentials.ambient_is_set(capability).map(usize::from),
        raw_prctl::PR_CAP_AMBIENT_RAISE => change(me, |new| new.ambient_raise(capability)),
        raw_prctl::PR_CAP_AMBIENT_LOWER => change(me, |new| new.ambient_lower(capability)),
        _ => Err(Errno::INVAL),
    }
}
