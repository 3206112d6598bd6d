//! The user namespace by which an ordinary user gets a mount namespace.

use std::fs;
use std::io;

use rustix::process::{getegid, geteuid};
use rustix::thread::UnshareFlags;

use super::raw;
use super::subordinate::{self, Ranges};
use crate::error::{Error, Result};
use crate::identity::Numbers;
use crate::spec::{LaunchSpec, UserMap};

/// How the user namespace's numbers stand for the host's.
#[derive(Debug)]
pub(super) enum Map {
    /// The caller alone, by these numbers. What an ordinary user may write without help, if he
    /// gives up setgroups(2) (user_namespaces(7)).
    Caller { uid: u32, gid: u32 },
    /// The caller is root, and further numbers are those that the host has set aside for him.
    Ranges(Ranges),
}

impl Map {
    /// What the specification asks for.
    ///
    /// # Errors
    /// `OtherIdentity` if the numbers can't all be had.
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

    /// What is left to become once inside.
    pub(super) fn remaining(&self, wanted: Numbers) -> Numbers {
        match self {
            // The only user there is. setgroups(2) was given up.
            Self::Caller { .. } => Numbers::default(),
            Self::Ranges(_) => Numbers {
                uid: wanted.uid.or(Some(0)),
                gid: wanted.gid.or(Some(0)),
                groups: wanted.groups.or(Some(Vec::new())),
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

/// What denies user namespaces has an errno each, and none says how to get along.
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
