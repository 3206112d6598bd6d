//! The resources that the command doesn't share with the host, beyond its root.

use std::ffi::OsString;
use std::os::fd::RawFd;

use rustix::thread::CapabilitySet;

/// Resources that are taken from the command, or made for it alone. The default is none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Isolation {
    /// Namespaces for the command alone, besides those that the namespace engine always makes.
    pub namespaces: Vec<Namespace>,
    /// Host name in the command's own UTS namespace.
    pub hostname: Option<OsString>,
    /// Mapping of an ordinary user's numbers into the user namespace.
    pub user_map: UserMap,
    /// Descriptors above 2 that the command inherits. The namespace engine closes all others.
    pub keep_descriptors: Vec<RawFd>,
    /// Whether the kernel kills the command when the process that started newroot ends.
    pub die_with_parent: bool,
    /// Capabilities that neither the command nor its descendants can have.
    pub drop_capabilities: Capabilities,
    /// Capabilities that the command has in any case, even as another user than root.
    pub add_capabilities: Capabilities,
    /// Whether the kernel restricts the command to the root and the bindings.
    pub confinement: Confinement,
}

impl Isolation {
    /// Returns whether only the namespace engine can give all of it.
    pub(crate) fn needs_namespaces(&self) -> bool {
        !self.namespaces.is_empty()
            || self.hostname.is_some()
            || self.user_map != UserMap::Caller
            || !self.add_capabilities.is_empty()
    }
}

/// Restriction of the command to the root and the bindings by the kernel (Landlock).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Confinement {
    /// No restriction.
    #[default]
    None,
    /// As much as the kernel can enforce. newroot reports how much that is.
    BestEffort,
    /// The whole restriction; without it the command doesn't run.
    Strict,
}

/// A set of capabilities(7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capabilities(u64);

impl Capabilities {
    /// Returns the capability of this name, in any case, with or without the prefix `CAP_`. `all`
    /// stands for all of them.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let name = name.to_ascii_uppercase();
        if name == "ALL" {
            return Some(Self(CapabilitySet::all().bits()));
        }
        CapabilitySet::from_name(name.strip_prefix("CAP_").unwrap_or(&name)).map(|set| Self(set.bits()))
    }

    /// Returns the union of both sets.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Returns whether the set has no capability.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    pub(crate) fn set(self) -> CapabilitySet {
        CapabilitySet::from_bits_retain(self.0)
    }
}

/// A kind of namespace that can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Namespace {
    /// Process numbers. An init reaps the command's processes, which end with it.
    Pid,
    /// Network devices, addresses and ports; the only device is loopback.
    Net,
    /// System V IPC and POSIX message queues.
    Ipc,
    /// Host name.
    Uts,
    /// Control groups.
    Cgroup,
}

/// Mapping of user and group numbers into a user namespace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UserMap {
    /// The command is the caller inside, too; all other users read as nobody.
    #[default]
    Caller,
    /// The caller is root inside. Where the host has subordinate numbers for the caller, they
    /// follow from 1 on.
    Root,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capability_has_several_spellings() {
        let one = Capabilities::named("CAP_NET_RAW");
        assert!(one.is_some());
        assert_eq!(Capabilities::named("net_raw"), one);
        assert_eq!(Capabilities::named("cap_net_raw"), one);
        assert_eq!(Capabilities::named("raw"), None);
        assert_eq!(one.zip(Capabilities::named("all")).map(|(one, all)| one.and(all) == all), Some(true));
    }
}
