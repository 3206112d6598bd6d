//! Landlock, with which a guest forbids itself and its children to open files, and more.
//!
//! The kernel enforces it on the host's files, so most calls need nothing. The shim handles what
//! the host's files don't show: a binding lies below a directory only for the guest, so a rule for
//! the directory is added for the binding, too. And the shim's own files are always allowed,
//! because the kernel doesn't distinguish its calls from the guest's. Those files are newroot's own
//! state, for which the guest has no name. Whether the guest may execute a file is asked before the
//! exec (`exec.rs`), because the kernel sees the shim executed.

use core::sync::atomic::{AtomicBool, Ordering};

use newroot_abi::Errno;
use newroot_abi::plan::{self, Flags, MountFlags};
use newroot_paths::{GuestBuf, HostBuf, is_under};
use newroot_sys::raw;

use super::filters;
use crate::call::{Outcome, Trapped, forward};
use crate::hardlinks;
use crate::identity::stores::{StorePath, stores};
use crate::kernel::{self, AT_FDCWD, Path};
use crate::limits::with_descriptors;
use crate::memory;
use crate::resolve;
use crate::session::{base, session};

/// LANDLOCK_RULE_PATH_BENEATH (include/uapi/linux/landlock.h).
const PATH_BENEATH: usize = 1;

/// LANDLOCK_ACCESS_FS_*.
const EXECUTE: u64 = 1 << 0;
const WRITE_FILE: u64 = 1 << 1;
const READ_FILE: u64 = 1 << 2;
const READ_DIR: u64 = 1 << 3;
const REMOVE_FILE: u64 = 1 << 5;
const MAKE_SYM: u64 = 1 << 12;

/// Whether a thread in this memory, or a program before this one, has restricted itself.
static RESTRICTED: AtomicBool = AtomicBool::new(false);

/// Returns whether Landlock rules of the guest may hold for the calling thread.
#[must_use]
pub fn any() -> bool {
    RESTRICTED.load(Ordering::Relaxed) || session().has(Flags::LANDLOCKED)
}

/// Runs landlock_restrict_self(2).
pub fn restrict_self(call: &mut Trapped<'_>) -> Outcome {
    if !filters::may_restrict_itself() {
        return Errno::PERM.into();
    }
    let [ruleset, ..] = call.arguments;
    allow_own_files(ruleset);
    // Before it holds: a signal handler may execute a program at once.
    RESTRICTED.store(true, Ordering::Relaxed);
    forward(raw::__NR_landlock_restrict_self, call.arguments).into()
}

/// Allows the shim's access to files of its own. The kernel refuses a descriptor that is no
/// ruleset.
// Out of line: keeps this large frame off the common path.
#[inline(never)]
fn allow_own_files(ruleset: usize) {
    let session = base();
    if let Some(&shim) = session.strings.get(plan::SHIM_PATH) {
        let path = Path::new(memory::owned_string_with_nul(shim));
        allow_each(ruleset, path, &[EXECUTE, READ_FILE]);
    }
    let mut counted = HostBuf::new();
    if hardlinks::on() && hardlinks::directory(&mut counted).is_ok() {
        // The directories of name references, which are counted. The files in there belong to the
        // guest.
        allow_each(ruleset, Path::new(counted.with_nul()), &[READ_DIR]);
    }
    if session.has(Flags::FAKE_ROOT) {
        allow_each(ruleset, session.file(), &[READ_FILE, WRITE_FILE]);
        let mut records = StorePath::new();
        for store in stores() {
            if store.directory(&mut records).is_ok() {
                allow_each(ruleset, Path::new(records.with_nul()), &[MAKE_SYM, REMOVE_FILE]);
            }
        }
    }
}

/// Allows one access after the other, because a ruleset only accepts those that it forbids.
fn allow_each(ruleset: usize, path: Path<'_>, accesses: &[u64]) {
    for &access in accesses {
        let _ = allow(ruleset, path, access);
    }
}

fn allow(ruleset: usize, path: Path<'_>, access: u64) -> Result<usize, Errno> {
    with_descriptors([ruleset as i32, -1], || {
        let file = kernel::openat(AT_FDCWD, path, raw::O_PATH | raw::O_CLOEXEC | raw::O_NOFOLLOW, 0)?;
        // struct landlock_path_beneath_attr, which is packed.
        let [low, high] = [access as u32, (access >> 32) as u32];
        let rule = [low, high, file.number() as u32];
        forward(raw::__NR_landlock_add_rule, [ruleset, PATH_BENEATH, rule.as_ptr() as usize, 0, 0, 0])
    })
}

/// Runs landlock_add_rule(2).
pub fn add_rule(call: &mut Trapped<'_>) -> Outcome {
    let result = forward(raw::__NR_landlock_add_rule, call.arguments);
    let [ruleset, kind, rule, ..] = call.arguments;
    if result.is_ok()
        && kind as u32 as usize == PATH_BENEATH
        && let Ok(rule) = memory::read::<[u32; 3]>(rule)
    {
        let [low, high, directory] = rule;
        if let Err(error) =
            add_for_bindings(ruleset, directory as i32, u64::from(high) << 32 | u64::from(low))
        {
            return error.into();
        }
    }
    result.into()
}

/// Adds a directory's rule for all bindings that the guest sees below it.
// Out of line: keeps this large frame off the common path.
#[inline(never)]
fn add_for_bindings(ruleset: usize, directory: i32, access: u64) -> Result<(), Errno> {
    /// Accesses that a rule for a file can have: EXECUTE, WRITE_FILE, READ_FILE, TRUNCATE,
    /// IOCTL_DEV.
    const OF_FILES: u64 = EXECUTE | WRITE_FILE | READ_FILE | 1 << 14 | 1 << 15;
    let mounts = session().mounts;
    if mounts.mounts().len() <= 1 {
        return Ok(());
    }
    let mut path = HostBuf::new();
    let mut guest = GuestBuf::new();
    resolve::host_path(directory, &mut path)?;
    if mounts.detranslate(path.bytes(), None, &mut guest).is_none() {
        return Ok(());
    }
    for mount in mounts.mounts() {
        if mount.flags.has(MountFlags::HIDDEN) || !is_below(mount.guest, guest.bytes()) {
            continue;
        }
        path.assign(mount.host)?;
        if path.is_empty() {
            path.assign(b"/")?;
        }
        // A directory that only leads to a binding is empty. The only access to it is listing.
        let access = if mount.flags.has(MountFlags::VIRTUAL) { access & READ_DIR } else { access };
        for access in [access, access & OF_FILES] {
            if access == 0 || allow(ruleset, Path::new(path.with_nul()), access) != Err(Errno::INVAL) {
                break;
            }
        }
    }
    Ok(())
}

/// Returns whether a guest path lies below another one.
fn is_below(path: &[u8], above: &[u8]) -> bool {
    if above.len() <= 1 { path.len() > 1 } else { path != above && is_under(path, above) }
}
