//! What of a file is recorded, and what its host file is to be like: the one rule for all who write records.
//!
//! The host's mode follows the guest's as far as the real user, who serves the guest, isn't locked out, and as
//! nobody on the host gets a right from it that the guest's mode would give to others: set-user-ID and the like
//! are only recorded.

use crate::Record;
use crate::mode::{ANY_EXECUTE, CHANGEABLE, PERMISSIONS, SETUID, SYMLINK, TYPE, is_directory};

/// What a file is to be to the guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shown {
    /// Its owner.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
    /// Its whole `st_mode`.
    pub mode: u32,
    /// The device that it is; see [`record::device`](crate::record::device).
    pub device: Option<u64>,
}

/// How that is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    /// What is recorded; without the time of birth, which a record that lies beside has as well.
    pub record: Record,
    /// What the mode of the host's file is to be, without the type; `None` where it can't follow: a symbolic
    /// link's, and a stand-in's.
    pub host_mode: Option<u32>,
}

/// What the mode of the host's file is to be for the guest's `mode`, without the type.
#[must_use]
pub const fn host_mode(mode: u32) -> u32 {
    let permissions = mode & PERMISSIONS;
    if is_directory(mode) || permissions & ANY_EXECUTE != 0 {
        // Root executes what anybody may.
        permissions | 0o700
    } else {
        permissions | 0o600
    }
}

/// Returns the mode of the host's file while the kernel is to report a write to it; `host_mode` is its usual one.
///
/// Set-user-ID and set-group-ID of the guest's file go when somebody writes to it who isn't privileged. newroot
/// doesn't see a write, but the host's kernel takes set-user-ID from its file for the same reason. So the host's file
/// gets that bit when somebody opens it who would take those of the guest's, and [`Record::written`] says what the mode
/// is when the bit is gone. None but the owner of the host's file may execute it meanwhile: nobody gets a right by it.
#[must_use]
pub const fn watched_mode(host_mode: u32) -> u32 {
    const OTHERS_EXECUTE: u32 = 0o011;
    host_mode & PERMISSIONS & !OTHERS_EXECUTE | SETUID
}

/// Returns whether nobody has written to a host file of this mode since it was [watched](watched_mode).
#[must_use]
pub const fn is_watched(host_mode: u32) -> bool {
    host_mode & SETUID != 0
}

/// How a file that is to be `shown` is kept by a host file with this `st_mode`. `is_default` says that the guest
/// would see the owners without a record.
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
    fn what_the_host_has_already_is_not_recorded() {
        let kept = keep(&ROOTS, REGULAR | 0o600, true);
        assert_eq!(kept, Kept { record: Record::NONE, host_mode: Some(0o644) });
    }

    #[test]
    fn owners_are_recorded_where_the_host_has_others() {
        let kept = keep(&Shown { uid: 33, ..ROOTS }, REGULAR | 0o600, false);
        assert_eq!(kept.record, Record { uid: Some(33), gid: Some(0), ..Record::NONE });
    }

    #[test]
    fn real_user_is_never_locked_out() {
        assert_eq!(host_mode(REGULAR), 0o600);
        assert_eq!(host_mode(REGULAR | 0o011), 0o711);
        assert_eq!(host_mode(DIRECTORY | 0o1777), 0o777);
        let kept = keep(&Shown { mode: REGULAR | 0o4755, ..ROOTS }, REGULAR | 0o600, true);
        assert_eq!(kept.record.mode, Some(REGULAR | 0o4755));
        assert_eq!(kept.host_mode, Some(0o755));
    }

    #[test]
    fn watched_file_shows_whether_it_was_written_to() {
        let record = Record { mode: Some(REGULAR | 0o6777), written: Some(REGULAR | 0o777), ..Record::NONE };
        let watched = watched_mode(REGULAR | 0o777);
        assert_eq!(watched, 0o4766);
        assert_eq!(record.mode_of(REGULAR | watched), REGULAR | 0o6777);
        assert_eq!(record.mode_of(REGULAR | 0o766), REGULAR | 0o777);
    }

    #[test]
    fn stand_in_has_its_mode_recorded() {
        let device = Shown { mode: 0o020_666, device: Some(1 << 32 | 3), ..ROOTS };
        let kept = keep(&device, 0o140_666, true);
        assert_eq!(kept.host_mode, None);
        assert_eq!((kept.record.mode, kept.record.device), (Some(0o020_666), Some(1 << 32 | 3)));
    }

    #[test]
    fn link_has_no_mode_of_its_own() {
        let link = Shown { mode: SYMLINK | 0o777, ..ROOTS };
        assert_eq!(keep(&link, SYMLINK | 0o777, true), Kept { record: Record::NONE, host_mode: None });
    }
}
