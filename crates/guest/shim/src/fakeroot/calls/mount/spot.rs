//! The path of a mount, present or future.

use newroot_abi::Errno;
use newroot_abi::plan::{Mount, MountFlags};
use newroot_paths::{GuestBuf, Last};
use newroot_sys::raw;

use crate::call::read_path;
use crate::kernel::{self, AT_FDCWD, FileType};
use crate::resolve;
use crate::session::session;
use crate::slots::Operand;

/// A file that exists. Its operand keeps its path in terms of the namespace in `text`, and its host
/// path in `walk.host`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Spot {
    /// Whether it is a directory.
    pub(super) directory: bool,
    /// Index of the mount that begins there.
    mount: Option<usize>,
    /// Whether it is the namespace's root.
    root: bool,
    /// Whether it lies on the mount that the root is on.
    on_root: bool,
}

impl Spot {
    /// Finds the file.
    ///
    /// # Errors
    /// The errnos of path_resolution(7); EINVAL for a file that has no path.
    pub(super) fn find(operand: &mut Operand, path: usize, last: Last) -> Result<Self, Errno> {
        read_path(operand, path)?;
        let mut walked = resolve::walk_text(operand, AT_FDCWD, last)?;
        let object = walked.open(raw::O_PATH)?;
        let found = walked.found;
        let directory = FileType::of(&kernel::fstat(object.number())?) == FileType::Directory;
        let Operand { text, walk, .. } = operand;
        if found.magic {
            resolve::host_path(object.number(), &mut walk.host)?;
            let known = session().mounts.detranslate(walk.host.bytes(), None, &mut walk.guest);
            known.ok_or(Errno::INVAL)?;
        }
        let guest: &GuestBuf = &walk.guest;
        let mounts = session().mounts.mounts();
        let mount = mounts
            .iter()
            .position(|mount| mount.guest == guest.bytes() && !mount.flags.has(MountFlags::VIRTUAL));
        text.assign(session().root)?;
        text.extend(guest.bytes())?;
        // The mount view of a chroot begins at its directory, but there may be no mount there.
        let begins_here = !guest.is_empty() || session().root_mounted;
        let on_root = session().mounts.covering_mount(guest.bytes()) == session().mounts.root_index();
        Ok(Self { directory, mount: mount.filter(|_| begins_here), root: text.is_empty(), on_root })
    }

    /// Returns its path in terms of the namespace, from the operand that it was found with.
    pub(super) fn path<'a>(&self, operand: &'a Operand) -> &'a [u8] {
        operand.text.bytes()
    }

    /// Returns whether a mount begins there.
    pub(super) fn is_mount_point(&self) -> bool {
        self.mount.is_some()
    }

    /// Returns the index of the mount that begins there.
    pub(super) fn index(&self) -> Option<usize> {
        self.mount
    }

    /// Returns the mount that begins there.
    pub(super) fn mount(&self) -> Option<&'static Mount<'static>> {
        self.mount.map(|index| session().mounts.get(index))
    }

    /// Returns whether it lies on the mount that the root is on.
    pub(super) fn is_on_root(&self) -> bool {
        self.on_root
    }

    /// EBUSY for the namespace's root, which carries all other mounts.
    pub(super) fn not_root(&self) -> Result<(), Errno> {
        if self.root { Err(Errno::BUSY) } else { Ok(()) }
    }
}
