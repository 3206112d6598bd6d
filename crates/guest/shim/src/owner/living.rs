//! The processes that are there, as far as the session's file is concerned: who they are, and what is theirs
//! (`newroot_fakeroot::arena::World`).

use newroot_abi::Errno;
use newroot_fakeroot::arena::{self, Arena, Block, World};
use newroot_fakeroot::session;
use newroot_paths::{Buffer, Host};
use newroot_procfs::Decimal;
use newroot_sys::raw;

use super::calls::forget_memory_of;
use super::session_file;
use crate::host::{self, AT_FDCWD, Descriptor, Listing, Path};

/// Those of this machine that are on the session's file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Living;

/// Whether a thread is there, and not only waits for its parent to learn of its end.
pub(super) fn is_there(thread: u32) -> bool {
    match record_of(thread) {
        Err(Errno::SRCH) | Ok(None) => false,
        _ => !is_zombie(thread),
    }
}

fn record_of(process: u32) -> Result<Option<u32>, Errno> {
    let [soft, _] = host::limits_of(process, session::RESOURCE)?;
    Ok(session::from_limit(session_file::header().tag, soft))
}

fn is_zombie(thread: u32) -> bool {
    let mut text = [0u8; 512];
    let text = read_of(thread, b"/stat", &mut text).unwrap_or(&[]);
    let name_end = text.iter().rposition(|&byte| byte == b')');
    matches!(name_end.and_then(|end| text.get(end + 2)), Some(b'Z' | b'X'))
}

/// The beginning of a file of a process's directory in procfs.
fn read_of<'a>(process: u32, name: &[u8], room: &'a mut [u8]) -> Option<&'a [u8]> {
    let mut path = ProcPath::new();
    write_path(process, name, &mut path).ok()?;
    read(Path::new(path.with_nul()), room)
}

type ProcPath = Buffer<Host, 64>;

fn write_path(process: u32, name: &[u8], out: &mut ProcPath) -> Result<(), Errno> {
    out.assign(b"/proc/")?;
    out.extend(Decimal::new(process.into()).bytes())?;
    out.extend(name)
}

fn open(path: Path<'_>, flags: u32) -> Result<Descriptor, Errno> {
    host::openat(AT_FDCWD, path, raw::O_RDONLY | raw::O_CLOEXEC | flags, 0)
}

fn read<'a>(path: Path<'_>, room: &'a mut [u8]) -> Option<&'a [u8]> {
    let file = open(path, 0).ok()?;
    let len = host::read(file.number(), room).ok()?;
    room.get(..len)
}

impl World for Living {
    fn is_alive(&mut self, thread: u32) -> bool {
        is_there(thread)
    }

    fn each_record(&mut self, mut visit: impl FnMut(u32)) -> bool {
        // All processes on the file were launched in one PID namespace. Whoever is in another one, or sees one in
        // `/proc`, sees others.
        let own = host::fstatat(AT_FDCWD, Path::new(b"/proc/self/ns/pid\0"), 0);
        if !own.is_ok_and(|own| own.st_ino == session_file::header().namespace) {
            return false;
        }
        let Some(hides) = hides_processes() else { return false };
        let before = last_number();
        let complete = if hides { by_numbers(&mut visit) } else { by_listing(&mut visit) };
        let after = last_number();
        complete.is_some() && before <= after
    }

    fn forget(&mut self, arena: Arena<'_>, block: Block) {
        if block.kind == arena::CHANGE {
            forget_memory_of(arena, block);
        }
    }
}

/// Visits the record of one process; `None` if it is on the file, perhaps, and can't be asked.
fn visit_one(process: u32, visit: &mut impl FnMut(u32)) -> Option<()> {
    match record_of(process) {
        Ok(record) => record.map_or((), visit),
        // One of another user's or group's, or a policy doesn't let anybody be asked.
        Err(Errno::PERM) => {
            let known = session_file::header();
            let mut path = ProcPath::new();
            write_path(process, b"", &mut path).ok()?;
            let of = host::fstatat(AT_FDCWD, Path::new(path.with_nul()), 0);
            if of.is_ok_and(|of| (of.st_uid, of.st_gid) == (known.real_uid, known.real_gid)) {
                return None;
            }
        }
        Err(_) => {}
    }
    Some(())
}

fn by_listing(visit: &mut impl FnMut(u32)) -> Option<()> {
    let all = open(Path::new(b"/proc\0"), raw::O_DIRECTORY).ok()?;
    let mut listing = Listing::<2048>::new();
    while let Some((_, name)) = listing.next(all.number()).ok()? {
        let number = Decimal::parse(Path::new(name).bytes());
        if let Some(process) = number.and_then(|number| u32::try_from(number).ok()) {
            visit_one(process, visit)?;
        }
    }
    Some(())
}

/// Where procfs hides processes (proc(5), hidepid), those that can't be dumped aren't listed though they are ours.
fn by_numbers(visit: &mut impl FnMut(u32)) -> Option<()> {
    /// `PID_MAX_LIMIT`.
    const MOST: u64 = 4 << 20;
    let mut text = [0u8; 32];
    let text = read(Path::new(b"/proc/sys/kernel/pid_max\0"), &mut text).unwrap_or(&[]);
    let most = text.strip_suffix(b"\n").and_then(Decimal::parse).unwrap_or(MOST);
    for process in 1..=most.min(MOST) as u32 {
        visit_one(process, visit)?;
    }
    Some(())
}

/// Whether a procfs that is mounted hides processes; `None` if that can't be found out.
fn hides_processes() -> Option<bool> {
    const OPTION: &[u8] = b"hidepid=";
    let file = open(Path::new(b"/proc/self/mountinfo\0"), 0).ok()?;
    let mut text = [0u8; 1024];
    let mut kept = 0;
    loop {
        let len = host::read(file.number(), text.get_mut(kept..)?).ok()?;
        if len == 0 {
            return Some(false);
        }
        let end = kept + len;
        if text.get(..end)?.windows(OPTION.len()).any(|window| window == OPTION) {
            return Some(true);
        }
        kept = end.min(OPTION.len() - 1);
        text.copy_within(end - kept..end, 0);
    }
}

/// The number of the process that was made last, as far as that is told (proc_loadavg(5)).
fn last_number() -> u64 {
    let mut text = [0u8; 128];
    let text = read(Path::new(b"/proc/loadavg\0"), &mut text).unwrap_or(&[]);
    let last = text.strip_suffix(b"\n").unwrap_or(text).rsplit(|&byte| byte == b' ').next();
    last.and_then(Decimal::parse).unwrap_or(0)
}
