//! From a guest path to something the host's kernel can be given.
//!
//! Two questions are asked of a path. [`object()`] finds the file itself, as an O_PATH descriptor
//! or (where no descriptor can be had) as a canonical host path. [`entry()`] finds the directory
//! a name stands in, for calls that make, take away or look at the name itself.
//!
//! Both first try the path's text alone in one openat2(2) that refuses symlinks; only if
//! there is one do they walk.

mod climb;
mod cwd;
mod fs;
mod long;
pub mod merged;
pub mod procfs;
pub(crate) mod refused;
pub mod restricted;
pub mod way;

use newroot_abi::links::Id;
use newroot_abi::plan::{Flags, MountFlags};
use newroot_abi::{Errno, PATH_MAX};
use newroot_paths::{
    Buffer, Found, Host, HostBuf, Last, Lexical, WalkScratch, is_canonical, lexical, split_last, walk,
};
use newroot_sys::raw;

use crate::host::{self, AT_FDCWD, Descriptor, Path};
use crate::links;
use crate::outlook;
use crate::owner;
use crate::session::session;
use crate::slots::Operand;

pub use cwd::{
    cwd_mount, directory_path, host_path, lies_read_only, listed_path, mount_of_directory,
    mount_of_directory_from, namespace_path, raw_host_path, remember_way,
};
pub(crate) use fs::HostFs;
pub use long::Anchored;

/// RESOLVE_NO_SYMLINKS (openat2(2)).
pub const NO_SYMLINKS: u64 = raw::RESOLVE_NO_SYMLINKS as u64;

/// A file that was found.
#[derive(Debug)]
pub struct Object {
    /// O_PATH descriptor; `None` if none could be had and [`Operand::walk`]'s host path must do.
    pub descriptor: Option<Descriptor>,
    /// Which mount it belongs to, if the path told.
    pub mount: Option<usize>,
    /// The file, if the path is one of several names of it that the host doesn't know ([`links`]).
    pub link: Option<Id>,
}

/// A name in a directory.
#[derive(Debug)]
pub struct Entry {
    /// The directory, if it had to be opened.
    owned: Option<Descriptor>,
    guest_directory: i32,
    /// Which mount the directory belongs to, if the path told.
    pub mount: Option<usize>,
    /// A binding begins at this name, or it is the root.
    pub mount_point: bool,
    /// A binding begins somewhere below this name.
    pub above_mount: bool,
}

impl Entry {
    fn plain(owned: Option<Descriptor>, guest_directory: i32, mount: Option<usize>) -> Self {
        Self { owned, guest_directory, mount, mount_point: false, above_mount: false }
    }

    /// The directory descriptor that goes with the name in [`Operand::name`].
    #[must_use]
    pub fn directory(&self) -> i32 {
        self.owned.as_ref().map_or(self.guest_directory, Descriptor::number)
    }

    /// Which mount the directory belongs to. Directories that exist only for the bindings below
    /// them belong to what is around them, as they would if they were real.
    ///
    /// # Errors
    /// As for [`mount_of_directory`].
    pub fn mount(&self) -> Result<Option<usize>, Errno> {
        let mount = match self.mount {
            Some(mount) => mount,
            // A path that doesn't tell is relative.
            None => match mount_of_directory_from(self.directory(), self.guest_directory)? {
                Some(mount) => mount,
                None => return Ok(None),
            },
        };
        let mounts = &session().mounts;
        let mut at = mount;
        while is_virtual(at) {
            let guest = mounts.get(at).guest;
            let parent = guest.iter().rposition(|&byte| byte == b'/').unwrap_or(0);
            at = mounts.owner(guest.get(..parent).unwrap_or(&[]));
        }
        Ok(Some(at))
    }
}

/// Whether a mount only stands for the parent directory of a binding.
#[must_use]
pub fn is_virtual(mount: usize) -> bool {
    session().mounts.get(mount).flags.has(MountFlags::VIRTUAL)
}

/// What a path's text says; on [`Lexical::Absolute`] the host path is in `operand.walk.host`.
///
/// # Errors
/// ENAMETOOLONG.
pub fn read_text(operand: &mut Operand) -> Result<Lexical, Errno> {
    if !session().has_openat2() {
        return Ok(Lexical::Walk);
    }
    let rewritten = merged::rewrite(operand);
    let Operand { text, normal, walk, .. } = operand;
    let text = if rewritten { walk.guest.bytes() } else { text.bytes() };
    lexical(&session().mounts, text, normal, &mut walk.host)
}

/// Walks the operand's path; on success `operand.walk` holds the canonical guest path and
/// the host path.
///
/// # Errors
/// What path_resolution(7) gives.
pub fn walk_text(operand: &mut Operand, directory: i32, last: Last) -> Result<Found, Errno> {
    let Operand { text, walk: scratch, .. } = operand;
    if text.bytes().first() != Some(&b'/') {
        directory_path(directory, &mut scratch.guest)?;
    }
    found(walk(&mut fs::HostFs, &session().mounts, scratch, text.bytes(), last)?, scratch)
}

/// Makes the host path that a walk found one without a symlink on it.
fn found(found: Found, scratch: &mut WalkScratch) -> Result<Found, Errno> {
    if !found.magic {
        procfs::name_own(found.mount, &mut scratch.host)?;
    }
    Ok(found)
}

/// Finds the file at the operand's absolute path, if its text is canonical and there is no symlink on the way: then
/// `operand.walk` holds it as after a walk. `None` where only a walk can tell.
///
/// # Errors
/// What path_resolution(7) gives.
pub fn canonical(operand: &mut Operand, last: Last) -> Result<Option<Descriptor>, Errno> {
    let absolute = operand.text.bytes().first() == Some(&b'/');
    if !absolute || !session().has_openat2() || links::on() {
        return Ok(None);
    }
    let rewritten = merged::rewrite(operand);
    let Operand { text, walk: scratch, .. } = operand;
    if !is_canonical(text.bytes()) {
        return Ok(None);
    }
    if !rewritten {
        scratch.guest.assign(text.bytes())?;
    }
    session().mounts.translate(scratch.guest.bytes(), &mut scratch.host)?;
    let flags = raw::O_PATH | raw::O_CLOEXEC | if last == Last::Keep { raw::O_NOFOLLOW } else { 0 };
    let at = Anchored::new(&mut scratch.host)?;
    match host::openat2(at.directory(), at.path(), flags.into(), 0, NO_SYMLINKS) {
        Ok(found) => Ok(Some(found)),
        Err(Errno::LOOP) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Opens a host path by openat2(2) with these RESOLVE_* flags, or on a kernel without it by openat(2).
/// Only openat2 can refuse symlinks on the way; O_NOFOLLOW in `flags` refuses one at the end of both.
///
/// # Errors
/// Those of the call.
pub fn open_host(
    directory: i32,
    path: Path<'_>,
    flags: u64,
    mode: u64,
    resolve: u64,
) -> Result<Descriptor, Errno> {
    if session().has_openat2() {
        host::openat2(directory, path, flags, mode, resolve)
    } else {
        host::openat(directory, path, flags as u32, mode as u32)
    }
}

/// Opens what a walk found. `flags` are openat(2)'s; the last component isn't followed again.
///
/// # Errors
/// openat(2)'s; ELOOP if a symlink has taken the place of something the walk saw.
pub fn open_found(found: Found, host_path: &mut HostBuf, flags: u32) -> Result<Descriptor, Errno> {
    let flags = flags | raw::O_CLOEXEC;
    if found.magic && procfs::exe::is_link(host_path.bytes()) {
        return procfs::exe::stand_in(host_path.bytes(), flags);
    }
    if found.magic
        && flags & raw::O_PATH != 0
        && session().has(Flags::FAKE_ROOT)
        && let Some(device) = owner::stand_in::of_link(host_path.bytes())?
    {
        return Ok(device);
    }
    let at = Anchored::new(host_path)?;
    if found.magic {
        return host::openat(at.directory(), at.path(), flags, 0);
    }
    open_host(at.directory(), at.path(), u64::from(flags | raw::O_NOFOLLOW), 0, NO_SYMLINKS)
}

/// How often a path is walked again because others change what it leads through.
const TRIES: usize = 16;

fn out_of_descriptors(error: Errno) -> bool {
    matches!(error, Errno::MFILE | Errno::NFILE)
}

/// Whether a path is a single name that means the same to the host's kernel, for a call that doesn't
/// follow it.
#[must_use]
pub fn is_plain_name(text: &[u8]) -> bool {
    !text.contains(&b'/') && text != b".." && !session().mounts.may_cross(text)
}

/// Finds the file that the operand's path names.
///
/// # Errors
/// What path_resolution(7) gives.
pub fn object(operand: &mut Operand, directory: i32, last: Last) -> Result<Object, Errno> {
    let flags = raw::O_PATH | raw::O_CLOEXEC | if last == Last::Keep { raw::O_NOFOLLOW } else { 0 };
    let opened = match read_text(operand)? {
        Lexical::Walk => Err(Errno::LOOP),
        Lexical::Absolute(mount) => {
            let at = Anchored::new(&mut operand.walk.host);
            at.and_then(|at| host::openat2(at.directory(), at.path(), flags.into(), 0, NO_SYMLINKS))
                .map(|descriptor| (descriptor, Some(mount)))
        }
        Lexical::Relative => {
            let path = Path::new(operand.text.with_nul());
            // Down from a directory without a link or a binding on the way is the same mount; of a file
            // that is seen at two places, the descriptor alone doesn't tell by which one came.
            let matters = session().has(Flags::READ_ONLY.with(Flags::ALIASED));
            let mount = if matters { mount_of_directory(directory)? } else { None };
            host::openat2(directory, path, flags.into(), 0, NO_SYMLINKS).map(|descriptor| (descriptor, mount))
        }
    };
    match opened {
        // A name that isn't followed, and yet leads elsewhere.
        Ok((descriptor, _)) if last == Last::Keep && is_name(&descriptor)? => {}
        Ok((descriptor, mount)) => return Ok(Object::plain(Some(descriptor), mount)),
        Err(Errno::LOOP) => {}
        Err(error) if out_of_descriptors(error) => {}
        Err(error) => return Err(error),
    }
    let mut tries = 0;
    loop {
        let found = match walk_text(operand, directory, last) {
            Err(error @ (Errno::NOENT | Errno::NAMETOOLONG))
                if operand.text.bytes().first() != Some(&b'/') =>
            {
                return from_nowhere(operand, directory, flags, error);
            }
            other => other?,
        };
        let mount = if found.magic { None } else { Some(found.mount) };
        let link = if found.elsewhere { links::of_path(operand.walk.host.bytes()) } else { None };
        match open_found(found, &mut operand.walk.host, raw::O_PATH) {
            // It has got more names since.
            Ok(descriptor) if last == Last::Keep && tries < TRIES && is_name(&descriptor)? => tries += 1,
            Ok(descriptor) => return Ok(Object { descriptor: Some(descriptor), mount, link }),
            // Something was renamed while we walked: look again.
            Err(Errno::LOOP) if tries < TRIES => tries += 1,
            // The name is another file's by now, and it was the last.
            Err(Errno::NOENT) if found.elsewhere && tries < TRIES => tries += 1,
            Err(error) if out_of_descriptors(error) => return Ok(Object { descriptor: None, mount, link }),
            Err(error) => return Err(error),
        }
    }
}

/// Whether what was opened is one of several names of a file, rather than the file.
fn is_name(opened: &Descriptor) -> Result<bool, Errno> {
    Ok(links::of_link(opened.number())?.is_some())
}

/// A path from a directory that was removed, or lies deeper than PATH_MAX: it has no guest path to
/// start from, and yet a parent. The kernel is asked, and believed if what it finds is the guest's.
///
/// `error` is what the walk said; it stands where the directory does have a guest path.
fn from_nowhere(operand: &mut Operand, directory: i32, flags: u32, error: Errno) -> Result<Object, Errno> {
    let start = match directory_path(directory, &mut operand.walk.guest) {
        Err(error) if error.is_shortage() => return Err(error),
        start => start,
    };
    // From a good start the walk's word stands, unless its own limit is what it met.
    if start.is_ok() && error != Errno::NAMETOOLONG {
        return Err(error);
    }
    let path = Path::new(operand.text.with_nul());
    // On a kernel without openat2 symlinks are the host's here.
    let found = open_host(directory, path, flags.into(), 0, NO_SYMLINKS);
    let found = found.map_err(|found| if start.is_ok() { error } else { found })?;
    // What is still too deep to have a name can't lie above the root, which has one.
    let too_deep = match host_path(found.number(), &mut operand.walk.host) {
        Ok(()) => operand.walk.host.len() >= PATH_MAX,
        Err(error) => error == Errno::NAMETOOLONG,
    };
    match mount_of_directory(found.number())? {
        Some(mount) => Ok(Object::plain(Some(found), Some(mount))),
        None if too_deep => Ok(Object::plain(Some(found), None)),
        None if session().has(Flags::FAKE_ROOT) => from_outside(operand, directory, found),
        None => Err(Errno::NOENT),
    }
}

/// After a chroot the working directory may lie outside of the root, and so what is found from there. All of the
/// process's namespace is the guest's; nothing lies above it.
fn from_outside(operand: &mut Operand, directory: i32, found: Descriptor) -> Result<Object, Errno> {
    let guest = &mut operand.walk.guest;
    namespace_path(directory, guest)?;
    if namespace_path(found.number(), guest).is_ok() {
        return Ok(Object::plain(Some(found), None));
    }
    let host = &mut operand.walk.host;
    outlook::whole()?.mounts.translate(b"", host)?;
    let top = host::openat(AT_FDCWD, Path::new(host.with_nul()), raw::O_PATH | raw::O_CLOEXEC, 0)?;
    Ok(Object::plain(Some(top), None))
}

impl Object {
    fn plain(descriptor: Option<Descriptor>, mount: Option<usize>) -> Self {
        Self { descriptor, mount, link: None }
    }

    /// Writes a path that leads to the file, wherever a call wants a path, into `operand.name`.
    ///
    /// # Errors
    /// ENAMETOOLONG.
    pub fn name(&self, operand: &mut Operand) -> Result<(), Errno> {
        match &self.descriptor {
            Some(descriptor) if !session().has(Flags::NO_PROC) => {
                procfs::name_descriptor(descriptor.number(), &mut operand.name)
            }
            _ => operand.name.assign(operand.walk.host.bytes()),
        }
    }

    /// Whether it lies in a read-only binding.
    ///
    /// # Errors
    /// What finding out gives.
    pub fn read_only(&self) -> Result<bool, Errno> {
        if !session().has(Flags::READ_ONLY) {
            return Ok(false);
        }
        Ok(self.mount()?.is_some_and(is_read_only))
    }

    /// Which mount it belongs to, as far as can be found out.
    ///
    /// # Errors
    /// As for [`mount_of_directory`].
    pub fn mount(&self) -> Result<Option<usize>, Errno> {
        match (self.mount, &self.descriptor) {
            (None, Some(descriptor)) => mount_of_directory(descriptor.number()),
            (mount, _) => Ok(mount),
        }
    }
}

/// Whether a mount is read-only.
#[must_use]
pub fn is_read_only(mount: usize) -> bool {
    session().mounts.get(mount).flags.has(MountFlags::READ_ONLY)
}

/// Finds the directory in which the last component of the operand's path stands; the component
/// itself, with its trailing slashes, is written to `operand.name`.
///
/// # Errors
/// What path_resolution(7) gives for the directory.
pub fn entry(operand: &mut Operand, directory: i32) -> Result<Entry, Errno> {
    let mounts = &session().mounts;
    let (parent_len, name_len) = {
        let (parent, name) = split_last(operand.text.bytes());
        let bare = name.iter().position(|&byte| byte == b'/').unwrap_or(name.len());
        (parent.len(), bare)
    };
    if name_len == 0 {
        // Nothing but slashes: the root itself.
        operand.name.assign(mounts.root().host)?;
        operand.name.extend(b"/.")?;
        let mount = Some(mounts.root_index());
        return Ok(Entry {
            owned: None,
            guest_directory: AT_FDCWD,
            mount,
            mount_point: true,
            above_mount: true,
        });
    }
    let name = operand.text.bytes().get(parent_len..parent_len + name_len).unwrap_or(&[]);
    let crossing = mounts.may_cross(name) && name != b"." && name != b"..";
    if parent_len == 0 && !crossing {
        operand.name.assign(operand.text.bytes())?;
        return Ok(Entry::plain(None, directory, None));
    }
    open_parent(operand, directory, parent_len, name_len, crossing)
}

fn open_parent(
    operand: &mut Operand,
    directory: i32,
    parent_len: usize,
    name_len: usize,
    crossing: bool,
) -> Result<Entry, Errno> {
    let mounts = &session().mounts;
    let rewritten = session().has_openat2() && merged::rewrite(operand);
    let Operand { text, normal, walk: scratch, name: out } = operand;
    let (parent, name) = text.bytes().split_at_checked(parent_len).ok_or(Errno::INVAL)?;
    let parent = if parent.is_empty() { &b"."[..] } else { parent };
    let flags = raw::O_PATH | raw::O_DIRECTORY | raw::O_CLOEXEC;

    if !crossing && session().has_openat2() {
        let whole = scratch.guest.bytes();
        let known = if rewritten { whole.get(..whole.len() - name.len()).unwrap_or(parent) } else { parent };
        let opened = match lexical(mounts, known, normal, &mut scratch.host)? {
            Lexical::Walk => Err(Errno::LOOP),
            Lexical::Absolute(mount) => {
                scratch.host.extend(b"/.")?;
                let at = Anchored::new(&mut scratch.host)?;
                host::openat2(at.directory(), at.path(), flags.into(), 0, NO_SYMLINKS)
                    .map(|opened| (opened, Some(mount)))
            }
            Lexical::Relative => {
                out.assign(parent)?;
                // One slash more could be one too many.
                out.extend(if parent.ends_with(b"/") { b"." } else { b"/." })?;
                host::openat2(directory, Path::new(out.with_nul()), flags.into(), 0, NO_SYMLINKS)
                    .map(|opened| (opened, None))
            }
        };
        match opened {
            Ok((opened, mount)) => {
                out.assign(name)?;
                return Ok(Entry::plain(Some(opened), AT_FDCWD, mount));
            }
            Err(Errno::LOOP) => {}
            Err(error) if out_of_descriptors(error) => {}
            Err(error) => return Err(error),
        }
    }
    let mut tries = 0;
    loop {
        if parent.first() != Some(&b'/') {
            directory_path(directory, &mut scratch.guest)?;
        }
        let found = self::found(walk(&mut fs::HostFs, mounts, scratch, parent, Last::Follow)?, scratch)?;
        let guest_len = scratch.guest.len();
        scratch.guest.extend(b"/")?;
        scratch.guest.extend(name.get(..name_len).unwrap_or(name))?;
        let mount_point = mounts.is_mount_point(scratch.guest.bytes());
        if mount_point && procfs::is_own_link(scratch.guest.bytes()) {
            let mount = mounts.translate(scratch.guest.bytes(), out)?;
            procfs::name_own(mount, out)?;
            out.extend(name.get(name_len..).unwrap_or(&[]))?;
            return Ok(Entry::plain(None, AT_FDCWD, Some(mount)));
        }
        let above_mount = mounts.has_mount_below(scratch.guest.bytes());
        scratch.guest.truncate(guest_len);
        // The dot asks for the right to search it, which a name in it needs.
        if !found.magic {
            scratch.host.extend(if found.directory { b"." } else { b"/." })?;
        }
        let mount = if found.magic { None } else { Some(found.mount) };
        let owned = match open_found(found, &mut scratch.host, raw::O_PATH | raw::O_DIRECTORY) {
            Ok(opened) => {
                out.assign(name)?;
                Some(opened)
            }
            // A link has taken the place of something the walk saw: look again.
            Err(Errno::LOOP) if tries < TRIES => {
                tries += 1;
                continue;
            }
            Err(error) if out_of_descriptors(error) => {
                let directory = scratch.host.bytes();
                out.assign(directory.strip_suffix(b".").unwrap_or(directory))?;
                out.extend(name)?;
                None
            }
            Err(error) => return Err(error),
        };
        return Ok(Entry { owned, guest_directory: AT_FDCWD, mount, mount_point, above_mount });
    }
}

/// Turns a name into a path that leads to it through a directory's descriptor.
///
/// # Errors
/// ENAMETOOLONG.
pub fn through_procfs(directory: i32, name: &mut HostBuf) -> Result<(), Errno> {
    let mut front = Buffer::<Host, 64>::new();
    procfs::name_descriptor(directory, &mut front)?;
    front.extend(b"/")?;
    name.prepend(front.bytes())
}

/// Whether an entry stands in procfs; then its host path is written to `operand.walk.host`.
///
/// # Errors
/// What finding out gives.
pub fn is_procfs(entry: &Entry, operand: &mut Operand) -> Result<bool, Errno> {
    let name = Path::new(operand.name.with_nul());
    let device = host::fstatat(entry.directory(), name, raw::AT_SYMLINK_NOFOLLOW)?.st_dev;
    if procfs::device().is_some_and(|procfs| procfs != device) {
        return Ok(false);
    }
    let Operand { walk: scratch, name, .. } = operand;
    // Without a descriptor to spare the name is the whole host path.
    if name.bytes().first() == Some(&b'/') {
        scratch.host.clear();
    } else {
        cwd::host_path(entry.directory(), &mut scratch.host)?;
        scratch.host.extend(b"/")?;
    }
    scratch.host.extend(name.bytes())?;
    Ok(scratch.host.bytes().starts_with(b"/proc/"))
}

/// Opens the program's interpreter that the operand names for reading, and says how it was found. A relative name means
/// the working directory, as it does to the kernel.
///
/// # Errors
/// What path_resolution(7) and open(2) give.
pub fn open_for_exec(operand: &mut Operand) -> Result<(Descriptor, Found), Errno> {
    let mut tries = 0;
    loop {
        let found = walk_text(operand, AT_FDCWD, Last::Follow)?;
        match open_found(found, &mut operand.walk.host, raw::O_RDONLY) {
            Err(Errno::LOOP) if tries < TRIES => tries += 1,
            opened => return opened.map(|opened| (opened, found)),
        }
    }
}
