//! Capabilities of the command, beyond those that its identity has by itself.

use rustix::thread::{CapabilitySet, CapabilitySets};

use crate::error::{Error, Result};
use crate::spec::Isolation;

/// A change of capabilities, around the switch of identity.
#[derive(Debug)]
pub(crate) struct Change {
    drop: CapabilitySet,
    add: CapabilitySet,
    /// The launcher's own capabilities. It can't give others.
    held: CapabilitySet,
}

/// Prepares the change. Returns `None` if the user asks for none. Call it before the switch of
/// identity, which takes all capabilities from a process that becomes an ordinary user.
pub(crate) fn prepare(wanted: &Isolation) -> Result<Option<Change>> {
    let (drop, add) = (wanted.drop_capabilities.set(), wanted.add_capabilities.set());
    if drop.is_empty() && add.is_empty() {
        return Ok(None);
    }
    let held = rustix::thread::capabilities(None)
        .map_err(|cause| Error::system("ask for the capabilities", cause))?
        .permitted;
    if add != CapabilitySet::all() && !held.contains(add) {
        return Err(Error::system("add a capability that newroot lacks itself", rustix::io::Errno::PERM));
    }
    rustix::thread::set_keep_capabilities(true)
        .map_err(|cause| Error::system("keep the capabilities", cause))?;
    Ok(Some(Change { drop, add: add & held, held }))
}

impl Change {
    /// Changes the capabilities of this process, which has switched its identity.
    ///
    /// At an exec, root gets the capabilities of the bounding set, other users get the ambient ones
    /// (capabilities(7)).
    pub(crate) fn carry_out(&self) -> Result<()> {
        let fail = |cause| Error::system("set the capabilities", cause);
        let is_root = rustix::process::geteuid().is_root();
        let own = if is_root { self.held } else { CapabilitySet::empty() };
        let wanted = own.difference(self.drop).union(self.add);
        for capability in self.drop.difference(self.add).iter() {
            if rustix::thread::capability_is_in_bounding_set(capability).unwrap_or(false) {
                rustix::thread::remove_capability_from_bounding_set(capability).map_err(fail)?;
            }
        }
        let sets = CapabilitySets { effective: wanted, permitted: wanted, inheritable: wanted };
        rustix::thread::set_capabilities(None, sets).map_err(fail)?;
        rustix::thread::clear_ambient_capability_set().map_err(fail)?;
        for capability in self.add.iter().filter(|_| !is_root) {
            rustix::thread::configure_capability_in_ambient_set(capability, true).map_err(fail)?;
        }
        Ok(())
    }
}
