//! chroot(2), and unshare(2) as far as newroot keeps account of a namespace: both change the calling process's place
//! (`newroot_owner::session::Place`), which follows it as its identity does.

use newroot_abi::Errno;
use newroot_owner::session::{Identity, Place};
use newroot_owner::{Capabilities, Want};
use newroot_paths::{GuestBuf, Last};
use newroot_sys::raw;

use crate::calls::{forward, namespaces, read_path};
use crate::host::{self, AT_FDCWD, Path};
use crate::owner::file::File;
use crate::owner::{chain, permission, process};
use crate::resolve;
use crate::session::session;
use crate::slots::Operand;
use crate::trap::Trapped;

/// chroot(2).
pub(super) fn chroot(call: &Trapped<'_>, me: &Identity<'_>, operand: &mut Operand) -> Result<usize, Errno> {
    read_path(operand, call.arguments[0])?;
    let mut path = GuestBuf::new();
    directory(me, operand, &mut path)?;
    if !me.credentials.effective.has(Capabilities::SYS_CHROOT) {
        return Err(Errno::PERM);
    }
    let place = Place { root: chain::provide_root(path.bytes())?, ..me.place };
    process::become_(&Identity { place, ..*me })?;
    Ok(0)
}

/// Writes the path of the directory that the operand names, in terms of the namespace; EACCES if it may not be
/// searched.
fn directory(me: &Identity<'_>, operand: &mut Operand, out: &mut GuestBuf) -> Result<(), Errno> {
    permission::search(me, operand, AT_FDCWD, Last::Follow)?;
    let descriptor = match resolve::walk_text(operand, AT_FDCWD, Last::Follow) {
        Ok(found) if !found.magic => {
            out.assign(session().root)?;
            out.extend(operand.walk.guest.bytes())?;
            resolve::open_found(found, &mut operand.walk.host, raw::O_PATH | raw::O_DIRECTORY)?
        }
        // By a descriptor's link, or from outside of the root.
        Ok(_) | Err(Errno::NOENT | Errno::NAMETOOLONG) => {
            let object = resolve::object(operand, AT_FDCWD, Last::Follow)?;
            let descriptor = object.descriptor.ok_or(Errno::MFILE)?;
            resolve::namespace_path(descriptor.number(), out)?;
            descriptor
        }
        Err(error) => return Err(error),
    };
    // The dot asks for the right to search it.
    host::fstatat(descriptor.number(), Path::new(b".\0"), 0)?;
    if permission::is_unlimited(me) {
        return Ok(());
    }
    permission::may(me, File::Found(descriptor.number()), None, Want::EXECUTE)
}

/// unshare(2).
///
/// Namespaces of mounts and of host names are newroot's own. Those of processes, of IPC objects and of control groups only
/// seem to be made (docs/design/seeming-namespaces.md). What isolates more is the host's to refuse.
pub(super) fn unshare(call: &Trapped<'_>, me: &Identity<'_>) -> Result<usize, Errno> {
    let [flags, ..] = call.arguments;
    if flags & raw::CLONE_NEWUSER as usize != 0 {
        return Err(namespaces::refusal_of_unshare(flags));
    }
    let seeming = flags & SEEMING;
    if seeming == 0 || !me.credentials.effective.has(Capabilities::SYS_ADMIN) {
        // The kernel finds what is wrong with the flags, and then that the host's user may not.
        return forward(raw::__NR_unshare, call.arguments);
    }
    if flags != seeming {
        forward(raw::__NR_unshare, [flags & !seeming, 0, 0, 0, 0, 0])?;
    }
    let place = unshared(me.place, seeming)?;
    if place != me.place {
        process::become_(&Identity { place, ..*me })?;
    }
    Ok(0)
}

/// Namespaces that are made under fake root, or seem to be.
pub(super) const SEEMING: usize =
    (raw::CLONE_NEWNS | raw::CLONE_NEWUTS | raw::CLONE_NEWPID | raw::CLONE_NEWIPC | raw::CLONE_NEWCGROUP)
        as usize;

/// Where a process lives in namespaces of its own, which begin as copies.
///
/// # Errors
/// EAGAIN where the session's file is full.
pub(super) fn unshared(from: Place, flags: usize) -> Result<Place, Errno> {
    let mut place = from;
    if flags & raw::CLONE_NEWNS as usize != 0 {
        place.namespace = chain::new_namespace(chain::generation(from.namespace))?;
    }
    if flags & raw::CLONE_NEWUTS as usize != 0 {
        place.names = chain::new_names(from.names)?;
    }
    Ok(place)
}
