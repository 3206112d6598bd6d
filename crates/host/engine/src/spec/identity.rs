//! The identity with which the command runs.

use std::ffi::OsString;

/// Identity of the command. The launch looks names up in the guest's passwd and group files first,
/// then in the host's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// User, if not the caller.
    pub user: Option<Principal>,
    /// Group. `None` stands for the group of the user's passwd entry, or for the caller's if no
    /// user was asked for.
    pub group: Option<Principal>,
    /// Supplementary groups. `None` stands for those of which the group file lists the user as a
    /// member, or for the caller's if no user was asked for.
    pub groups: Option<Vec<Principal>>,
    /// User and group on the two sides of a dot, for a text that as a whole is no user's name
    /// (chroot's old spelling).
    pub dotted: Option<Dotted>,
}

impl Identity {
    /// Returns whether no other identity is asked for.
    #[must_use]
    pub fn is_callers(&self) -> bool {
        *self == Self::default()
    }
}

/// A `USER.GROUP`. It counts only if both are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dotted {
    /// Part before the dot.
    pub user: Option<Principal>,
    /// Part after the dot. `None` stands for the group of the user's passwd entry; the user must
    /// then be given by name.
    pub group: Option<Principal>,
}

/// A user or a group as it is written on the command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principal {
    /// A name; a number if nobody has this name.
    Named(OsString),
    /// A number that is never looked up as a name (`+500`).
    Number(u32),
}
