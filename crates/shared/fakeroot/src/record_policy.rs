//! The rule for what is recorded of a file and for the mode of its host file. All code that writes
//! records follows it.
//!
//! The host's mode follows the guest's, with two limits. The real user, on whose behalf the guest
//! runs, must keep access. And no user on the host may gain a privilege that the guest's mode gives
//! to others, so set-user-ID and the like are only recorded.

use crate::Record;
use crate::mode::{ANY_EXECUTE, CHANGEABLE, PERMISSIONS, SETUID, SYMLINK, TYPE, is_directory};

/// Metadata of a file as the guest is to see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Owner of the file.
    pub uid: u32,
    /// Group of the file.
    pub gid: u32,
    /// The whole `st_mode`.
    pub mode: u32,
    /// Device number of a device file; see [`record::device`](crate::record::device).
    pub device: Option<u64>,
}

/// A record, and the host mode that goes with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    /// The record, without the birth time that a record beside the file also contains.
    pub record: Record,
    /// Mode for the host file, without the type. `None` where the host file's mode can't follow:
    /// for a symbolic link and for a stand-in.
    pub host_mode: Option<u32>,
}

/// Returns the mode of the host file, without the type, for the guest's `mode`.
#[must_use]
pub const fn host_mode(mode: u32) -> u32 {
    let permissions = mode & PERMISSIONS;
    if is_directory(mode) || permissions & ANY_EXECUTE != 0 {
        // Root may execute a file that has any execute bit.
        permissions | 0o700
    } else {
        permissions | 0o600
    }
}

/// Returns the mode of the host file while the host's kernel is to detect a write to it.
/// `host_mode` is its usual mode.
///
/// A write by an unprivileged process clears set-user-ID and set-group-ID of the guest's file.
/// newroot doesn't see writes, but the host's kernel clears set-user-ID of the host file for the
/// same reason. So the host file gets that bit when a process opens it whose write would clear the
/// bits of the guest's file, and [`Record::written`] holds the mode that applies once the bit is
/// gone. Only the owner of the host file may execute it meanwhile, so the bit gives nobody a
/// privilege.
#[must_use]
pub const fn watched_mode(host_mode: u32) -> u32 {
    const OTHERS_EXECUTE: u32 = 0o011;
    host_mode & PERMISSIONS & !OTHERS_EXECUTE | SETUID
}

/// Checks whether a host file of this mode is still unwritten since it was [watched](watched_mode).
#[must_use]
pub const fn is_watched(host_mode: u32) -> bool {
    host_mode & SETUID != 0
}

/// Returns the record and the host mode for a file that the guest is to see as `shown`, and whose
/// host file has the `st_mode` `host_file`. `is_default` is true if the guest would see the owners
/// without a record.
#[must_use]
pub const fn keep(shown: &Shown, host_file: u32, is_default: bool) -> Kept {
    let is_link = host_file & TYPE == SYMLINK;
    let same_type = shown.mode & TYPE == host_file & TYPE;
    let host = host_mode(shown.mode);
    let needs_mode = !is_link && (!same_type || shown.mode & CHANGEABLE != host);
    let mut record = Record { device: shown.device, ..Record::NONE };
    if !is_default || needs_mode || shown.device.is_some() {
        record.uid = Some(shown.uid);
        record.gid = Some(shown.gid);
    }
    if needs_mode {
        record.mode = Some(shown.mode);
    }
    Kept { record, host_mode: if is_link || !same_type { None } else { Some(host) } }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mode::{DIRECTORY, REGULAR};

    const ROOTS: Shown = Shown { uid: 0, gid: 0, mode: REGULAR | 0o644, device: None };

    #[test]
    fn metadata_that_the_host_file_has_is_not_recorded() {
        let kept = keep(&ROOTS, REGULAR | 0o600, true);
        assert_eq!(kept, Kept { record: Record::NONE, host_mode: Some(0o644) });
    }

    #[test]
    fn owners_that_the_host_file_lacks_are_recorded() {
        let kept = keep(&Shown { uid: 33, ..ROOTS }, REGULAR | 0o600, false);
        assert_eq!(kept.record, Record { uid: Some(33), gid: Some(0), ..Record::NONE });
    }

    #[test]
    fn the_real_user_keeps_access() {
        assert_eq!(host_mode(REGULAR), 0o600);
        assert_eq!(host_mode(REGULAR | 0o011), 0o711);
        assert_eq!(host_mode(DIRECTORY | 0o1777), 0o777);
        let kept = keep(&Shown { mode: REGULAR | 0o4755, ..ROOTS }, REGULAR | 0o600, true);
        assert_eq!(kept.record.mode, Some(REGULAR | 0o4755));
        assert_eq!(kept.host_mode, Some(0o755));
    }

    #[test]
    fn a_watched_file_shows_whether_it_was_written_to() {
        let record = Record { mode: Some(REGULAR | 0o6777), written: Some(REGULAR | 0o777), ..Record::NONE };
        let watched = watched_mode(REGULAR | 0o777);
        assert_eq!(watched, 0o4766);
        assert_eq!(record.mode_of(REGULAR | watched), REGULAR | 0o6777);
        assert_eq!(record.mode_of(REGULAR | 0o766), REGULAR | 0o777);
    }

    #[test]
    fn the_mode_of_a_stand_in_is_recorded() {
        let device = Shown { mode: 0o020_666, device: Some(1 << 32 | 3), ..ROOTS };
        let kept = keep(&device, 0o140_666, true);
        assert_eq!(kept.host_mode, None);
        assert_eq!((kept.record.mode, kept.record.device), (Some(0o020_666), Some(1 << 32 | 3)));
    }

    #[test]
    fn a_symbolic_link_has_no_mode() {
        let link = Shown { mode: SYMLINK | 0o777, ..ROOTS };
        assert_eq!(keep(&link, SYMLINK | 0o777, true), Kept { record: Record::NONE, host_mode: None });
    }
}
