//! Mappings that are newroot's own, and aren't shown to the guest as what they are.

use newroot_abi::PATH_MAX;
use newroot_paths::{Buffer, Host};

use crate::host::{self, AT_FDCWD, Path};
use crate::program;
use crate::session::session;

/// Those of one process.
pub struct Mappings {
    /// The kernel's text for the shim's file.
    shim: Buffer<Host, PATH_MAX>,
    /// Where the process has its program's file mapped as a whole ([`program`]), 0 if it hasn't;
    /// `None` if it doesn't let itself be looked into, though its map can be read.
    program: Option<u64>,
}

impl Mappings {
    /// Finds out what is known of a process's.
    #[must_use]
    pub fn of(process: &[u8]) -> Self {
        let mut shim = Buffer::new();
        if let Ok(len) = host::readlinkat(AT_FDCWD, Path::new(b"/proc/self/exe\0"), shim.space()) {
            shim.set_len(len);
        }
        Self { shim, program: program::of_process(process).map(|program| program.at).ok() }
    }

    /// Whether a line of a map, or a mapping's link, tells of one. `line` is what stands in front
    /// of the path, or the link's name, and `shown` the kernel's text for the file.
    #[must_use]
    pub fn have(&self, line: &[u8], shown: &[u8]) -> bool {
        let file = shown.strip_suffix(super::DELETED).unwrap_or(shown);
        let is_program = match self.program {
            Some(0) => false,
            Some(at) => start_of(line) == Some(at),
            // Nobody else maps a file from its beginning without any rights.
            None => line.split(|&byte| byte == b' ').skip(1).take(2).eq([&b"---p"[..], b"00000000"]),
        };
        is_program || shown == self.shim.bytes() || !file.is_empty() && file == session().file().bytes()
    }
}

/// The address that a line of a map begins with, or the name of a mapping's link.
fn start_of(line: &[u8]) -> Option<u64> {
    let end = line.iter().position(|byte| matches!(byte, b'-' | b' '))?;
    let digits = line.get(..end).filter(|digits| !digits.is_empty() && digits.len() <= 16)?;
    digits.iter().try_fold(0u64, |value, &byte| Some(value << 4 | u64::from(char::from(byte).to_digit(16)?)))
}

#[cfg(test)]
mod tests {
    use super::start_of;

    #[test]
    fn lines_and_links_begin_with_an_address() {
        assert_eq!(start_of(b"7f0000001000-7f0000002000 r-xp"), Some(0x7f00_0000_1000));
        assert_eq!(start_of(b"7f0000001000 default file="), Some(0x7f00_0000_1000));
        assert_eq!(start_of(b"7f0000001000-7f0000002000"), Some(0x7f00_0000_1000));
        for other in ["", "-", "VmFlags: rd", "Size:   4 kB"] {
            assert_eq!(start_of(other.as_bytes()), None);
        }
    }
}
