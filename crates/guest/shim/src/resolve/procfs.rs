//! The magic links of procfs, in guest terms.
//!
//! `/proc/PID/exe`, `cwd`, `root` and `fd/N` show host paths, and the kernel follows them to the
//! host's file. If a path goes *through* such a link, the walk goes on in guest terms. If a path
//! *ends* in a descriptor's link, the kernel follows it, because only the kernel can reach a pipe
//! or a removed file.

use core::sync::atomic::{AtomicU64, Ordering};

use newroot_abi::Errno;
use newroot_abi::plan::{Flags, MountFlags};
use newroot_paths::{Buffer, GuestBuf, Host, HostBuf, Link, strip_prefix};
use newroot_procfs::Decimal;
use newroot_sys::raw;

use super::directory_path;
use super::stand_in;
use crate::hardlinks;
pub use crate::host_path::name_descriptor;
use crate::identity::{chain, process};
use crate::kernel::{self, AT_FDCWD, Path};
use crate::program;
use crate::session::session;

pub mod exe;
pub mod hidden;
pub mod map_query;
pub mod maps;
pub mod memory_file;

/// Device number of the host's procfs, once it is known; 0 before.
static DEVICE: AtomicU64 = AtomicU64::new(0);

/// Returns the device number of the host's procfs; `None` if there is none. The kernel is asked
/// once a process, because no process of a session can mount another procfs.
#[must_use]
pub fn device() -> Option<u64> {
    let known = DEVICE.load(Ordering::Relaxed);
    if known != 0 {
        return Some(known);
    }
    let device = kernel::fstatat(AT_FDCWD, Path::new(b"/proc\0"), 0).ok()?.st_dev;
    DEVICE.store(device, Ordering::Relaxed);
    Some(device)
}

/// The links in procfs to the directories of the calling process and the calling thread.
const OWN: [&[u8]; 2] = [b"/proc/self", b"/proc/thread-self"];

/// Returns whether a mount point stands for one of each process's own descriptors. Such a file is a
/// link in procfs, and therefore in the guest too.
#[must_use]
pub fn is_own_link(guest: &[u8]) -> bool {
    let mounts = &session().mounts;
    let flags = mounts.get(mounts.covering_mount(guest)).flags;
    flags.has(MountFlags::EACH_OWN) && !flags.has(MountFlags::DIRECTORY)
}

/// Replaces the link at the beginning of a host path, `/proc/self` or `/proc/thread-self`, by the
/// directory that it leads to, if the mount's host path differs from process to process. The path
/// then has no symlink.
///
/// # Errors
/// The errnos of readlink(2) for procfs's link; ENAMETOOLONG.
pub fn name_own(mount: usize, host: &mut HostBuf) -> Result<(), Errno> {
    if !session().mounts.get(mount).flags.has(MountFlags::EACH_OWN) {
        return Ok(());
    }
    let own = OWN.into_iter().find_map(|own| Some((own, strip_prefix(host.bytes(), own)?)));
    let Some((link, rest)) = own else { return Ok(()) };
    let mut path = Buffer::<Host, 64>::new();
    path.assign(link)?;
    let mut own = Buffer::<Host, 64>::new();
    let len = kernel::readlinkat(AT_FDCWD, Path::new(path.with_nul()), own.space())?;
    own.set_len(len);
    path.assign(b"/proc/")?;
    path.extend(own.bytes())?;
    let mut whole = HostBuf::new();
    whole.assign(path.bytes())?;
    whole.extend(without_dot(rest))?;
    host.assign(whole.bytes())
}

/// Removes the leading `/.` from the part of a path behind a process's directory, where the dot
/// stands for the directory itself.
fn without_dot(rest: &[u8]) -> &[u8] {
    strip_prefix(rest, b"/.").unwrap_or(rest)
}

/// The parts of a host path in the procfs directory of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InProcess<'a> {
    /// The process's directory: a number, `self` or `thread-self`.
    pub process: &'a [u8],
    /// The directory of one of the process's threads, if the path leads through it.
    pub thread: Option<&'a [u8]>,
    /// The path in that directory; empty for the directory itself.
    pub file: &'a [u8],
}

impl<'a> InProcess<'a> {
    /// Splits a host path; `None` if it doesn't lead into a process's directory.
    #[must_use]
    pub fn of(host: &'a [u8]) -> Option<Self> {
        let (process, file) = split_first(host.strip_prefix(b"/proc/")?);
        if !matches!(process, b"self" | b"thread-self") && Decimal::parse(process).is_none() {
            return None;
        }
        // The host path of a mount of each process's own directory has such a dot.
        let file = if file == b"." { b"" } else { file.strip_prefix(b"./").unwrap_or(file) };
        Some(match file.strip_prefix(b"task/") {
            None => Self { process, thread: None, file },
            Some(threads) => {
                let (thread, file) = split_first(threads);
                Self { process, thread: Some(thread), file }
            }
        })
    }

    /// Returns the first component of the path in the directory.
    #[must_use]
    pub fn first(&self) -> &'a [u8] {
        split_first(self.file).0
    }

    /// Returns the number or name of the directory's owner: the thread if there is one, else the
    /// process.
    #[must_use]
    pub fn task(&self) -> &'a [u8] {
        self.thread.unwrap_or(self.process)
    }
}

/// Returns a path's first component, and the rest without the slash between them.
fn split_first(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().position(|&byte| byte == b'/').and_then(|slash| path.split_at_checked(slash)) {
        Some((first, rest)) => (first, rest.strip_prefix(b"/").unwrap_or(rest)),
        None => (path, &[]),
    }
}

/// Suffix that the kernel adds to the path of a removed file.
const DELETED: &[u8] = b" (deleted)";

/// The text that the guest sees in place of the path of the shim's image.
pub const SHIM: &[u8] = b"[newroot]";

/// Returns the guest path of the running program, if the given guest path is literally
/// `/proc/self/exe`: every static program with glibc begins by reading that link. Returns `None`
/// for another path, or if the program's name no longer leads to its file.
#[must_use]
pub fn own_program(path: &[u8]) -> Option<&'static [u8]> {
    const EXE: &[u8] = b"/proc/self/exe";
    let session = session();
    if path != EXE || session.has(Flags::NO_PROC) {
        return None;
    }
    // The buffer is just large enough for the same path with its NUL.
    let mut host = Buffer::<Host, { EXE.len() + 1 }>::new();
    session.mounts.translate(path, &mut host).ok()?;
    (host.bytes() == EXE && exe::has_its_name()).then_some(session.exe)
}

/// A magic link of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProcLink<'a> {
    /// The process's directory, as in [`InProcess::process`].
    process: &'a [u8],
    kind: Kind,
    /// The link's own name.
    name: &'a [u8],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Exe,
    Cwd,
    Root,
    Descriptor,
    MapFile,
    Namespace,
}

/// Recognizes a magic link by its host path.
#[must_use]
pub fn classify(host: &[u8]) -> Option<ProcLink<'_>> {
    let InProcess { process, file, .. } = InProcess::of(host)?;
    let kind = match file {
        b"exe" => Kind::Exe,
        b"cwd" => Kind::Cwd,
        b"root" => Kind::Root,
        _ => match split_first(file) {
            (_, below) if below.is_empty() || below.contains(&b'/') => return None,
            (b"fd", _) => Kind::Descriptor,
            (b"map_files", _) => Kind::MapFile,
            (b"ns", _) => Kind::Namespace,
            _ => return None,
        },
    };
    Some(ProcLink { process, kind, name: file.rsplit(|&byte| byte == b'/').next().unwrap_or(file) })
}

impl ProcLink<'_> {
    fn is_own(&self) -> bool {
        program::is_own(self.process)
    }
}

impl ProcLink<'_> {
    /// Writes the process's root as the caller sees it. It is another root than `/` only after a
    /// chroot.
    fn show_root(&self, text: &mut GuestBuf) -> Result<(), Errno> {
        let process = Decimal::parse(self.process).and_then(|number| u32::try_from(number).ok());
        if session().has(Flags::FAKE_ROOT)
            && !self.is_own()
            && let Some(of) = process.and_then(process::of)
        {
            let root = chain::root(of.fs.root);
            let visible = strip_prefix(root, session().root).unwrap_or(root);
            if !visible.is_empty() {
                return text.assign(visible);
            }
        }
        text.assign(b"/")
    }
}

/// Turns the text of a link that the walk follows into guest terms, in place. `last` is set if the
/// path ends in the link.
///
/// # Errors
/// ENAMETOOLONG.
pub(crate) fn follow(link: ProcLink<'_>, last: bool, text: &mut GuestBuf) -> Result<Link, Errno> {
    match link.kind {
        Kind::Namespace => Ok(Link::Magic),
        Kind::Descriptor | Kind::MapFile if last => Ok(Link::Magic),
        Kind::Root => show(link, text).map(|_| Link::MagicText),
        Kind::Exe => {
            let nameless = link.is_own() || exe::is_shim(text.bytes());
            Ok(if show(link, text)? || !nameless { Link::MagicText } else { Link::Magic })
        }
        Kind::Cwd | Kind::Descriptor | Kind::MapFile => {
            Ok(if show(link, text)? { Link::MagicText } else { Link::Magic })
        }
    }
}

/// Replaces the text of a magic link by the text that the guest sees. Returns false if that isn't
/// the guest path of a file; the text then stays the kernel's, or becomes one that names no file.
///
/// # Errors
/// ENAMETOOLONG.
pub fn show(link: ProcLink<'_>, text: &mut GuestBuf) -> Result<bool, Errno> {
    match link.kind {
        Kind::Root => link.show_root(text).map(|()| true),
        Kind::Exe if link.is_own() => show_own_program(text),
        Kind::Exe if exe::is_shim(text.bytes()) => match exe::of_process(link.process, text) {
            Ok(()) => Ok(detranslate(None, text)),
            Err(_) => Ok(false),
        },
        Kind::MapFile if is_own_mapping(link, text.bytes()) => text.assign(SHIM).map(|()| false),
        Kind::Namespace => Ok(false),
        Kind::Cwd if link.is_own() => Ok(detranslate(super::cwd_mount(), text)),
        Kind::Descriptor if session().has(Flags::FAKE_ROOT) => {
            stand_in::show(link.process, link.name, text);
            Ok(detranslate(None, text))
        }
        Kind::Exe | Kind::Cwd | Kind::Descriptor | Kind::MapFile => Ok(detranslate(None, text)),
    }
}

/// Returns whether a mapping is newroot's own.
fn is_own_mapping(link: ProcLink<'_>, text: &[u8]) -> bool {
    hidden::Mappings::of(link.process).have(link.name, text)
}

/// Writes the path of the program that the caller runs. Returns false if the guest sees no name of
/// its file.
fn show_own_program(text: &mut GuestBuf) -> Result<bool, Errno> {
    let known = session().exe;
    if exe::has_its_name() {
        return text.assign(known).map(|()| true);
    }
    if exe::own(text).is_ok() {
        let is_visible = detranslate(None, text);
        // The store has no guest path. A program's file lies there if it had several names that
        // newroot keeps in place of hard links.
        const IN_STORE: &[u8] = b"/.newroot/";
        if is_visible || !text.bytes().windows(IN_STORE.len()).any(|part| part == IN_STORE) {
            return Ok(is_visible);
        }
    }
    text.assign(known.strip_suffix(DELETED).unwrap_or(known))?;
    text.extend(DELETED).map(|()| false)
}

/// Writes the text that the guest sees of a magic link whose text is too long for the kernel to
/// return. The link is `path` at `directory`.
///
/// # Errors
/// ENAMETOOLONG if it leads to a file, whose name can't be found; ENOENT for a directory that the
/// guest doesn't see.
pub fn show_long(
    link: ProcLink<'_>,
    directory: i32,
    path: Path<'_>,
    text: &mut GuestBuf,
) -> Result<(), Errno> {
    match link.kind {
        Kind::Root => link.show_root(text),
        Kind::Exe if link.is_own() => show_own_program(text).map(|_| ()),
        Kind::Cwd if link.is_own() => directory_path(AT_FDCWD, text).map(|_| ()),
        Kind::Cwd | Kind::Descriptor => {
            let flags = raw::O_PATH | raw::O_DIRECTORY | raw::O_CLOEXEC;
            let target = kernel::openat(directory, path, flags, 0).map_err(|error| match error {
                Errno::NOTDIR => Errno::NAMETOOLONG,
                other => other,
            })?;
            directory_path(target.number(), text).map(|_| ())
        }
        Kind::Exe | Kind::MapFile | Kind::Namespace => Err(Errno::NAMETOOLONG),
    }
}

/// Detranslates a host path in place. Returns false if the guest doesn't see the file, or if the
/// file was removed.
pub fn detranslate(prefer: Option<usize>, text: &mut GuestBuf) -> bool {
    if text.bytes().first() != Some(&b'/') {
        return false;
    }
    memory_file::unmask(text);
    hardlinks::to_a_name(text);
    let (path, deleted) = match text.bytes().strip_suffix(DELETED) {
        Some(path) => (path, true),
        None => (text.bytes(), false),
    };
    let mut guest = GuestBuf::new();
    if session().mounts.detranslate(path, prefer, &mut guest).is_none() {
        return false;
    }
    if guest.is_empty() {
        let _ = guest.extend(b"/");
    }
    if deleted {
        let _ = guest.extend(DELETED);
    }
    *text = guest;
    !deleted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_path_shows_its_process_and_thread() {
        let split = |path: &'static str| {
            InProcess::of(path.as_bytes())
                .map(|of| [of.process, of.task(), of.file].map(|part| str::from_utf8(part).unwrap()))
        };
        assert_eq!(split("/proc/7"), Some(["7", "7", ""]));
        assert_eq!(split("/proc/7/fd/8"), Some(["7", "7", "fd/8"]));
        assert_eq!(split("/proc/7/task"), Some(["7", "7", "task"]));
        assert_eq!(split("/proc/7/task/8"), Some(["7", "8", ""]));
        assert_eq!(split("/proc/self/./fd/8"), Some(["self", "self", "fd/8"]));
        assert_eq!(split("/proc/self/."), Some(["self", "self", ""]));
        assert_eq!(split("/proc/self/task/8/status"), Some(["self", "8", "status"]));
        for path in ["/proc", "/proc/sys/7", "/proc/seven/fd", "/procs/7", "/7"] {
            assert_eq!(split(path), None, "{path}");
        }
    }

    #[test]
    fn magic_links_are_recognized_by_their_path() {
        let kind = |path: &str| classify(path.as_bytes()).map(|link| link.kind);
        assert_eq!(kind("/proc/self/exe"), Some(Kind::Exe));
        assert_eq!(kind("/proc/12/task/13/cwd"), Some(Kind::Cwd));
        assert_eq!(kind("/proc/thread-self/fd/0"), Some(Kind::Descriptor));
        assert_eq!(kind("/proc/12/root"), Some(Kind::Root));
        for path in ["/proc/self", "/proc/self/fd", "/proc/self/exe/x", "/proc/sys/exe", "/proc/fd/3", "/x"] {
            assert_eq!(kind(path), None, "{path}");
        }
    }
}
