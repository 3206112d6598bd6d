//! Fake root: what a session needs before its first program starts.
//!
//! The launcher makes the root's store and in it the session's file, or joins those who are on it, and hangs the first
//! identity on this process, which becomes the command. `newroot_fakeroot::session` tells how the shim finds it again.

mod first;
mod living;
mod sessions;

use std::path::{Path, PathBuf};

use newroot_abi::plan::MountFlags;
use newroot_fakeroot::session::{self, Defaults, Identity, Place};
use newroot_fakeroot::{Capabilities, Credentials};
use newroot_records::store;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::error::{Error, Result};
use crate::guest::Guest;
use crate::identity::Numbers;
use crate::spec::{FakeRoot, reason};
use crate::trap::hidden;

/// A session with fake root, ready to start.
#[derive(Debug)]
pub(super) struct Prepared {
    file: sessions::SessionFile,
    /// Host paths of the stores that lie outside the root.
    pub(super) outside: Vec<PathBuf>,
    credentials: Credentials,
    groups: Vec<u32>,
    defaults: Defaults,
}

/// Provides the root's store and the session's file, and hides the store from the guest.
pub(super) fn prepare(guest: &mut Guest, kind: FakeRoot, numbers: &Numbers) -> Result<Prepared> {
    let root = crate::guest::shown(guest.root());
    let store = store::provide(&root).map_err(|not_made| Error::System {
        operation: format!("remember owners and modes: cannot make '{}'", not_made.path.display()),
        cause: not_made.cause,
    })?;
    // What isn't asked for stays the caller's.
    let groups = match &numbers.groups {
        Some(groups) => groups.clone(),
        None => own_groups()?,
    };
    let uid = numbers.uid.unwrap_or_else(|| rustix::process::geteuid().as_raw());
    let gid = numbers.gid.unwrap_or_else(|| rustix::process::getegid().as_raw());
    let defaults = match kind {
        FakeRoot::OwnFiles => Defaults { uid, gid },
        FakeRoot::Off | FakeRoot::On | FakeRoot::Required => Defaults { uid: 0, gid: 0 },
    };
    let mut credentials = Credentials::user(uid, gid);
    // The kernel's own set, which an exec intersects with; nothing that this kernel hasn't got.
    credentials.bounding = credentials.bounding.intersection(existing_capabilities());
    credentials.permitted = credentials.permitted.intersection(credentials.bounding);
    credentials.effective = credentials.effective.intersection(credentials.bounding);
    let (real_uid, real_gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    let file = sessions::provide(&store.path, real_uid, real_gid)?;
    if let Some(root) = guest.mounts_mut().last_mut() {
        root.flags = root.flags.with(MountFlags::OURS);
    }
    hidden::hide(guest, &store.path);
    let own = (!store.inside).then_some(store.path);
    let outside = own.into_iter().chain(store.outer).collect();
    Ok(Prepared { file, outside, credentials, groups, defaults })
}

fn own_groups() -> Result<Vec<u32>> {
    let groups = rustix::process::getgroups()
        .map_err(|cause| Error::system("ask for the supplementary groups", cause))?;
    Ok(groups.into_iter().map(|group| group.as_raw()).collect())
}

/// The capabilities that the running kernel knows.
fn existing_capabilities() -> Capabilities {
    let last = std::fs::read_to_string("/proc/sys/kernel/cap_last_cap");
    match last.ok().and_then(|text| text.trim().parse::<u32>().ok()) {
        Some(last) if last < 63 => Capabilities((1 << (last + 1)) - 1),
        _ => Capabilities::ALL,
    }
}

impl Drop for Prepared {
    /// Whoever comes here didn't become the command, or has outlived it and all that it started: perhaps nobody needs
    /// the file any more.
    fn drop(&mut self) {
        self.file.remove_unused();
    }
}

impl Prepared {
    /// Host path of the session's file.
    pub(super) fn file(&self) -> &Path {
        &self.file.path
    }

    /// Makes this process the first of the session.
    pub(super) fn adopt(&self) -> Result<()> {
        let refused = |why: String| Error::Unsupported {
            engine: "trap",
            why: format!("cannot fake an identity: {why}"),
            hint: None,
        };
        // What the kernel calls "unlimited" is the only hard limit that any word is below.
        if getrlimit(Resource::Locks).maximum.is_some() {
            return Err(refused("the hard limit on file locks (ulimit -H -x) isn't `unlimited`".to_owned()));
        }
        let identity =
            Identity { credentials: self.credentials, groups: &self.groups, place: Place::default() };
        let mut limited = Ok(());
        first::record(&self.file, &identity, &self.defaults, |record| {
            let current = session::to_limit(self.file.header.tag, record);
            limited = setrlimit(Resource::Locks, Rlimit { current: Some(current), maximum: None });
            Ok(())
        })
        .map_err(|cause| Error::System {
            operation: format!("write to the session's file '{}'", self.file.path.display()),
            cause,
        })?;
        limited.map_err(|error| {
            refused(format!("cannot set the limit on file locks: {}", reason(&error.into())))
        })
    }
}
