//! Roots and mounts of a session, as the session file stores them.
//!
//! Besides identities, the [session file](crate::session) contains these blocks:
//!
//! | kind | words behind the head | meaning |
//! |---|---|---|
//! | `ROOT` | length; the path | root directory of some process, in terms of its namespace |
//! | `NAMESPACE` | a word | a mount namespace; the word refers to its latest change |
//! | `UTS` | both [names](crate::session::NAMES) | a namespace of host and domain names |
//! | `CHANGE` | see below | a change of a namespace's mounts |
//!
//! A `CHANGE` holds a reference to the change before it, a number, an operation, flags, three
//! lengths, two paths, and the type and source that procfs shows. The word of a `NAMESPACE` and the
//! names of a `UTS` may change; all other contents are constant.
//!
//! The mounts of a namespace are those of the plan, with all changes applied from the oldest to the
//! one to which its word refers ([`compose`]). They depend on that word alone, which therefore also
//! serves as the number of a generation: a list composed for it stays valid until blocks are freed.
//! To undo the latest change, set the word to the change before it.

pub mod compose;

use newroot_abi::plan::MountFlags;

use crate::arena::HEAD_WORDS;

/// Words of a namespace's block.
pub const NAMESPACE_WORDS: usize = HEAD + 1;
/// Index of the word that refers to the latest change.
pub const HEAD: usize = HEAD_WORDS;
/// Words in front of a root's path.
pub const ROOT_WORDS: usize = HEAD_WORDS + 1;
/// Index of the word in a change's block that refers to the change before it.
pub const BEFORE: usize = HEAD_WORDS;
/// Words in front of a change's paths.
pub const CHANGE_WORDS: usize = HEAD_WORDS + 7;

/// Returns the number of words that hold this number of bytes.
#[must_use]
pub const fn words_of(bytes: usize) -> usize {
    bytes.div_ceil(4)
}

/// A change of a namespace's mounts. All paths are canonical, as in
/// [`Mount`](newroot_abi::plan::Mount). Guest paths are in terms of the namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change<'a> {
    /// Mounts a host file or directory at a guest path, where it covers what was visible there.
    Mount {
        /// Guest path.
        guest: &'a [u8],
        /// Host path.
        host: &'a [u8],
        /// Switches.
        flags: MountFlags,
    },
    /// Unmounts the latest mount at a guest path, with all mounts on it.
    Unmount {
        /// Guest path.
        guest: &'a [u8],
    },
    /// Changes the switches of the latest mount at a guest path.
    Remount {
        /// Guest path.
        guest: &'a [u8],
        /// New switches.
        flags: MountFlags,
    },
    /// Moves the latest mount at a guest path, with all mounts on it.
    Move {
        /// Guest path before the move.
        from: &'a [u8],
        /// Guest path after the move.
        to: &'a [u8],
    },
    /// Makes the latest mount at a guest path the root, and moves the old root to another path.
    Pivot {
        /// Guest path of the new root.
        root: &'a [u8],
        /// Guest path of the old root after the change, in terms of the tree before it.
        old: &'a [u8],
    },
}

impl<'a> Change<'a> {
    /// Returns the operation, flags and paths as a block stores them.
    #[must_use]
    pub const fn encode(&self) -> (u32, MountFlags, [&'a [u8]; 2]) {
        const NONE: MountFlags = MountFlags(0);
        match *self {
            Self::Mount { guest, host, flags } => (1, flags, [guest, host]),
            Self::Unmount { guest } => (2, NONE, [guest, &[]]),
            Self::Remount { guest, flags } => (3, flags, [guest, &[]]),
            Self::Move { from, to } => (4, NONE, [from, to]),
            Self::Pivot { root, old } => (5, NONE, [root, old]),
        }
    }

    /// Reads a change back. Returns `None` for an unknown operation.
    #[must_use]
    pub const fn decode(operation: u32, flags: MountFlags, [first, second]: [&'a [u8]; 2]) -> Option<Self> {
        Some(match operation {
            1 => Self::Mount { guest: first, host: second, flags },
            2 => Self::Unmount { guest: first },
            3 => Self::Remount { guest: first, flags },
            4 => Self::Move { from: first, to: second },
            5 => Self::Pivot { root: first, old: second },
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_survives_the_round_trip() {
        let flags = MountFlags::READ_ONLY;
        for change in [
            Change::Mount { guest: b"/a", host: b"/b", flags },
            Change::Unmount { guest: b"/a" },
            Change::Remount { guest: b"/a", flags },
            Change::Move { from: b"/a", to: b"/b" },
            Change::Pivot { root: b"/a", old: b"/a/b" },
        ] {
            let (operation, flags, paths) = change.encode();
            assert_eq!(Change::decode(operation, flags, paths), Some(change));
        }
    }
}
