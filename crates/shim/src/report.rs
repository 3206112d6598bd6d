//! The few words the shim says itself, all on standard error.

use newroot_abi::Errno;

use crate::host;

/// Writes one line, `newroot: ` and the parts. Errors are not worth a second try.
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
        let _ = host::write(2, text);
    }
}

/// Says why the session can't go on and ends the process with newroot's own exit code, 125.
pub fn fatal(parts: &[&[u8]]) -> ! {
    line(parts);
    host::exit(125)
}

/// What an error of loading a program is called (strerror(3)); `None` for one that is hardly to be met there.
#[must_use]
pub fn words(error: Errno) -> Option<&'static [u8]> {
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
        _ => return None,
    })
}
