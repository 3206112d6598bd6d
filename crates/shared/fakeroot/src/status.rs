//! The lines of `/proc/PID/status` that show credentials, as fs/proc/array.c prints them.

use newroot_procfs::Decimal;

use crate::Capabilities;
use crate::credentials::Credentials;

/// Writes the line called `name` (without the colon), including its newline, to `sink` in pieces.
/// Returns false and writes nothing if `name` isn't one of the lines in this module.
///
/// The kernel keeps and prints groups in ascending order, regardless of the order in which they
/// were set.
pub fn line(name: &[u8], credentials: &Credentials, groups: &[u32], sink: &mut dyn FnMut(&[u8])) -> bool {
    match name {
        b"Uid" => ids(name, [credentials.ruid, credentials.euid, credentials.suid, credentials.fsuid], sink),
        b"Gid" => ids(name, [credentials.rgid, credentials.egid, credentials.sgid, credentials.fsgid], sink),
        b"Groups" => {
            sink(b"Groups:\t");
            for (index, group) in groups.iter().enumerate() {
                if index > 0 {
                    sink(b" ");
                }
                number(*group, sink);
            }
            // The kernel has always printed a space behind the last group, and keeps it for
            // compatibility.
            sink(b" \n");
        }
        b"CapInh" => set(name, credentials.inheritable, sink),
        b"CapPrm" => set(name, credentials.permitted, sink),
        b"CapEff" => set(name, credentials.effective, sink),
        b"CapBnd" => set(name, credentials.bounding, sink),
        b"CapAmb" => set(name, credentials.ambient, sink),
        b"NoNewPrivs" => {
            sink(b"NoNewPrivs:\t");
            number(u32::from(credentials.no_new_privs()), sink);
            sink(b"\n");
        }
        _ => return false,
    }
    true
}

fn ids(name: &[u8], ids: [u32; 4], sink: &mut dyn FnMut(&[u8])) {
    sink(name);
    sink(b":");
    for id in ids {
        sink(b"\t");
        number(id, sink);
    }
    sink(b"\n");
}

fn set(name: &[u8], set: Capabilities, sink: &mut dyn FnMut(&[u8])) {
    sink(name);
    sink(b":\t");
    let mut digits = [0; 16];
    let mut rest = set.0;
    for digit in digits.iter_mut().rev() {
        let nibble = (rest & 0xf) as u8;
        *digit = if nibble < 10 { b'0' + nibble } else { b'a' + (nibble - 10) };
        rest >>= 4;
    }
    sink(&digits);
    sink(b"\n");
}

fn number(number: u32, sink: &mut dyn FnMut(&[u8])) {
    sink(Decimal::new(number.into()).bytes());
}
