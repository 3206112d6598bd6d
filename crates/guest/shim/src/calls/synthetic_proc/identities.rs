//! Files of procfs that show identities, in guest terms.

use newroot_abi::Errno;
use newroot_fakeroot::session::{FsContext, Identity, NAME_MAX};
use newroot_fakeroot::status;

use crate::call::SIGSYS_BIT;
use crate::identity::{process, session_file};
use crate::kernel::{self, Descriptor};
use crate::resolve::procfs::InProcess;
use crate::state;

/// A file with another text in the guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Synthetic<'a> {
    /// `/proc/PID/status`.
    Status(&'a [u8]),
    /// `/proc/PID/limits`.
    Limits(&'a [u8]),
    /// `/proc/PID/uid_map`, `/proc/PID/gid_map`.
    Map(&'a [u8]),
    /// `/proc/PID/setgroups`.
    SetGroups(&'a [u8]),
    /// `/proc/sys/kernel/hostname`, or `domainname`.
    Name { domain: bool },
}

/// Names of these files.
const NAMES: [&[u8]; 7] =
    [b"status", b"limits", b"uid_map", b"gid_map", b"setgroups", b"hostname", b"domainname"];

/// Returns whether a path may lead to a file with another text, by its last component.
#[must_use]
pub(super) fn may_be_told(path: &[u8]) -> bool {
    NAMES.contains(&path.rsplit(|&byte| byte == b'/').next().unwrap_or(path))
}

fn synthetic(host: &[u8]) -> Option<Synthetic<'_>> {
    match host {
        b"/proc/sys/kernel/hostname" => return Some(Synthetic::Name { domain: false }),
        b"/proc/sys/kernel/domainname" => return Some(Synthetic::Name { domain: true }),
        _ => {}
    }
    let of = InProcess::of(host)?;
    Some(match of.file {
        b"status" => Synthetic::Status(of.task()),
        b"limits" => Synthetic::Limits(of.task()),
        b"uid_map" | b"gid_map" => Synthetic::Map(of.task()),
        b"setgroups" => Synthetic::SetGroups(of.task()),
        _ => return None,
    })
}

/// Returns the file, if a host path is that of one with another text in the guest.
#[must_use]
pub(super) fn is_told(host: &[u8]) -> bool {
    synthetic(host).is_some()
}

/// Writes the guest's text of a file of procfs, which is open at its beginning. `mask` has the
/// signals that the guest blocks: in the handler all are blocked. Returns false, and writes
/// nothing, if the guest sees the file itself.
///
/// # Errors
/// The errnos of read(2) and write(2).
pub(super) fn write(path: &[u8], source: &Descriptor, copy: &Descriptor, mask: u64) -> Result<bool, Errno> {
    match synthetic(path) {
        Some(Synthetic::Name { domain }) => {
            let mut name = [0u8; NAME_MAX];
            if !session_file::name(process::current().fs.names, domain, &mut name) {
                return Ok(false);
            }
            let len = name.iter().position(|&byte| byte == 0).unwrap_or(name.len());
            text(copy, &[name.get(..len).unwrap_or(&[]), b"\n"])?;
        }
        Some(Synthetic::Map(process)) if process::of_directory(process).is_some() => {
            text(copy, &[b"         0          0 4294967295\n"])?;
        }
        Some(Synthetic::SetGroups(process)) if process::of_directory(process).is_some() => {
            text(copy, &[b"allow\n"])?
        }
        Some(Synthetic::Limits(process)) if process::of_directory(process).is_some() => limits(source, copy)?,
        Some(Synthetic::Status(process)) => write_status(process, source, copy, mask)?,
        _ => return Ok(false),
    }
    Ok(true)
}

/// Writes a text that doesn't depend on the file's contents.
fn text(copy: &Descriptor, parts: &[&[u8]]) -> Result<(), Errno> {
    let mut out = Out::new(copy);
    for part in parts {
        out.push(part);
    }
    out.finish()
}

/// Writes the limits. The limit by which newroot knows a process (`newroot_fakeroot::session`)
/// shows its usual value.
fn limits(source: &Descriptor, copy: &Descriptor) -> Result<(), Errno> {
    let line = b"Max file locks            unlimited            unlimited            locks     \n";
    let mut text = [0u8; 4096];
    let mut len = 0;
    while let Some(room) = text.get_mut(len..).filter(|room| !room.is_empty()) {
        match kernel::read(source.number(), room)? {
            0 => break,
            more => len += more,
        }
    }
    let mut out = Out::new(copy);
    for one in text.get(..len).unwrap_or(&[]).split_inclusive(|&byte| byte == b'\n') {
        out.push(if one.starts_with(b"Max file locks ") { line } else { one });
    }
    out.finish()
}

fn write_status(process: &[u8], source: &Descriptor, copy: &Descriptor, mask: u64) -> Result<(), Errno> {
    let blocked = process::number(process)
        .is_some_and(|of| of == 0 || of == kernel::gettid())
        .then(|| blocked_line(mask));
    let of_session = process::of_directory(process);
    let stranger = Identity { credentials: process::stranger(), groups: &[], fs: FsContext::default() };
    let known = match &of_session {
        Some(identity) => Some((identity, false)),
        // A process of the real user that is in no session: only its owner differs here.
        None if kernel::fstat(source.number())?.st_uid == session_file::header().real_uid => {
            Some((&stranger, true))
        }
        None => None,
    };
    let mut out = Out::new(copy);
    let mut name = [0u8; 16];
    let mut named = 0;
    let mut line = Line::Name;
    let mut buffer = [0u8; 1024];
    loop {
        let len = kernel::read(source.number(), &mut buffer)?;
        if len == 0 {
            out.push(name.get(..named).unwrap_or(&[]));
            return out.finish();
        }
        for &byte in buffer.get(..len).unwrap_or(&[]) {
            match line {
                Line::Name => {
                    let so_far = name.get(..named).unwrap_or(&[]);
                    let told = byte == b':'
                        && known.is_some_and(|(identity, ids_only)| {
                            (!ids_only || matches!(so_far, b"Uid" | b"Gid"))
                                && status::line(so_far, &identity.credentials, identity.groups, &mut |text| {
                                    out.push(text);
                                })
                        });
                    if let (b"SigBlk", b':', Some(blocked)) = (so_far, byte, &blocked) {
                        out.push(blocked);
                        line = Line::Told;
                        named = 0;
                    } else if told {
                        line = Line::Told;
                        named = 0;
                    } else if byte == b':' || byte == b'\n' || named == name.len() {
                        out.push(so_far);
                        out.push(&[byte]);
                        line = if byte == b'\n' { Line::Name } else { Line::Copied };
                        named = 0;
                    } else if let Some(place) = name.get_mut(named) {
                        *place = byte;
                        named += 1;
                    }
                }
                Line::Copied | Line::Told => {
                    if line == Line::Copied {
                        out.push(&[byte]);
                    }
                    if byte == b'\n' {
                        line = Line::Name;
                    }
                }
            }
        }
    }
}

/// Returns the line of `status` with the signals that a thread blocks.
fn blocked_line(mask: u64) -> [u8; 25] {
    let mask = mask & !SIGSYS_BIT | if state::sigsys_blocked() { SIGSYS_BIT } else { 0 };
    let mut line = *b"SigBlk:\t0000000000000000\n";
    for (index, place) in line.iter_mut().skip(8).take(16).enumerate() {
        let digit = (mask >> (60 - 4 * index) & 15) as u8;
        *place = if digit < 10 { b'0' + digit } else { b'a' + digit - 10 };
    }
    line
}

/// The state of copying a line of `status`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Line {
    /// In its name.
    Name,
    /// Behind the name. The rest is copied.
    Copied,
    /// Behind the name. Another text was written.
    Told,
}

/// A file that is written a few bytes at a time.
struct Out<'a> {
    file: &'a Descriptor,
    text: [u8; 512],
    len: usize,
    result: Result<(), Errno>,
}

impl<'a> Out<'a> {
    fn new(file: &'a Descriptor) -> Self {
        Self { file, text: [0; 512], len: 0, result: Ok(()) }
    }

    fn push(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            if self.len == self.text.len() {
                self.flush();
            }
            if let Some(place) = self.text.get_mut(self.len) {
                *place = byte;
                self.len += 1;
            }
        }
    }

    fn flush(&mut self) {
        let mut rest = self.text.get(..self.len).unwrap_or(&[]);
        while !rest.is_empty() && self.result.is_ok() {
            match kernel::write(self.file.number(), rest) {
                Ok(written) => rest = rest.get(written..).unwrap_or(&[]),
                Err(error) => self.result = Err(error),
            }
        }
        self.len = 0;
    }

    fn finish(mut self) -> Result<(), Errno> {
        self.flush();
        self.result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_processes_are_told_by_their_path() {
        assert_eq!(synthetic(b"/proc/12/status"), Some(Synthetic::Status(b"12")));
        assert_eq!(synthetic(b"/proc/self/task/13/status"), Some(Synthetic::Status(b"13")));
        assert_eq!(synthetic(b"/proc/self/limits"), Some(Synthetic::Limits(b"self")));
        assert_eq!(synthetic(b"/proc/sys/kernel/domainname"), Some(Synthetic::Name { domain: true }));
        for path in ["/proc/status", "/proc/12", "/proc/12/status/x", "/proc/sys/status", "/etc/hostname"] {
            assert_eq!(synthetic(path.as_bytes()), None, "{path}");
        }
        assert!(may_be_told(b"status") && may_be_told(b"/proc/1/limits") && !may_be_told(b"/proc/1/stat"));
    }
}
