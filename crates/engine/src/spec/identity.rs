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
}

impl Identity {
    /// Whether it asks for nothing.
    #[must_use]
    pub fn is_callers(&self) -> bool {
        *self == Self::default()
    }
}

/// A user or a group as one writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principal {
    /// A name, and if nobody is called so, a number.
    Named(OsString),
    /// A number that is never looked up as a name (`+500`).
    Number(u32),
}
