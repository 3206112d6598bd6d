//! Facts about calls that name a file by one path, and need nothing but its translation.

use crate::raw;

/// A call that names one file and needs nothing but its path translated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PathCall {
    /// Index of the directory descriptor; `None` is the working directory.
    pub directory: Option<u8>,
    /// Index of the path.
    pub path: u8,
    /// Whether the call follows a symlink at the end of the path.
    pub follow: Follow,
    /// Meaning of an empty or null path.
    pub empty: Empty,
    /// Effect on the file.
    pub operation: Operation,
    /// Number of the call that the shim makes instead.
    pub reissue: u32,
    /// The same for a path whose last component has to be followed although the call doesn't.
    pub reissue_followed: u32,
    /// Arguments of the call that the shim makes.
    pub arguments: [From; 6],
}

impl PathCall {
    /// Returns the index of the argument with the AT_* flags, if the call has one.
    #[must_use]
    pub const fn flags(&self) -> Option<u8> {
        match self.follow {
            Follow::Unless(index, _) | Follow::If(index, _) => Some(index),
            Follow::Always | Follow::Never => None,
        }
    }

    /// Returns the kind of effect that the call has on its file.
    #[must_use]
    pub const fn intent(&self) -> Intent {
        self.operation.intent()
    }
}

/// Whether a call follows a symlink at the end of its path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Follow {
    /// Yes.
    Always,
    /// No.
    Never,
    /// Unless the argument with this index has this bit (AT_SYMLINK_NOFOLLOW).
    Unless(u8, u32),
    /// Only if the argument with this index has this bit (AT_SYMLINK_FOLLOW).
    If(u8, u32),
}

/// Meaning of an empty or null path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Empty {
    /// An error: ENOENT for an empty path, EFAULT for a null one.
    Error,
    /// An empty path means the descriptor itself if the argument with this index has AT_EMPTY_PATH.
    Flag(u8),
    /// A null path means the descriptor itself.
    Null,
    /// Both: a null path always does, an empty one if the argument with this index has
    /// AT_EMPTY_PATH.
    NullOrFlag(u8),
    /// Null and empty paths mean the descriptor itself if the argument with this index has
    /// AT_EMPTY_PATH.
    NullWithFlag(u8),
}

/// Kind of effect that a call has on the file it names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Intent {
    /// Looks at it.
    Read,
    /// Changes it: EROFS on a read-only binding.
    Modify,
    /// Makes it: the last component isn't followed and must not exist.
    Create,
    /// Removes its name: the last component isn't followed; EBUSY on a mount point.
    Remove,
}

/// Effect of a call on the file it names. The fields are indices of arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// Reads something that fake root doesn't change.
    Look,
    /// Checks whether the caller may access the file, as access(2) does.
    Access {
        /// The wanted access: R_OK, W_OK, X_OK.
        mode: u8,
    },
    /// Watches the file, which needs the right to read it.
    Watch,
    /// Sets the size of a regular file.
    Truncate {
        /// The size, which must not be negative.
        size: u8,
    },
    /// Sets the mode.
    SetMode {
        /// The mode.
        mode: u8,
    },
    /// Sets owner and group.
    SetOwner {
        /// The user; the next argument is the group.
        user: u8,
    },
    /// Sets the times of access and modification.
    SetTimes {
        /// Address of the times; null is now.
        times: u8,
        /// Whether the times are two `struct timespec`, with UTIME_NOW and UTIME_OMIT.
        nanoseconds: bool,
    },
    /// Sets an extended attribute.
    SetAttribute,
    /// Reads an extended attribute.
    GetAttribute,
    /// Lists the extended attributes.
    ListAttributes,
    /// Removes an extended attribute.
    RemoveAttribute,
    /// Changes something that fake root doesn't record.
    Modify,
    /// Makes a directory.
    MakeDirectory {
        /// Its mode.
        mode: u8,
    },
    /// Makes a file, FIFO, socket or device.
    MakeNode {
        /// Its type and mode; the next argument is the device number.
        mode: u8,
    },
    /// Makes a symlink.
    MakeSymlink {
        /// Address of its text, which the kernel reads before the path.
        text: u8,
    },
    /// Removes a name; a directory's with AT_REMOVEDIR.
    Unlink {
        /// The flags, if there are any.
        flags: Option<u8>,
    },
    /// Removes a directory.
    RemoveDirectory,
}

impl Operation {
    /// Returns the kind of effect.
    #[must_use]
    pub const fn intent(self) -> Intent {
        match self {
            Self::Look | Self::Access { .. } | Self::Watch | Self::GetAttribute | Self::ListAttributes => {
                Intent::Read
            }
            Self::Truncate { .. }
            | Self::SetMode { .. }
            | Self::SetOwner { .. }
            | Self::SetTimes { .. }
            | Self::SetAttribute
            | Self::RemoveAttribute
            | Self::Modify => Intent::Modify,
            Self::MakeDirectory { .. } | Self::MakeNode { .. } | Self::MakeSymlink { .. } => Intent::Create,
            Self::Unlink { .. } | Self::RemoveDirectory => Intent::Remove,
        }
    }
}

/// Origin of an argument of the call that the shim makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    /// The directory descriptor that goes with the translated path.
    Directory,
    /// The translated path.
    Path,
    /// The guest's own argument with this index.
    Argument(u8),
    /// A constant.
    Constant(u16),
}

impl From {
    /// AT_REMOVEDIR.
    pub const REMOVE_DIRECTORY: Self = Self::Constant(raw::AT_REMOVEDIR as u16);
    /// AT_SYMLINK_NOFOLLOW.
    pub const NO_FOLLOW: Self = Self::Constant(raw::AT_SYMLINK_NOFOLLOW as u16);
}

const _: () = assert!(raw::AT_REMOVEDIR <= 0xffff && raw::AT_SYMLINK_NOFOLLOW <= 0xffff);
