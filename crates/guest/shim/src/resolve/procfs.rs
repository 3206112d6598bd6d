//! procfs's magic links, in guest terms.
//!
//! `/proc/PID/exe`, `cwd`, `root` and `fd/N` show host paths, and following them leads straight to
//! the host's file. A path that goes *through* one goes on in guest terms; one that *ends* in a
//! descriptor's link is left to the kernel, which alone can reach a pipe or a removed file.

use core::sync::atomic::{AtomicU64, Ordering};

use newroot_abi::Errno;
use newroot_abi::plan::{Flags, MountFlags};
use newroot_paths::{Buffer, GuestBuf, Host, HostBuf, Link, strip_prefix};
use newroot_procfs::Decimal;
use newroot_sys::raw;

use super::directory_path;
use crate::host::{self, AT_FDCWD, Path};
use crate::links;
use crate::owner;
use crate::program;
use crate::session::session;

pub mod exe;
pub mod hidden;
pub mod map_query;
pub mod maps;
pub mod memory_file;

/// Device number of the host's procfs, once it was asked for; 0 before.
static DEVICE: AtomicU64 = AtomicU64::new(0);

/// The device number of the host's procfs; `None` if there is none. It is asked for once a process:
/// within a session nobody can mount another.
#[must_use]
pub fn device() -> Option<u64> {
    let known = DEVICE.load(Ordering::Relaxed);
    if known != 0 {
        return Some(known);
    }
    let device = host::fstatat(AT_FDCWD, Path::new(b"/proc\0"), 0).ok()?.st_dev;
    DEVICE.store(device, Ordering::Relaxed);
    Some(device)
}

/// Writes the path by which procfs knows a descriptor of the calling process.
///
/// # Errors
/// EBADF for what can't be one.
pub fn name_descriptor<Side, const N: usize>(
    descriptor: i32,
    out: &mut Buffer<Side, N>,
) -> Result<(), Errno> {
    let number = u64::try_from(descriptor).map_err(|_| Errno::BADF)?;
    out.assign(b"/proc/self/fd/")?;
    out.extend(Decimal::new(number).bytes())
}

/// Links in procfs to the calling process's directory there, and to the calling thread's.
const OWN: [&[u8]; 2] = [b"/proc/self", b"/proc/thread-self"];

/// Whether a mount point stands for one of each process's own descriptors: in procfs that is a link, and so it is here.
#[must_use]
pub fn is_own_link(guest: &[u8]) -> bool {
    let mounts = &session().mounts;
    let flags = mounts.get(mounts.owner(guest)).flags;
    flags.has(MountFlags::EACH_OWN) && !flags.has(MountFlags::DIRECTORY)
}

/// Puts the calling process's own directory into a host path that a mount of each process's own has: on such a path
/// there is no symlink then.
///
/// # Errors
/// Those of reading procfs's link; ENAMETOOLONG.
pub fn name_own(mount: usize, host: &mut HostBuf) -> Result<(), Errno> {
    if !session().mounts.get(mount).flags.has(MountFlags::EACH_OWN) {
        return Ok(());
    }
    let own = OWN.into_iter().find_map(|own| Some((own, strip_prefix(host.bytes(), own)?)));
    let Some((link, rest)) = own else { return Ok(()) };
    let mut path = Buffer::<Host, 64>::new();
    path.assign(link)?;
    let mut own = Buffer::<Host, 64>::new();
    let len = host::readlinkat(AT_FDCWD, Path::new(path.with_nul()), own.space())?;
    own.set_len(len);
    path.assign(b"/proc/")?;
    path.extend(own.bytes())?;
    let mut whole = HostBuf::new();
    whole.assign(path.bytes())?;
    whole.extend(of_itself(rest))?;
    host.assign(whole.bytes())
}

/// What follows the name of a process's directory in a path, without the dot that says that the directory itself is meant.
fn of_itself(rest: &[u8]) -> &[u8] {
    strip_prefix(rest, b"/.").unwrap_or(rest)
}

/// Where a host path leads among what procfs has of processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InProcess<'a> {
    /// The process's directory: a number, `self` or `thread-self`.
    pub process: &'a [u8],
    /// The directory of one of its threads, if the path leads through it.
    pub thread: Option<&'a [u8]>,
    /// The path in there; empty for the directory itself.
    pub file: &'a [u8],
}

impl<'a> InProcess<'a> {
    /// Tells it by the host path; `None` for one that leads elsewhere.
    #[must_use]
    pub fn of(host: &'a [u8]) -> Option<Self> {
        let (process, file) = split_first(host.strip_prefix(b"/proc/")?);
        if !matches!(process, b"self" | b"thread-self") && Decimal::parse(process).is_none() {
            return None;
        }
        // A mount of each process's own directory.
        let file = if file == b"." { b"" } else { file.strip_prefix(b"./").unwrap_or(file) };
        Some(match file.strip_prefix(b"task/") {
            None => Self { process, thread: None, file },
            Some(threads) => {
                let (thread, file) = split_first(threads);
                Self { process, thread: Some(thread), file }
            }
        })
    }

    /// The first component of the path in there.
    #[must_use]
    pub fn first(&self) -> &'a [u8] {
        split_first(self.file).0
    }

    /// Whose the directory is: the thread's, or else the process's.
    #[must_use]
    pub fn task(&self) -> &'a [u8] {
        self.thread.unwrap_or(self.process)
    }
}

/// A path's first component, and the rest without the slash between them.
fn split_first(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().position(|&byte| byte == b'/').and_then(|slash| path.split_at_checked(slash)) {
        Some((first, rest)) => (first, rest.strip_prefix(b"/").unwrap_or(rest)),
        None => (path, &[]),
    }
}

/// Suffix that the kernel adds to the path of a removed file.
const DELETED: &[u8] = b" (deleted)";

/// What the guest sees in place of the path of the shim's image.
pub const SHIM: &[u8] = b"[newroot]";

/// The guest path of the program that runs, if a guest path is `/proc/self/exe` to the letter: what every static program
/// of glibc's begins by asking. `None` if the program's file isn't there any more.
#[must_use]
pub fn own_program(path: &[u8]) -> Option<&'static [u8]> {
    const EXE: &[u8] = b"/proc/self/exe";
    let session = session();
    if path != EXE || session.has(Flags::NO_PROC) {
        return None;
    }
    // With its NUL it has just room for the same path.
    let mut host = Buffer::<Host, { EXE.len() + 1 }>::new();
    session.mounts.translate(path, &mut host).ok()?;
    (host.bytes() == EXE && exe::has_its_name()).then_some(session.exe)
}

/// Which link of which process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProcLink<'a> {
    /// See [`InProcess`].
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
    /// Writes a process's root, which is another one's only after a chroot.
    fn show_root(&self, text: &mut GuestBuf) -> Result<(), Errno> {
        let process = Decimal::parse(self.process).and_then(|number| u32::try_from(number).ok());
        if session().has(Flags::FAKE_ROOT)
            && !self.is_own()
            && let Some(of) = process.and_then(owner::process::of)
        {
            let root = owner::chain::root(of.place.root);
            let seen = strip_prefix(root, session().root).unwrap_or(root);
            if !seen.is_empty() {
                return text.assign(seen);
            }
        }
        text.assign(b"/")
    }
}

/// Turns the text of a link that is to be followed into guest terms, in place.
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

/// Turns the text of a magic link into what the guest is to see, in place. False if it isn't
/// the guest path of a file: then the text stays as the kernel wrote it.
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
            owner::stand_in::show(link.process, link.name, text);
            Ok(detranslate(None, text))
        }
        Kind::Exe | Kind::Cwd | Kind::Descriptor | Kind::MapFile => Ok(detranslate(None, text)),
    }
}

/// Whether a mapping is newroot's own.
fn is_own_mapping(link: ProcLink<'_>, text: &[u8]) -> bool {
    hidden::Mappings::of(link.process).have(link.name, text)
}

/// Writes which program the caller runs; false if its file has no name that the guest sees.
fn show_own_program(text: &mut GuestBuf) -> Result<bool, Errno> {
    let known = session().exe;
    if exe::has_its_name() {
        return text.assign(known).map(|()| true);
    }
    if exe::own(text).is_ok() {
        let seen = detranslate(None, text);
        // A file that had several names which the host doesn't know lay in the store, under no name
        // of the guest.
        const IN_STORE: &[u8] = b"/.newroot/";
        if seen || !text.bytes().windows(IN_STORE.len()).any(|part| part == IN_STORE) {
            return Ok(seen);
        }
    }
    text.assign(known.strip_suffix(DELETED).unwrap_or(known))?;
    text.extend(DELETED).map(|()| false)
}

/// Writes what the guest is to see of a magic link whose text is too long for the kernel to say.
/// The link is `path` at `directory`.
///
/// # Errors
/// ENAMETOOLONG if it leads to a file, of which nobody knows the name; ENOENT for a directory
/// that the guest doesn't see.
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
            let target = host::openat(directory, path, flags, 0).map_err(|error| match error {
                Errno::NOTDIR => Errno::NAMETOOLONG,
                other => other,
            })?;
            directory_path(target.number(), text).map(|_| ())
        }
        Kind::Exe | Kind::MapFile | Kind::Namespace => Err(Errno::NAMETOOLONG),
    }
}

/// Detranslates a host path in place; false if the guest doesn't see the file.
pub fn detranslate(prefer: Option<usize>, text: &mut GuestBuf) -> bool {
    if text.bytes().first() != Some(&b'/') {
        return false;
    }
    memory_file::unmask(text);
    links::to_a_name(text);
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
    fn what_is_of_a_process_is_told_by_its_path() {
        let told = |path: &'static str| {
            InProcess::of(path.as_bytes())
                .map(|of| [of.process, of.task(), of.file].map(|part| str::from_utf8(part).unwrap()))
        };
        assert_eq!(told("/proc/7"), Some(["7", "7", ""]));
        assert_eq!(told("/proc/7/fd/8"), Some(["7", "7", "fd/8"]));
        assert_eq!(told("/proc/7/task"), Some(["7", "7", "task"]));
        assert_eq!(told("/proc/7/task/8"), Some(["7", "8", ""]));
        assert_eq!(told("/proc/self/./fd/8"), Some(["self", "self", "fd/8"]));
        assert_eq!(told("/proc/self/."), Some(["self", "self", ""]));
        assert_eq!(told("/proc/self/task/8/status"), Some(["self", "8", "status"]));
        for path in ["/proc", "/proc/sys/7", "/proc/seven/fd", "/procs/7", "/7"] {
            assert_eq!(told(path), None, "{path}");
        }
    }

    #[test]
    fn magic_links_are_told_by_their_path() {
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
