//! What procfs tells of processes, in guest terms: who they are, and whom their files belong to.
//!
//! A file whose text says otherwise is given to the guest as a copy, made when it is opened, as those with host
//! paths are ([`crate::calls::procfs_files`]).

use newroot_abi::Errno;
use newroot_fakeroot::session::{Identity, NAME_MAX, Place};
use newroot_fakeroot::{Credentials, permission as rules, status};
use newroot_paths::{Buffer, Host};
use newroot_procfs::Decimal;

use super::file::File;
use super::{process, session_file};
use crate::host::{self, AT_FDCWD, Descriptor, Path};
use crate::resolve::procfs::{InProcess, memory_file, name_descriptor};
use crate::state;
use crate::trap::SIGSYS_BIT;

/// A file with another text in the guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told<'a> {
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

/// Files that show what is in a process, or lead there: only for who may trace it (fs/proc/base.c).
const GUARDED: [&[u8]; 14] = [
    b"maps",
    b"smaps",
    b"smaps_rollup",
    b"numa_maps",
    b"mem",
    b"pagemap",
    b"auxv",
    b"environ",
    b"io",
    b"stack",
    b"syscall",
    b"personality",
    b"timers",
    b"timerslack_ns",
];
/// The same of links.
const GUARDED_LINKS: [&[u8]; 6] = [b"exe", b"cwd", b"root", b"fd", b"map_files", b"ns"];

/// Whether a path may lead to a file with another text, by its last component.
#[must_use]
pub fn may_be_told(path: &[u8]) -> bool {
    NAMES.contains(&path.rsplit(|&byte| byte == b'/').next().unwrap_or(path))
}

fn told(host: &[u8]) -> Option<Told<'_>> {
    match host {
        b"/proc/sys/kernel/hostname" => return Some(Told::Name { domain: false }),
        b"/proc/sys/kernel/domainname" => return Some(Told::Name { domain: true }),
        _ => {}
    }
    let of = InProcess::of(host)?;
    Some(match of.file {
        b"status" => Told::Status(of.task()),
        b"limits" => Told::Limits(of.task()),
        b"uid_map" | b"gid_map" => Told::Map(of.task()),
        b"setgroups" => Told::SetGroups(of.task()),
        _ => return None,
    })
}

/// Who the process is that a directory in /proc is of; `None` if it isn't of this session.
fn identity(process: &[u8]) -> Option<Identity<'static>> {
    match number(process)? {
        0 => Some(process::current()),
        other => process::of(other),
    }
}

/// The number by which system calls know the process; 0 for the caller.
fn number(process: &[u8]) -> Option<u32> {
    match process {
        b"self" | b"thread-self" => Some(0),
        number => Decimal::parse(number).and_then(|number| u32::try_from(number).ok()),
    }
}

/// Whether a host path is that of a file with another text in the guest.
#[must_use]
pub fn is_told(host: &[u8]) -> bool {
    told(host).is_some()
}

/// Writes the text that the guest is to see of a file of procfs, which is open at its beginning.
/// `mask` has the signals that the guest blocks: in the handler all are. False, and nothing
/// written, if the guest sees what is there.
///
/// # Errors
/// read(2)'s, write(2)'s.
pub fn write(path: &[u8], source: &Descriptor, copy: &Descriptor, mask: u64) -> Result<bool, Errno> {
    match told(path) {
        Some(Told::Name { domain }) => {
            let mut name = [0u8; NAME_MAX];
            if !session_file::name(process::current().place.names, domain, &mut name) {
                return Ok(false);
            }
            let len = name.iter().position(|&byte| byte == 0).unwrap_or(name.len());
            text(copy, &[name.get(..len).unwrap_or(&[]), b"\n"])?;
        }
        Some(Told::Map(process)) if identity(process).is_some() => {
            text(copy, &[b"         0          0 4294967295\n"])?;
        }
        Some(Told::SetGroups(process)) if identity(process).is_some() => text(copy, &[b"allow\n"])?,
        Some(Told::Limits(process)) if identity(process).is_some() => limits(source, copy)?,
        Some(Told::Status(process)) => write_status(process, source, copy, mask)?,
        _ => return Ok(false),
    }
    Ok(true)
}

/// Writes a text that depends on nothing that is in the file.
fn text(copy: &Descriptor, parts: &[&[u8]]) -> Result<(), Errno> {
    let mut out = Out::new(copy);
    for part in parts {
        out.push(part);
    }
    out.finish()
}

/// The limit that tells newroot who a process is (`newroot_fakeroot::session`) looks as it does anywhere.
fn limits(source: &Descriptor, copy: &Descriptor) -> Result<(), Errno> {
    let line = b"Max file locks            unlimited            unlimited            locks     \n";
    let mut text = [0u8; 4096];
    let mut len = 0;
    while let Some(room) = text.get_mut(len..).filter(|room| !room.is_empty()) {
        match host::read(source.number(), room)? {
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
    let blocked =
        number(process).is_some_and(|of| of == 0 || of == host::gettid()).then(|| blocked_line(mask));
    let of_session = identity(process);
    let stranger = Identity { credentials: process::stranger(), groups: &[], place: Place::default() };
    let known = match &of_session {
        Some(identity) => Some((identity, false)),
        // One of the real user's, but of no session: only whom it belongs to is another here.
        None if host::fstat(source.number())?.st_uid == session_file::header().real_uid => {
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
        let len = host::read(source.number(), &mut buffer)?;
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

/// The line of `status` with the signals that a thread blocks.
fn blocked_line(mask: u64) -> [u8; 25] {
    let mask = mask & !SIGSYS_BIT | if state::sigsys_blocked() { SIGSYS_BIT } else { 0 };
    let mut line = *b"SigBlk:\t0000000000000000\n";
    for (index, place) in line.iter_mut().skip(8).take(16).enumerate() {
        let digit = (mask >> (60 - 4 * index) & 15) as u8;
        *place = if digit < 10 { b'0' + digit } else { b'a' + digit - 10 };
    }
    line
}

/// Where in a line of `status` the copying stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Line {
    /// In its name.
    Name,
    /// Behind the name, and what is there is copied.
    Copied,
    /// Behind the name, and something else has been written.
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
            match host::write(self.file.number(), rest) {
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

/// Bytes of a path in procfs that are enough to tell whose it is.
const ENOUGH: usize = 96;

/// The path of a file in procfs, or at least its beginning.
fn path_of<'a>(file: File<'_>, out: &'a mut [u8; ENOUGH]) -> Option<&'a [u8]> {
    let len = match file {
        File::Host(path) => {
            let path = path.bytes();
            let len = path.len().min(ENOUGH);
            out.get_mut(..len)?.copy_from_slice(path.get(..len)?);
            len
        }
        File::Descriptor(AT_FDCWD) => host::readlinkat(AT_FDCWD, Path::new(b"/proc/self/cwd\0"), out).ok()?,
        File::Descriptor(descriptor) | File::Found(descriptor) => {
            let mut link = Buffer::<Host, 64>::new();
            name_descriptor(descriptor, &mut link).ok()?;
            host::readlinkat(AT_FDCWD, Path::new(link.with_nul()), out).ok()?
        }
    };
    let path = out.get(..len)?;
    Some(memory_file::stands_for(path).filter(|path| memory_file::is_of_procfs(path)).unwrap_or(path))
}

/// The process whose directory in /proc a descriptor was opened on.
#[must_use]
pub fn process_of_descriptor(descriptor: i32) -> Option<u32> {
    let mut path = [0; ENOUGH];
    let of = InProcess::of(path_of(File::Descriptor(descriptor), &mut path)?)?;
    if of.file.is_empty() { number(of.task()) } else { None }
}

/// Whom a file of procfs belongs to that the host says is the real user's: a process's to who the process
/// seems to be.
#[must_use]
pub fn owner(file: File<'_>) -> Option<Credentials> {
    let mut path = [0; ENOUGH];
    let of = InProcess::of(path_of(file, &mut path)?)?;
    Some(identity(of.task()).map_or_else(process::stranger, |identity| identity.credentials))
}

/// Whether a file of procfs may be opened, by what is in it.
///
/// # Errors
/// EACCES.
pub fn may_read(me: &Identity<'_>, file: File<'_>) -> Result<(), Errno> {
    let mut path = [0; ENOUGH];
    match path_of(file, &mut path).and_then(InProcess::of) {
        Some(of) if GUARDED.contains(&of.file) => may_look_into(me, of.task()),
        _ => Ok(()),
    }
}

/// Whether the magic link that a host path may be can be followed and read.
///
/// # Errors
/// EACCES.
pub fn may_follow(me: &Identity<'_>, host: &[u8]) -> Result<(), Errno> {
    match InProcess::of(host) {
        Some(of) if GUARDED_LINKS.contains(&of.first()) => may_look_into(me, of.task()),
        _ => Ok(()),
    }
}

fn may_look_into(me: &Identity<'_>, process: &[u8]) -> Result<(), Errno> {
    let other = match number(process) {
        None | Some(0) => return Ok(()),
        Some(other) if other == host::getpid() || other == host::gettid() => return Ok(()),
        Some(other) => process::of(other).map_or_else(process::stranger, |other| other.credentials),
    };
    // Here the file system's ids ask, with what is in effect (PTRACE_MODE_FSCREDS).
    let of = me.credentials;
    let asks = Credentials { ruid: of.fsuid, rgid: of.fsgid, permitted: of.effective, ..of };
    rules::may_trace(&asks, &other).map_err(|_| Errno::ACCES)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_processes_are_told_by_their_path() {
        assert_eq!(told(b"/proc/12/status"), Some(Told::Status(b"12")));
        assert_eq!(told(b"/proc/self/task/13/status"), Some(Told::Status(b"13")));
        assert_eq!(told(b"/proc/self/limits"), Some(Told::Limits(b"self")));
        assert_eq!(told(b"/proc/sys/kernel/domainname"), Some(Told::Name { domain: true }));
        for path in ["/proc/status", "/proc/12", "/proc/12/status/x", "/proc/sys/status", "/etc/hostname"] {
            assert_eq!(told(path.as_bytes()), None, "{path}");
        }
        assert!(may_be_told(b"status") && may_be_told(b"/proc/1/limits") && !may_be_told(b"/proc/1/stat"));
    }
}
