//! The lines of `/proc/PID/status` that tell credentials, as fs/proc/array.c prints them.

use newroot_procfs::Decimal;

use crate::Capabilities;
use crate::credentials::Credentials;

/// Prints the line called `name` (without the colon) to `sink`, in pieces, up to and with its newline.
/// Returns whether there is such a line here; if not, nothing was printed.
///
/// The kernel keeps and prints groups in ascending order, whatever order they were set in.
pub fn line(name: &[u8], credentials: &Credentials, groups: &[u32], sink: &mut dyn FnMut(&[u8])) -> bool {
    let of = credentials;
    match name {
        b"Uid" => ids(name, [of.ruid, of.euid, of.suid, of.fsuid], sink),
        b"Gid" => ids(name, [of.rgid, of.egid, of.sgid, of.fsgid], sink),
        b"Groups" => {
            sink(b"Groups:\t");
            for (index, group) in groups.iter().enumerate() {
                if index > 0 {
                    sink(b" ");
                }
                number(*group, sink);
            }
            // The kernel has printed a space behind the last group for so long that it stays.
            sink(b" \n");
        }
        b"CapInh" => set(name, of.inheritable, sink),
        b"CapPrm" => set(name, of.permitted, sink),
        b"CapEff" => set(name, of.effective, sink),
        b"CapBnd" => set(name, of.bounding, sink),
        b"CapAmb" => set(name, of.ambient, sink),
        b"NoNewPrivs" => {
            sink(b"NoNewPrivs:\t");
            number(u32::from(of.no_new_privs()), sink);
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
