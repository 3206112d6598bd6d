//! The bits of `st_mode` (inode(7)).

/// Bits of the file type.
pub(crate) const TYPE: u32 = 0o170_000;
/// Type of a directory.
pub(crate) const DIRECTORY: u32 = 0o040_000;
/// Type of a regular file.
pub(crate) const REGULAR: u32 = 0o100_000;
/// Type of a symbolic link.
pub(crate) const SYMLINK: u32 = 0o120_000;
/// Set-user-ID.
pub(crate) const SETUID: u32 = 0o4000;
/// Set-group-ID.
pub(crate) const SETGID: u32 = 0o2000;
/// The sticky bit.
pub(crate) const STICKY: u32 = 0o1000;
/// Execute permission of the group.
pub(crate) const GROUP_EXECUTE: u32 = 0o010;
/// All bits that chmod changes.
pub(crate) const CHANGEABLE: u32 = 0o7777;
/// Permissions of owner, group and others.
pub(crate) const PERMISSIONS: u32 = 0o777;
/// Execute permission of owner, group or others.
pub(crate) const ANY_EXECUTE: u32 = 0o111;

/// Checks whether `mode` is that of a directory.
pub(crate) const fn is_directory(mode: u32) -> bool {
    mode & TYPE == DIRECTORY
}

/// Checks whether `mode` is that of a symbolic link.
pub(crate) const fn is_symlink(mode: u32) -> bool {
    mode & TYPE == SYMLINK
}

/// Checks whether `mode` is that of a regular file.
pub(crate) const fn is_regular(mode: u32) -> bool {
    mode & TYPE == REGULAR
}

/// Checks whether set-group-ID has its usual effect. Without the group's execute bit it once marked
/// files for mandatory locking.
pub(crate) const fn runs_as_group(mode: u32) -> bool {
    mode & (SETGID | GROUP_EXECUTE) == SETGID | GROUP_EXECUTE
}
