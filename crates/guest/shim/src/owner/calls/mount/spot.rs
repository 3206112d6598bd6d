//! Where something is mounted, or is to be.

use newroot_abi::Errno;
use newroot_abi::plan::{Mount, MountFlags};
use newroot_paths::{GuestBuf, Last};
use newroot_sys::raw;

use crate::calls::read_path;
use crate::host::{self, AT_FDCWD, FileType};
use crate::resolve;
use crate::session::session;
use crate::slots::Operand;

/// A file that is there. Its operand keeps its path in terms of the namespace, in `text`, and its host path, in
/// `walk.host`.
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
    /// Finds it.
    ///
    /// # Errors
    /// What path_resolution(7) gives; EINVAL for what has no path.
    pub(super) fn find(operand: &mut Operand, path: usize, last: Last) -> Result<Self, Errno> {
        read_path(operand, path)?;
        let found = resolve::walk_text(operand, AT_FDCWD, last)?;
        let object = resolve::open_found(found, &mut operand.walk.host, raw::O_PATH)?;
        let directory = FileType::of(&host::fstat(object.number())?) == FileType::Directory;
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
        // A chroot's directory is where the outlook begins, but nothing need be mounted there.
        let begins_here = !guest.is_empty() || session().root_mounted;
        let on_root = session().mounts.owner(guest.bytes()) == session().mounts.root_index();
        Ok(Self { directory, mount: mount.filter(|_| begins_here), root: text.is_empty(), on_root })
    }

    /// Its path in terms of the namespace, which the operand that it was found with has.
    pub(super) fn path<'a>(&self, operand: &'a Operand) -> &'a [u8] {
        operand.text.bytes()
    }

    /// Whether a mount begins there.
    pub(super) fn is_mount_point(&self) -> bool {
        self.mount.is_some()
    }

    /// Index of the mount that begins there.
    pub(super) fn index(&self) -> Option<usize> {
        self.mount
    }

    /// The mount that begins there.
    pub(super) fn mount(&self) -> Option<&'static Mount<'static>> {
        self.mount.map(|index| session().mounts.get(index))
    }

    /// Whether it lies on the mount that the root is on.
    pub(super) fn is_on_root(&self) -> bool {
        self.on_root
    }

    /// EBUSY for the namespace's root, which everything hangs on.
    pub(super) fn not_root(&self) -> Result<(), Errno> {
        if self.root { Err(Errno::BUSY) } else { Ok(()) }
    }
}
