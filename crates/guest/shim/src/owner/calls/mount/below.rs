//! What the host has mounted below the root and below the bindings that a session began with. These are mounts to the
//! guest: procfs lists them, a recursive binding carries them along, and each can be unmounted.
//!
//! They aren't in the session's table, which would make every lookup slower. One that the guest changes gets there first.

use newroot_abi::Errno;
use newroot_abi::plan::MountFlags;
use newroot_fakeroot::tree::Change;
use newroot_paths::{GuestBuf, HostBuf, is_under, strip_prefix};

use super::spot::Spot;
use super::{Carried, carry_along, memory_file};
use crate::host::mounts::{MountList, point};
use crate::host::{self, AT_FDCWD, FileType, Path};
use crate::outlook;
use crate::owner::chain;
use crate::owner::process::Changing;
use crate::session::session;
use crate::slots::Operand;

/// What is inherited by the host's mounts below a mount.
const INHERITED: u32 = MountFlags::READ_ONLY.with(MountFlags::OURS).0;

/// Visits each of the host's mounts that the guest sees strictly below a guest path: with the index of the session's
/// mount that it lies on, its host path and its guest path.
pub(super) fn each(
    list: &MountList,
    above: &[u8],
    mut visit: impl FnMut(usize, &mut HostBuf, &GuestBuf) -> Result<(), Errno>,
) -> Result<(), Errno> {
    let mounts = &session().mounts;
    let (mut host, mut guest) = (HostBuf::new(), GuestBuf::new());
    for (at, line) in list.lines().enumerate() {
        // Of several at one place the last is seen.
        if list.lines().skip(at + 1).any(|other| other.point == line.point) {
            continue;
        }
        point(line, &mut host)?;
        for (index, mount) in mounts.mounts().iter().enumerate() {
            if !shows_hosts(index) || host.len() <= mount.host.len() || !is_under(host.bytes(), mount.host) {
                continue;
            }
            if mounts.detranslate(host.bytes(), Some(index), &mut guest) == Some(index)
                && guest.len() > above.len()
                && is_under(guest.bytes(), above)
            {
                visit(index, &mut host, &guest)?;
            }
        }
    }
    Ok(())
}

/// Whether the host's mounts below a mount of the session's are mounts to the guest, too. Below one that the guest has made
/// they aren't, as if it had made it without them.
fn shows_hosts(index: usize) -> bool {
    let flags = session().mounts.get(index).flags;
    let is_plain = !flags.has(MountFlags::HIDDEN) && !flags.has(MountFlags::VIRTUAL);
    is_plain && outlook::change_of(session().number_of(index)).is_none()
}

/// Switches that one of them has; `index` is that of the session's mount that it lies on.
///
/// # Errors
/// Those of stat(2).
pub(super) fn flags(index: usize, host: &mut HostBuf) -> Result<MountFlags, Errno> {
    let inherited = MountFlags(session().mounts.get(index).flags.0 & INHERITED);
    let known = host::fstatat(AT_FDCWD, Path::new(host.with_nul()), 0)?;
    let is_directory = FileType::of(&known) == FileType::Directory;
    Ok(if is_directory { inherited.with(MountFlags::DIRECTORY) } else { inherited })
}

/// Finds the host's mount at a spot, if one begins there: its switches as one of the session's.
///
/// # Errors
/// EINVAL where none begins there.
pub(super) fn find(spot: &Spot, operand: &Operand) -> Result<MountFlags, Errno> {
    let index = session().mounts.owner(operand.walk.guest.bytes());
    if spot.is_mount_point() || !shows_hosts(index) {
        return Err(Errno::INVAL);
    }
    let list = MountList::read(b"/proc/self").map_err(|_| Errno::INVAL)?;
    let mut place = HostBuf::new();
    let is_there = list.lines().any(|line| {
        point(line, &mut place).is_ok() && !place.is_empty() && place.bytes() == operand.walk.host.bytes()
    });
    if !is_there {
        return Err(Errno::INVAL);
    }
    place.assign(operand.walk.host.bytes())?;
    Ok(flags(index, &mut place)?.with(MountFlags::HOSTS))
}

/// Makes one of the host's mounts one of the session's, where a spot is that of one, and those on it: on a mount of the
/// session's, the host's aren't seen as such any more. The result is its switches and the latest change then.
///
/// # Errors
/// Those of [`find`]; EAGAIN where the session's file is full.
pub(super) fn provide(
    changing: &Changing,
    spot: &Spot,
    operand: &Operand,
    before: u32,
) -> Result<(MountFlags, u32), Errno> {
    let switches = find(spot, operand)?;
    let path = operand.text.bytes();
    let change = Change::Mount { guest: path, host: operand.walk.host.bytes(), flags: switches };
    let after = chain::provide_change(changing, before, &change)?;
    let after = carry_along(changing, operand.walk.guest.bytes(), path, Carried::Hosts, after)?;
    Ok((switches, after))
}

/// Whether the host has mounts that the guest sees below a guest path.
pub(super) fn any(above: &[u8]) -> bool {
    let Ok(list) = MountList::read(b"/proc/self") else { return false };
    // The visit ends with an error of its own.
    each(&list, above, |_, _, _| Err(Errno::BUSY)).is_err()
}

/// Whether one of the session's mounts is one of the host's that [`provide`] has made one, at its own place.
pub(super) fn is_provided(index: usize) -> bool {
    let mount = session().mounts.get(index);
    let end = mount.guest.iter().rposition(|&byte| byte == b'/').unwrap_or(0);
    let on = session().mounts.owner(mount.guest.get(..end).unwrap_or(&[]));
    let below = session().mounts.get(on);
    mount.flags.has(MountFlags::HOSTS)
        && shows_hosts(on)
        && strip_prefix(mount.host, below.host) == strip_prefix(mount.guest, below.guest)
}

/// Unmounts one of the host's mounts: something empty is seen in its place.
///
/// # Errors
/// Those of making a directory or a file.
pub(super) fn cover(changing: &Changing, spot: &Spot, path: &[u8], before: u32) -> Result<u32, Errno> {
    let mut host = HostBuf::new();
    memory_file::nothing(spot.directory, &mut host)?;
    let kind = if spot.directory { MountFlags::DIRECTORY } else { MountFlags::default() };
    let change = Change::Mount { guest: path, host: host.bytes(), flags: kind.with(MountFlags::VIRTUAL) };
    chain::provide_change(changing, before, &change)
}
