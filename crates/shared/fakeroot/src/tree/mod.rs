//! Roots and mounts of a session, as its file keeps them.
//!
//! Beside identities the [session's file](crate::session) has these blocks:
//!
//! | kind | words behind the head | is |
//! |---|---|---|
//! | `ROOT` | length; the path | a directory that is some process's root, in its namespace's terms |
//! | `NAMESPACE` | a word | a mount namespace: the word names its latest change, and is all that changes |
//! | `UTS` | both names, as at [`NAMES`](crate::session::NAMES) | a namespace of host and domain names, which may change |
//! | `CHANGE` | the change before it, number, operation, flags, three lengths; two paths, and what procfs shows as type and source | one change of a namespace's mounts |
//!
//! A namespace's mounts are those of the plan and the changes from the oldest to the one its word names
//! ([`compose`]). They are a function of that word alone, which is therefore the number of a generation, too: what
//! was made of it once can be kept until blocks are given back, and to undo the latest change is to name the one before.

pub mod compose;

use newroot_abi::plan::MountFlags;

use crate::arena::HEAD_WORDS;

/// Words of a namespace's block.
pub const NAMESPACE_WORDS: usize = HEAD + 1;
/// Index of the word in it that names the latest change.
pub const HEAD: usize = HEAD_WORDS;
/// Words in front of a root's path.
pub const ROOT_WORDS: usize = HEAD_WORDS + 1;
/// Index of the word in a change's block that names the one before it.
pub const BEFORE: usize = HEAD_WORDS;
/// Words in front of a change's paths.
pub const CHANGE_WORDS: usize = HEAD_WORDS + 7;

/// Words that so many bytes take.
#[must_use]
pub const fn words_of(bytes: usize) -> usize {
    bytes.div_ceil(4)
}

/// A change of a namespace's mounts. All paths are canonical, as [`Mount`](newroot_abi::plan::Mount) has them, and
/// the guest's are in the namespace's terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change<'a> {
    /// A host's file or directory is seen at a guest path, and covers what was seen there.
    Mount {
        /// Guest path.
        guest: &'a [u8],
        /// Host path.
        host: &'a [u8],
        /// Switches.
        flags: MountFlags,
    },
    /// What was mounted last at a guest path goes, with all that was mounted on it.
    Unmount {
        /// Guest path.
        guest: &'a [u8],
    },
    /// What was mounted last at a guest path gets other switches.
    Remount {
        /// Guest path.
        guest: &'a [u8],
        /// Switches.
        flags: MountFlags,
    },
    /// What was mounted last at a guest path is seen at another, with all that was mounted on it.
    Move {
        /// Guest path.
        from: &'a [u8],
        /// Where it is seen now.
        to: &'a [u8],
    },
    /// What was mounted last at a guest path becomes the root, and the root is seen at another path.
    Pivot {
        /// Guest path of the new root.
        root: &'a [u8],
        /// Where the old one is seen, in terms of before.
        old: &'a [u8],
    },
}

impl<'a> Change<'a> {
    /// Operation, flags and paths, as a record has them.
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

    /// Reads it back; `None` for an operation that isn't known.
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
