//! Paths whose text says enough.

use newroot_paths::{Buffer, Guest, Host, is_canonical};

use crate::host::{AT_FDCWD, Path};
use crate::memory;
use crate::resolve::{self, merged};
use crate::session::session;

/// Room for a path, guest's or host's: longer ones take the long way. It lies on a stack of the guest's.
const SHORT: usize = 256;

/// A path as the guest gave it, or is given it.
pub(super) type ShortGuest = Buffer<Guest, SHORT>;
/// A path as the host's kernel is given it.
pub(super) type ShortHost = Buffer<Host, SHORT>;

/// Reads a path; `None` unless it is a readable, short one that isn't empty.
pub(super) fn read(address: usize) -> Option<Text> {
    let mut text = ShortGuest::new();
    memory::read_path(address, &mut text).ok()?;
    (!text.is_empty()).then_some(Text(text))
}

/// A path that was read.
#[derive(Debug)]
pub(super) struct Text(ShortGuest);

impl Text {
    /// Whether it is a single name that means the same to the host's kernel, for a call that doesn't
    /// follow it.
    pub(super) fn is_plain_name(&self) -> bool {
        resolve::is_plain_name(self.0.bytes())
    }
}

/// Where a path leads if there is no symlink on it.
#[derive(Debug)]
pub(super) struct Place {
    directory: i32,
    path: ShortHost,
}

impl Place {
    /// What the path's text says; `None` where it doesn't say enough.
    pub(super) fn of(directory: i32, text: &Text) -> Option<Self> {
        let session = session();
        let bytes = text.0.bytes();
        if !session.has_openat2() || !is_canonical(bytes) {
            return None;
        }
        let mut path = ShortHost::new();
        if bytes.first() != Some(&b'/') {
            let first = bytes.split(|&byte| byte == b'/').next()?;
            if session.mounts.may_cross(first) {
                return None;
            }
            path.assign(bytes).ok()?;
            return Some(Self { directory, path });
        }
        // A link in the root directory that nearly every path goes through: the long way knows it.
        if merged::is_noted(bytes) {
            return None;
        }
        session.mounts.translate(bytes, &mut path).ok()?;
        Some(Self { directory: AT_FDCWD, path })
    }

    /// Parts the path into directory, which the place then is, and the name it ends in; the result is the name's
    /// address, within the place. `None`, and nothing changed, where there is no name in a directory other
    /// than `/`.
    pub(super) fn split(&mut self) -> Option<usize> {
        let path = self.path.with_nul();
        let slash = path.iter().rposition(|&byte| byte == b'/').filter(|&slash| slash > 0)?;
        // Two bytes at least: the name's first and the NUL.
        let name = path.get(slash + 1..).filter(|name| name.len() > 1)?.as_ptr() as usize;
        self.path.truncate(slash);
        Some(name)
    }

    /// The directory the path is to be taken from.
    pub(super) fn directory(&self) -> i32 {
        self.directory
    }

    /// The path, in the host's terms if it is absolute.
    pub(super) fn path(&mut self) -> Path<'_> {
        Path::new(self.path.with_nul())
    }

    /// The bytes of the path.
    pub(super) fn bytes(&self) -> &[u8] {
        self.path.bytes()
    }
}
