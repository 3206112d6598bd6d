//! Paths that can be translated by their text alone.

use newroot_paths::{Buffer, Host, first_component, is_canonical};

pub(super) use super::room::{PathBuffer, Text};
use crate::kernel::{AT_FDCWD, Path};
use crate::resolve::{self, merged};
use crate::session::session;

impl Text<'_> {
    /// Returns whether it is a single name that means the same to the host's kernel, in a call that
    /// doesn't follow it.
    pub(super) fn is_plain_name(&self) -> bool {
        !self.scan.has_slash() && resolve::is_plain_name(self.bytes())
    }

    fn is_canonical(&self) -> bool {
        self.scan.is_plain(self.bytes()) || is_canonical(self.bytes())
    }
}

/// Size of a buffer for the host path of a link in the root directory.
const LONGEST_LINK: usize = 256;

/// The file that a path leads to if there is no symlink on it.
pub(super) struct PathTarget<'a> {
    directory: i32,
    path: Text<'a>,
}

impl<'a> PathTarget<'a> {
    /// Translates the path's text; returns `None` if the text alone isn't enough.
    pub(super) fn of(directory: i32, mut text: Text<'a>) -> Option<Self> {
        let session = session();
        if !session.has_openat2() || !text.is_canonical() {
            return None;
        }
        let mounts = &session.mounts;
        if text.bytes().first() != Some(&b'/') {
            let first = first_component(text.bytes());
            return (!mounts.may_cross(first)).then_some(Self { directory, path: text });
        }
        // A link in the root directory that nearly every path goes through.
        if merged::is_noted(text.bytes()) {
            let front = merged::Rewritten::of(text.bytes(), &mut Buffer::<Host, LONGEST_LINK>::new())?;
            text.replace_front(front.gone, front.bytes())?;
        }
        let bytes = text.bytes();
        let mount = mounts.get(mounts.covering_mount(bytes));
        if mount.guest.len() == bytes.len() && mount.host.is_empty() {
            return None;
        }
        text.replace_front(mount.guest.len(), mount.host)?;
        Some(Self { directory: AT_FDCWD, path: text })
    }

    /// Splits the path into a directory, which the target then is, and the last component. Returns
    /// the address of that name, which lies within the target. Returns `None`, and changes nothing,
    /// if there is no name in a directory other than `/`.
    pub(super) fn split(&mut self) -> Option<usize> {
        self.path.split()
    }

    /// Returns the directory that the path starts from.
    pub(super) fn directory(&self) -> i32 {
        self.directory
    }

    /// Returns the path, in host terms if it is absolute.
    pub(super) fn path(&self) -> Path<'_> {
        self.path.path()
    }

    /// Returns the path's bytes.
    pub(super) fn bytes(&self) -> &[u8] {
        self.path.bytes()
    }
}
