//! clone(2), unshare(2) and setns(2), for user and mount namespaces.
//!
//! In its own user namespace a process has CAP_SYS_CHROOT and CAP_SYS_ADMIN, and tries what they
//! grant: chroot(2), mount(2), pivot_root(2). newroot refuses these, so it refuses the namespace,
//! too, with EPERM. The kernel does the same for a process in a chroot (create_user_ns() in
//! kernel/user_namespace.c), and programs have a fallback. The same holds for a mount namespace,
//! which only real root would get. See `docs/design/14-user-namespaces.md`.

use newroot_abi::Errno;
use newroot_sys::raw;

use crate::call::{Outcome, Trapped, descriptor_argument, forward};
use crate::kernel::{self, AT_FDCWD, Path};

const NEW_USER: usize = raw::CLONE_NEWUSER as usize;
const NEW_MOUNTS: usize = raw::CLONE_NEWNS as usize;
const REFUSED: usize = NEW_USER | NEW_MOUNTS;
const NEW_PROCESSES: usize = raw::CLONE_NEWPID as usize;
const THREAD: usize = raw::CLONE_THREAD as usize;
const HANDLERS: usize = raw::CLONE_SIGHAND as usize;
const MEMORY: usize = raw::CLONE_VM as usize;
const FILE_SYSTEM: usize = raw::CLONE_FS as usize;
/// Namespaces that setns(2) can join, all at once by a process's descriptor.
const NAMESPACES: usize = REFUSED
    | NEW_PROCESSES
    | raw::CLONE_NEWCGROUP as usize
    | raw::CLONE_NEWIPC as usize
    | raw::CLONE_NEWNET as usize
    | raw::CLONE_NEWUTS as usize
    | raw::CLONE_NEWTIME as usize;

/// Runs a clone(2) that asks for a user or mount namespace. The namespace is never made.
pub fn clone(call: &mut Trapped<'_>) -> Outcome {
    let [flags, ..] = call.arguments;
    if is_valid_clone(flags) { Errno::PERM.into() } else { Errno::INVAL.into() }
}

/// Makes the checks that the kernel makes before it makes a namespace (copy_process() in
/// kernel/fork.c).
#[must_use]
pub fn is_valid_clone(flags: usize) -> bool {
    let has = |bits: usize| flags & bits == bits;
    let any = |bits: usize| flags & bits != 0;
    let shares = any(FILE_SYSTEM) && any(REFUSED);
    let thread_alone = has(THREAD) && !has(HANDLERS);
    let handlers_alone = has(HANDLERS) && !has(MEMORY);
    let thread_elsewhere = has(THREAD) && any(NEW_USER | NEW_PROCESSES);
    // The kernel would write the thread id to the descriptor's address.
    let descriptor_lost = has(raw::CLONE_PIDFD as usize)
        && any(raw::CLONE_PARENT_SETTID as usize | raw::CLONE_DETACHED as usize);
    !(shares || thread_alone || handlers_alone || thread_elsewhere || descriptor_lost)
}

/// Runs unshare(2) with such a flag.
pub fn unshare(call: &mut Trapped<'_>) -> Outcome {
    let [flags, ..] = call.arguments;
    refusal_of_unshare(flags).into()
}

/// Returns the errno for an unshare(2) that newroot refuses: the kernel's EINVAL comes first.
#[must_use]
pub fn refusal_of_unshare(flags: usize) -> Errno {
    const OTHERS: usize =
        THREAD | HANDLERS | MEMORY | FILE_SYSTEM | raw::CLONE_FILES as usize | raw::CLONE_SYSVSEM as usize;
    if flags & !(NAMESPACES | OTHERS) != 0 {
        return Errno::INVAL;
    }
    // These change nothing. The kernel refuses them, and the flags that imply them, to a process
    // with several threads.
    let implied = if flags & (NEW_USER | NEW_PROCESSES) != 0 { THREAD } else { 0 };
    let checked = flags & (THREAD | HANDLERS | MEMORY) | implied;
    match forward(raw::__NR_unshare, [checked, 0, 0, 0, 0, 0]) {
        Ok(_) => Errno::PERM,
        Err(error) => error,
    }
}

/// Runs setns(2).
pub fn setns(call: &mut Trapped<'_>) -> Outcome {
    let [descriptor, kinds, ..] = call.arguments;
    match refusal_of_setns(descriptor_argument(descriptor), kinds as u32 as usize) {
        Some(error) => error.into(),
        None => forward(raw::__NR_setns, call.arguments).into(),
    }
}

/// Returns the errno for a setns(2) that would join a user or mount namespace. `None` leaves the
/// call to the kernel.
fn refusal_of_setns(descriptor: i32, kinds: usize) -> Option<Errno> {
    if kinds != 0 && kinds & REFUSED == 0 {
        return None;
    }
    if let Some(kind) = kind_of(descriptor) {
        if kind & REFUSED == 0 {
            return None;
        }
        if kinds != 0 && kinds != kind {
            return Some(Errno::INVAL);
        }
        // The kernel refuses to join one's own user namespace, with its own errno.
        return (!is_own_user_namespace(descriptor)).then_some(Errno::PERM);
    }
    // Signal 0 distinguishes a process's descriptor from others.
    match forward(raw::__NR_pidfd_send_signal, [descriptor as isize as usize, 0, 0, 0, 0, 0]) {
        // A kernel without such descriptors doesn't have the call.
        Err(Errno::BADF | Errno::NOSYS) => None,
        _ if kinds == 0 || kinds & !NAMESPACES != 0 => Some(Errno::INVAL),
        Err(Errno::SRCH) => Some(Errno::SRCH),
        _ => Some(Errno::PERM),
    }
}

/// Returns the CLONE_NEW* flag of a descriptor's namespace. `None` for any other descriptor.
fn kind_of(descriptor: i32) -> Option<usize> {
    const NSFS_MAGIC: usize = 0x6e73_6673;
    /// NS_GET_NSTYPE (include/uapi/linux/nsfs.h).
    const GET_KIND: usize = 0xb703;
    let number = descriptor as isize as usize;
    let mut facts = [0usize; 15];
    forward(raw::__NR_fstatfs, [number, facts.as_mut_ptr() as usize, 0, 0, 0, 0]).ok()?;
    if facts[0] != NSFS_MAGIC {
        return None;
    }
    forward(raw::__NR_ioctl, [number, GET_KIND, 0, 0, 0, 0]).ok()
}

fn is_own_user_namespace(descriptor: i32) -> bool {
    let own = kernel::fstatat(AT_FDCWD, Path::new(b"/proc/self/ns/user\0"), 0);
    match (own, kernel::fstat(descriptor)) {
        (Ok(own), Ok(other)) => (own.st_dev, own.st_ino) == (other.st_dev, other.st_ino),
        _ => false,
    }
}
