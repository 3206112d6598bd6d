//! The processes that use the session file: which are alive, and which records they have
//! (`newroot_fakeroot::arena::World`).

use newroot_abi::Errno;
use newroot_fakeroot::arena::{self, Arena, Block, World};
use newroot_fakeroot::session;
use newroot_paths::{Buffer, Host};
use newroot_procfs::Decimal;
use newroot_sys::raw;

use super::session_file;
use crate::identity::memory_file::forget_memory_of;
use crate::kernel::{self, AT_FDCWD, Descriptor, Listing, Path};

/// The processes of this machine that use the session file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Living;

/// Returns whether a thread exists and isn't a zombie.
pub(super) fn is_there(thread: u32) -> bool {
    match record_of(thread) {
        Err(Errno::SRCH) | Ok(None) => false,
        _ => !is_zombie(thread),
    }
}

fn record_of(process: u32) -> Result<Option<u32>, Errno> {
    let [soft, _] = kernel::limits_of(process, session::RESOURCE)?;
    Ok(session::from_limit(session_file::header().tag, soft))
}

fn is_zombie(thread: u32) -> bool {
    let mut text = [0u8; 512];
    let text = read_of(thread, b"/stat", &mut text).unwrap_or(&[]);
    let name_end = text.iter().rposition(|&byte| byte == b')');
    matches!(name_end.and_then(|end| text.get(end + 2)), Some(b'Z' | b'X'))
}

/// Reads the beginning of a file in a process's procfs directory.
fn read_of<'a>(process: u32, name: &[u8], buffer: &'a mut [u8]) -> Option<&'a [u8]> {
    let mut path = ProcPath::new();
    write_path(process, name, &mut path).ok()?;
    read(Path::new(path.with_nul()), buffer)
}

type ProcPath = Buffer<Host, 64>;

fn write_path(process: u32, name: &[u8], out: &mut ProcPath) -> Result<(), Errno> {
    out.assign(b"/proc/")?;
    out.extend(Decimal::new(process.into()).bytes())?;
    out.extend(name)
}

fn open(path: Path<'_>, flags: u32) -> Result<Descriptor, Errno> {
    kernel::openat(AT_FDCWD, path, raw::O_RDONLY | raw::O_CLOEXEC | flags, 0)
}

fn read<'a>(path: Path<'_>, buffer: &'a mut [u8]) -> Option<&'a [u8]> {
    let file = open(path, 0).ok()?;
    let len = kernel::read(file.number(), buffer).ok()?;
    buffer.get(..len)
}

impl World for Living {
    fn is_alive(&mut self, thread: u32) -> bool {
        is_there(thread)
    }

    fn each_record(&mut self, mut visit: impl FnMut(u32)) -> bool {
        // All processes that use the file were launched in one PID namespace. A process in another
        // one, or whose `/proc` shows another one, would visit the wrong processes.
        let own = kernel::fstatat(AT_FDCWD, Path::new(b"/proc/self/ns/pid\0"), 0);
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

/// Visits the record of one process. Returns `None` if the process may use the file but the kernel
/// doesn't return its limit.
fn visit_one(process: u32, visit: &mut impl FnMut(u32)) -> Option<()> {
    match record_of(process) {
        Ok(record) => record.map_or((), visit),
        // The process has another user or group, or a security policy forbids prlimit(2) for all.
        Err(Errno::PERM) => {
            let known = session_file::header();
            let mut path = ProcPath::new();
            write_path(process, b"", &mut path).ok()?;
            let of = kernel::fstatat(AT_FDCWD, Path::new(path.with_nul()), 0);
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

/// Visits every number that a process can have. Where procfs hides processes (hidepid in proc(5)),
/// it doesn't list the user's own processes that aren't dumpable.
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

/// Returns whether any mounted procfs hides processes; `None` if that can't be determined.
fn hides_processes() -> Option<bool> {
    const OPTION: &[u8] = b"hidepid=";
    let file = open(Path::new(b"/proc/self/mountinfo\0"), 0).ok()?;
    let mut text = [0u8; 1024];
    let mut kept = 0;
    loop {
        let len = kernel::read(file.number(), text.get_mut(kept..)?).ok()?;
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

/// Returns the number of the newest process as far as procfs shows it (proc_loadavg(5)); otherwise
/// 0.
fn last_number() -> u64 {
    let mut text = [0u8; 128];
    let text = read(Path::new(b"/proc/loadavg\0"), &mut text).unwrap_or(&[]);
    let last = text.strip_suffix(b"\n").unwrap_or(text).rsplit(|&byte| byte == b' ').next();
    last.and_then(Decimal::parse).unwrap_or(0)
}
