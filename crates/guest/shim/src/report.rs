//! The shim's own messages, all on standard error.

use newroot_abi::Errno;
use newroot_procfs::Decimal;

use crate::kernel;

/// Writes one line: `newroot: ` and the parts, cut at 512 bytes. A failed write isn't repeated.
pub fn line(parts: &[&[u8]]) {
    let mut buffer = [0u8; 512];
    let mut len = 0;
    for part in [&b"newroot: "[..]].iter().chain(parts).chain([&&b"\n"[..]]) {
        for &byte in *part {
            if let Some(place) = buffer.get_mut(len) {
                *place = byte;
                len += 1;
            }
        }
    }
    if let Some(text) = buffer.get(..len) {
        let _ = kernel::write(2, text);
    }
}

/// Reports why the session can't go on, and ends the process with newroot's own exit code, 125.
pub fn fatal(parts: &[&[u8]]) -> ! {
    line(parts);
    kernel::exit(125)
}

/// Reports that `operation` (worded to follow "cannot") failed on `what`, and ends the process as
/// [`fatal`] does. A `hint` may follow, with its own line break.
pub fn fatal_error(operation: &[u8], what: &[u8], error: Errno, hint: &[u8]) -> ! {
    let number = Decimal::new(error.number().unsigned_abs().into());
    let (before, why): (&[u8], &[u8]) = match words(error) {
        Some(words) => (b": ", words),
        None => (b": error ", number.bytes()),
    };
    let quote: &[u8] = if what.is_empty() { b"" } else { b"'" };
    let space: &[u8] = if what.is_empty() { b"" } else { b" " };
    fatal(&[b"cannot ", operation, space, quote, what, quote, before, why, hint])
}

/// Returns the text for an errno (as in strerror(3), except for EEXIST); `None` for one that hardly
/// occurs when a program starts.
#[must_use]
fn words(error: Errno) -> Option<&'static [u8]> {
    Some(match error {
        Errno::NOMEM => b"Cannot allocate memory",
        Errno::MFILE => b"Too many open files",
        Errno::NFILE => b"Too many open files in system",
        Errno::NOENT => b"No such file or directory",
        Errno::ACCES => b"Permission denied",
        Errno::PERM => b"Operation not permitted",
        Errno::EXIST => b"Its addresses are in use",
        Errno::INVAL => b"Invalid argument",
        Errno::IO => b"Input/output error",
        Errno::NOEXEC => b"Exec format error",
        Errno::LIBBAD => b"Accessing a corrupted shared library",
        Errno::AGAIN => b"Resource temporarily unavailable",
        Errno::NODEV => b"No such device",
        Errno::NOTDIR => b"Not a directory",
        Errno::ISDIR => b"Is a directory",
        Errno::NOSPC => b"No space left on device",
        Errno::ROFS => b"Read-only file system",
        Errno::NAMETOOLONG => b"File name too long",
        Errno::NOSYS => b"Function not implemented",
        Errno::LOOP => b"Too many levels of symbolic links",
        Errno::TXTBSY => b"Text file busy",
        Errno::TOOBIG => b"Argument list too long",
        _ => return None,
    })
}
