//! The step from the specification's root and bindings to the mounts of a session.

mod empty_dirs;
mod own;

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use newroot_abi::plan::{Flags, MountFlags};
use newroot_paths::{GuestBuf, Last};

pub(crate) use self::own::is_own;
use crate::error::{Error, Result};
use crate::guest::{Guest, NO_HOST_PATH_YET, OwnedMount, Source};
use crate::real_path::real_path;
use crate::spec::{Access, Binding, BindingRules, Fresh, GuestLink, LaunchSpec, Missing, Warning, reason};

/// Resolves the root and all bindings.
pub(crate) fn resolve(spec: &LaunchSpec, warn: &mut dyn FnMut(Warning)) -> Result<Guest> {
    let root = root(&spec.rootfs)?;
    let mut guest = Guest::new(root.as_os_str().as_bytes());
    for binding in &spec.bindings {
        bind(&mut guest, binding, spec.binding_rules, warn)?;
    }
    for fresh in &spec.fresh {
        add_fresh(&mut guest, fresh)?;
    }
    if spec.read_only
        && let Some(root) = guest.mounts_mut().iter_mut().find(|mount| mount.guest.is_empty())
    {
        root.flags = root.flags.with(MountFlags::READ_ONLY_BY_LAUNCH);
    }
    // In the host's own root, host paths are guest paths.
    if spec.binding_rules == BindingRules::Proot && !guest.is_hosts_root() {
        for mount in guest.mounts_mut() {
            if mount.may_hold_host_links() {
                mount.flags = mount.flags.with(MountFlags::LINKS_INSIDE);
            }
        }
    }
    guest.settle();
    Ok(guest)
}

/// Adds what the shim must know of bindings that have no mount point in the root.
pub(crate) fn provide_mount_points(guest: &mut Guest) -> Result<()> {
    add_missing_parents(guest)?;
    mark_unlisted(guest);
    Ok(())
}

fn root(path: &Path) -> Result<PathBuf> {
    let fail = |cause| Error::Rootfs { path: path.to_owned(), cause };
    let root = real_path(path).map_err(fail)?;
    if !fs::metadata(&root).map_err(fail)?.is_dir() {
        return Err(fail(io::Error::from_raw_os_error(libc::ENOTDIR)));
    }
    // Only the search permission is checked, as by the kernel; read permission isn't.
    rustix::fs::access(&root, rustix::fs::Access::EXEC_OK).map_err(|error| fail(error.into()))?;
    Ok(root)
}

fn bind(
    guest: &mut Guest,
    binding: &Binding,
    rules: BindingRules,
    warn: &mut dyn FnMut(Warning),
) -> Result<()> {
    let wanted = guest_path(binding);
    let fail = |cause: String| Error::Binding {
        host: binding.host.clone(),
        guest: PathBuf::from(OsStr::from_bytes(&wanted)),
        cause,
    };
    let own = own::own_path(&binding.host);
    let found = match &own {
        Some(own) if own::is_descriptor(own) => Ok((false, own.clone())),
        Some(own) => fs::metadata(OsStr::from_bytes(own)).map(|metadata| (metadata.is_dir(), own.clone())),
        None => real_path(&binding.host)
            .and_then(|host| Ok((fs::metadata(&host)?.is_dir(), host.into_os_string().into_vec()))),
    };
    let (directory, host) = match found {
        Ok(found) => found,
        Err(cause) => {
            return match binding.missing {
                Missing::Fail => Err(fail(reason(&cause))),
                Missing::Warn => {
                    warn(Warning::BindingSkipped { host: binding.host.clone(), cause });
                    Ok(())
                }
                Missing::Ignore => Ok(()),
            };
        }
    };
    let last = match binding.guest_link {
        GuestLink::Follow => Last::Follow,
        GuestLink::Keep => Last::Keep,
    };
    let last = if own.is_some() && leads_to_own(guest, &wanted) { Last::Keep } else { last };
    let target = match find_target(guest, &wanted, last, binding.missing, directory) {
        Ok(target) => target,
        Err(why) if binding.missing == Missing::Fail => return Err(fail(why)),
        Err(why) => {
            warn(Warning::PlaceUnfit { host: binding.host.clone(), why });
            return Ok(());
        }
    };
    if binding.missing == Missing::Ignore && is_visible_already(guest, &target, &host) {
        return Ok(());
    }
    let mut flags = if directory { MountFlags::DIRECTORY } else { MountFlags::default() };
    if own.is_some() {
        flags = flags.with(MountFlags::EACH_OWN);
    }
    if binding.access == Access::ReadOnly {
        flags = flags.with(MountFlags::READ_ONLY_BY_LAUNCH);
    }
    let host = if host == b"/" { Vec::new() } else { host };
    let recommended = binding.missing == Missing::Ignore;
    let mount = OwnedMount { guest: target, host, flags, parent: (0, 0), recommended, source: Source::Host };
    match rules {
        BindingRules::Mounts => guest.add(mount),
        BindingRules::Proot if mount.guest.is_empty() => guest.add(mount),
        BindingRules::Proot => guest.add_beneath(mount),
    }
    Ok(())
}

/// Adds a fresh directory. It replaces a recommended binding at its guest path, but not a binding
/// that the user named. Bindings below it stay.
fn add_fresh(guest: &mut Guest, fresh: &Fresh) -> Result<()> {
    let mut wanted = fresh.guest.as_os_str().as_bytes().to_vec();
    if wanted.first() != Some(&b'/') {
        wanted.insert(0, b'/');
    }
    let fail = |cause: String| Error::Fresh { guest: fresh.guest.clone(), cause };
    let target = guest.resolve_missing(&wanted, Last::Follow).map_err(|cause| fail(reason(&cause)))?;
    if target.is_empty() {
        return Err(fail("it is the root itself".to_owned()));
    }
    if guest.at(&target).is_some_and(|mount| !mount.recommended) {
        return Ok(());
    }
    let is_file = guest
        .resolve(&target, Last::Keep)
        .and_then(|at| fs::symlink_metadata(at.host))
        .is_ok_and(|metadata| !metadata.is_dir());
    if is_file && guest.at(&target).is_none() {
        return Err(fail(reason(&io::Error::from_raw_os_error(libc::ENOTDIR))));
    }
    guest.add_beneath(OwnedMount {
        guest: target,
        host: NO_HOST_PATH_YET.to_vec(),
        flags: MountFlags::DIRECTORY,
        parent: (0, 0),
        recommended: false,
        source: Source::Fresh(fresh.mode),
    });
    Ok(())
}

/// Finds the guest path to bind at, or returns the reason why there is none.
///
/// An optional binding covers a link that leads to itself, such as the `proc` that points to
/// `/proc`, which debootstrap makes in a container. Nobody means the link.
fn find_target(
    guest: &Guest,
    wanted: &[u8],
    last: Last,
    missing: Missing,
    directory: bool,
) -> std::result::Result<Vec<u8>, String> {
    let found = match guest.resolve_missing(wanted, last) {
        Err(cause) if cause.raw_os_error() == Some(libc::ELOOP) && missing != Missing::Fail => {
            guest.resolve_missing(wanted, Last::Keep)
        }
        found => found,
    };
    let target = found.map_err(|cause| reason(&cause))?;
    check_kinds(guest, &target, directory).map(|()| target)
}

/// Returns whether the guest sees a host path at a guest path without a binding. A binding that
/// nobody asked for would only keep out what the root can have there: recorded owners, devices.
fn is_visible_already(guest: &Guest, target: &[u8], host: &[u8]) -> bool {
    let covers = guest.has_mount_within(target);
    !covers
        && !target.is_empty()
        && guest.resolve(target, Last::Keep).is_ok_and(|found| found.host.as_os_str().as_bytes() == host)
}

/// Returns whether the guest has a symlink at this path to a file that differs by process, such as
/// `/proc/self/fd`. A binding covers such a link.
fn leads_to_own(guest: &Guest, wanted: &[u8]) -> bool {
    let link = guest.resolve(wanted, Last::Keep).and_then(|at| fs::read_link(at.host));
    link.is_ok_and(|text| is_own(text.as_os_str().as_bytes()))
}

/// Returns the guest path that was asked for, absolute but unresolved.
fn guest_path(binding: &Binding) -> Vec<u8> {
    let path = binding.guest.as_deref().unwrap_or(&binding.host);
    if binding.guest.is_none()
        && path.is_relative()
        && let Ok(absolute) = std::path::absolute(path)
    {
        return absolute.as_os_str().as_bytes().to_vec();
    }
    let mut bytes = path.as_os_str().as_bytes().to_vec();
    if bytes.first() != Some(&b'/') {
        bytes.insert(0, b'/');
    }
    bytes
}

/// Checks as mount(2) does that a directory is bound on a directory, and another file on another
/// file.
fn check_kinds(guest: &Guest, target: &[u8], directory: bool) -> std::result::Result<(), String> {
    let at = guest.resolve(if target.is_empty() { b"/" } else { target }, Last::Keep);
    let Ok(metadata) = at.and_then(|at| fs::symlink_metadata(at.host)) else {
        return Ok(());
    };
    match (directory, metadata.is_dir()) {
        (true, false) if !metadata.is_symlink() => Err("a directory can't be bound on a file".to_owned()),
        (false, true) => Err("a file can't be bound on a directory".to_owned()),
        _ => Ok(()),
    }
}

/// Adds mounts for directories that exist only because a binding lies below them. Their host
/// directories are and stay empty.
fn add_missing_parents(guest: &mut Guest) -> Result<()> {
    let mut seen: HashSet<&[u8]> = HashSet::new();
    let mut missing: Vec<Vec<u8>> = Vec::new();
    for mount in guest.mounts() {
        for (slash, _) in mount.guest.iter().enumerate().filter(|(_, byte)| **byte == b'/').skip(1) {
            let parent = &mount.guest[..slash];
            if !seen.insert(parent) || guest.at(parent).is_some() {
                continue;
            }
            let exists =
                guest.resolve(parent, Last::Keep).is_ok_and(|at| fs::symlink_metadata(at.host).is_ok());
            if !exists {
                missing.push(parent.to_vec());
            }
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    missing.sort();
    for (parent, host) in missing.iter().zip(empty_dirs::provide(missing.len())?) {
        let flags = MountFlags::DIRECTORY.with(MountFlags::VIRTUAL);
        let host = host.into_os_string().into_encoded_bytes();
        guest.insert(OwnedMount {
            guest: parent.clone(),
            host,
            flags,
            parent: (0, 0),
            recommended: false,
            source: Source::Host,
        });
    }
    guest.settle();
    Ok(())
}

/// Marks the mounts whose name is missing in a listing of their parent directory.
fn mark_unlisted(guest: &mut Guest) {
    // Caches parents, because thousands of files can be bound in the same few directories.
    let mut parents: HashMap<&[u8], Option<_>> = HashMap::new();
    let look = |parent: &[u8]| {
        let host = guest.resolve(parent, Last::Keep).ok()?.host;
        let metadata = fs::metadata(&host).ok()?;
        Some((host, (metadata.dev(), metadata.ino())))
    };
    let unlisted: Vec<Option<(u64, u64)>> = guest
        .mounts()
        .iter()
        .map(|mount| {
            if mount.flags.has(MountFlags::HIDDEN) {
                return None;
            }
            let slash = mount.guest.iter().rposition(|&byte| byte == b'/')?;
            let parent = if slash == 0 { b"/" } else { &mount.guest[..slash] };
            let (host, identity) = parents.entry(parent).or_insert_with(|| look(parent)).as_ref()?;
            let name = OsStr::from_bytes(&mount.guest[slash + 1..]);
            fs::symlink_metadata(host.join(name)).is_err().then_some(*identity)
        })
        .collect();
    for (mount, parent) in guest.mounts_mut().iter_mut().zip(unlisted) {
        if let Some(parent) = parent {
            mount.flags = mount.flags.with(MountFlags::UNLISTED);
            mount.parent = parent;
        }
    }
}

/// Returns the session's flags that follow from its mounts.
pub(crate) fn flags(guest: &Guest) -> Flags {
    let any = |flag| guest.mounts().iter().any(|mount: &OwnedMount| mount.flags.has(flag));
    let mut flags = Flags::default();
    if any(MountFlags::UNLISTED) {
        flags = flags.with(Flags::UNLISTED);
    }
    if any(MountFlags::HIDDEN) {
        flags = flags.with(Flags::HIDING);
    }
    if any(MountFlags::READ_ONLY) {
        flags = flags.with(Flags::READ_ONLY);
    }
    if any(MountFlags::LINKS_INSIDE) {
        flags = flags.with(Flags::LINKS_INSIDE);
    }
    if is_aliased(guest) {
        flags = flags.with(Flags::ALIASED);
    }
    flags
}

/// Returns whether any host directory is visible at two guest paths.
fn is_aliased(guest: &Guest) -> bool {
    guest.with_table(|table| table.is_aliased(&mut GuestBuf::new()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guest(root: &str, mounts: &[(&str, &str)]) -> Guest {
        let mut result = Guest::new(root.as_bytes());
        for (at, host) in mounts {
            result.add(OwnedMount {
                guest: at.as_bytes().to_vec(),
                host: host.as_bytes().to_vec(),
                flags: MountFlags::DIRECTORY,
                parent: (0, 0),
                recommended: false,
                source: Source::Host,
            });
        }
        result.settle();
        result
    }

    #[test]
    fn a_directory_bound_into_itself_is_seen_twice() {
        assert!(is_aliased(&guest("/home/me", &[("/home/me", "/home/me")])));
        assert!(is_aliased(&guest("/tmp/root", &[("/tmp", "/tmp")])));
        assert!(is_aliased(&guest("/r", &[("/a", "/x"), ("/b", "/x/y")])));
    }

    #[test]
    fn a_mount_at_its_own_host_path_is_seen_once() {
        assert!(!is_aliased(&guest("/", &[("/proc", "/proc")])));
        assert!(!is_aliased(&guest("/r", &[("/proc", "/proc"), ("/sys", "/sys")])));
    }
}
