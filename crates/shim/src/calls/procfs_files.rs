//! Files of procfs that tell of host paths in their contents: `maps`, `smaps`, `numa_maps`.
//!
//! The guest gets a copy, made when it opens the file, with the paths in guest terms and the shim
//! shown under its own name.

use newroot_abi::Errno;
use newroot_paths::{GuestBuf, HostBuf};
use newroot_sys::raw;

use crate::host::{self, AT_FDCWD, Descriptor, Path};
use crate::report::Decimal;
use crate::resolve::procfs;

/// Whether a host path names such a file.
#[must_use]
pub fn is_special(host: &[u8]) -> bool {
    let Some(rest) = host.strip_prefix(b"/proc/") else { return false };
    let mut components = rest.split(|&byte| byte == b'/');
    let process = components.next().unwrap_or(&[]);
    if !matches!(process, b"self" | b"thread-self") && Decimal::parse(process).is_none() {
        return false;
    }
    let mut name = components.next();
    if name == Some(b"task") {
        components.next();
        name = components.next();
    }
    matches!(name, Some(b"maps" | b"smaps" | b"numa_maps")) && components.next().is_none()
}

/// Makes the copy. `flags` are those of the open.
///
/// # Errors
/// open(2)'s, read(2)'s, memfd_create(2)'s.
pub fn open(path: &mut HostBuf, flags: u64) -> Result<Descriptor, Errno> {
    let source = host::openat(AT_FDCWD, Path::new(path.with_nul()), raw::O_RDONLY | raw::O_CLOEXEC, 0)?;
    let close_on_exec = if flags & u64::from(raw::O_CLOEXEC) != 0 { raw::MFD_CLOEXEC } else { 0 };
    let copy = host::memfd_create(Path::new(b"maps\0"), close_on_exec)?;
    let mut line = Line { text: [0; LINE], len: 0 };
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

/// A line with an escaped path in it can be a little longer than PATH_MAX.
const LINE: usize = 6 * 1024;

struct Line {
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
        let slash = line.iter().position(|&byte| byte == b'/');
        let Some(slash) = slash else { return write_all(to, line) };
        let (front, path) = line.split_at(slash);
        let (path, end) = match path.strip_suffix(b"\n") {
            Some(path) => (path, &b"\n"[..]),
            None => (path, &b""[..]),
        };
        write_all(to, front)?;
        if procfs::exe::is_shim(path) {
            write_all(to, b"[newroot]")?;
            return write_all(to, end);
        }
        let mut guest = GuestBuf::new();
        if guest.assign(path).is_ok() {
            procfs::detranslate(None, &mut guest);
            write_all(to, guest.bytes())?;
        } else {
            write_all(to, path)?;
        }
        write_all(to, end)
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
    use super::is_special;

    #[test]
    fn files_with_host_paths_in_them_are_told_by_name() {
        for path in ["/proc/self/maps", "/proc/1/smaps", "/proc/self/task/7/maps"] {
            assert!(is_special(path.as_bytes()), "{path}");
        }
        for path in ["/proc/maps", "/proc/self/status", "/proc/self/maps/x", "/srv/proc/self/maps"] {
            assert!(!is_special(path.as_bytes()), "{path}");
        }
    }
}
