//! The identities of the calling process and of others.
//!
//! The kernel keeps each identity for us, in a limit (see `newroot_fakeroot::session`). Most
//! programs never change theirs. To spare them the system call, the shim keeps the identity that
//! the program started with, and whether any process in this memory ever changed its own. The flag
//! is set for a vfork child too, which shares the memory but changes its own identity alone.

use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use newroot_abi::Errno;
use newroot_fakeroot::session::{self, FsContext, Identity};
use newroot_fakeroot::{Capabilities, Credentials, Who};
use newroot_procfs::Decimal;

pub use super::session_file::{Changing, Note};
use super::{chain, session_file};
use crate::identity::stores;
use crate::kernel;

/// The record that the program started with.
static FIRST: AtomicU32 = AtomicU32::new(0);
/// The mount namespace that the program started in.
static NAMESPACE: AtomicU32 = AtomicU32::new(0);
/// Whether the program started as plain root: as user and group 0 with every capability that
/// concerns files, with 0 as the owner of all unrecorded files, and with its namespace's own root.
static PLAIN: AtomicBool = AtomicBool::new(false);
/// Whether a process in this memory has changed its identity since.
static CHANGED: AtomicBool = AtomicBool::new(false);

/// Attaches the program to its session. It is called once, when the program starts.
///
/// # Errors
/// The errnos of open(2) and mmap(2) for the session file; ESRCH if the process has no record in
/// it.
pub fn start() -> Result<(), Errno> {
    let record = session_file::attach(crate::session::session().file())?;
    let first = session_file::identity(record).ok_or(Errno::SRCH)?;
    FIRST.store(record, Ordering::Relaxed);
    let of = &first.credentials;
    let ids = [of.ruid, of.euid, of.suid, of.fsuid, of.rgid, of.egid, of.sgid, of.fsgid];
    let known = session_file::header();
    let defaults = (known.default_uid, known.default_gid);
    let plain = ids == [0; 8] && defaults == (0, 0) && is_unlimited(&first) && first.fs.root == 0;
    PLAIN.store(plain, Ordering::Relaxed);
    NAMESPACE.store(first.fs.namespace, Ordering::Relaxed);
    note(Note::Sender);
    stores::start();
    Ok(())
}

fn own_record() -> Option<u32> {
    record_of(0)
}

fn record_of(process: u32) -> Option<u32> {
    let [soft, _] = kernel::limits_of(process, session::RESOURCE).ok()?;
    session::from_limit(session_file::header().tag, soft)
}

/// Returns the number of the calling process's record. Two processes with the same record have the
/// same identity in every respect.
#[must_use]
pub fn record() -> u32 {
    if CHANGED.load(Ordering::Relaxed) {
        // The limit was overwritten by force. The identity is lost, and the process becomes
        // nobody.
        own_record().unwrap_or(0)
    } else {
        FIRST.load(Ordering::Relaxed)
    }
}

/// Returns whether the calling process is plain root, neither it nor another process in its memory
/// ever changed its identity, and it sees the mounts of the plan.
#[must_use]
pub fn is_plain_root() -> bool {
    PLAIN.load(Ordering::Relaxed)
        && !CHANGED.load(Ordering::Relaxed)
        && chain::generation(NAMESPACE.load(Ordering::Relaxed)) == 0
}

/// Returns the identity of the calling process.
#[must_use]
pub fn current() -> Identity<'static> {
    session_file::identity(record()).unwrap_or(NOBODY)
}

/// The identity of a process whose own is lost: it has no rights.
const NOBODY: Identity<'static> = {
    let mut credentials = Credentials::user(65534, 65534);
    credentials.bounding = Capabilities::NONE;
    Identity { credentials, groups: &[], fs: FsContext { session: 0, namespace: 0, root: 0, names: 0 } }
};

/// Returns the identity of another process; `None` if it doesn't belong to this session.
#[must_use]
pub fn of(process: u32) -> Option<Identity<'static>> {
    session_file::identity(record_of(process)?)
}

/// Notes the identity of the calling process, when it connects, listens or sends something.
pub fn note(what: Note) {
    session_file::note(what, kernel::getpid(), record());
}

/// Returns the identity that was last noted for a process; `None` if there is none.
#[must_use]
pub fn noted(what: Note, process: u32) -> Option<Identity<'static>> {
    session_file::identity(session_file::noted(what, process)?)
}

/// Returns whether another process belongs to the same launch as the caller.
#[must_use]
pub fn is_of_launch(other: &Identity<'_>) -> bool {
    other.fs.session == current().fs.session
}

/// Returns the credentials of a process that belongs to the real user but not to this session. Such
/// processes own the unrecorded files.
#[must_use]
pub fn stranger() -> Credentials {
    let known = session_file::header();
    Credentials::user(known.default_uid, known.default_gid)
}

/// Changes the identity of the calling process. Returns the record that it had, which isn't freed
/// while `changing` exists.
///
/// # Errors
/// EAGAIN if the session file is full.
pub fn switch_identity(changing: &Changing, identity: &Identity<'_>) -> Result<u32, Errno> {
    let record = session_file::record(changing, identity)?;
    let before = self::record();
    adopt(record)?;
    note(Note::Sender);
    Ok(before)
}

/// Takes on an existing record.
///
/// # Errors
/// The errnos of setrlimit(2).
pub fn adopt(record: u32) -> Result<(), Errno> {
    CHANGED.store(true, Ordering::Relaxed);
    let limit = session::to_limit(session_file::header().tag, record);
    kernel::set_limits(session::RESOURCE, [limit, u64::MAX])
}

/// Returns the part of an identity that permission checks need.
#[must_use]
pub fn who<'a>(identity: &'a Identity<'_>) -> Who<'a> {
    Who { credentials: &identity.credentials, groups: identity.groups }
}

/// Returns whether an identity has every capability that concerns files, so that no check on files
/// refuses it anything.
#[must_use]
pub fn is_unlimited(me: &Identity<'_>) -> bool {
    const ALL: Capabilities = Capabilities::DAC_OVERRIDE
        .union(Capabilities::DAC_READ_SEARCH)
        .union(Capabilities::FOWNER)
        .union(Capabilities::FSETID)
        .union(Capabilities::CHOWN);
    me.credentials.effective.has(ALL)
}

/// Returns the identity of the process that a directory in /proc belongs to; `None` if it doesn't
/// belong to this session.
#[must_use]
pub fn of_directory(process: &[u8]) -> Option<Identity<'static>> {
    match number(process)? {
        0 => Some(current()),
        other => of(other),
    }
}

/// Returns the number that system calls take for the process of a directory in /proc; 0 for the
/// caller.
#[must_use]
pub fn number(process: &[u8]) -> Option<u32> {
    match process {
        b"self" | b"thread-self" => Some(0),
        number => Decimal::parse(number).and_then(|number| u32::try_from(number).ok()),
    }
}
