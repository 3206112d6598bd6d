//! A name in a directory.

use core::cell::Cell;

use newroot_abi::Errno;
use newroot_abi::links::Id;
use newroot_paths::{Buffer, Host, Last, Lexical, lexical, split_last, walk};
use newroot_sys::raw;

use super::{
    Anchored, HostFs, NO_SYMLINKS, TRIES, Target, directory_path, ends_in_dots, host_path, is_virtual,
    merged, mount_of_directory, mount_of_directory_from, open_found, out_of_descriptors, procfs, unless_walk,
    walk_text, without_symlink,
};
use crate::hardlinks;
use crate::kernel::{self, AT_FDCWD, Descriptor, Path, Stat};
use crate::session::session;
use crate::slots::Operand;

/// A name in a directory, whether a file has that name or not.
///
/// It holds the operand's buffers. A call gets the name together with [`Self::directory`].
#[derive(Debug)]
pub struct Entry<'a> {
    operand: &'a mut Operand,
    /// Directory that a relative path starts from.
    start: i32,
    directory: Directory,
    /// Mount that the directory belongs to, if the path's text determines it.
    named_mount: Option<usize>,
    /// Result of [`Target::mount`], once it was computed.
    mount: Cell<Option<Option<usize>>>,
    /// Whether a binding begins at this name, or the name is the root.
    pub mount_point: bool,
    /// Whether a binding begins somewhere below this name.
    pub above_mount: bool,
}

/// The directory of an [`Entry`].
#[derive(Debug)]
pub enum Directory {
    /// A directory that the shim opened for the call.
    Opened(Descriptor),
    /// The guest's own descriptor, or AT_FDCWD. Its value doesn't matter if the name is a whole
    /// host path.
    Given(i32),
}

impl Directory {
    /// Returns the directory's descriptor.
    #[must_use]
    pub fn number(&self) -> i32 {
        match self {
            Self::Opened(descriptor) => descriptor.number(),
            Self::Given(number) => *number,
        }
    }
}

impl Target for Entry<'_> {
    /// Returns the mount that the directory belongs to. A directory that exists only for the
    /// bindings below it belongs to the mount around it, as a real directory would.
    fn mount(&self) -> Result<Option<usize>, Errno> {
        if let Some(known) = self.mount.get() {
            return Ok(known);
        }
        let mount = self.find_mount()?;
        self.mount.set(Some(mount));
        Ok(mount)
    }
}

impl<'a> Entry<'a> {
    fn new(
        operand: &'a mut Operand,
        start: i32,
        directory: Directory,
        mount: Option<usize>,
        [mount_point, above_mount]: [bool; 2],
    ) -> Self {
        let known = Cell::new(None);
        Self { operand, start, directory, named_mount: mount, mount: known, mount_point, above_mount }
    }
}

impl Entry<'_> {
    /// Returns the descriptor of the directory.
    #[must_use]
    pub fn directory(&self) -> i32 {
        self.directory.number()
    }

    /// Returns the directory, which stays open, and gives the buffers back.
    #[must_use]
    pub fn into_directory(self) -> Directory {
        self.directory
    }

    /// Returns the buffers, with the name in `name`.
    pub fn buffers(&mut self) -> &mut Operand {
        self.operand
    }

    /// Returns the path as the guest gave it.
    #[must_use]
    pub fn text(&self) -> &[u8] {
        self.operand.text.bytes()
    }

    /// Returns the name with its trailing slashes; the whole host path if no descriptor was free.
    #[must_use]
    pub fn name(&self) -> &[u8] {
        self.operand.name.bytes()
    }

    /// Returns the arguments for a call: the directory, and the name in it.
    pub fn at(&mut self) -> (i32, Path<'_>) {
        (self.directory.number(), Path::new(self.operand.name.with_nul()))
    }

    /// Returns whether the path ends in a slash, and so asks for a directory.
    #[must_use]
    pub fn ends_in_slash(&self) -> bool {
        self.text().ends_with(b"/")
    }

    /// Returns whether the last component of the path is `.` or `..`, or there is none.
    #[must_use]
    pub fn ends_in_dots(&self) -> bool {
        ends_in_dots(self.text())
    }

    /// Returns the mount that the path's text determines, without a system call; `None` if it
    /// determines none.
    #[must_use]
    pub fn named_mount(&self) -> Option<usize> {
        self.named_mount
    }

    fn find_mount(&self) -> Result<Option<usize>, Errno> {
        let mount = match (self.named_mount, &self.directory) {
            (Some(mount), _) => Some(mount),
            // A path whose text determines no mount is relative.
            (None, Directory::Opened(opened)) => mount_of_directory_from(opened.number(), AT_FDCWD)?,
            (None, Directory::Given(number)) => mount_of_directory(*number)?,
        };
        let mounts = &session().mounts;
        let Some(mut at) = mount else { return Ok(None) };
        while is_virtual(at) {
            let guest = mounts.get(at).guest;
            let parent = guest.iter().rposition(|&byte| byte == b'/').unwrap_or(0);
            at = mounts.covering_mount(guest.get(..parent).unwrap_or(&[]));
        }
        Ok(Some(at))
    }

    /// Checks that both directories lie in one mount. Two paths that determine no mount and start
    /// from the same directory do.
    ///
    /// # Errors
    /// EXDEV; those of [`Target::mount`], if the kernel can't answer.
    pub fn check_same_mount(&self, other: &Entry<'_>) -> Result<(), Errno> {
        let are_names = self.named_mount.is_none() && other.named_mount.is_none();
        if session().mounts.mounts().len() == 1 || are_names && self.start == other.start {
            return Ok(());
        }
        other.check_mount(self.mount()?)
    }

    /// Returns the status of the file at the name, without following it.
    ///
    /// # Errors
    /// The errnos of fstatat(2).
    pub fn stat(&mut self) -> Result<Stat, Errno> {
        let (directory, name) = self.at();
        kernel::fstatat(directory, name, raw::AT_SYMLINK_NOFOLLOW)
    }

    /// Checks that a file exists at the name. Trailing slashes are left out, because they would
    /// make the host's kernel follow a symlink.
    ///
    /// # Errors
    /// The errnos of fstatat(2).
    pub fn exists(&mut self) -> Result<(), Errno> {
        let name = &mut self.operand.name;
        let len = name.len();
        let bare = name.bytes().iter().rposition(|&byte| byte != b'/').map_or(len, |last| last + 1);
        name.truncate(bare);
        let found = self.stat();
        for _ in bare..len {
            self.operand.name.extend(b"/")?;
        }
        found.map(|_| ())
    }

    /// Opens the file at the name with O_PATH, without following it.
    ///
    /// # Errors
    /// The errnos of openat(2).
    pub fn open_path(&mut self) -> Result<Descriptor, Errno> {
        let (directory, name) = self.at();
        kernel::openat(directory, name, raw::O_PATH | raw::O_NOFOLLOW | raw::O_CLOEXEC, 0)
    }

    /// Reads the symlink at the name into the shim's own buffer `text`, so that no host path passes
    /// through guest memory.
    ///
    /// # Errors
    /// The errnos of readlinkat(2).
    pub fn read_link(&mut self) -> Result<(), Errno> {
        let Operand { text, name, .. } = &mut *self.operand;
        let name = Path::new(name.with_nul());
        let len = kernel::readlinkat(self.directory.number(), name, text.space())?;
        text.set_len(len);
        Ok(())
    }

    /// Returns the status of the directory.
    ///
    /// # Errors
    /// The errnos of fstatat(2).
    pub fn directory_stat(&self) -> Result<Stat, Errno> {
        kernel::fstatat(self.directory(), Path::new(b".\0"), 0)
    }

    /// Checks that the directory exists and is searchable. For a path that is a name alone, nothing
    /// has checked that yet.
    ///
    /// # Errors
    /// EBADF, ENOTDIR, EACCES.
    pub fn check_directory(&self) -> Result<(), Errno> {
        self.directory_stat().map(|_| ())
    }

    /// Checks that names in the directory may be changed (may_delete() in fs/namei.c). A directory
    /// that exists only for the bindings below it counts as the user's own.
    ///
    /// # Errors
    /// EACCES, EROFS.
    pub fn check_writable(&self) -> Result<(), Errno> {
        let mount = match self.named_mount {
            None => mount_of_directory(self.directory())?,
            known => known,
        };
        if mount.is_some_and(is_virtual) {
            return Ok(());
        }
        kernel::faccessat(self.directory(), Path::new(b".\0"), raw::W_OK | raw::X_OK)
    }

    /// Returns the file that the name is one of several names of, kept by newroot in place of hard
    /// links; `None` if it is another kind of name.
    ///
    /// # Errors
    /// EMFILE, ENFILE, ENOMEM if the kernel can't answer.
    pub fn hardlink(&mut self) -> Result<Option<Id>, Errno> {
        if !hardlinks::on() || self.name().ends_with(b"/") {
            return Ok(None);
        }
        let (directory, name) = self.at();
        hardlinks::of_name(directory, name)
    }

    /// Turns the name into a path that leads to it through the directory's descriptor in procfs,
    /// for a call that takes no directory.
    ///
    /// # Errors
    /// EBADF, ENAMETOOLONG.
    pub fn lead_through_procfs(&mut self) -> Result<(), Errno> {
        let mut front = Buffer::<Host, 64>::new();
        procfs::name_descriptor(self.directory(), &mut front)?;
        front.extend(b"/")?;
        self.operand.name.prepend(front.bytes())
    }

    /// Returns whether the directory lies in procfs.
    #[must_use]
    pub fn directory_is_in_procfs(&self) -> bool {
        self.directory_stat().is_ok_and(|stat| procfs::device() == Some(stat.st_dev))
    }

    /// Returns whether the name lies in procfs. If it may, its host path is in the buffer
    /// `walk.host` afterwards.
    ///
    /// # Errors
    /// The errnos of fstatat(2); EBADF, ENAMETOOLONG.
    pub fn is_in_procfs(&mut self) -> Result<bool, Errno> {
        let device = self.stat()?.st_dev;
        if procfs::device().is_some_and(|procfs| procfs != device) {
            return Ok(false);
        }
        let Operand { walk: scratch, name, .. } = &mut *self.operand;
        // If no descriptor was free, the name is the whole host path.
        if name.bytes().first() == Some(&b'/') {
            scratch.host.clear();
        } else {
            host_path(self.directory.number(), &mut scratch.host)?;
            scratch.host.extend(b"/")?;
        }
        scratch.host.extend(name.bytes())?;
        Ok(scratch.host.bytes().starts_with(b"/proc/"))
    }

    /// Removes the slashes at the path's end, which only a directory's path may have. Returns
    /// whether there were any.
    pub fn take_slashes(&mut self) -> bool {
        let text = &mut self.operand.text;
        let len = text.len();
        let bare = text.bytes().iter().rposition(|&byte| byte != b'/').map_or(len, |last| last + 1);
        text.truncate(bare);
        bare < len
    }

    /// Opens with O_PATH the file that the guest sees at the path, without following it. At a mount
    /// point that is the mounted file. Returns `None` if no file exists there.
    ///
    /// # Errors
    /// The errnos of path_resolution(7).
    pub fn open_seen(&mut self) -> Result<Option<Descriptor>, Errno> {
        match walk_text(self.operand, self.start, Last::Keep)?.open(raw::O_PATH) {
            Ok(file) => Ok(Some(file)),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Returns the canonical guest path of the file that [`Self::open_seen`] opened.
    #[must_use]
    pub fn guest_path(&self) -> &[u8] {
        self.operand.walk.guest.bytes()
    }

    /// Checks that the file at the name may be written. At a mount point, this is the file that the
    /// mount covers; elsewhere, it is the file that [`Self::open_seen`] opened.
    ///
    /// # Errors
    /// EACCES, EROFS.
    pub fn check_name_writable(&mut self) -> Result<(), Errno> {
        if self.mount_point {
            let (directory, name) = self.at();
            return match kernel::faccessat(directory, name, raw::W_OK) {
                // A name that exists only for a binding counts as the user's own.
                Err(Errno::NOENT) => Ok(()),
                other => other,
            };
        }
        let at = Anchored::new(&mut self.operand.walk.host)?;
        kernel::faccessat(at.directory(), at.path(), raw::W_OK)
    }
}

/// Lengths, in bytes, of the parts of a path.
#[derive(Clone, Copy)]
struct Parts {
    /// The part before the last component.
    parent: usize,
    /// The last component without its trailing slashes.
    name: usize,
}

impl Parts {
    fn of(text: &[u8]) -> Self {
        let (parent, name) = split_last(text);
        let bare = name.iter().position(|&byte| byte == b'/').unwrap_or(name.len());
        Self { parent: parent.len(), name: bare }
    }

    /// Returns the path of the directory, and the name with its trailing slashes.
    fn split(self, text: &[u8]) -> Result<(&[u8], &[u8]), Errno> {
        let (parent, name) = text.split_at_checked(self.parent).ok_or(Errno::INVAL)?;
        Ok((if parent.is_empty() { b"." } else { parent }, name))
    }

    fn name(self, text: &[u8]) -> &[u8] {
        text.get(self.parent..self.parent + self.name).unwrap_or(&[])
    }
}

/// Finds the directory that contains the last component of the operand's path.
///
/// # Errors
/// The errnos of path_resolution(7) for the directory.
pub fn entry(operand: &mut Operand, directory: i32) -> Result<Entry<'_>, Errno> {
    let mounts = &session().mounts;
    let parts = Parts::of(operand.text.bytes());
    if parts.name == 0 {
        // The path has only slashes: it is the root itself.
        operand.name.assign(mounts.root().host)?;
        operand.name.extend(b"/.")?;
        let root = Some(mounts.root_index());
        return Ok(Entry::new(operand, directory, Directory::Given(AT_FDCWD), root, [true; 2]));
    }
    let name = parts.name(operand.text.bytes());
    let crossing = mounts.may_cross(name) && name != b"." && name != b"..";
    if parts.parent == 0 && !crossing {
        operand.name.assign(operand.text.bytes())?;
        return Ok(Entry::new(operand, directory, Directory::Given(directory), None, [false; 2]));
    }
    if !crossing
        && session().has_openat2()
        && let Some((opened, mount)) = open_by_text(operand, directory, parts)?
    {
        return Ok(Entry::new(operand, directory, Directory::Opened(opened), mount, [false; 2]));
    }
    let mut tries = 0;
    loop {
        match walk_to_parent(operand, directory, parts)? {
            Some(Parent { directory: opened, mount, bindings }) => {
                return Ok(Entry::new(operand, directory, opened, mount, bindings));
            }
            None if tries < TRIES => tries += 1,
            None => return Err(Errno::LOOP),
        }
    }
}

/// Opens the directory by its text alone, and writes the name. Returns the directory with the mount
/// that the text determines; `None` if only a walk can find it.
fn open_by_text(
    operand: &mut Operand,
    directory: i32,
    parts: Parts,
) -> Result<Option<(Descriptor, Option<usize>)>, Errno> {
    let rewritten = merged::rewrite(operand);
    let Operand { text, normal, walk: scratch, name: out } = operand;
    let (parent, name) = parts.split(text.bytes())?;
    let whole = scratch.guest.bytes();
    let known = if rewritten { whole.get(..whole.len() - name.len()).unwrap_or(parent) } else { parent };
    let flags = u64::from(raw::O_PATH | raw::O_DIRECTORY | raw::O_CLOEXEC);
    let (opened, mount) = match lexical(&session().mounts, known, normal, &mut scratch.host)? {
        Lexical::Walk => return Ok(None),
        Lexical::Absolute(mount) => {
            scratch.host.extend(b"/.")?;
            let at = Anchored::new(&mut scratch.host)?;
            (kernel::openat2(at.directory(), at.path(), flags, 0, NO_SYMLINKS), Some(mount))
        }
        Lexical::Relative => {
            out.assign(parent)?;
            // A second slash could make the path too long.
            out.extend(if parent.ends_with(b"/") { b"." } else { b"/." })?;
            (kernel::openat2(directory, Path::new(out.with_nul()), flags, 0, NO_SYMLINKS), None)
        }
    };
    let Some(opened) = unless_walk(opened)? else { return Ok(None) };
    out.assign(name)?;
    Ok(Some((opened, mount)))
}

/// The directory that a walk has found.
struct Parent {
    directory: Directory,
    mount: Option<usize>,
    /// Whether a binding begins at the name, and whether one begins below it.
    bindings: [bool; 2],
}

/// Walks to the directory, opens it, and writes the name. Returns `None` if a symlink has replaced
/// something on the path since the walk.
fn walk_to_parent(operand: &mut Operand, start: i32, parts: Parts) -> Result<Option<Parent>, Errno> {
    let mounts = &session().mounts;
    let Operand { text, walk: scratch, name: out, .. } = operand;
    let (parent, name) = parts.split(text.bytes())?;
    if parent.first() != Some(&b'/') {
        directory_path(start, &mut scratch.guest)?;
    }
    let found = walk(&mut HostFs, mounts, scratch, parent, Last::Follow)?;
    without_symlink(found, scratch)?;
    let guest_len = scratch.guest.len();
    scratch.guest.extend(b"/")?;
    scratch.guest.extend(parts.name(text.bytes()))?;
    let mount_point = mounts.is_mount_point(scratch.guest.bytes());
    if mount_point && procfs::is_own_link(scratch.guest.bytes()) {
        let mount = mounts.translate(scratch.guest.bytes(), out)?;
        procfs::name_own(mount, out)?;
        out.extend(name.get(parts.name..).unwrap_or(&[]))?;
        let directory = Directory::Given(AT_FDCWD);
        return Ok(Some(Parent { directory, mount: Some(mount), bindings: [false; 2] }));
    }
    let bindings = [mount_point, mounts.has_mount_below(scratch.guest.bytes())];
    scratch.guest.truncate(guest_len);
    // The dot makes the kernel check search permission on the directory, which a lookup in it
    // needs.
    if !found.magic {
        scratch.host.extend(if found.directory { b"." } else { b"/." })?;
    }
    let mount = if found.magic { None } else { Some(found.mount) };
    let directory = match open_found(found, &mut scratch.host, raw::O_PATH | raw::O_DIRECTORY) {
        Ok(opened) => {
            out.assign(name)?;
            Directory::Opened(opened)
        }
        Err(Errno::LOOP) => return Ok(None),
        Err(error) if out_of_descriptors(error) => {
            let directory = scratch.host.bytes();
            out.assign(directory.strip_suffix(b".").unwrap_or(directory))?;
            out.extend(name)?;
            Directory::Given(AT_FDCWD)
        }
        Err(error) => return Err(error),
    };
    Ok(Some(Parent { directory, mount, bindings }))
}

/// Finds the directory for a new name. filename_create() in fs/namei.c checks whether the name
/// exists before it checks whether it can be made. `taken` is the call's errno for a name that
/// exists.
///
/// # Errors
/// `taken`; EROFS; those of [`entry`]. In a writable directory, the call itself finds out whether
/// the name exists.
pub fn new_entry(
    operand: &mut Operand,
    directory: i32,
    taken: Errno,
    makes_directory: bool,
) -> Result<Entry<'_>, Errno> {
    let mut entry = entry(operand, directory)?;
    if entry.mount_point {
        return Err(taken);
    }
    if entry.is_read_only()? {
        let only_a_directory = entry.name().ends_with(b"/") && !makes_directory;
        return Err(match entry.exists() {
            Ok(()) => taken,
            // A name with a trailing slash, for a file that is no directory.
            Err(Errno::NOENT) if only_a_directory => Errno::NOENT,
            Err(Errno::NOENT) => Errno::ROFS,
            Err(error) => error,
        });
    }
    Ok(entry)
}
