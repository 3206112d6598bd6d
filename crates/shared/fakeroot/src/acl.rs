//! POSIX access control lists in the format of the attributes `system.posix_acl_access` and
//! `system.posix_acl_default`: a version, and entries of eight bytes each, all little-endian
//! (`linux/posix_acl_xattr.h`). acl(5) describes their meaning; the rules are those of
//! fs/posix_acl.c.

use newroot_abi::Errno;

use crate::access::{Owned, Want, Who};
use crate::mode::{PERMISSIONS, is_directory, is_symlink};

/// Name of the attribute with a file's access list.
pub const ACCESS: &[u8] = b"system.posix_acl_access";
/// Name of a directory's attribute with the list that new files in it inherit.
pub const DEFAULT: &[u8] = b"system.posix_acl_default";

/// `POSIX_ACL_XATTR_VERSION`.
const VERSION: u32 = 2;
const HEADER: usize = 4;
const ENTRY: usize = 8;

/// Tags of entries (`linux/posix_acl.h`).
const USER_OBJ: u16 = 0x01;
const USER: u16 = 0x02;
const GROUP_OBJ: u16 = 0x04;
const GROUP: u16 = 0x08;
const MASK: u16 = 0x10;
const OTHER: u16 = 0x20;

/// ID of an entry that has none: `ACL_UNDEFINED_ID`.
const UNDEFINED: u32 = u32::MAX;

#[derive(Clone, Copy, Debug)]
struct Entry {
    tag: u16,
    permissions: u16,
    id: u32,
}

impl Entry {
    const fn read(bytes: [u8; ENTRY]) -> Self {
        let [t0, t1, p0, p1, i0, i1, i2, i3] = bytes;
        Self {
            tag: u16::from_le_bytes([t0, t1]),
            permissions: u16::from_le_bytes([p0, p1]),
            id: u32::from_le_bytes([i0, i1, i2, i3]),
        }
    }

    const fn write(self) -> [u8; ENTRY] {
        let [t0, t1] = self.tag.to_le_bytes();
        let [p0, p1] = self.permissions.to_le_bytes();
        let [i0, i1, i2, i3] = self.id.to_le_bytes();
        [t0, t1, p0, p1, i0, i1, i2, i3]
    }

    const fn bits(self) -> u32 {
        self.permissions as u32
    }

    const fn is_named(self) -> bool {
        matches!(self.tag, USER | GROUP)
    }
}

fn entries(value: &[u8]) -> impl Iterator<Item = Entry> {
    let (chunks, _) = value.get(HEADER..).unwrap_or(&[]).as_chunks();
    chunks.iter().copied().map(Entry::read)
}

/// Checks that `value` has the format of a list. Returns whether it contains any entry: setting a
/// list without entries removes the list (`posix_acl_from_xattr`). The kernel makes this check
/// before it checks whether the caller may set a list.
///
/// # Errors
/// EINVAL if the format is wrong; EOPNOTSUPP for another version.
pub(crate) fn check_form(value: &[u8]) -> Result<bool, Errno> {
    if value.is_empty() {
        return Ok(false);
    }
    let head = value.first_chunk::<HEADER>().ok_or(Errno::INVAL)?;
    if u32::from_le_bytes(*head) != VERSION {
        return Err(Errno::OPNOTSUPP);
    }
    if !value.len().saturating_sub(HEADER).is_multiple_of(ENTRY) {
        return Err(Errno::INVAL);
    }
    for entry in entries(value) {
        match entry.tag {
            USER | GROUP if entry.id != UNDEFINED => {}
            USER_OBJ | GROUP_OBJ | MASK | OTHER => {}
            _ => return Err(Errno::INVAL),
        }
    }
    Ok(value.len() > HEADER)
}

/// Checks that a list has the required entries in the required order (`posix_acl_valid`). The
/// kernel makes this check after it has checked whether the caller may set the list.
///
/// # Errors
/// EINVAL if an entry is missing, out of order or has unknown permission bits.
pub(crate) fn check_entries(value: &[u8]) -> Result<(), Errno> {
    // Owner, users, group, groups, mask (required if any user or group is named), others.
    let mut after = 0;
    let mut named = false;
    for entry in entries(value) {
        let in_order = match entry.tag {
            USER_OBJ => after == 0,
            USER | GROUP_OBJ => after == USER_OBJ,
            GROUP | MASK => after == GROUP_OBJ,
            OTHER => after == MASK || after == GROUP_OBJ && !named,
            _ => false,
        };
        if !in_order || entry.bits() & !7 != 0 {
            return Err(Errno::INVAL);
        }
        if entry.is_named() {
            named = true;
        } else {
            after = entry.tag;
        }
    }
    if after == OTHER { Ok(()) } else { Err(Errno::INVAL) }
}

/// Checks that `value` is a list that root may set. Returns whether it contains any entry: setting
/// a list without entries removes the list.
///
/// # Errors
/// EINVAL for a wrong format or for wrong entries; EOPNOTSUPP for another version.
pub fn check(value: &[u8]) -> Result<bool, Errno> {
    let has_entries = check_form(value)?;
    if has_entries {
        check_entries(value)?;
    }
    Ok(has_entries)
}

/// The permission bits of a mode that correspond to a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Equivalent {
    /// The bits are equivalent to the list, which need not be kept.
    Mode(u32),
    /// The list contains more than the bits. These are the mode's bits beside it, with the mask as
    /// group bits.
    Mask(u32),
}

/// Returns the permission bits of a file with this valid list (`posix_acl_equiv_mode`).
#[must_use]
pub fn equivalent(value: &[u8]) -> Equivalent {
    let mut mode = 0;
    let mut mask = None;
    let mut named = false;
    for entry in entries(value) {
        match entry.tag {
            USER_OBJ => mode |= (entry.bits() & 7) << 6,
            GROUP_OBJ => mode |= (entry.bits() & 7) << 3,
            OTHER => mode |= entry.bits() & 7,
            MASK => mask = Some(entry.bits() & 7),
            _ => named = true,
        }
    }
    match mask {
        Some(mask) => Equivalent::Mask(mode & !0o070 | mask << 3),
        None if named => Equivalent::Mask(mode),
        None => Equivalent::Mode(mode),
    }
}

/// Checks whether the list allows `who` to do `want` with `file` (`posix_acl_permission`).
///
/// # Errors
/// EACCES if it doesn't; EIO for an invalid list.
pub(crate) fn permits(value: &[u8], who: &Who<'_>, file: &Owned<'_>, want: Want) -> Result<(), Errno> {
    let wanted = want.0 & 7;
    let granted = |bits: u32| if wanted & !bits == 0 { Ok(()) } else { Err(Errno::ACCES) };
    let mask = || entries(value).find(|entry| entry.tag == MASK).map_or(7, Entry::bits);
    let mut in_some_group = false;
    for entry in entries(value) {
        match entry.tag {
            USER_OBJ if who.credentials.fsuid == file.uid => return granted(entry.bits()),
            USER if who.credentials.fsuid == entry.id => return granted(entry.bits() & mask()),
            GROUP_OBJ | GROUP => {
                let gid = if entry.tag == GROUP { entry.id } else { file.gid };
                if who.in_group(gid) {
                    in_some_group = true;
                    // The first group that allows everything decides; permissions of several groups
                    // don't add up.
                    if wanted & !entry.bits() == 0 {
                        return granted(entry.bits() & mask());
                    }
                }
            }
            OTHER if in_some_group => return Err(Errno::ACCES),
            OTHER => return granted(entry.bits()),
            USER_OBJ | USER | MASK => {}
            _ => return Err(Errno::IO),
        }
    }
    Err(Errno::IO)
}

/// Copies `value` to `out` and applies `change` to each entry. An ID without a meaning is replaced
/// by the one that the kernel shows. Returns the length.
fn rewrite(value: &[u8], out: &mut [u8], mut change: impl FnMut(Entry) -> Entry) -> Result<usize, Errno> {
    let copy = out.get_mut(..value.len()).ok_or(Errno::RANGE)?;
    copy.copy_from_slice(value);
    let (chunks, _) = copy.get_mut(HEADER..).unwrap_or(&mut []).as_chunks_mut();
    for chunk in chunks {
        let mut entry = change(Entry::read(*chunk));
        if !entry.is_named() {
            entry.id = UNDEFINED;
        }
        *chunk = entry.write();
    }
    Ok(value.len())
}

/// Writes the list that getxattr returns after setxattr(`value`) to `out`, and returns its length.
///
/// # Errors
/// ERANGE if `out` is shorter than `value`.
pub fn normal(value: &[u8], out: &mut [u8]) -> Result<usize, Errno> {
    rewrite(value, out, |entry| entry)
}

/// Writes the list of a file after a chmod to `mode` to `out`, and returns its length
/// (`posix_acl_chmod`). The mode's group bits go to the mask, if there is one.
///
/// # Errors
/// ERANGE if `out` is shorter than `value`.
pub fn after_chmod(value: &[u8], mode: u32, out: &mut [u8]) -> Result<usize, Errno> {
    let has_mask = entries(value).any(|entry| entry.tag == MASK);
    rewrite(value, out, |entry| {
        let bits = match entry.tag {
            USER_OBJ => mode >> 6,
            GROUP_OBJ if !has_mask => mode >> 3,
            MASK => mode >> 3,
            OTHER => mode,
            _ => entry.bits(),
        };
        Entry { permissions: (bits & 7) as u16, ..entry }
    })
}

/// Initial mode and lists of a new file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OnCreation {
    /// The whole mode.
    pub mode: u32,
    /// Length of the access list in the caller's buffer, or `None` if the mode is equivalent.
    pub access: Option<usize>,
    /// Whether the new directory inherits the parent's default list as its own.
    pub inherits_default: bool,
}

/// Determines the initial mode and lists of a new file in a directory with this default list
/// (`posix_acl_create`). `mode` is the whole mode from [`new_file`](crate::permission::new_file),
/// before the umask. The access list is written to `out`. The umask applies only without a default
/// list.
///
/// # Errors
/// ERANGE if `out` is shorter than the list; EIO for an invalid list.
pub fn on_creation(
    default: Option<&[u8]>,
    mode: u32,
    umask: u32,
    out: &mut [u8],
) -> Result<OnCreation, Errno> {
    if is_symlink(mode) {
        return Ok(OnCreation { mode, access: None, inherits_default: false });
    }
    let Some(default) = default else {
        let mode = mode & !(umask & PERMISSIONS);
        return Ok(OnCreation { mode, access: None, inherits_default: false });
    };
    if !check(default).map_err(|_| Errno::IO)? {
        return Err(Errno::IO);
    }

    // Grant only the bits that both the list and the mode grant.
    let has_mask = entries(default).any(|entry| entry.tag == MASK);
    let mut granted = 0;
    let len = rewrite(default, out, |entry| {
        let shift = match entry.tag {
            USER_OBJ => 6,
            GROUP_OBJ if !has_mask => 3,
            MASK => 3,
            OTHER => 0,
            _ => return entry,
        };
        let bits = entry.bits() & mode >> shift & 7;
        granted |= bits << shift;
        Entry { permissions: bits as u16, ..entry }
    })?;
    let says_more = has_mask || entries(default).any(Entry::is_named);
    Ok(OnCreation {
        mode: mode & !PERMISSIONS | granted,
        access: says_more.then_some(len),
        inherits_default: is_directory(mode),
    })
}
