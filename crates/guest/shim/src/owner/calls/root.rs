//! chroot(2), and unshare(2) and clone(2) as far as newroot keeps account of a namespace: they change the calling
//! process's place (`newroot_fakeroot::session::Place`), which follows it as its identity does, or give its child another.

use newroot_abi::Errno;
use newroot_fakeroot::session::{Identity, Place};
use newroot_fakeroot::{Capabilities, Want};
use newroot_paths::{GuestBuf, Last};
use newroot_sys::raw;

use crate::calls::{forward, namespaces, read_path};
use crate::host::{self, AT_FDCWD, Path};
use crate::owner::chain::Moment;
use crate::owner::file::File;
use crate::owner::process::Changing;
use crate::owner::{chain, permission, process};
use crate::report::fatal_error;
use crate::resolve;
use crate::session::session;
use crate::slots::Operand;
use crate::trap::resume::{Afterwards, Builder};
use crate::trap::{Outcome, Trapped};

/// chroot(2).
pub(super) fn chroot(call: &Trapped<'_>, me: &Identity<'_>, operand: &mut Operand) -> Result<usize, Errno> {
    read_path(operand, call.arguments[0])?;
    let mut path = GuestBuf::new();
    directory(me, operand, &mut path)?;
    if !me.credentials.effective.has(Capabilities::SYS_CHROOT) {
        return Err(Errno::PERM);
    }
    let changing = Changing::begin()?;
    let place = Place { root: chain::provide_root(&changing, path.bytes())?, ..me.place };
    process::become_(&changing, &Identity { place, ..*me })?;
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
    enter_namespaces(me, seeming, None)?;
    Ok(0)
}

/// Namespaces that are made under fake root, or seem to be.
const SEEMING: usize =
    (raw::CLONE_NEWNS | raw::CLONE_NEWUTS | raw::CLONE_NEWPID | raw::CLONE_NEWIPC | raw::CLONE_NEWCGROUP)
        as usize;

/// Moves the calling process to namespaces of its own, which begin as copies: that of mounts with the mounts of a moment,
/// or with those of now.
///
/// # Errors
/// EAGAIN where the session's file is full; ENOMEM where others keep mounting.
fn enter_namespaces(me: &Identity<'_>, flags: usize, moment: Option<Moment>) -> Result<(), Errno> {
    const TRIES: usize = 10_000;
    let changing = Changing::begin()?;
    let mut place = me.place;
    if flags & raw::CLONE_NEWNS as usize != 0 {
        let namespaces = (0..TRIES).map(|_| {
            let then = moment.and_then(|moment| moment.generation_in(place.namespace));
            let generation = then.unwrap_or_else(|| chain::generation(place.namespace));
            chain::new_namespace(&changing, generation)
        });
        place.namespace = namespaces.filter_map(Result::transpose).next().ok_or(Errno::NOMEM)??;
    }
    if flags & raw::CLONE_NEWUTS as usize != 0 {
        place.names = chain::new_names(&changing, place.names)?;
    }
    if place != me.place {
        process::become_(&changing, &Identity { place, ..*me })?;
    }
    Ok(())
}

/// clone(2) that asks for a namespace.
///
/// The child enters its namespaces in the trap that follows the call, before it runs any of its own code. What isn't
/// among [`SEEMING`] is left to the kernel, which refuses it.
pub(super) fn clone(call: &mut Trapped<'_>, me: &Identity<'_>) -> Result<Outcome, Errno> {
    const MEMORY: usize = raw::CLONE_VM as usize;
    let [flags, stack, ..] = call.arguments;
    let has = |bit: u32| flags & bit as usize != 0;
    if !namespaces::is_valid_clone(flags) {
        return Err(Errno::INVAL);
    }
    if has(raw::CLONE_NEWUSER) || !me.credentials.effective.has(Capabilities::SYS_ADMIN) {
        return Err(Errno::PERM);
    }
    // Threads have one place. A child on its parent's stack would overwrite the frame that the parent comes back by.
    if has(raw::CLONE_THREAD) || (has(raw::CLONE_VM) && stack == 0 && !has(raw::CLONE_VFORK)) {
        return Err(Errno::PERM);
    }
    let mut made = flags & !SEEMING;
    if has(raw::CLONE_VFORK) && stack == 0 {
        // So vfork's child gets a copy of the memory. The parent sleeps all the same.
        if has(raw::CLONE_SIGHAND) {
            return Err(Errno::PERM);
        }
        made &= !MEMORY;
    }
    let frame = Builder::new(call);
    if !frame.fits(0, Afterwards::Always) {
        return Err(Errno::NOMEM);
    }
    // The mounts that the child begins with are those of this moment, unless one of them is unmounted first.
    let Moment { generation, number } = Moment::now(me.place.namespace);
    let note = [flags & SEEMING, generation as usize, number as usize, 0];
    let [_, rest @ ..] = call.arguments;
    let [stack, parent, child, tls, unused] = rest;
    frame.finish_clone(call, [made, stack, parent, child, tls, unused], note)
}

/// What the handler does after such a clone(2), in the caller and in the child.
pub(crate) fn clone_came_back(result: isize, note: [usize; 4]) -> Outcome {
    let [namespaces, generation, number, _] = note;
    let moment = Moment { generation: generation as u32, number: number as u32 };
    if result == 0
        && let Err(error) = enter_namespaces(&process::current(), namespaces, Some(moment))
    {
        fatal_error(b"enter the namespaces", b"", error, b"");
    }
    Outcome::Done(result)
}
