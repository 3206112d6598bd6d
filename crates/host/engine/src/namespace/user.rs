//! The user namespace in which an ordinary user may make a mount namespace.

use std::fs;
use std::io;

use rustix::process::{getegid, geteuid};
use rustix::thread::UnshareFlags;

use super::raw;
use super::subordinate::{self, Ranges};
use crate::accounts::GuestUser;
use crate::error::{Error, Result};
use crate::identity::Numbers;
use crate::spec::{LaunchSpec, UserMap};

/// Mapping between the numbers of the user namespace and of the host.
#[derive(Debug)]
pub(super) enum Map {
    /// The caller alone, as this user and group. An ordinary user may write this mapping without
    /// help, but loses setgroups(2) (user_namespaces(7)).
    Caller { uid: u32, gid: u32 },
    /// The caller as root, and the subordinate numbers that the host has set aside for the caller.
    Ranges(Ranges),
}

impl Map {
    /// Chooses the mapping that the specification asks for.
    ///
    /// # Errors
    /// `OtherIdentity` if not all of the numbers can be mapped.
    pub(super) fn choose(spec: &LaunchSpec, wanted: &Numbers) -> Result<Self> {
        let ranges = || match spec.isolation.user_map {
            UserMap::Caller => None,
            UserMap::Root => subordinate::ranges(),
        };
        if let Some(ranges) = ranges() {
            return Ok(Self::Ranges(ranges));
        }
        if spec.identity.groups.as_ref().is_some_and(|groups| !groups.is_empty()) {
            let who = "a member of other groups".to_owned();
            return Err(Error::OtherIdentity { who, engine: "namespace" });
        }
        let (uid, gid) = match spec.isolation.user_map {
            UserMap::Caller => (geteuid().as_raw(), getegid().as_raw()),
            UserMap::Root => (0, 0),
        };
        Ok(Self::Caller { uid: wanted.uid.unwrap_or(uid), gid: wanted.gid.unwrap_or(gid) })
    }

    /// Returns the identity that the process must still take once it is inside.
    pub(super) fn remaining(&self, wanted: Numbers) -> Numbers {
        match self {
            // This is the only user there is, and setgroups(2) was given up.
            Self::Caller { .. } => Numbers::default(),
            Self::Ranges(_) => Numbers {
                uid: wanted.uid.or(Some(0)),
                gid: wanted.gid.or(Some(0)),
                groups: wanted.groups.or(Some(Vec::new())),
            },
        }
    }

    /// Returns the user as the command sees it. `remaining` is the identity still to take, and
    /// `known` the user that was asked for.
    pub(super) fn seen(&self, remaining: &Numbers, known: GuestUser) -> GuestUser {
        match self {
            // Other groups have no number there.
            Self::Caller { uid, gid } => {
                let is_caller = *uid == geteuid().as_raw();
                GuestUser { uid: *uid, gid: *gid, groups: Vec::new(), is_caller, ..known }
            }
            Self::Ranges(_) => GuestUser {
                uid: remaining.uid.unwrap_or(0),
                gid: remaining.gid.unwrap_or(0),
                groups: remaining.groups.clone().unwrap_or_default(),
                is_caller: false,
                ..known
            },
        }
    }

    /// Makes the namespace and enters it.
    pub(super) fn enter(&self) -> Result<()> {
        match self {
            Self::Caller { uid, gid } => {
                let (own_uid, own_gid) = (geteuid(), getegid());
                unshare()?;
                write("setgroups", "deny".to_owned())?;
                write("uid_map", format!("{uid} {} 1", own_uid.as_raw()))?;
                write("gid_map", format!("{gid} {} 1", own_gid.as_raw()))
            }
            Self::Ranges(ranges) => ranges.map_after(unshare),
        }
    }
}

fn unshare() -> Result<()> {
    raw::unshare(UnshareFlags::NEWUSER).map_err(|cause| denied("create a user namespace", &cause))
}

/// Makes the error for a denied namespace. Each mechanism that denies user namespaces has its
/// errno, and none of them says what to do.
pub(super) fn denied(operation: &str, cause: &io::Error) -> Error {
    let hint = match cause.raw_os_error() {
        Some(libc::ENOSPC) => "the host's limit is reached (/proc/sys/user/max_user_namespaces)",
        Some(libc::EINVAL | libc::ENOSYS) => "the kernel was built without them",
        _ => "the host denies them (a container's seccomp profile, a sysctl, a security module)",
    };
    Error::Unsupported {
        engine: "namespace",
        why: format!("cannot {operation}: {}", crate::spec::reason(cause)),
        hint: Some(format!("{hint}; `--engine trap` needs none")),
    }
}

fn write(file: &str, text: String) -> Result<()> {
    fs::write(format!("/proc/self/{file}"), text)
        .map_err(|cause| denied(&format!("write '/proc/self/{file}'"), &cause))
}
