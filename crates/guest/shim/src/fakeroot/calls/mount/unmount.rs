//! umount2(2).
//!
//! Where possible, a mount that is unmounted leaves no trace: the later changes are written again
//! as if it had never been. So the list doesn't grow with a session's age.

use newroot_abi::Errno;
use newroot_abi::plan::MountFlags;
use newroot_fakeroot::session::Identity;
use newroot_fakeroot::tree::Change;
use newroot_paths::{Last, is_under};

use super::spot::Spot;
use super::{below, is_pivots_old_root, may_mount};
use crate::call::Trapped;
use crate::identity::process::Changing;
use crate::identity::{chain, memory_file};
use crate::mount_view;
use crate::session::session;
use crate::slots::Operand;

const FORCE: usize = 1;
const DETACH: usize = 2;
const EXPIRE: usize = 4;
const NOFOLLOW: usize = 8;

/// Runs umount2(2). Returns the namespace's new latest change.
pub(super) fn unmount(
    changing: &Changing,
    call: &Trapped<'_>,
    me: &Identity<'_>,
    operand: &mut Operand,
    before: u32,
) -> Result<u32, Errno> {
    let [target, flags, ..] = call.arguments;
    let flags = flags as u32 as usize;
    if flags & !(FORCE | DETACH | EXPIRE | NOFOLLOW) != 0 {
        return Err(Errno::INVAL);
    }
    let last = if flags & NOFOLLOW != 0 { Last::Keep } else { Last::Follow };
    let place = match Spot::find(operand, target, last) {
        Err(Errno::NOENT) if flags & DETACH != 0 && is_pivots_old_root(operand, before) => {
            may_mount(me)?;
            return Ok(before);
        }
        other => other?,
    };
    may_mount(me)?;
    // EINVAL if no mount begins there.
    if place.index().is_none() {
        below::find(&place, operand)?;
    }
    if flags & EXPIRE != 0 {
        return Err(if flags & (FORCE | DETACH) != 0 { Errno::INVAL } else { Errno::AGAIN });
    }
    let own = MountFlags::HIDDEN.0 | MountFlags::VIRTUAL.0;
    let has_children = |guest: &[u8]| {
        let is_below = |path: &[u8]| path.len() > guest.len() && is_under(path, guest);
        session().mounts.mounts().iter().any(|mount| is_below(mount.guest) && mount.flags.0 & own == 0)
    };
    let Some(index) = place.index() else {
        let guest = operand.walk.guest.bytes();
        if flags & DETACH == 0 && (below::any(guest) || has_children(guest)) {
            return Err(Errno::BUSY);
        }
        return below::cover(changing, &place, place.path(operand), before);
    };
    if place.not_root().is_err() {
        // An old root that pivot_root(2) put on top of the new one is removed already.
        return if flags & DETACH != 0 { Ok(before) } else { Err(Errno::BUSY) };
    }
    if flags & DETACH == 0 && has_children(session().mounts.get(index).guest) {
        return Err(Errno::BUSY);
    }
    let path = place.path(operand);
    if below::is_provided(index) {
        let after = chain::provide_change(changing, before, &Change::Unmount { guest: path })?;
        return below::cover(changing, &place, path, after);
    }
    match mount_view::change_of(session().number_of(index)).map(|made| without(changing, before, made, path))
    {
        Some(Ok(Some(after))) => Ok(after),
        Some(Err(error)) => Err(error),
        _ => chain::provide_change(changing, before, &Change::Unmount { guest: path }),
    }
}

/// Returns the changes up to `latest` without the one with the number `made`, which mounted
/// something at `path`, and without the mounts on it. `None` if they don't work without it.
fn without(changing: &Changing, latest: u32, made: u32, path: &[u8]) -> Result<Option<u32>, Errno> {
    const MOST: usize = 128;
    let mut behind = [0; MOST];
    let mut count = 0;
    let mut at = latest;
    loop {
        let Some((before, change)) = chain::change(at) else { return Ok(None) };
        if chain::number_of(at) == made {
            at = before;
            break;
        }
        match change {
            Change::Mount { guest, .. } | Change::Remount { guest, .. } if is_under(guest, path) => {}
            Change::Mount { .. } | Change::Remount { .. } | Change::Unmount { .. } => {
                let Some(place) = behind.get_mut(count) else { return Ok(None) };
                *place = at;
                count += 1;
            }
            Change::Move { .. } | Change::Pivot { .. } => return Ok(None),
        }
        at = before;
    }
    for &offset in behind.get(..count).unwrap_or(&[]).iter().rev() {
        let Some((_, change)) = chain::change(offset) else { return Ok(None) };
        at = chain::provide_labelled(changing, at, &change, chain::label(offset))?;
    }
    Ok(Some(at))
}

/// Removes the files of a guest's tmpfs that isn't mounted any more. The slot's mount view is still
/// the old one.
pub(super) fn forget_memory(changing: &Changing, me: &Identity<'_>) {
    let seen = session();
    for mount in seen.mounts.mounts() {
        if !mount.flags.has(MountFlags::MEMORY) {
            continue;
        }
        let Ok(now) = mount_view::whole() else { return };
        let directory = memory_file::top(mount.host);
        let is_there = |other: &newroot_abi::plan::Mount<'_>| is_under(other.host, directory);
        // A namespace that began as a copy of another may still have it mounted.
        if !directory.is_empty()
            && !now.mounts.mounts().iter().any(is_there)
            && !chain::is_in_another(changing, me.fs.namespace, |change| {
                memory_file::mounts_from(change, directory)
            })
        {
            memory_file::remove(directory);
        }
    }
}
