//! Lookups in guest terms with the RESOLVE_* flags of openat2(2).

use newroot_abi::Errno;
use newroot_paths::{Last, Rules, walk_within};
use newroot_sys::raw;

use super::{HostFs, Walked, directory_path};
use crate::session::session;
use crate::slots::Operand;

/// Walks the operand's path from `directory`, restricted by the flags in `resolve`.
///
/// # Errors
/// EXDEV and ELOOP as in openat2(2); EINVAL for flags that exclude each other; the errnos of
/// path_resolution(7).
pub fn walk(operand: &mut Operand, directory: i32, last: Last, resolve: u64) -> Result<Walked<'_>, Errno> {
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
    let found = walk_within(&mut HostFs, &session().mounts, scratch, text.bytes(), last, rules)?;
    Walked::new(operand, found)
}
