//! The chroot engine: chroot(2), and nothing that a bare root doesn't need.
//!
//! Bindings, fresh directories and a read-only root need mounts that no other process sees. For a
//! launch with them this engine calls the namespace engine, which for root is a private mount
//! namespace and no more.

use std::io;

use rustix::fs::{CWD, OFlags};

use crate::error::{Error, Result};
use crate::guest::{Guest, shown};
use crate::inside::{self, Start};
use crate::real_path::open_real;
use crate::spec::{LaunchSpec, Warning, WorkingDirectory};
use crate::{identity, mounts, namespace, supervise};

/// Becomes the command. Returns only if it can't, or with the status of a supervised one.
pub(crate) fn launch(spec: &LaunchSpec, warn: &mut dyn FnMut(Warning)) -> Result<u8> {
    refuse_ordinary_users()?;
    if !spec.identity.is_callers() && !identity::can_become_others() {
        return Err(Error::OtherIdentity { who: "somebody else".to_owned(), engine: "chroot" });
    }
    let isolation = &spec.isolation;
    let mounts = !spec.bindings.is_empty() || !spec.fresh.is_empty() || spec.read_only;
    if mounts || !isolation.namespaces.is_empty() || isolation.hostname.is_some() {
        return namespace::launch(spec, warn);
    }
    inside::refuse_trap_features(spec, "chroot")?;
    let guest = mounts::resolve(spec, warn)?;
    let identity = identity::resolve(&guest, &spec.identity, warn)?;
    let start = Start::find(spec, &guest, identity, "chroot", warn)?;
    if spec.verbosity >= 1 {
        inside::describe(spec, &guest, "chroot");
    }
    let become_command = || -> Error {
        match enter(spec, &guest) {
            Ok(()) => inside::become_command(spec, &start, warn),
            Err(error) => error,
        }
    };
    supervise::become_or_run(spec, spec.kill_on_exit, become_command)
}

/// Refuses ordinary users. The namespace engine would run a command with bindings for them, but
/// they asked for chroot(2).
fn refuse_ordinary_users() -> Result<()> {
    if rustix::process::geteuid().is_root() { Ok(()) } else { Err(for_root_alone()) }
}

fn for_root_alone() -> Error {
    Error::Unsupported {
        engine: "chroot",
        why: "chroot(2) is for root alone".to_owned(),
        hint: Some("`--engine namespace` and `--engine trap` are for ordinary users".to_owned()),
    }
}

/// Enters the root that was found, wherever its name leads by now. chroot(2) leaves the working
/// directory outside, so this changes to the root first, unless the root is the host's own and the
/// working directory is to stay.
fn enter(spec: &LaunchSpec, guest: &Guest) -> Result<()> {
    let fail = |cause: io::Error| match cause.raw_os_error() {
        Some(libc::EPERM) => for_root_alone(),
        _ => Error::Rootfs { path: spec.rootfs.clone(), cause },
    };
    if spec.cwd == WorkingDirectory::Leave {
        return rustix::process::chroot("/").map_err(|cause| fail(cause.into()));
    }
    let root = open_real(CWD, &shown(guest.root()), OFlags::PATH | OFlags::DIRECTORY).map_err(fail)?;
    rustix::process::fchdir(&root)
        .and_then(|()| rustix::process::chroot("."))
        .map_err(|cause| fail(cause.into()))
}
