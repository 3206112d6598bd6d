//! What is to be mounted where, as a list of steps. Planning only looks; `build` carries it out.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use newroot_abi::plan::MountFlags;
use newroot_paths::Last;

use crate::guest::{Guest, OwnedMount};
use crate::real_path::real_path;

/// The guest's tree of mounts.
#[derive(Debug)]
pub(super) struct Tree {
    /// Host directory that becomes `/`.
    pub(super) rootfs: PathBuf,
    /// What `/` must have and the root lacks.
    pub(super) root_view: Option<View>,
    /// In the order to be taken: a mount comes after those it lies in.
    pub(super) steps: Vec<Step>,
}

/// One mount.
#[derive(Debug)]
pub(super) struct Step {
    /// Canonical guest path.
    pub(super) guest: Vec<u8>,
    pub(super) action: Action,
}

/// What is mounted.
#[derive(Debug)]
pub(super) enum Action {
    /// A host file or directory, with all that is mounted below it.
    Bind { host: PathBuf, read_only: bool },
    /// A stand-in for a directory.
    View(View),
    /// An empty directory that nobody can enter or remove, over what is newroot's own.
    Cover,
}

/// A stand-in for a directory that lacks mount points: a small tmpfs in which each of the
/// directory's entries is bound, and with the mount points beside them.
///
/// A name can't be added to a directory without making it there, and nothing is to be made there.
/// What can't be kept is not taken either: nothing can be created in a view (EROFS), whereas all
/// that is seen through it is the real thing.
#[derive(Debug)]
pub(super) struct View {
    /// The host directory it stands for.
    pub(super) host: PathBuf,
    /// Whether that is seen through a read-only binding.
    pub(super) read_only: bool,
    /// The mount points, by their paths below the directory.
    pub(super) places: Vec<Place>,
}

/// A mount point in a view.
#[derive(Debug)]
pub(super) struct Place {
    /// Relative path.
    pub(super) path: Vec<u8>,
    pub(super) kind: PlaceKind,
}

/// What is made at such a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PlaceKind {
    /// A directory, on which one will be mounted.
    Directory,
    /// A file, on which one will be mounted.
    File,
    /// A symlink with this text, in place of a mount.
    Link(PathBuf),
}

impl Tree {
    /// Whether any directory is a stand-in.
    pub(super) fn has_views(&self) -> bool {
        self.root_view.is_some() || self.steps.iter().any(|step| matches!(step.action, Action::View(_)))
    }
}

impl View {
    /// Whether a mount point has the name of this entry of the directory (a symlink, which
    /// nothing can be mounted on): it is left out.
    pub(super) fn covers(&self, name: &[u8]) -> bool {
        self.places.iter().any(|place| place.path.split(|&byte| byte == b'/').next() == Some(name))
    }
}

/// Plans the mounts of `guest`.
pub(super) fn plan(guest: &Guest) -> Tree {
    let (root, bindings) = guest.mounts().split_last().expect("a guest has a root");
    let mut views: BTreeMap<Vec<u8>, View> = BTreeMap::new();
    let mut steps = Vec::new();
    // The mounts stand longest guest path first.
    for mount in bindings.iter().rev() {
        let own = mount.flags.has(MountFlags::EACH_OWN);
        let kind = place_kind(guest, mount);
        if let Some((at, path)) = missing_place(guest, &mount.guest, &kind) {
            let view = views.entry(at.guest).or_insert_with(|| View {
                host: at.host,
                read_only: guest.mounts()[at.mount].flags.has(MountFlags::READ_ONLY),
                places: Vec::new(),
            });
            view.places.push(Place { path, kind: kind.clone() });
        }
        if matches!(kind, PlaceKind::Link(_)) {
            continue;
        }
        let read_only = mount.flags.has(MountFlags::READ_ONLY);
        let host = host_path(&mount.host);
        let host = if own { real_path(&host).unwrap_or(host) } else { host };
        let action = Action::Bind { host, read_only };
        steps.push(Step { guest: mount.guest.clone(), action });
    }
    let root_view = views.remove(&b""[..]);
    for (guest, view) in views {
        // Behind the mount of the same directory, if it is one itself.
        let at = steps.partition_point(|step| step.guest.len() <= guest.len());
        steps.insert(at, Step { guest, action: Action::View(view) });
    }
    // A name can't be taken out of a directory, but what it has can be covered.
    if let Some(store) = guest.store() {
        let places = guest.places_of(store.as_os_str().as_bytes());
        steps.extend(places.into_iter().map(|guest| Step { guest, action: Action::Cover }));
    }
    Tree { rootfs: host_path(&root.host), root_view, steps }
}

/// The recommended files that alone make views necessary, by their guest paths. A view that something else needs has
/// room for them, too.
pub(super) fn dispensable(guest: &Guest) -> Vec<Vec<u8>> {
    let mut views: BTreeMap<Vec<u8>, Option<Vec<Vec<u8>>>> = BTreeMap::new();
    for mount in guest.mounts().iter().filter(|mount| !mount.guest.is_empty()) {
        let kind = place_kind(guest, mount);
        let Some((at, _)) = missing_place(guest, &mount.guest, &kind) else { continue };
        let files = views.entry(at.guest).or_insert_with(|| Some(Vec::new()));
        match files {
            Some(files) if mount.recommended && !matches!(kind, PlaceKind::Directory) => {
                files.push(mount.guest.clone())
            }
            _ => *files = None,
        }
    }
    let mut files: Vec<Vec<u8>> = views.into_values().flatten().flatten().collect();
    files.sort();
    files
}

/// Returns what a mount needs at its guest path. A mount is one process's for all; what means each
/// process's own is a link.
fn place_kind(guest: &Guest, mount: &OwnedMount) -> PlaceKind {
    match mount.flags.has(MountFlags::DIRECTORY) {
        _ if mount.flags.has(MountFlags::EACH_OWN) && has_procfs(guest) => {
            PlaceKind::Link(host_path(&mount.host))
        }
        true => PlaceKind::Directory,
        false => PlaceKind::File,
    }
}

fn host_path(host: &[u8]) -> PathBuf {
    crate::guest::shown(host)
}

/// Whether the guest has the host's procfs where the texts of links look for it.
fn has_procfs(guest: &Guest) -> bool {
    guest.resolve(b"/proc", Last::Keep).is_ok_and(|proc| proc.host.as_os_str() == "/proc")
}

/// Where a view is needed for a mount at `wanted`: the innermost directory above it that exists,
/// and the rest of the path. `None` if there is something to mount on, or the link that is wanted.
fn missing_place(
    guest: &Guest,
    wanted: &[u8],
    kind: &PlaceKind,
) -> Option<(crate::guest::Resolved, Vec<u8>)> {
    let slashes = wanted.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
    for slash in slashes.rev() {
        let parent = if slash == 0 { b"/" } else { &wanted[..slash] };
        let Ok(found) = guest.resolve(parent, Last::Keep) else { continue };
        if !fs::symlink_metadata(&found.host).is_ok_and(|metadata| metadata.is_dir()) {
            continue;
        }
        let rest = &wanted[slash + 1..];
        let entry = found.host.join(std::ffi::OsStr::from_bytes(rest));
        let there = fs::symlink_metadata(&entry);
        let fits = !rest.contains(&b'/')
            && match kind {
                PlaceKind::Directory => there.is_ok_and(|metadata| metadata.is_dir()),
                PlaceKind::File => there.is_ok_and(|metadata| !metadata.is_symlink() && !metadata.is_dir()),
                PlaceKind::Link(text) => fs::read_link(&entry).is_ok_and(|there| there == *text),
            };
        return if fits { None } else { Some((found, rest.to_vec())) };
    }
    None
}
