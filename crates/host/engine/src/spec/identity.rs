//! Who the command runs as.

use std::ffi::OsString;

/// The identity a command gets. Names are looked up when it is launched: in the guest's passwd and
/// group files first, then in the host's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// The user, if not the caller.
    pub user: Option<Principal>,
    /// The group; `None` stands for that of the user's passwd entry, or the caller's where no user
    /// was asked for.
    pub group: Option<Principal>,
    /// The supplementary groups; `None` stands for those that the user's name has in the group
    /// file, or the caller's where no user was asked for.
    pub groups: Option<Vec<Principal>>,
    /// User and group if a dot parts them, for where the text as a whole is nobody's (chroot's old spelling).
    pub dotted: Option<Dotted>,
}

impl Identity {
    /// Whether it asks for nothing.
    #[must_use]
    pub fn is_callers(&self) -> bool {
        *self == Self::default()
    }
}

/// A `USER.GROUP`. It counts only if both are known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dotted {
    /// What stands in front of the dot.
    pub user: Option<Principal>,
    /// What stands behind it; `None` stands for the group of a user's passwd entry, whom a name must name.
    pub group: Option<Principal>,
}

/// A user or a group as one writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principal {
    /// A name, and if nobody is called so, a number.
    Named(OsString),
    /// A number that is never looked up as a name (`+500`).
    Number(u32),
}
