//! Opening a device that mknod(2) made: a stand-in, whose record tells what it stands for.

use newroot_abi::Errno;
use newroot_fakeroot::record::device_numbers;
use newroot_paths::{Buffer, Host};
use newroot_procfs::Decimal;
use newroot_sys::raw;

use crate::host::{self, AT_FDCWD, Descriptor, Path};
use crate::owner::file::Seen;
use crate::owner::written::numbers_of;

/// Devices that everybody may open anywhere (Documentation/admin-guide/devices.txt).
const KNOWN: &[(u32, u32, &[u8])] = &[
    (1, 3, b"/dev/null"),
    (1, 5, b"/dev/zero"),
    (1, 7, b"/dev/full"),
    (1, 8, b"/dev/random"),
    (1, 9, b"/dev/urandom"),
    (5, 0, b"/dev/tty"),
    (5, 2, b"/dev/ptmx"),
];
/// `TTYAUX_MAJOR` and the multiplexer's minor number.
const MULTIPLEXER: (u32, u32) = (5, 2);
/// Terminals: `UNIX98_PTY_SLAVE_MAJOR`.
const PTS: u32 = 136;

/// Opens the host's device that a stand-in is for; `None` if it is no stand-in.
///
/// # Errors
/// EPERM for a device that only root has any business with, as a device control group answers.
pub(super) fn open_device(seen: &Seen, flags: u64) -> Result<Option<Descriptor>, Errno> {
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

/// Opens the host's multiplexer of terminals in place of any other of its kind; `None` if this is nothing of
/// the kind. In a devpts it is called `ptmx`, and its mode is the mount's (`ptmxmode`), by default that of a
/// file which root alone can open. The one in /dev is everybody's.
///
/// # Errors
/// Those of open(2).
pub(super) fn open_multiplexer(stat: &host::Stat, flags: u64) -> Option<Result<Descriptor, Errno>> {
    let is_it = stat.st_mode & raw::S_IFMT == raw::S_IFCHR && numbers_of(stat.st_rdev) == MULTIPLEXER;
    let mut path = Buffer::<Host, 64>::new();
    (is_it && path.assign(b"/dev/ptmx").is_ok()).then(|| open(&mut path, flags))
}

fn open(path: &mut Buffer<Host, 64>, flags: u64) -> Result<Descriptor, Errno> {
    let flags = flags as u32 & !(raw::O_CREAT | raw::O_EXCL | raw::O_NOFOLLOW | raw::O_TRUNC);
    host::openat(AT_FDCWD, Path::new(path.with_nul()), flags, 0)
}

/// Whether a stand-in can be what is there: a socket.
pub(super) fn may_be_device(stat: &host::Stat) -> bool {
    stat.st_mode & raw::S_IFMT == raw::S_IFSOCK
}
