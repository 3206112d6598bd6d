//! Lookups under openat2(2)'s RESOLVE_* flags, in guest terms.

use newroot_abi::Errno;
use newroot_paths::{Found, Last, Rules, walk_within};
use newroot_sys::raw;

use super::{directory_path, fs};
use crate::session::session;
use crate::slots::Operand;

/// Walks the operand's path from `directory` as the flags say.
///
/// # Errors
/// EXDEV and ELOOP as openat2(2) has them, EINVAL for flags that exclude each other, and what
/// any lookup gives.
pub fn walk(operand: &mut Operand, directory: i32, last: Last, resolve: u64) -> Result<Found, Errno> {
    let has = |flag: u32| resolve & u64::from(flag) != 0;
    let rules = Rules {
        no_xdev: has(raw::RESOLVE_NO_XDEV),
        no_magic_links: has(raw::RESOLVE_NO_MAGICLINKS),
        no_symlinks: has(raw::RESOLVE_NO_SYMLINKS),
        beneath: has(raw::RESOLVE_BENEATH),
        in_root: has(raw::RESOLVE_IN_ROOT),
    };
    if rules.beneath && rules.in_root {
        return Err(Errno::INVAL);
    }
    let Operand { text, walk: scratch, .. } = operand;
    let absolute = text.bytes().first() == Some(&b'/');
    if absolute && rules.beneath {
        return Err(Errno::XDEV);
    }
    if absolute && !rules.in_root {
        scratch.guest.clear();
    } else {
        directory_path(directory, &mut scratch.guest)?;
    }
    super::found(
        walk_within(&mut fs::HostFs, &session().mounts, scratch, text.bytes(), last, rules)?,
        scratch,
    )
}
