//! The bindings that `-R` and `-S` stand for, as PRoot's manual lists them.

use std::path::Path;

use newroot_engine::{Access, Binding, GuestLink, Missing};

use crate::caller::Caller;

/// Set of recommended bindings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Set {
    /// `-R`: for work in the root as on the host.
    Everyday,
    /// `-S`: for installing programs into the root. The root's own users and groups count.
    Installing,
}

impl Set {
    /// Returns the host paths that are bound at the same guest paths, if they exist.
    fn paths(self) -> &'static [&'static str] {
        match self {
            Self::Everyday => EVERYDAY,
            Self::Installing => INSTALLING,
        }
    }
}

const INSTALLING: &[&str] = &[
    "/etc/host.conf",
    "/etc/hosts",
    "/etc/nsswitch.conf",
    "/etc/resolv.conf",
    "/dev",
    "/sys",
    "/proc",
    "/tmp",
    "/run/shm",
];

const EVERYDAY: &[&str] = &[
    "/etc/host.conf",
    "/etc/hosts",
    "/etc/hosts.equiv",
    "/etc/mtab",
    "/etc/netgroup",
    "/etc/networks",
    "/etc/passwd",
    "/etc/group",
    "/etc/nsswitch.conf",
    "/etc/resolv.conf",
    "/etc/localtime",
    "/dev",
    "/sys",
    "/proc",
    "/tmp",
    "/run",
    "/var/run/dbus/system_bus_socket",
];

/// Returns the recommended bindings of `rootfs`, and after them `named`, those that the caller
/// named: later ones prevail.
///
/// The root itself is also bound at its own host path, with all bindings once more below it. A
/// command that starts in the root's directory finds the same files in `.` as in `/`.
pub(super) fn bindings(set: Set, rootfs: &Path, named: Vec<Binding>, caller: &Caller) -> Vec<Binding> {
    let home = caller.absolute_path("HOME").filter(|&home| home != "/");
    let own_path = caller.absolute(rootfs);
    let mut all: Vec<Binding> =
        set.paths().iter().map(Path::new).chain(home).map(|path| recommended(path, path)).collect();
    if own_path == Path::new("/") {
        all.extend(named);
        return all;
    }
    let once_more = |bindings: &[Binding]| -> Vec<Binding> {
        bindings.iter().map(|binding| below(&own_path, binding, caller)).collect()
    };
    let recommended_below = once_more(&all);
    let named_below = once_more(&named);
    all.push(recommended(rootfs, &own_path));
    all.extend(recommended_below);
    all.extend(named);
    all.extend(named_below);
    all
}

/// Returns the same binding with `directory` in place of `/`. It ignores a missing host path: the
/// other binding reports it.
fn below(directory: &Path, binding: &Binding, caller: &Caller) -> Binding {
    let guest = match &binding.guest {
        Some(guest) => guest.clone(),
        None => caller.absolute(&binding.host),
    };
    Binding {
        guest: Some(directory.join(guest.strip_prefix("/").unwrap_or(&guest))),
        missing: Missing::Ignore,
        ..binding.clone()
    }
}

fn recommended(host: &Path, guest: &Path) -> Binding {
    Binding {
        host: host.to_owned(),
        guest: Some(guest.to_owned()),
        access: Access::ReadWrite,
        guest_link: GuestLink::Follow,
        missing: Missing::Ignore,
    }
}
