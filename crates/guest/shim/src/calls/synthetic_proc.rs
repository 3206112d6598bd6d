//! Files of procfs with another text in the guest: those with host paths (`maps`, `smaps`,
//! `numa_maps`, `net/unix`), under fake root also those with mounts and identities.
//!
//! The guest gets a copy ([`copy`]), made when it opens the file, with paths in guest terms and
//! with newroot's own mappings under their own name. A read from the beginning makes the text
//! again, as the kernel does.

pub mod copy;
mod identities;
mod mounts;
mod sockets;

use newroot_abi::plan::Flags;
use newroot_abi::{Errno, PATH_MAX};
use newroot_paths::{Buffer, GuestBuf, Host, HostBuf};
use newroot_procfs::Escapes;
use newroot_sys::raw;

use super::open::request::Request;
use crate::call::resume::{Afterwards, Builder};
use crate::call::{Outcome, Trapped, descriptor_argument, forward};
use crate::kernel::{self, AT_FDCWD, Descriptor, Path};
use crate::resolve::procfs::{self, SHIM, hidden};
use crate::session::session;

/// Names of these files.
const NAMES: [&[u8]; 3] = [b"maps", b"smaps", b"numa_maps"];

/// Returns whether a path may lead to such a file, by its last component.
#[must_use]
pub fn may_be_special(path: &[u8]) -> bool {
    let name = path.rsplit(|&byte| byte == b'/').next().unwrap_or(path);
    NAMES.contains(&name)
        || name == sockets::NAME
        || mounts::are_told(name)
        || session().has(Flags::FAKE_ROOT) && identities::may_be_told(name)
}

/// Returns whether a host path names such a file.
#[must_use]
pub fn is_special(host: &[u8]) -> bool {
    procfs::InProcess::of(host)
        .is_some_and(|of| NAMES.contains(&of.file) || of.file == sockets::FILE || mounts::are_told(of.file))
        || session().has(Flags::FAKE_ROOT) && identities::is_told(host)
}

/// If the host path is that of a descriptor's link, and leads to such a file or to a copy of one,
/// replaces it by the file's host path.
///
/// # Errors
/// ENAMETOOLONG.
pub fn follow(path: &mut HostBuf) -> Result<bool, Errno> {
    let mut shown = Buffer::<Host, PATH_MAX>::new();
    let Ok(len) = kernel::readlinkat(AT_FDCWD, Path::new(path.with_nul()), shown.space()) else {
        return Ok(false);
    };
    shown.set_len(len);
    procfs::memory_file::unmask(&mut shown);
    let leads = is_special(shown.bytes());
    if leads {
        path.assign(shown.bytes())?;
    }
    Ok(leads)
}

/// Opens a copy for a request. `None` if the guest can open the file itself. `mask` has the signals
/// that the guest blocks.
///
/// # Errors
/// The errnos of open(2), read(2) and memfd_create(2).
#[inline(never)]
pub(crate) fn open(path: &mut HostBuf, request: &Request, mask: u64) -> Result<Option<Descriptor>, Errno> {
    const NOT_TO_READ: u64 = (raw::O_ACCMODE | raw::O_PATH | raw::O_TMPFILE & !raw::O_DIRECTORY) as u64;
    if request.flags & NOT_TO_READ != 0 {
        return Ok(None);
    }
    // The kernel reports errors of the request.
    let flags = request.flags as u32 | raw::O_CLOEXEC;
    let source = kernel::openat(AT_FDCWD, Path::new(path.with_nul()), flags, request.mode as u32)?;
    copy::make(path, source, request.flags, mask).map_err(no_room)
}

/// Translates the error of writing a copy for the program that opens the file: no disk is full.
fn no_room(error: Errno) -> Errno {
    if matches!(error, Errno::NOSPC | Errno::DQUOT) { Errno::NOMEM } else { error }
}

/// Runs lseek(2) to the beginning, and pread64(2), preadv(2) and preadv2(2) from there.
pub fn read_again(call: &mut Trapped<'_>) -> Outcome {
    let number = call.number as u32;
    let descriptor = descriptor_argument(call.arguments[0]);
    if copy::may_be_one(descriptor) && is_from_beginning(number, call.arguments) {
        copy::renew(descriptor, call.context.mask);
    }
    // A read may sleep.
    let builder = Builder::new(call);
    if number == raw::__NR_lseek || !builder.fits(0, Afterwards::Never) {
        return forward(number, call.arguments).into();
    }
    let resumed = builder.finish(call, number, call.arguments, Afterwards::Never, [0; 4]);
    resumed.unwrap_or_else(Outcome::from)
}

/// Returns whether such a call reads from the beginning.
#[must_use]
pub fn is_from_beginning(number: u32, [_, offset, whence, position, ..]: [usize; 6]) -> bool {
    if number == raw::__NR_lseek { offset == 0 && whence as u32 == raw::SEEK_SET } else { position == 0 }
}

/// Writes the guest's text of such a file, which is open at its beginning. Returns false, and
/// writes nothing, if the guest sees the file itself.
fn write(path: &HostBuf, source: &Descriptor, copy: &Descriptor, mask: u64) -> Result<bool, Errno> {
    if identities::is_told(path.bytes()) {
        return identities::write(path.bytes(), source, copy, mask);
    }
    if mounts::NAMES.iter().any(|name| path.bytes().ends_with(name)) {
        return mounts::write(path, copy).map(|()| true);
    }
    if procfs::InProcess::of(path.bytes()).is_some_and(|of| of.file == sockets::FILE) {
        return sockets::write(source, copy).map(|()| true);
    }
    let form = if path.bytes().ends_with(b"/numa_maps") { &NUMA_MAPS } else { &MAPS };
    let process = procfs::InProcess::of(path.bytes()).map_or(&b"self"[..], |of| of.process);
    let hidden = hidden::Mappings::of(process);
    let mut line = Line { form, hidden, text: [0; LINE], len: 0 };
    let mut buffer = [0u8; 4096];
    loop {
        let len = kernel::read(source.number(), &mut buffer)?;
        for &byte in buffer.get(..len).unwrap_or(&[]) {
            line.push(byte, copy)?;
        }
        if len == 0 {
            return line.flush(copy).map(|()| true);
        }
    }
}

/// The form of a path in a file.
struct Form {
    /// Text in front of it.
    front: &'static [u8],
    /// Byte behind it.
    end: u8,
    /// Bytes that are escaped in it.
    escapes: Escapes,
}

const MAPS: Form = Form { front: b" /", end: b'\n', escapes: Escapes::MAPS };
const NUMA_MAPS: Form = Form { front: b" file=/", end: b' ', escapes: Escapes::NUMA_MAPS };

impl Form {
    /// Splits a line into the part before the path, the path and the rest.
    fn split<'a>(&self, line: &'a [u8]) -> Option<(&'a [u8], &'a [u8], &'a [u8])> {
        let at = line.windows(self.front.len()).position(|window| window == self.front)?;
        let (front, path) = line.split_at_checked(at + self.front.len() - 1)?;
        let end = path.iter().position(|&byte| byte == self.end || byte == b'\n').unwrap_or(path.len());
        let (path, rest) = path.split_at_checked(end)?;
        Some((front, path, rest))
    }

    fn unescape(&self, path: &[u8], out: &mut GuestBuf) -> Result<(), Errno> {
        self.escapes.unescape(path).try_for_each(|byte| out.extend(&[byte]))
    }

    fn write_escaped(&self, path: &[u8], to: &Descriptor) -> Result<(), Errno> {
        self.escapes.escape(path).try_for_each(|piece| write_all(to, piece.bytes()))
    }
}

/// A line with an escaped path in it can be a little longer than PATH_MAX.
const LINE: usize = 6 * 1024;

struct Line {
    form: &'static Form,
    hidden: hidden::Mappings,
    text: [u8; LINE],
    len: usize,
}

impl Line {
    fn push(&mut self, byte: u8, to: &Descriptor) -> Result<(), Errno> {
        if self.len == LINE {
            self.flush(to)?;
        }
        if let Some(place) = self.text.get_mut(self.len) {
            *place = byte;
            self.len += 1;
        }
        if byte == b'\n' { self.flush(to) } else { Ok(()) }
    }

    fn flush(&mut self, to: &Descriptor) -> Result<(), Errno> {
        let line = self.text.get(..self.len).unwrap_or(&[]);
        self.len = 0;
        let Some((front, path, rest)) = self.form.split(line) else { return write_all(to, line) };
        write_all(to, front)?;
        let mut guest = GuestBuf::new();
        if self.form.unescape(path, &mut guest).is_err() {
            write_all(to, path)?;
        } else if self.hidden.have(front, guest.bytes()) {
            write_all(to, SHIM)?;
        } else {
            procfs::detranslate(None, &mut guest);
            self.form.write_escaped(guest.bytes(), to)?;
        }
        write_all(to, rest)
    }
}

fn write_all(to: &Descriptor, mut bytes: &[u8]) -> Result<(), Errno> {
    while !bytes.is_empty() {
        let len = kernel::write(to.number(), bytes)?;
        bytes = bytes.get(len..).unwrap_or(&[]);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_stands_between_what_is_left_alone() {
        let line = b"7f00-7f01 r-xp 00026000 fe:01 1234      /usr/lib/a b.so\n";
        let (front, path, rest) = MAPS.split(line).expect("a path");
        assert_eq!((front.len(), path, rest), (40, &b"/usr/lib/a b.so"[..], &b"\n"[..]));
        let line = b"7f00 default file=/usr/lib/a\\040b.so mapped=3 N0=3\n";
        let (front, path, rest) = NUMA_MAPS.split(line).expect("a path");
        assert_eq!(front, b"7f00 default file=");
        assert_eq!((path, rest), (&b"/usr/lib/a\\040b.so"[..], &b" mapped=3 N0=3\n"[..]));
        assert_eq!(MAPS.split(b"7f00-7f01 rw-p 00000000 00:00 0    [anon:a/b]\n"), None);
        assert_eq!(NUMA_MAPS.split(b"7f00 default anon=1 dirty=1 N0=1\n"), None);
    }

    #[test]
    fn only_what_the_file_escapes_is_unescaped() {
        let plain = |form: &Form, path: &[u8]| {
            let mut out = GuestBuf::new();
            form.unescape(path, &mut out).expect("fits");
            out
        };
        assert_eq!(plain(&MAPS, b"/a\\012b\\040c\\").bytes(), b"/a\nb\\040c\\");
        assert_eq!(plain(&NUMA_MAPS, b"/a\\012b\\040c\\0").bytes(), b"/a\nb c\\0");
    }

    #[test]
    fn files_with_host_paths_in_them_are_told_by_name() {
        for path in ["/proc/self/maps", "/proc/1/smaps", "/proc/self/task/7/maps", "/proc/7/net/unix"] {
            assert!(is_special(path.as_bytes()), "{path}");
        }
        assert!(may_be_special(b"maps") && may_be_special(b"../x/numa_maps"));
        assert!(!may_be_special(b"maps/") && !may_be_special(b"xmaps"));
        for path in
            ["/proc/net/unix", "/proc/maps", "/proc/self/status", "/proc/self/maps/x", "/srv/proc/self/maps"]
        {
            assert!(!is_special(path.as_bytes()), "{path}");
        }
    }
}
