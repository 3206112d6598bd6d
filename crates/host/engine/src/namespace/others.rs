//! Namespaces that are only made on request.

use std::os::unix::ffi::OsStrExt;

use rustix::thread::UnshareFlags;

use super::raw;
use crate::error::{Error, Result};
use crate::spec::{Isolation, Namespace};

/// Makes the requested namespaces. A new PID namespace is for later children.
pub(super) fn unshare(wanted: &Isolation) -> Result<()> {
    for namespace in &wanted.namespaces {
        let (flag, name) = match namespace {
            Namespace::Pid => (UnshareFlags::NEWPID, "PID"),
            Namespace::Net => (UnshareFlags::NEWNET, "network"),
            Namespace::Ipc => (UnshareFlags::NEWIPC, "IPC"),
            Namespace::Uts => (UnshareFlags::NEWUTS, "UTS"),
            Namespace::Cgroup => (UnshareFlags::NEWCGROUP, "cgroup"),
        };
        raw::unshare(flag).map_err(|cause| Error::system(format!("create a {name} namespace"), cause))?;
        if *namespace == Namespace::Net {
            raw::bring_loopback_up().map_err(|cause| Error::system("bring the loopback device up", cause))?;
        }
    }
    if let Some(name) = &wanted.hostname {
        rustix::system::sethostname(name.as_bytes())
            .map_err(|cause| Error::system(format!("set the host name '{}'", name.display()), cause))?;
    }
    Ok(())
}
