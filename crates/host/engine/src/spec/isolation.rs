//! What the command doesn't share with the host, beyond its root.

use std::ffi::OsString;
use std::os::fd::RawFd;

use rustix::thread::CapabilitySet;

/// What is taken from the command, or made for it alone. The default is nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Isolation {
    /// Namespaces of the command's own, besides those the namespace engine always makes.
    pub namespaces: Vec<Namespace>,
    /// The host name in the command's own UTS namespace.
    pub hostname: Option<OsString>,
    /// How an ordinary user's numbers read in the user namespace.
    pub user_map: UserMap,
    /// Descriptors above 2 that the command inherits; the namespace engine closes all others.
    pub keep_descriptors: Vec<RawFd>,
    /// Kill the command when the process that started newroot ends.
    pub die_with_parent: bool,
    /// Capabilities that the command and all it starts can't have.
    pub drop_capabilities: Capabilities,
    /// Capabilities that it has all the same, whoever it runs as.
    pub add_capabilities: Capabilities,
    /// Whether the kernel is to keep the command to the root and the bindings.
    pub confinement: Confinement,
}

impl Isolation {
    /// Whether there is something in it that only the namespace engine can give.
    pub(crate) fn needs_namespaces(&self) -> bool {
        !self.namespaces.is_empty()
            || self.hostname.is_some()
            || self.user_map != UserMap::Caller
            || !self.add_capabilities.is_empty()
    }
}

/// How the kernel keeps the command to the root and the bindings (Landlock).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Confinement {
    /// Not at all.
    #[default]
    None,
    /// As far as it can; what that is, is said.
    BestEffort,
    /// Wholly, or the command isn't run.
    Strict,
}

/// A set of capabilities(7).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capabilities(u64);

impl Capabilities {
    /// The one of this name, with or without `CAP_` in front and in any case; `all` is all of them.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let name = name.to_ascii_uppercase();
        if name == "ALL" {
            return Some(Self(CapabilitySet::all().bits()));
        }
        CapabilitySet::from_name(name.strip_prefix("CAP_").unwrap_or(&name)).map(|set| Self(set.bits()))
    }

    /// Both sets.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Whether there is none in it.
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
    /// Process numbers; the command's are reaped by an init, and end with it.
    Pid,
    /// Network devices, addresses, ports; only a loopback device is there.
    Net,
    /// System V IPC and POSIX message queues.
    Ipc,
    /// Host name.
    Uts,
    /// Control groups.
    Cgroup,
}

/// How user and group numbers read inside a user namespace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UserMap {
    /// The command is the caller there too, and everybody else nobody.
    #[default]
    Caller,
    /// The caller is root there; where the host has subordinate numbers for the caller, they
    /// follow from 1 on.
    Root,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capability_goes_by_several_spellings() {
        let one = Capabilities::named("CAP_NET_RAW");
        assert!(one.is_some());
        assert_eq!(Capabilities::named("net_raw"), one);
        assert_eq!(Capabilities::named("cap_net_raw"), one);
        assert_eq!(Capabilities::named("raw"), None);
        assert_eq!(one.zip(Capabilities::named("all")).map(|(one, all)| one.and(all) == all), Some(true));
    }
}
