//! `/proc/PID/net/unix`: the names of sockets, which are host paths.

use newroot_abi::Errno;
use newroot_paths::GuestBuf;

use super::write_all;
use crate::calls::socket;
use crate::kernel::{self, Descriptor};

/// Name of the file in the directory of a process.
pub(super) const FILE: &[u8] = b"net/unix";
/// Its last component.
pub(super) const NAME: &[u8] = b"unix";
/// Number of fields in front of the name, separated by spaces (unix_seq_show() in
/// net/unix/af_unix.c).
const FIELDS: usize = 7;
/// More than the fields and the longest name need, in bytes.
const LINE: usize = 512;

/// Writes the text, with each name that is a path in guest terms.
pub(super) fn write(source: &Descriptor, copy: &Descriptor) -> Result<(), Errno> {
    let (mut line, mut line_len) = ([0u8; LINE], 0);
    let mut buffer = [0u8; 4096];
    loop {
        let len = kernel::read(source.number(), &mut buffer)?;
        for &byte in buffer.get(..len).unwrap_or(&[]) {
            if let Some(place) = line.get_mut(line_len) {
                *place = byte;
                line_len += 1;
            }
            if byte == b'\n' || line_len == LINE {
                write_line(line.get(..line_len).unwrap_or(&[]), copy)?;
                line_len = 0;
            }
        }
        if len == 0 {
            return write_line(line.get(..line_len).unwrap_or(&[]), copy);
        }
    }
}

fn write_line(line: &[u8], copy: &Descriptor) -> Result<(), Errno> {
    let (front, path, end) = split(line);
    let mut name = GuestBuf::new();
    if path.first() != Some(&b'/') || name.assign(path).is_err() || !socket::show_name(&mut name) {
        return write_all(copy, line);
    }
    write_all(copy, front)?;
    write_all(copy, name.bytes())?;
    write_all(copy, end)
}

/// Splits a line into the fields, the name, and the end.
fn split(line: &[u8]) -> (&[u8], &[u8], &[u8]) {
    let (body, end) = match line.strip_suffix(b"\n") {
        Some(body) => (body, &b"\n"[..]),
        None => (line, &b""[..]),
    };
    let mut at = 0;
    for _ in 0..FIELDS {
        let rest = body.get(at..).unwrap_or(&[]);
        let blanks = rest.iter().take_while(|&&byte| byte == b' ').count();
        let digits = rest.iter().skip(blanks).take_while(|&&byte| byte != b' ').count();
        at += blanks + digits;
    }
    // One space separates the name, which may begin with others.
    let (front, name) = body.split_at_checked(at + 1).unwrap_or((body, &[]));
    (front, name, end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_what_stands_behind_the_fields() {
        let line = b"0000: 00000002 00000000 00010000 0001 01   123 /run/a b\n";
        assert_eq!(split(line).1, b"/run/a b");
        assert_eq!(split(line).2, b"\n");
        assert_eq!(split(b"0000: 00000002 00000000 00000000 0002 01 12345 @/a /b\n").1, b"@/a /b");
        assert_eq!(split(b"0000: 00000002 00000000 00000000 0002 01 12345\n").1, b"");
        assert_eq!(split(b"Num       RefCount Protocol Flags    Type St Inode Path\n").1, b"Path");
    }
}
