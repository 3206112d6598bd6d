//! getuid(2), setuid(2) and the other calls on a process's identity.

use newroot_abi::Errno;
use newroot_fakeroot::session::{Identity, MAX_GROUPS};
use newroot_fakeroot::{Capabilities, Credentials};
use newroot_sys::raw;

use crate::call::Trapped;
use crate::identity::process::{self, Changing};
use crate::kernel;
use crate::memory;

/// Runs such a call.
///
/// # Errors
/// The errno of the call; ENOSYS for any other call.
pub(super) fn run(call: &Trapped<'_>, number: u32) -> Result<usize, Errno> {
    let [a, b, c, ..] = call.arguments;
    let [x, y, z] = [a as u32, b as u32, c as u32];
    let me = process::current();
    let of = &me.credentials;
    match number {
        raw::__NR_getuid => Ok(of.ruid as usize),
        raw::__NR_geteuid => Ok(of.euid as usize),
        raw::__NR_getgid => Ok(of.rgid as usize),
        raw::__NR_getegid => Ok(of.egid as usize),
        raw::__NR_getresuid => three([a, b, c], [of.ruid, of.euid, of.suid]),
        raw::__NR_getresgid => three([a, b, c], [of.rgid, of.egid, of.sgid]),
        raw::__NR_getgroups => get_groups(&me, a, b),
        raw::__NR_setuid => change(&me, |new| new.setuid(x)),
        raw::__NR_setgid => change(&me, |new| new.setgid(x)),
        raw::__NR_setreuid => change(&me, |new| new.setreuid(x, y)),
        raw::__NR_setregid => change(&me, |new| new.setregid(x, y)),
        raw::__NR_setresuid => change(&me, |new| new.setresuid(x, y, z)),
        raw::__NR_setresgid => change(&me, |new| new.setresgid(x, y, z)),
        raw::__NR_setfsuid => file_system_id(&me, |new| new.setfsuid(x)),
        raw::__NR_setfsgid => file_system_id(&me, |new| new.setfsgid(x)),
        raw::__NR_setgroups => set_groups(&me, a, b),
        _ => Err(Errno::NOSYS),
    }
}

fn three(places: [usize; 3], values: [u32; 3]) -> Result<usize, Errno> {
    for (place, value) in places.into_iter().zip(values) {
        memory::write(place, &value)?;
    }
    Ok(0)
}

/// Changes the calling process's credentials.
///
/// # Errors
/// The errno of `edit`; EAGAIN if the session file is full.
pub(super) fn change(
    me: &Identity<'_>,
    edit: impl FnOnce(&mut Credentials) -> Result<(), Errno>,
) -> Result<usize, Errno> {
    let mut credentials = me.credentials;
    edit(&mut credentials)?;
    if credentials != me.credentials {
        process::switch_identity(&Changing::begin()?, &Identity { credentials, ..*me })?;
    }
    Ok(0)
}

/// Runs setfsuid(2) or setfsgid(2), which never fail: they return the old id.
fn file_system_id(me: &Identity<'_>, edit: impl FnOnce(&mut Credentials) -> u32) -> Result<usize, Errno> {
    let mut before = 0;
    change(me, |new| {
        before = edit(new);
        Ok(())
    })?;
    Ok(before as usize)
}

/// Runs getgroups(2).
fn get_groups(me: &Identity<'_>, size: usize, list: usize) -> Result<usize, Errno> {
    let size = usize::try_from(size as i32).map_err(|_| Errno::INVAL)?;
    if size == 0 {
        return Ok(me.groups.len());
    }
    if size < me.groups.len() {
        return Err(Errno::INVAL);
    }
    for (index, group) in me.groups.iter().enumerate() {
        memory::write(list + index * size_of::<u32>(), group)?;
    }
    Ok(me.groups.len())
}

/// Runs setgroups(2). The kernel keeps the groups sorted (groups_sort() in kernel/groups.c).
fn set_groups(me: &Identity<'_>, count: usize, list: usize) -> Result<usize, Errno> {
    if !me.credentials.capable(Capabilities::SETGID) {
        return Err(Errno::PERM);
    }
    let count =
        usize::try_from(count as i32).ok().filter(|&count| count <= MAX_GROUPS).ok_or(Errno::INVAL)?;
    const FEW: usize = 64;
    let mut few = [0u32; FEW];
    if let Some(groups) = few.get_mut(..count) {
        return with_groups(me, groups, list);
    }
    let len = count * size_of::<u32>();
    let at = kernel::map_anonymous(len)?;
    let result = with_groups(me, memory::mapped_words(at, count), list);
    memory::unmap_owned(at, len);
    result
}

fn with_groups(me: &Identity<'_>, groups: &mut [u32], list: usize) -> Result<usize, Errno> {
    for (index, group) in groups.iter_mut().enumerate() {
        *group = memory::read(list + index * size_of::<u32>())?;
        if *group == u32::MAX {
            return Err(Errno::INVAL);
        }
    }
    sort(groups);
    process::switch_identity(&Changing::begin()?, &Identity { groups, ..*me })?;
    Ok(0)
}

/// Shell's sort. core's own would add more code than all other files here together.
fn sort(groups: &mut [u32]) {
    let mut gap = groups.len() / 2;
    while gap > 0 {
        for start in gap..groups.len() {
            let mut at = start;
            while at >= gap
                && let [Some(&below), Some(&here)] = [groups.get(at - gap), groups.get(at)]
                && below > here
            {
                groups.swap(at - gap, at);
                at -= gap;
            }
        }
        gap /= 2;
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn groups_are_sorted() {
        let mut groups: [u32; 100] = core::array::from_fn(|index| (index as u32 * 7919) % 101);
        let mut expected = groups;
        expected.sort_unstable();
        super::sort(&mut groups);
        assert_eq!(groups, expected);
    }
}
