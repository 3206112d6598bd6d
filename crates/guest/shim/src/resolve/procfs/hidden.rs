//! Hides newroot's own mappings from the guest.

use newroot_abi::PATH_MAX;
use newroot_paths::{Buffer, Host};

use crate::kernel::{self, AT_FDCWD, Path};
use crate::program;
use crate::session::session;

/// newroot's own mappings in one process.
pub struct Mappings {
    /// The kernel's text for the shim's file.
    shim: Buffer<Host, PATH_MAX>,
    /// Start address of the mapping of the program's whole file ([`program`]); 0 if there is none.
    /// `None` if the process's memory can't be read, although its list of mappings can.
    program: Option<u64>,
}

impl Mappings {
    /// Finds newroot's mappings in a process.
    #[must_use]
    pub fn of(process: &[u8]) -> Self {
        let mut shim = Buffer::new();
        if let Ok(len) = kernel::readlinkat(AT_FDCWD, Path::new(b"/proc/self/exe\0"), shim.space()) {
            shim.set_len(len);
        }
        Self { shim, program: program::of_process(process).map(|program| program.at).ok() }
    }

    /// Returns whether a line of `maps`, or a link in `map_files`, belongs to such a mapping.
    /// `line` is the line up to the path, or the link's name; `shown` is the kernel's text for the
    /// file.
    #[must_use]
    pub fn have(&self, line: &[u8], shown: &[u8]) -> bool {
        let file = shown.strip_suffix(super::DELETED).unwrap_or(shown);
        let is_program = match self.program {
            Some(0) => false,
            Some(at) => start_of(line) == Some(at),
            // Only the loader maps a file from its beginning without any access rights.
            None => line.split(|&byte| byte == b' ').skip(1).take(2).eq([&b"---p"[..], b"00000000"]),
        };
        is_program || shown == self.shim.bytes() || !file.is_empty() && file == session().file().bytes()
    }
}

/// Returns the address at the beginning of a line of `maps`, or of a link's name in `map_files`.
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
