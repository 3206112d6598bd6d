//! Landlock, by which a guest forbids itself and its children to open files, and more.
//!
//! The kernel enforces it by the host's files, so most of it needs nothing. Done here is what the host's
//! files don't show: a binding lies below a directory for the guest alone, so a rule for the directory is added for the
//! binding as well; and the shim's own files are always allowed, for the kernel doesn't tell its calls from the guest's. Those
//! files are newroot's own state, which the guest has no name for. That the guest may execute a file is asked before the
//! exec (`exec.rs`), for the kernel sees the shim executed.

use core::sync::atomic::{AtomicBool, Ordering};

use newroot_abi::Errno;
use newroot_abi::plan::{self, Flags, MountFlags};
use newroot_paths::{GuestBuf, HostBuf, is_under};
use newroot_sys::raw;

use super::{filters, forward};
use crate::host::{self, AT_FDCWD, Path};
use crate::limits::with_descriptors;
use crate::links;
use crate::memory;
use crate::owner::sidecar;
use crate::resolve;
use crate::session::{base, session};
use crate::trap::{Outcome, Trapped};

/// LANDLOCK_RULE_PATH_BENEATH (include/uapi/linux/landlock.h).
const PATH_BENEATH: usize = 1;

/// LANDLOCK_ACCESS_FS_*.
const EXECUTE: u64 = 1 << 0;
const WRITE_FILE: u64 = 1 << 1;
const READ_FILE: u64 = 1 << 2;
const READ_DIR: u64 = 1 << 3;
const REMOVE_FILE: u64 = 1 << 5;
const MAKE_SYM: u64 = 1 << 12;

/// Whether a thread in this memory has restricted itself, or a program before this one.
static RESTRICTED: AtomicBool = AtomicBool::new(false);

/// Returns whether Landlock rules that the guest made may hold for the calling thread.
#[must_use]
pub fn any() -> bool {
    RESTRICTED.load(Ordering::Relaxed) || session().has(Flags::LANDLOCKED)
}

/// landlock_restrict_self(2).
pub fn restrict_self(call: &mut Trapped<'_>) -> Outcome {
    if !filters::may_restrict_itself() {
        return Errno::PERM.into();
    }
    let [ruleset, ..] = call.arguments;
    allow_own_files(ruleset);
    // Before it holds: a signal's handler may execute something at once.
    RESTRICTED.store(true, Ordering::Relaxed);
    forward(raw::__NR_landlock_restrict_self, call.arguments).into()
}

/// Allows what the shim does with files of its own. A ruleset that isn't one is for the kernel to refuse.
// Its room is not to be every call's.
#[inline(never)]
fn allow_own_files(ruleset: usize) {
    let session = base();
    if let Some(&shim) = session.strings.get(plan::SHIM_PATH) {
        let path = Path::new(memory::owned_string_with_nul(shim));
        allow_each(ruleset, path, &[EXECUTE, READ_FILE]);
    }
    let mut counted = HostBuf::new();
    if links::on() && links::directory(&mut counted).is_ok() {
        // The names of tokens, by which names are counted. The files in there are the guest's.
        allow_each(ruleset, Path::new(counted.with_nul()), &[READ_DIR]);
    }
    if session.has(Flags::FAKE_ROOT) {
        allow_each(ruleset, session.file(), &[READ_FILE, WRITE_FILE]);
        let mut records = sidecar::StorePath::new();
        for store in sidecar::stores() {
            if store.directory(&mut records).is_ok() {
                allow_each(ruleset, Path::new(records.with_nul()), &[MAKE_SYM, REMOVE_FILE]);
            }
        }
    }
}

/// Allows one access after the other, for a ruleset takes none that it doesn't forbid.
fn allow_each(ruleset: usize, path: Path<'_>, accesses: &[u64]) {
    for &access in accesses {
        let _ = allow(ruleset, path, access);
    }
}

fn allow(ruleset: usize, path: Path<'_>, access: u64) -> Result<usize, Errno> {
    with_descriptors([ruleset as i32, -1], || {
        let file = host::openat(AT_FDCWD, path, raw::O_PATH | raw::O_CLOEXEC | raw::O_NOFOLLOW, 0)?;
        // struct landlock_path_beneath_attr, which is packed.
        let [low, high] = [access as u32, (access >> 32) as u32];
        let rule = [low, high, file.number() as u32];
        forward(raw::__NR_landlock_add_rule, [ruleset, PATH_BENEATH, rule.as_ptr() as usize, 0, 0, 0])
    })
}

/// landlock_add_rule(2).
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

/// Adds a rule for a directory for all bindings that the guest sees below it.
// Its room is not to be every call's.
#[inline(never)]
fn add_for_bindings(ruleset: usize, directory: i32, access: u64) -> Result<(), Errno> {
    /// Accesses that a rule for a file may have: EXECUTE, WRITE_FILE, READ_FILE, TRUNCATE, IOCTL_DEV.
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
        // Directories that only lead to a binding are empty; all that can be done with one is to list it.
        let access = if mount.flags.has(MountFlags::VIRTUAL) { access & READ_DIR } else { access };
        for access in [access, access & OF_FILES] {
            if access == 0 || allow(ruleset, Path::new(path.with_nul()), access) != Err(Errno::INVAL) {
                break;
            }
        }
    }
    Ok(())
}

/// Whether a guest path lies below another one.
fn is_below(path: &[u8], above: &[u8]) -> bool {
    if above.len() <= 1 { path.len() > 1 } else { path != above && is_under(path, above) }
}
