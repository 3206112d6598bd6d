//! Paths whose text says enough.

use newroot_paths::{Buffer, Host, first_component, is_canonical};

pub(super) use super::room::{Room, Text};
use crate::host::{AT_FDCWD, Path};
use crate::resolve::{self, merged};
use crate::session::session;

impl Text<'_> {
    /// Whether it is a single name that means the same to the host's kernel, for a call that doesn't
    /// follow it.
    pub(super) fn is_plain_name(&self) -> bool {
        !self.glance.has_slash() && resolve::is_plain_name(self.bytes())
    }

    fn is_canonical(&self) -> bool {
        self.glance.is_plain(self.bytes()) || is_canonical(self.bytes())
    }
}

/// Room for the host path of a link in the root directory.
const LONGEST_LINK: usize = 256;

/// Where a path leads if there is no symlink on it.
pub(super) struct Place<'a> {
    directory: i32,
    path: Text<'a>,
}

impl<'a> Place<'a> {
    /// What the path's text says; `None` where it doesn't say enough.
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
        let mount = mounts.get(mounts.owner(bytes));
        if mount.guest.len() == bytes.len() && mount.host.is_empty() {
            return None;
        }
        text.replace_front(mount.guest.len(), mount.host)?;
        Some(Self { directory: AT_FDCWD, path: text })
    }

    /// Parts the path into directory, which the place then is, and the name it ends in; the result is the name's
    /// address, within the place. `None`, and nothing changed, where there is no name in a directory other
    /// than `/`.
    pub(super) fn split(&mut self) -> Option<usize> {
        self.path.split()
    }

    /// The directory the path is to be taken from.
    pub(super) fn directory(&self) -> i32 {
        self.directory
    }

    /// The path, in the host's terms if it is absolute.
    pub(super) fn path(&self) -> Path<'_> {
        self.path.path()
    }

    /// The bytes of the path.
    pub(super) fn bytes(&self) -> &[u8] {
        self.path.bytes()
    }
}
