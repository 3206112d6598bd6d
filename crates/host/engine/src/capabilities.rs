//! Capabilities of the command that aren't those its identity has by itself.

use rustix::thread::{CapabilitySet, CapabilitySets};

use crate::error::{Error, Result};
use crate::spec::Isolation;

/// What is to be done around the change of identity.
#[derive(Debug)]
pub(crate) struct Change {
    drop: CapabilitySet,
    add: CapabilitySet,
    /// What the launcher has: nothing else can be given.
    held: CapabilitySet,
}

/// Prepares the change; `None` if none is asked for. Comes before the change of identity, which would
/// take all capabilities from whom becomes an ordinary user.
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
    /// Carries it out for the user that the process is now.
    ///
    /// An exec gives root what the bounding set has, and others what is ambient (capabilities(7)).
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
