//! Files of procfs that tell of host paths in their contents: `maps`, `smaps`, `numa_maps`, and those with the
//! mounts.
//!
//! The guest gets a copy, made when it opens the file, with the paths in guest terms and the shim
//! shown under its own name.

mod mounts;

use newroot_abi::Errno;
use newroot_paths::{GuestBuf, HostBuf};
use newroot_procfs::Escapes;
use newroot_sys::raw;

use crate::host::{self, AT_FDCWD, Descriptor, Path};
use crate::resolve::procfs::{self, SHIM};

/// Names of these files.
const NAMES: [&[u8]; 3] = [b"maps", b"smaps", b"numa_maps"];

/// Whether a path may lead to such a file, by its last component.
#[must_use]
pub fn may_be_special(path: &[u8]) -> bool {
    let name = path.rsplit(|&byte| byte == b'/').next().unwrap_or(path);
    NAMES.contains(&name) || mounts::are_told(name)
}

/// Whether a host path names such a file.
#[must_use]
pub fn is_special(host: &[u8]) -> bool {
    procfs::InProcess::of(host).is_some_and(|of| NAMES.contains(&of.file) || mounts::are_told(of.file))
}

/// Makes the copy. `flags` are those of the open.
///
/// # Errors
/// open(2)'s, read(2)'s, memfd_create(2)'s.
#[inline(never)]
pub fn open(path: &mut HostBuf, flags: u64) -> Result<Descriptor, Errno> {
    make(path, flags).map_err(no_room)
}

/// The error of writing a copy, as it is told to who opens the file: on no disk there is room missing.
#[must_use]
pub fn no_room(error: Errno) -> Errno {
    if matches!(error, Errno::NOSPC | Errno::DQUOT) { Errno::NOMEM } else { error }
}

fn make(path: &mut HostBuf, flags: u64) -> Result<Descriptor, Errno> {
    let source = host::openat(AT_FDCWD, Path::new(path.with_nul()), raw::O_RDONLY | raw::O_CLOEXEC, 0)?;
    let copy = host::nameless_file(Path::new(b"maps\0"), flags & u64::from(raw::O_CLOEXEC) != 0)?;
    if mounts::NAMES.iter().any(|name| path.bytes().ends_with(name)) {
        mounts::write(path, &copy)?;
        host::lseek(copy.number(), 0, raw::SEEK_SET)?;
        return Ok(copy);
    }
    let form = if path.bytes().ends_with(b"/numa_maps") { &NUMA_MAPS } else { &MAPS };
    let mut line = Line { form, text: [0; LINE], len: 0 };
    let mut buffer = [0u8; 4096];
    loop {
        let len = host::read(source.number(), &mut buffer)?;
        for &byte in buffer.get(..len).unwrap_or(&[]) {
            line.push(byte, &copy)?;
        }
        if len == 0 {
            line.flush(&copy)?;
            host::lseek(copy.number(), 0, raw::SEEK_SET)?;
            return Ok(copy);
        }
    }
}

/// How a file writes a path.
struct Form {
    /// What stands in front of it.
    front: &'static [u8],
    /// What ends it.
    end: u8,
    /// What is written otherwise in it.
    escapes: Escapes,
}

const MAPS: Form = Form { front: b" /", end: b'\n', escapes: Escapes::MAPS };
const NUMA_MAPS: Form = Form { front: b" file=/", end: b' ', escapes: Escapes::NUMA_MAPS };

impl Form {
    /// A line's part up to the path, the path and the rest.
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
        } else if procfs::exe::is_shim(guest.bytes()) {
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
        let len = host::write(to.number(), bytes)?;
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
        for path in ["/proc/self/maps", "/proc/1/smaps", "/proc/self/task/7/maps"] {
            assert!(is_special(path.as_bytes()), "{path}");
        }
        assert!(may_be_special(b"maps") && may_be_special(b"../x/numa_maps"));
        assert!(!may_be_special(b"maps/") && !may_be_special(b"xmaps"));
        for path in ["/proc/maps", "/proc/self/status", "/proc/self/maps/x", "/srv/proc/self/maps"] {
            assert!(!is_special(path.as_bytes()), "{path}");
        }
    }
}
