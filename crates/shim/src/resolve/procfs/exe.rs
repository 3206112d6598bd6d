//! Which program another guest process runs.
//!
//! The kernel's own answer (`/proc/PID/exe`) is the shim, for all of them. But each told the kernel
//! where its program's code begins, and its map of memory names the file there.

use newroot_abi::Errno;
use newroot_paths::{GuestBuf, HostBuf};
use newroot_sys::raw;

use crate::host::{self, AT_FDCWD, Descriptor, Path};
use crate::report::Decimal;

/// Whether the text of an `exe` link is that of our own: then the process runs a shim too.
#[must_use]
pub fn is_shim(text: &[u8]) -> bool {
    let mut own = [0u8; newroot_abi::PATH_MAX];
    match host::readlinkat(AT_FDCWD, Path::new(b"/proc/self/exe\0"), &mut own) {
        Ok(len) => own.get(..len) == Some(text),
        Err(_) => false,
    }
}

/// Writes the host path of the program that a guest process runs.
///
/// # Errors
/// What reading /proc gives; ENOENT if its map doesn't tell.
pub fn of_process(process: &[u8], out: &mut GuestBuf) -> Result<(), Errno> {
    let start = start_of_code(process)?;
    let file = open(process, b"/maps")?;
    let mut lines = Lines::new(file);
    while let Some(line) = lines.next_line()? {
        let Some(range) = parse_range(line) else { continue };
        if range.0 <= start && start < range.1 {
            // Five fields, then the path.
            let mut fields = line.splitn(6, |&byte| byte == b' ');
            let path = fields.nth(5).unwrap_or(&[]).trim_ascii_start();
            return if path.first() == Some(&b'/') { out.assign(path) } else { Err(Errno::NOENT) };
        }
    }
    Err(Errno::NOENT)
}

fn open(process: &[u8], file: &[u8]) -> Result<Descriptor, Errno> {
    let mut path = HostBuf::new();
    path.assign(b"/proc/")?;
    path.extend(process)?;
    path.extend(file)?;
    host::openat(AT_FDCWD, Path::new(path.with_nul()), raw::O_RDONLY | raw::O_CLOEXEC, 0)
}

/// Field 26 of /proc/PID/stat (proc(5)).
fn start_of_code(process: &[u8]) -> Result<u64, Errno> {
    let file = open(process, b"/stat")?;
    let mut text = [0u8; 1024];
    let len = host::read(file.number(), &mut text)?;
    let text = text.get(..len).unwrap_or(&[]);
    // The name in parentheses may hold anything; what follows it doesn't.
    let after = text.iter().rposition(|&byte| byte == b')').ok_or(Errno::NOENT)?;
    let mut fields = text.get(after + 1..).unwrap_or(&[]).trim_ascii().split(|&byte| byte == b' ');
    // The first field behind the name is number 3.
    fields.nth(26 - 3).and_then(Decimal::parse).ok_or(Errno::NOENT)
}

fn parse_range(line: &[u8]) -> Option<(u64, u64)> {
    let field = line.split(|&byte| byte == b' ').next()?;
    let dash = field.iter().position(|&byte| byte == b'-')?;
    Some((parse_hex(field.get(..dash)?)?, parse_hex(field.get(dash + 1..)?)?))
}

fn parse_hex(text: &[u8]) -> Option<u64> {
    text.iter().try_fold(0u64, |value, &byte| {
        let digit = char::from(byte).to_digit(16)?;
        Some(value << 4 | u64::from(digit))
    })
}

/// A file, line by line. A line longer than the buffer loses its end.
struct Lines {
    file: Descriptor,
    buffer: [u8; 8192],
    start: usize,
    end: usize,
}

impl Lines {
    fn new(file: Descriptor) -> Self {
        Self { file, buffer: [0; 8192], start: 0, end: 0 }
    }

    fn next_line(&mut self) -> Result<Option<&[u8]>, Errno> {
        loop {
            let filled = self.buffer.get(self.start..self.end).unwrap_or(&[]);
            if let Some(len) = filled.iter().position(|&byte| byte == b'\n') {
                let line = self.start..self.start + len;
                self.start += len + 1;
                return Ok(self.buffer.get(line));
            }
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
            let space = self.buffer.get_mut(self.end..).unwrap_or(&mut []);
            if space.is_empty() {
                self.end = 0;
                continue;
            }
            let len = host::read(self.file.number(), space)?;
            if len == 0 {
                return Ok(None);
            }
            self.end += len;
        }
    }
}
