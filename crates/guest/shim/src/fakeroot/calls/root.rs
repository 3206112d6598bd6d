//! chroot(2), and unshare(2) and clone(2) for the namespaces that newroot keeps itself. They change
//! the calling process's [`FsContext`](newroot_fakeroot::session::FsContext), which follows it as
//! its identity does, or give its child another one.

use newroot_abi::Errno;
use newroot_fakeroot::session::{FsContext, Identity};
use newroot_fakeroot::{Capabilities, Want};
use newroot_paths::{GuestBuf, Last};
use newroot_sys::raw;

use crate::call::resume::{Afterwards, Builder};
use crate::call::{Outcome, Trapped, forward, read_path};
use crate::calls::namespaces;
use crate::fakeroot::file::File;
use crate::fakeroot::permission;
use crate::identity::chain::Moment;
use crate::identity::process::Changing;
use crate::identity::{chain, process};
use crate::kernel::{self, AT_FDCWD, Path};
use crate::report::fatal_error;
use crate::resolve;
use crate::session::session;
use crate::slots::Operand;

/// Runs chroot(2).
pub(super) fn chroot(call: &Trapped<'_>, me: &Identity<'_>, operand: &mut Operand) -> Result<usize, Errno> {
    read_path(operand, call.arguments[0])?;
    let mut path = GuestBuf::new();
    directory(me, operand, &mut path)?;
    if !me.credentials.effective.has(Capabilities::SYS_CHROOT) {
        return Err(Errno::PERM);
    }
    let changing = Changing::begin()?;
    let fs = FsContext { root: chain::provide_root(&changing, path.bytes())?, ..me.fs };
    process::switch_identity(&changing, &Identity { fs, ..*me })?;
    Ok(0)
}

/// Writes the path of the operand's directory, in terms of the namespace. EACCES if the directory
/// may not be searched.
fn directory(me: &Identity<'_>, operand: &mut Operand, out: &mut GuestBuf) -> Result<(), Errno> {
    permission::search(me, operand, AT_FDCWD, Last::Follow)?;
    let descriptor = match resolve::walk_text(operand, AT_FDCWD, Last::Follow) {
        Ok(mut walked) if !walked.found.magic => {
            out.assign(session().root)?;
            out.extend(walked.buffers().walk.guest.bytes())?;
            walked.open(raw::O_PATH | raw::O_DIRECTORY)?
        }
        // Through a descriptor's link, or from outside of the root.
        Ok(_) | Err(Errno::NOENT | Errno::NAMETOOLONG) => {
            let object = resolve::object(operand, AT_FDCWD, Last::Follow)?;
            let descriptor = object.descriptor.ok_or(Errno::MFILE)?;
            resolve::namespace_path(descriptor.number(), out)?;
            descriptor
        }
        Err(error) => return Err(error),
    };
    // Looking the dot up checks the right to search.
    kernel::fstatat(descriptor.number(), Path::new(b".\0"), 0)?;
    if permission::is_unlimited(me) {
        return Ok(());
    }
    permission::may(me, File::Found(descriptor.number()), None, Want::EXECUTE)
}

/// Runs unshare(2).
///
/// newroot keeps namespaces of mounts and of host names itself. Those of processes, IPC objects and
/// control groups only seem to be made (docs/design/15-namespaces-in-name-only.md). All others are
/// left to the host, which refuses them.
pub(super) fn unshare(call: &Trapped<'_>, me: &Identity<'_>) -> Result<usize, Errno> {
    let [flags, ..] = call.arguments;
    if flags & raw::CLONE_NEWUSER as usize != 0 {
        return Err(namespaces::refusal_of_unshare(flags));
    }
    let seeming = flags & SEEMING;
    if seeming == 0 || !me.credentials.effective.has(Capabilities::SYS_ADMIN) {
        // The kernel checks the flags, and then refuses the host's user.
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

/// Moves the calling process to new namespaces, which begin as copies. The mounts are those of
/// `moment`, or of now.
///
/// # Errors
/// EAGAIN if the session file is full; ENOMEM if other processes keep mounting.
fn enter_namespaces(me: &Identity<'_>, flags: usize, moment: Option<Moment>) -> Result<(), Errno> {
    const TRIES: usize = 10_000;
    let changing = Changing::begin()?;
    let mut fs = me.fs;
    if flags & raw::CLONE_NEWNS as usize != 0 {
        let namespaces = (0..TRIES).map(|_| {
            let then = moment.and_then(|moment| moment.generation_in(fs.namespace));
            let generation = then.unwrap_or_else(|| chain::generation(fs.namespace));
            chain::new_namespace(&changing, generation)
        });
        fs.namespace = namespaces.filter_map(Result::transpose).next().ok_or(Errno::NOMEM)??;
    }
    if flags & raw::CLONE_NEWUTS as usize != 0 {
        fs.names = chain::new_names(&changing, fs.names)?;
    }
    if fs != me.fs {
        process::switch_identity(&changing, &Identity { fs, ..*me })?;
    }
    Ok(())
}

/// Runs a clone(2) that asks for a namespace.
///
/// The child enters its namespaces in the trap behind the call, before it runs code of its own.
/// Flags outside of [`SEEMING`] are left to the kernel, which refuses them.
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
    // Threads share one context. A child on its parent's stack would overwrite the frame through
    // which the parent comes back.
    if has(raw::CLONE_THREAD) || (has(raw::CLONE_VM) && stack == 0 && !has(raw::CLONE_VFORK)) {
        return Err(Errno::PERM);
    }
    let mut made = flags & !SEEMING;
    if has(raw::CLONE_VFORK) && stack == 0 {
        // So vfork's child gets a copy of the memory. The parent sleeps anyway.
        if has(raw::CLONE_SIGHAND) {
            return Err(Errno::PERM);
        }
        made &= !MEMORY;
    }
    let frame = Builder::new(call);
    if !frame.fits(0, Afterwards::Always) {
        return Err(Errno::NOMEM);
    }
    // The child begins with the mounts of this moment, unless one of them is unmounted first.
    let Moment { generation, number } = Moment::now(me.fs.namespace);
    let note = [flags & SEEMING, generation as usize, number as usize, 0];
    let [_, rest @ ..] = call.arguments;
    let [stack, parent, child, tls, unused] = rest;
    frame.finish_clone(call, [made, stack, parent, child, tls, unused], note)
}

/// Handles the return of such a clone(2), in the caller and in the child.
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
