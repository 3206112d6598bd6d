//! umount2(2).
//!
//! What was mounted and is unmounted leaves no trace, where that goes: the changes behind it are told again as if it
//! had never been. So the list doesn't grow with a session's age.

use newroot_abi::Errno;
use newroot_abi::plan::MountFlags;
use newroot_fakeroot::arena::{Arena, Block, CHANGE};
use newroot_fakeroot::session::Identity;
use newroot_fakeroot::tree::Change;
use newroot_paths::{Last, is_under};

use super::spot::Spot;
use super::{below, is_pivots_old_root, may_mount, memory_file};
use crate::outlook;
use crate::owner::chain;
use crate::owner::process::Changing;
use crate::session::session;
use crate::slots::Operand;
use crate::trap::Trapped;

const FORCE: usize = 1;
const DETACH: usize = 2;
const EXPIRE: usize = 4;
const NOFOLLOW: usize = 8;

/// What the namespace's latest change is to be.
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
    // EINVAL where no mount begins.
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
        // An old root that a pivot has put upon the new one is gone already.
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
    match outlook::change_of(session().number_of(index)).map(|made| without(changing, before, made, path)) {
        Some(Ok(Some(after))) => Ok(after),
        Some(Err(error)) => Err(error),
        _ => chain::provide_change(changing, before, &Change::Unmount { guest: path }),
    }
}

/// The changes up to `latest` without the one with the number `made`, that mounted something at `path`, and without those on it; `None` where
/// they can't be told without it.
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

/// Removes what was a file system in memory to the guest and isn't mounted any more. The slot's outlook is still that of
/// before.
pub(super) fn forget_memory(changing: &Changing, me: &Identity<'_>) {
    let seen = session();
    for mount in seen.mounts.mounts() {
        if !mount.flags.has(MountFlags::MEMORY) {
            continue;
        }
        let Ok(now) = outlook::whole() else { return };
        let directory = memory_file::top(mount.host);
        let is_there = |other: &newroot_abi::plan::Mount<'_>| is_under(other.host, directory);
        // A namespace that began with a copy of another's mounts may still have them.
        if !directory.is_empty()
            && !now.mounts.mounts().iter().any(is_there)
            && !chain::is_in_another(changing, me.place.namespace, |change| mounts_from(change, directory))
        {
            memory_file::remove(directory);
        }
    }
}

/// Whether a change mounts something below a host's directory.
fn mounts_from(change: &Change<'_>, directory: &[u8]) -> bool {
    matches!(*change, Change::Mount { host, .. } if is_under(host, directory))
}

/// Removes the file system in memory that a change mounted, just before the change's block is given back. The blocks
/// of others may tell of it, too.
// Its frame is not to be every caller's.
#[inline(never)]
pub(in crate::owner) fn forget_memory_of(arena: Arena<'_>, block: Block) {
    let Some((_, Change::Mount { host, flags, .. })) = chain::change(block.offset as u32) else { return };
    if !flags.has(MountFlags::MEMORY) {
        return;
    }
    let directory = memory_file::top(host);
    let mut others = arena.blocks().filter(|other| other.kind == CHANGE && other.offset != block.offset);
    let tells_of = |other: Block| {
        chain::change(other.offset as u32).is_some_and(|(_, change)| mounts_from(&change, directory))
    };
    if !directory.is_empty() && !others.any(tells_of) {
        memory_file::remove(directory);
    }
}
