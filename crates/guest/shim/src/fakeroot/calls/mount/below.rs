//! Mounts of the host below the root, and below the bindings that a session began with. To the
//! guest they are mounts: procfs lists them, a recursive binding carries them along, and each can
//! be unmounted.
//!
//! They aren't in the session's table, which would make every lookup slower. One that the guest
//! changes is added to it first.

use newroot_abi::Errno;
use newroot_abi::plan::MountFlags;
use newroot_fakeroot::tree::Change;
use newroot_paths::{GuestBuf, HostBuf, is_under, strip_prefix};

use super::spot::Spot;
use super::{Carried, carry_along};
use crate::host_path::mounts::{MountList, point};
use crate::identity::process::Changing;
use crate::identity::{chain, memory_file};
use crate::kernel::{self, AT_FDCWD, FileType, Path};
use crate::mount_view;
use crate::session::session;
use crate::slots::Operand;

/// Visits each of the host's mounts that the guest sees strictly below a guest path, with the index
/// of the session's mount that it lies on, its host path and its guest path.
pub(super) fn each(
    list: &MountList,
    above: &[u8],
    mut visit: impl FnMut(usize, &mut HostBuf, &GuestBuf) -> Result<(), Errno>,
) -> Result<(), Errno> {
    let mounts = &session().mounts;
    let (mut host, mut guest) = (HostBuf::new(), GuestBuf::new());
    for (at, line) in list.lines().enumerate() {
        // Of several at one path the last one shows.
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

/// Returns whether the host's mounts below a mount of the session are mounts to the guest, too.
/// Below a mount that the guest made they aren't, as if it had been made without them.
fn shows_hosts(index: usize) -> bool {
    let flags = session().mounts.get(index).flags;
    let is_plain = !flags.has(MountFlags::HIDDEN) && !flags.has(MountFlags::VIRTUAL);
    is_plain && mount_view::change_of(session().number_of(index)).is_none()
}

/// Returns the flags of one of them. `index` is that of the session's mount that it lies on.
///
/// # Errors
/// The errnos of stat(2).
pub(super) fn flags(index: usize, host: &mut HostBuf) -> Result<MountFlags, Errno> {
    let inherited = session().mounts.get(index).flags.only(MountFlags::INHERITED);
    let known = kernel::fstatat(AT_FDCWD, Path::new(host.with_nul()), 0)?;
    let is_directory = FileType::of(&known) == FileType::Directory;
    Ok(if is_directory { inherited.with(MountFlags::DIRECTORY) } else { inherited })
}

/// Finds the host's mount at a spot, and returns its flags as a mount of the session.
///
/// # Errors
/// EINVAL if no mount begins there.
pub(super) fn find(spot: &Spot, operand: &Operand) -> Result<MountFlags, Errno> {
    let index = session().mounts.covering_mount(operand.walk.guest.bytes());
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

/// If a spot is that of one of the host's mounts, makes it and those on it mounts of the session:
/// on a mount of the session, the host's don't show as mounts any more. Returns its flags and the
/// latest change.
///
/// # Errors
/// The errnos of [`find`]; EAGAIN if the session file is full.
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

/// Returns whether the host has mounts that the guest sees below a guest path.
pub(super) fn any(above: &[u8]) -> bool {
    let Ok(list) = MountList::read(b"/proc/self") else { return false };
    // The visit ends with an error of its own.
    each(&list, above, |_, _, _| Err(Errno::BUSY)).is_err()
}

/// Returns whether a mount of the session is a host mount that [`provide`] added at its
/// own path.
pub(super) fn is_provided(index: usize) -> bool {
    let mount = session().mounts.get(index);
    let end = mount.guest.iter().rposition(|&byte| byte == b'/').unwrap_or(0);
    let on = session().mounts.covering_mount(mount.guest.get(..end).unwrap_or(&[]));
    let below = session().mounts.get(on);
    mount.flags.has(MountFlags::HOSTS)
        && shows_hosts(on)
        && strip_prefix(mount.host, below.host) == strip_prefix(mount.guest, below.guest)
}

/// Unmounts one of the host's mounts: something empty shows at its path.
///
/// # Errors
/// The errnos of mkdir(2) and open(2).
pub(super) fn cover(changing: &Changing, spot: &Spot, path: &[u8], before: u32) -> Result<u32, Errno> {
    let mut host = HostBuf::new();
    memory_file::nothing(spot.directory, &mut host)?;
    let kind = if spot.directory { MountFlags::DIRECTORY } else { MountFlags::default() };
    let change = Change::Mount { guest: path, host: host.bytes(), flags: kind.with(MountFlags::VIRTUAL) };
    chain::provide_change(changing, before, &change)
}
