//! Opens a device that mknod(2) made. It is a stand-in, whose record has the device number.

use newroot_abi::Errno;
use newroot_fakeroot::record::device_numbers;
use newroot_paths::{Buffer, Host};
use newroot_procfs::Decimal;
use newroot_sys::raw;

use crate::fakeroot::file::GuestStat;
use crate::fakeroot::written::numbers_of;
use crate::kernel::{self, AT_FDCWD, Descriptor, Path};

/// Devices that every user may open on any machine (Documentation/admin-guide/devices.txt).
const KNOWN: &[(u32, u32, &[u8])] = &[
    (1, 3, b"/dev/null"),
    (1, 5, b"/dev/zero"),
    (1, 7, b"/dev/full"),
    (1, 8, b"/dev/random"),
    (1, 9, b"/dev/urandom"),
    (5, 0, b"/dev/tty"),
    (5, 2, b"/dev/ptmx"),
];
/// `TTYAUX_MAJOR`, and the multiplexer's minor number.
const MULTIPLEXER: (u32, u32) = (5, 2);
/// Major number of terminals: `UNIX98_PTY_SLAVE_MAJOR`.
const PTS: u32 = 136;

/// Opens the host's device for a stand-in. `None` if the file is no stand-in.
///
/// # Errors
/// EPERM for a device that only root needs, as from a device control group. The errnos of open(2).
pub(super) fn open_device(seen: &GuestStat, flags: u64) -> Result<Option<Descriptor>, Errno> {
    let Some(device) = seen.record.device else { return Ok(None) };
    let numbers = device_numbers(device);
    let mut path = Buffer::<Host, 64>::new();
    if seen.mode & raw::S_IFMT == raw::S_IFCHR {
        match KNOWN.iter().find(|(major, minor, _)| (*major, *minor) == numbers) {
            Some((_, _, known)) => path.assign(known)?,
            None if numbers.0 == PTS => {
                path.assign(b"/dev/pts/")?;
                path.extend(Decimal::new(numbers.1.into()).bytes())?;
            }
            None => {}
        }
    }
    if path.is_empty() {
        return Err(Errno::PERM);
    }
    open(&mut path, flags).map(Some)
}

/// Opens the host's terminal multiplexer instead of another one. `None` if the file is no
/// multiplexer. A devpts has one named `ptmx`. Its mode is the mount's `ptmxmode`; by default only
/// root can open it. Every user can open the one in /dev.
///
/// # Errors
/// The errnos of open(2).
pub(super) fn open_multiplexer(stat: &kernel::Stat, flags: u64) -> Option<Result<Descriptor, Errno>> {
    let is_it = stat.st_mode & raw::S_IFMT == raw::S_IFCHR && numbers_of(stat.st_rdev) == MULTIPLEXER;
    let mut path = Buffer::<Host, 64>::new();
    (is_it && path.assign(b"/dev/ptmx").is_ok()).then(|| open(&mut path, flags))
}

fn open(path: &mut Buffer<Host, 64>, flags: u64) -> Result<Descriptor, Errno> {
    let flags = flags as u32 & !(raw::O_CREAT | raw::O_EXCL | raw::O_NOFOLLOW | raw::O_TRUNC);
    kernel::openat(AT_FDCWD, Path::new(path.with_nul()), flags, 0)
}

/// Returns whether a file can be a stand-in, that is, whether it is a socket.
pub(super) fn may_be_device(stat: &kernel::Stat) -> bool {
    stat.st_mode & raw::S_IFMT == raw::S_IFSOCK
}
