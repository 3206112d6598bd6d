//! Who the calling process is, and who another one is.
//!
//! The kernel keeps it for us, in a limit (see `newroot_fakeroot::session`). Most programs never change who
//! they are; so that they needn't ask, what the program started as is kept, along with whether any
//! process in this memory ever changed. That is true of a vfork child too, which changes itself alone.

use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use newroot_abi::Errno;
use newroot_fakeroot::session::{self, Identity, Place};
use newroot_fakeroot::{Capabilities, Credentials, Who};

use super::permission::is_unlimited;
pub use super::session_file::{Changing, Note};
use super::{chain, session_file, sidecar};
use crate::host;

/// The record that the program started with.
static FIRST: AtomicU32 = AtomicU32::new(0);
/// Its mount namespace.
static NAMESPACE: AtomicU32 = AtomicU32::new(0);
/// Whether that is root with every capability that files are about, to whom all files are root's that nothing is
/// recorded of, and whose root is the namespace's.
static PLAIN: AtomicBool = AtomicBool::new(false);
/// Whether a process in this memory has become someone else since.
static CHANGED: AtomicBool = AtomicBool::new(false);

/// Attaches the program to its session. Once, at its start.
///
/// # Errors
/// Those of mapping the session's file; ESRCH if the process has no record in it.
pub fn start() -> Result<(), Errno> {
    let record = session_file::attach(crate::session::session().file())?;
    let first = session_file::identity(record).ok_or(Errno::SRCH)?;
    FIRST.store(record, Ordering::Relaxed);
    let of = &first.credentials;
    let ids = [of.ruid, of.euid, of.suid, of.fsuid, of.rgid, of.egid, of.sgid, of.fsgid];
    let known = session_file::header();
    let defaults = (known.default_uid, known.default_gid);
    let plain = ids == [0; 8] && defaults == (0, 0) && is_unlimited(&first) && first.place.root == 0;
    PLAIN.store(plain, Ordering::Relaxed);
    NAMESPACE.store(first.place.namespace, Ordering::Relaxed);
    note(Note::Sender);
    sidecar::start();
    Ok(())
}

fn own_record() -> Option<u32> {
    record_of(0)
}

fn record_of(process: u32) -> Option<u32> {
    let [soft, _] = host::limits_of(process, session::RESOURCE).ok()?;
    session::from_limit(session_file::header().tag, soft)
}

/// Number of the calling process's record: two processes with the same one are the same user in everything.
#[must_use]
pub fn record() -> u32 {
    if CHANGED.load(Ordering::Relaxed) {
        // A limit that is gone was taken by force: nothing is kept of who the process was then.
        own_record().unwrap_or(0)
    } else {
        FIRST.load(Ordering::Relaxed)
    }
}

/// Whether the calling process is root and nothing else, and neither it nor another in its memory ever was; and
/// whether it sees the mounts that the plan has.
#[must_use]
pub fn is_plain_root() -> bool {
    PLAIN.load(Ordering::Relaxed)
        && !CHANGED.load(Ordering::Relaxed)
        && chain::generation(NAMESPACE.load(Ordering::Relaxed)) == 0
}

/// Who the calling process is.
#[must_use]
pub fn current() -> Identity<'static> {
    session_file::identity(record()).unwrap_or(NOBODY)
}

/// Who may do nothing.
const NOBODY: Identity<'static> = {
    let mut credentials = Credentials::user(65534, 65534);
    credentials.bounding = Capabilities::NONE;
    Identity { credentials, groups: &[], place: Place { session: 0, namespace: 0, root: 0, names: 0 } }
};

/// Who another process is; `None` if it isn't of this session.
#[must_use]
pub fn of(process: u32) -> Option<Identity<'static>> {
    session_file::identity(record_of(process)?)
}

/// Notes who the calling process is, as it connects or listens, or sends something.
pub fn note(what: Note) {
    session_file::note(what, host::getpid(), record());
}

/// Who a process was when that was last noted; `None` if it isn't known.
#[must_use]
pub fn noted(what: Note, process: u32) -> Option<Identity<'static>> {
    session_file::identity(session_file::noted(what, process)?)
}

/// Whether another process comes from the same launch as the caller.
#[must_use]
pub fn is_of_launch(other: &Identity<'_>) -> bool {
    other.place.session == current().place.session
}

/// Who a process of the real user's is that isn't of this session: they own what nothing is recorded of.
#[must_use]
pub fn stranger() -> Credentials {
    let known = session_file::header();
    Credentials::user(known.default_uid, known.default_gid)
}

/// Makes the calling process someone else; the result is the record it had, which stays for as long as `changing` does.
///
/// # Errors
/// EAGAIN where no more identities can be kept.
pub fn become_(changing: &Changing, identity: &Identity<'_>) -> Result<u32, Errno> {
    let record = session_file::record(changing, identity)?;
    let before = self::record();
    adopt(record)?;
    note(Note::Sender);
    Ok(before)
}

/// Goes by a record that is there already.
///
/// # Errors
/// Those of setrlimit(2).
pub fn adopt(record: u32) -> Result<(), Errno> {
    CHANGED.store(true, Ordering::Relaxed);
    let limit = session::to_limit(session_file::header().tag, record);
    host::set_limits(session::RESOURCE, [limit, u64::MAX])
}

/// The part of an identity that permissions are about.
#[must_use]
pub fn who<'a>(identity: &'a Identity<'_>) -> Who<'a> {
    Who { credentials: &identity.credentials, groups: identity.groups }
}
