//! Fake root: the preparations of a session before its first program starts.
//!
//! The launcher makes the root's store and in it the session's file, or joins the processes that
//! use the file already. It attaches the first identity to this process, which becomes the command.
//! `newroot_fakeroot::session` describes how the shim finds the identity again.

mod first;
mod living;
mod sessions;

use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use newroot_abi::plan::MountFlags;
use newroot_fakeroot::session::{self, Defaults, FsContext, Identity};
use newroot_fakeroot::{Capabilities, Credentials};
use newroot_records::{Sidecar, Store, store};
use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::error::{Error, Result};
use crate::guest::Guest;
use crate::identity::Numbers;
use crate::spec::{FakeRoot, LaunchSpec, Warning, reason};
use crate::trap::hidden;

/// A session with fake root, ready to start.
#[derive(Debug)]
pub(super) struct Prepared {
    file: sessions::SessionFile,
    /// The root's store.
    store: Store,
    credentials: Credentials,
    groups: Vec<u32>,
    defaults: Defaults,
}

/// Provides the root's store and the session's file, and hides the store from the guest.
pub(super) fn prepare(
    spec: &LaunchSpec,
    guest: &mut Guest,
    numbers: &Numbers,
    warn: &mut dyn FnMut(Warning),
) -> Result<Prepared> {
    let root = crate::guest::shown(guest.root());
    let store = store::provide(&root).map_err(|not_made| Error::System {
        operation: format!("remember owners and modes: cannot make '{}'", not_made.path.display()),
        cause: not_made.cause,
    })?;
    if spec.fake_root == FakeRoot::Required
        && !store.inside
        && let Some(cause) = why_not_writable(&root)
    {
        let (rootfs, store) = (spec.rootfs.clone(), store.path.clone());
        warn(Warning::RootNotWritable { rootfs, cause, store });
    }
    // Numbers that weren't asked for stay the caller's.
    let groups = match &numbers.groups {
        Some(groups) => groups.clone(),
        None => own_groups()?,
    };
    let uid = numbers.uid.unwrap_or_else(|| rustix::process::geteuid().as_raw());
    let gid = numbers.gid.unwrap_or_else(|| rustix::process::getegid().as_raw());
    let defaults = match spec.fake_root {
        FakeRoot::OwnFiles => Defaults { uid, gid },
        FakeRoot::Off | FakeRoot::On | FakeRoot::Required => Defaults { uid: 0, gid: 0 },
    };
    let mut credentials = Credentials::user(uid, gid);
    // This is the kernel's own set, with which an exec intersects, without capabilities that this
    // kernel doesn't know.
    credentials.bounding = credentials.bounding.intersection(existing_capabilities());
    credentials.permitted = credentials.permitted.intersection(credentials.bounding);
    credentials.effective = credentials.effective.intersection(credentials.bounding);
    let (real_uid, real_gid) = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
    let file = sessions::provide(&store.path, real_uid, real_gid)?;
    if let Some(root) = guest.mounts_mut().last_mut() {
        root.flags = root.flags.with(MountFlags::OURS);
    }
    hidden::hide(guest, &store.path);
    Ok(Prepared { file, store, credentials, groups, defaults })
}

/// Returns the reason why no file can be made in a root. The mode alone doesn't count for the
/// owner: fake root widens a mode that is in its way.
fn why_not_writable(root: &Path) -> Option<io::Error> {
    let cause = rustix::fs::access(root, rustix::fs::Access::WRITE_OK).err()?;
    let is_own =
        std::fs::metadata(root).is_ok_and(|metadata| metadata.uid() == rustix::process::geteuid().as_raw());
    (cause != Errno::ACCESS || !is_own).then(|| cause.into())
}

fn own_groups() -> Result<Vec<u32>> {
    let groups = rustix::process::getgroups()
        .map_err(|cause| Error::system("ask for the supplementary groups", cause))?;
    Ok(groups.into_iter().map(|group| group.as_raw()).collect())
}

/// Returns the capabilities that the running kernel knows.
fn existing_capabilities() -> Capabilities {
    let last = std::fs::read_to_string("/proc/sys/kernel/cap_last_cap");
    match last.ok().and_then(|text| text.trim().parse::<u32>().ok()) {
        Some(last) if last < 63 => Capabilities((1 << (last + 1)) - 1),
        _ => Capabilities::ALL,
    }
}

impl Drop for Prepared {
    /// Removes the file if no process needs it any more. This runs in a process that didn't become
    /// the command, or that outlived it and its descendants.
    fn drop(&mut self) {
        self.file.remove_unused();
    }
}

impl Prepared {
    /// Returns the host path of the session's file.
    pub(super) fn file(&self) -> &Path {
        &self.file.path
    }

    /// Returns the host path of the root's store.
    pub(super) fn store(&self) -> &Path {
        &self.store.path
    }

    /// Returns the host paths of the stores that lie outside the root.
    pub(super) fn outside(&self) -> impl Iterator<Item = &Path> {
        let own = (!self.store.inside).then_some(&self.store.path);
        own.into_iter().chain(&self.store.outer).map(PathBuf::as_path)
    }

    /// Opens the records of files that bear no attributes.
    pub(super) fn sidecar(&self) -> io::Result<Sidecar> {
        Sidecar::open_with(&self.store.outer, Some(&self.store.path))
    }

    /// Makes this process the first of the session.
    pub(super) fn adopt(&self) -> Result<()> {
        let refused = |why: String| Error::Unsupported {
            engine: "trap",
            why: format!("cannot fake an identity: {why}"),
            hint: None,
        };
        // The kernel's "unlimited" is the only hard limit that is above every possible record.
        if getrlimit(Resource::Locks).maximum.is_some() {
            return Err(refused("the hard limit on file locks (ulimit -H -x) isn't `unlimited`".to_owned()));
        }
        let identity =
            Identity { credentials: self.credentials, groups: &self.groups, fs: FsContext::default() };
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
