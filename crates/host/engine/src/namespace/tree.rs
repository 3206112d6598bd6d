//! The plan of all mounts, as a list of steps. Planning only reads; `build` carries the plan out.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use newroot_abi::plan::MountFlags;
use newroot_paths::{Last, Mounts as _};

use crate::guest::{Guest, OwnedMount, Source};
use crate::real_path::real_path;

/// The guest's tree of mounts.
#[derive(Debug)]
pub(super) struct Tree {
    /// Host directory that becomes `/`.
    pub(super) rootfs: PathBuf,
    /// Whether the command can't change it.
    pub(super) read_only: bool,
    /// View of `/`, if the root lacks mount points there.
    pub(super) root_view: Option<View>,
    /// Steps in their order: a mount comes after those in which it lies.
    pub(super) steps: Vec<Step>,
}

/// One mount.
#[derive(Debug)]
pub(super) struct Step {
    /// Canonical guest path.
    pub(super) guest: Vec<u8>,
    pub(super) action: Action,
}

/// Object to mount.
#[derive(Debug)]
pub(super) enum Action {
    /// A host file or directory, with all mounts below it.
    Bind { host: PathBuf, read_only: bool },
    /// A tmpfs with this mode, and with mount points in it.
    Fresh { mode: u32, entries: Vec<ViewEntry> },
    /// A read-only file with this text.
    Text(Vec<u8>),
    /// A substitute for a directory.
    View(View),
    /// An empty directory that nobody can enter or remove, over newroot's own files.
    Cover,
}

/// A substitute for a directory that lacks mount points: a small tmpfs in which each of the
/// directory's entries is bound, with the mount points beside them.
///
/// A name can't be added to a directory without making it there, and newroot makes nothing there. A
/// view can't keep new files, so it doesn't accept any: creation in it fails with EROFS. All
/// entries that are visible through it are the real ones.
#[derive(Debug)]
pub(super) struct View {
    /// Host directory that it replaces.
    pub(super) host: PathBuf,
    /// Whether that directory is visible through a read-only binding.
    pub(super) read_only: bool,
    /// Mount points, by their paths below the directory.
    pub(super) entries: Vec<ViewEntry>,
}

/// A mount point in a view.
#[derive(Debug)]
pub(super) struct ViewEntry {
    /// Relative path.
    pub(super) path: Vec<u8>,
    pub(super) kind: ViewEntryKind,
}

/// Kind of file that is made as a mount point.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ViewEntryKind {
    /// A directory, for a mount of a directory.
    Directory,
    /// A file, for a mount of a file.
    File,
    /// A symlink with this text, in place of a mount.
    Link(PathBuf),
}

impl Tree {
    /// Returns whether any directory is a view.
    pub(super) fn has_views(&self) -> bool {
        self.root_view.is_some() || self.steps.iter().any(|step| matches!(step.action, Action::View(_)))
    }
}

impl View {
    /// Returns whether a mount point has the name of this entry of the directory. The view leaves
    /// such an entry out: it is a symlink, on which nothing can be mounted.
    pub(super) fn covers(&self, name: &[u8]) -> bool {
        self.entries.iter().any(|entry| entry.path.split(|&byte| byte == b'/').next() == Some(name))
    }
}

/// Plans the mounts of `guest`.
pub(super) fn plan(guest: &Guest) -> Tree {
    let (root, bindings) = guest.mounts().split_last().expect("a guest has a root");
    let mut views: BTreeMap<Vec<u8>, View> = BTreeMap::new();
    let mut fresh: BTreeMap<Vec<u8>, Vec<ViewEntry>> = BTreeMap::new();
    let mut steps = Vec::new();
    // The mounts are sorted by guest path, the longest first.
    for mount in bindings.iter().rev() {
        let own = mount.flags.has(MountFlags::EACH_OWN);
        let kind = mount_point_kind(guest, mount);
        if let Some((at, path)) = path_in_fresh(guest, &mount.guest) {
            fresh.entry(at).or_default().push(ViewEntry { path, kind: kind.clone() });
        } else if let Some((at, path)) = missing_mount_point(guest, &mount.guest, &kind) {
            let view = views.entry(at.guest).or_insert_with(|| View {
                host: at.host,
                read_only: guest.mounts()[at.mount].flags.has(MountFlags::READ_ONLY),
                entries: Vec::new(),
            });
            view.entries.push(ViewEntry { path, kind: kind.clone() });
        }
        if matches!(kind, ViewEntryKind::Link(_)) {
            continue;
        }
        let read_only = mount.flags.has(MountFlags::READ_ONLY);
        let host = host_path(&mount.host);
        let action = match &mount.source {
            Source::Fresh(mode) => Action::Fresh { mode: *mode, entries: Vec::new() },
            Source::Text { text, .. } => Action::Text(text.clone()),
            Source::Host if own => Action::Bind { host: real_path(&host).unwrap_or(host), read_only },
            Source::Host => Action::Bind { host, read_only },
        };
        steps.push(Step { guest: mount.guest.clone(), action });
    }
    for step in &mut steps {
        if let Action::Fresh { entries, .. } = &mut step.action {
            *entries = fresh.remove(&step.guest).unwrap_or_default();
        }
    }
    let root_view = views.remove(&b""[..]);
    for (guest, view) in views {
        // If the directory is itself a mount, the view comes after it.
        let at = steps.partition_point(|step| step.guest.len() <= guest.len());
        steps.insert(at, Step { guest, action: Action::View(view) });
    }
    // A name can't be removed from the view of a directory, but it can be covered.
    if let Some(store) = guest.store() {
        let entries = guest.guest_paths_of(store.as_os_str().as_bytes());
        steps.extend(entries.into_iter().map(|guest| Step { guest, action: Action::Cover }));
    }
    let read_only = root.flags.has(MountFlags::READ_ONLY);
    Tree { rootfs: host_path(&root.host), read_only, root_view, steps }
}

/// Returns the guest paths of the recommended files that alone make views necessary. A view that is
/// needed for another mount has mount points for such files, too.
pub(super) fn dispensable(guest: &Guest) -> Vec<Vec<u8>> {
    let mut views: BTreeMap<Vec<u8>, Option<Vec<Vec<u8>>>> = BTreeMap::new();
    for mount in guest.mounts().iter().filter(|mount| !mount.guest.is_empty()) {
        let kind = mount_point_kind(guest, mount);
        if path_in_fresh(guest, &mount.guest).is_some() {
            continue;
        }
        let Some((at, _)) = missing_mount_point(guest, &mount.guest, &kind) else { continue };
        let files = views.entry(at.guest).or_insert_with(|| Some(Vec::new()));
        match files {
            Some(files) if mount.recommended && !matches!(kind, ViewEntryKind::Directory) => {
                files.push(mount.guest.clone())
            }
            _ => *files = None,
        }
    }
    let mut files: Vec<Vec<u8>> = views.into_values().flatten().flatten().collect();
    files.sort();
    files
}

/// Returns the kind of mount point for a mount. A mount is the same for all processes, so a binding
/// that differs by process becomes a symlink.
fn mount_point_kind(guest: &Guest, mount: &OwnedMount) -> ViewEntryKind {
    match mount.flags.has(MountFlags::DIRECTORY) {
        _ if mount.flags.has(MountFlags::EACH_OWN) && has_procfs(guest) => {
            ViewEntryKind::Link(host_path(&mount.host))
        }
        true => ViewEntryKind::Directory,
        false => ViewEntryKind::File,
    }
}

fn host_path(host: &[u8]) -> PathBuf {
    crate::guest::shown(host)
}

/// Returns whether the guest has the host's procfs at the path to which such symlinks lead.
fn has_procfs(guest: &Guest) -> bool {
    guest.resolve(b"/proc", Last::Keep).is_ok_and(|proc| proc.host.as_os_str() == "/proc")
}

/// Returns the guest path of the fresh directory in which a mount at `wanted` lies, and the rest of
/// the path. Any mount point can be made there. Returns `None` if it lies elsewhere.
fn path_in_fresh(guest: &Guest, wanted: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let slash = wanted.iter().rposition(|&byte| byte == b'/')?;
    let around = &guest.mounts()[guest.covering_mount(&wanted[..slash])];
    let rest = wanted.get(around.guest.len() + 1..)?;
    matches!(around.source, Source::Fresh(_)).then(|| (around.guest.clone(), rest.to_vec()))
}

/// Returns the directory of which a mount at `wanted` needs a view: the innermost directory above
/// it that exists, and the rest of the path. Returns `None` if the mount point or the wanted
/// symlink exists.
fn missing_mount_point(
    guest: &Guest,
    wanted: &[u8],
    kind: &ViewEntryKind,
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
                ViewEntryKind::Directory => there.is_ok_and(|metadata| metadata.is_dir()),
                ViewEntryKind::File => {
                    there.is_ok_and(|metadata| !metadata.is_symlink() && !metadata.is_dir())
                }
                ViewEntryKind::Link(text) => fs::read_link(&entry).is_ok_and(|there| there == *text),
            };
        return if fits { None } else { Some((found, rest.to_vec())) };
    }
    None
}
