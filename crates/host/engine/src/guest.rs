//! The guest's file system as the launcher sees it: guest paths resolved through the mounts.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use newroot_abi::Errno;
use newroot_abi::links::Id;
use newroot_abi::plan::{Mount, MountFlags};
use newroot_paths::{
    Fs, GuestBuf, HostBuf, Last, Link, MountTable, Mounts, WalkScratch, index, strip_prefix, walk,
};
use rustix::fs::Access;

/// A mount that owns its paths; see [`Mount`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OwnedMount {
    pub(crate) guest: Vec<u8>,
    pub(crate) host: Vec<u8>,
    pub(crate) flags: MountFlags,
    pub(crate) parent: (u64, u64),
    /// Whether it may be left out, because the user didn't name it.
    pub(crate) recommended: bool,
    /// Source of its contents.
    pub(crate) source: Source,
}

/// Source of the contents of a mount.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Source {
    /// The mount's host path.
    #[default]
    Host,
    /// An empty directory with this mode, made for this command alone. The kernel engines mount a
    /// tmpfs. The trap engine makes a directory and gives its path to the mount.
    Fresh(u32),
    /// A file with this text, which nobody may write to. The kernel engines mount it. The trap
    /// engine keeps it among the user's own files and gives its path to the mount.
    Text {
        /// Name of the kept file, the same for each launch.
        name: &'static str,
        /// Contents of the file.
        text: Vec<u8>,
    },
}

/// Host path of a mount that has none yet: procfs has no such name, and nobody can make it.
pub(crate) const NO_HOST_PATH_YET: &[u8] = b"/proc/newroot/not-yet";

impl OwnedMount {
    /// Returns whether a symlink in the mount can contain a host path that has another name in the
    /// guest. That is so if the mount is a directory whose guest path isn't its host path.
    pub(crate) fn may_hold_host_links(&self) -> bool {
        self.flags.has(MountFlags::DIRECTORY) && !self.host.is_empty() && self.guest != self.host
    }

    pub(crate) fn borrow(&self) -> Mount<'_> {
        Mount { guest: &self.guest, host: &self.host, flags: self.flags, parent: self.parent }
    }
}

/// A resolved guest path.
#[derive(Clone, Debug)]
pub(crate) struct Resolved {
    /// Canonical guest path; empty for the root.
    pub(crate) guest: Vec<u8>,
    /// Host path.
    pub(crate) host: PathBuf,
    /// Index of its mount in the order of [`Guest::mounts`].
    pub(crate) mount: usize,
}

/// The guest's view of files.
#[derive(Clone, Debug)]
pub(crate) struct Guest {
    /// Mounts, longest guest path first and the root last once they are [settled](Guest::settle).
    mounts: Vec<OwnedMount>,
    /// Index in `mounts` of the mount at each guest path.
    by_guest: BTreeMap<Vec<u8>, usize>,
}

impl Guest {
    /// Makes a guest whose root is a canonical host path.
    pub(crate) fn new(root: &[u8]) -> Self {
        let host = if root == b"/" { Vec::new() } else { root.to_vec() };
        let flags = MountFlags::DIRECTORY;
        let root = OwnedMount {
            guest: Vec::new(),
            host,
            flags,
            parent: (0, 0),
            recommended: false,
            source: Source::Host,
        };
        Self { mounts: vec![root], by_guest: BTreeMap::from([(Vec::new(), 0)]) }
    }

    /// Returns whether its root is the host's own.
    pub(crate) fn is_hosts_root(&self) -> bool {
        self.root().is_empty()
    }

    /// Returns the host path of its root; empty for the host's own.
    pub(crate) fn root(&self) -> &[u8] {
        self.at(b"").map_or(&[], |root| &root.host)
    }

    /// Returns all mounts, longest guest path first if they are [settled](Self::settle).
    pub(crate) fn mounts(&self) -> &[OwnedMount] {
        debug_assert!(
            self.mounts.is_sorted_by_key(|mount| Reverse(mount.guest.len())),
            "settle() must follow additions"
        );
        &self.mounts
    }

    /// Returns the mount at exactly this canonical guest path.
    pub(crate) fn at(&self, guest: &[u8]) -> Option<&OwnedMount> {
        self.mounts.get(*self.by_guest.get(guest)?)
    }

    /// Returns whether a mount lies at this guest path or below it.
    pub(crate) fn has_mount_within(&self, guest: &[u8]) -> bool {
        self.at(guest).is_some() || self.has_mount_below(guest)
    }

    fn has_mount_below(&self, guest: &[u8]) -> bool {
        // All paths below continue with a slash. The first path that sorts after them continues
        // with the next byte.
        let [first, end] = [b"/", b"0"].map(|next| [guest, next].concat());
        self.by_guest.range(first..end).next().is_some()
    }

    pub(crate) fn mounts_mut(&mut self) -> &mut [OwnedMount] {
        &mut self.mounts
    }

    /// Adds a mount. As with mount(2), it covers the mounts at its guest path and below.
    /// [`Self::settle`] must follow.
    pub(crate) fn add(&mut self, mount: OwnedMount) {
        if self.has_mount_below(&mount.guest) {
            self.mounts.retain(|other| !newroot_paths::is_under(&other.guest, &mount.guest));
            self.number();
        }
        self.add_beneath(mount);
    }

    /// Adds a mount in place of one at the same guest path. Mounts below it stay. [`Self::settle`]
    /// must follow.
    pub(crate) fn add_beneath(&mut self, mount: OwnedMount) {
        match self.by_guest.get(&mount.guest) {
            Some(&same) => self.mounts[same] = mount,
            None => self.insert(mount),
        }
    }

    /// Removes the mounts at these guest paths, but never the root.
    pub(crate) fn remove(&mut self, paths: &[Vec<u8>]) {
        self.mounts.retain(|mount| mount.guest.is_empty() || !paths.contains(&mount.guest));
        self.number();
    }

    /// Adds a mount at a guest path that has none. It covers nothing: bindings below it stay.
    /// [`Self::settle`] must follow.
    pub(crate) fn insert(&mut self, mount: OwnedMount) {
        self.by_guest.insert(mount.guest.clone(), self.mounts.len());
        self.mounts.push(mount);
    }

    /// Sorts the mounts after additions.
    pub(crate) fn settle(&mut self) {
        self.mounts.sort_by_key(|mount| Reverse(mount.guest.len()));
        self.number();
    }

    fn number(&mut self) {
        let numbered = self.mounts.iter().enumerate();
        self.by_guest = numbered.map(|(index, mount)| (mount.guest.clone(), index)).collect();
    }

    /// Returns all guest paths at which a canonical host path is visible.
    pub(crate) fn guest_paths_of(&self, host: &[u8]) -> Vec<Vec<u8>> {
        let seen_at = |mount: &OwnedMount| {
            let place = [&mount.guest[..], strip_prefix(host, &mount.host)?].concat();
            (self.paths(self.covering_mount(&place)).0 == mount.guest).then_some(place)
        };
        self.mounts.iter().filter_map(seen_at).collect()
    }

    /// Returns the host path of the root's store, if the root has one.
    pub(crate) fn store(&self) -> Option<PathBuf> {
        let store = newroot_records::store::inside(&shown(self.root()));
        fs::symlink_metadata(&store).is_ok_and(|store| store.is_dir()).then_some(store)
    }

    /// Runs `look` with the mounts as a table.
    pub(crate) fn with_table<T>(&self, look: impl FnOnce(&MountTable<'_>) -> T) -> T {
        let mounts: Vec<Mount<'_>> = self.mounts().iter().map(OwnedMount::borrow).collect();
        let index = self.index(&mounts);
        let table = match &index {
            Some(index) => MountTable::indexed(&mounts, index),
            None => MountTable::new(&mounts),
        };
        look(&table.expect("settle() sorts the mounts, and the root is never removed"))
    }

    /// Makes the index over the mounts, if there are enough of them for it to pay.
    pub(crate) fn index(&self, mounts: &[Mount<'_>]) -> Option<Vec<u32>> {
        if mounts.len() < index::MANY_MOUNTS {
            return None;
        }
        let mut words = vec![0; index::max_words(mounts)];
        let used = index::build(mounts, &mut words)?;
        words.truncate(used);
        Some(words)
    }

    /// Resolves a guest path from the guest's root. The last component need not exist.
    pub(crate) fn resolve(&self, path: &[u8], last: Last) -> io::Result<Resolved> {
        self.resolve_from(b"", path, last)
    }

    /// Resolves a guest path; a relative one from the canonical guest directory `from`.
    pub(crate) fn resolve_from(&self, from: &[u8], path: &[u8], last: Last) -> io::Result<Resolved> {
        let mut scratch = Box::new(WalkScratch::new());
        scratch.guest.assign(from).map_err(to_io)?;
        let found = walk(&mut HostFs { root: self.root() }, self, &mut scratch, path, last).map_err(to_io)?;
        Ok(Resolved {
            guest: scratch.guest.bytes().to_vec(),
            host: PathBuf::from(OsStr::from_bytes(scratch.host.bytes())),
            mount: found.mount,
        })
    }

    /// Returns the target of the link at `path` in the directory `parent`, if it is a link and must
    /// be followed.
    fn dangling_link(&self, parent: &[u8], path: &[u8], follow: Last) -> Option<Vec<u8>> {
        if follow == Last::Keep {
            return None;
        }
        let link = self.resolve(path, Last::Keep).ok()?.host;
        let text = fs::read_link(link).ok()?.into_os_string().into_vec();
        if text.first() == Some(&b'/') {
            return Some(text);
        }
        Some([parent, b"/", &text].concat())
    }

    /// Resolves a guest path of which any part may be missing. Components that don't exist are
    /// taken as they are.
    pub(crate) fn resolve_missing(&self, path: &[u8], last: Last) -> io::Result<Vec<u8>> {
        self.resolve_missing_after(path, last, 0)
    }

    fn resolve_missing_after(&self, path: &[u8], last: Last, links: usize) -> io::Result<Vec<u8>> {
        const MAX_LINKS: usize = 40;
        if links > MAX_LINKS {
            return Err(io::Error::from_raw_os_error(libc::ELOOP));
        }
        let mut at: Vec<u8> = Vec::new();
        let components: Vec<&[u8]> =
            path.split(|&byte| byte == b'/').filter(|part| !part.is_empty() && *part != b".").collect();
        for (index, component) in components.iter().enumerate() {
            let follow = if index + 1 == components.len() { last } else { Last::Follow };
            let mut next = at.clone();
            next.push(b'/');
            next.extend_from_slice(component);
            match self.resolve(&next, follow) {
                Ok(resolved) => at = resolved.guest,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    if *component == b".." {
                        at.truncate(at.iter().rposition(|&byte| byte == b'/').unwrap_or(0));
                    } else if let Some(target) = self.dangling_link(&at, &next, follow) {
                        at = self.resolve_missing_after(&target, Last::Follow, links + 1)?;
                    } else {
                        at = next;
                    }
                }
                Err(error) => return Err(error),
            }
        }
        Ok(at)
    }
}

impl Mounts for Guest {
    fn covering_mount(&self, guest: &[u8]) -> usize {
        let ends = guest.iter().enumerate().filter(|(_, byte)| **byte == b'/').map(|(at, _)| at);
        let mut prefixes = ends.chain([guest.len()]).rev().map(|end| &guest[..end]);
        prefixes.find_map(|prefix| self.by_guest.get(prefix)).copied().unwrap_or_default()
    }

    fn paths(&self, index: usize) -> (&[u8], &[u8]) {
        self.mounts.get(index).map_or((&[], &[]), |mount| (&mount.guest, &mount.host))
    }

    fn has_links_inside(&self, index: usize) -> bool {
        self.mounts.get(index).is_some_and(|mount| mount.flags.has(MountFlags::LINKS_INSIDE))
    }
}

/// Returns the guest path as it is shown to users.
pub(crate) fn shown(guest: &[u8]) -> PathBuf {
    if guest.is_empty() { PathBuf::from("/") } else { PathBuf::from(OsStr::from_bytes(guest)) }
}

pub(crate) fn to_io(error: Errno) -> io::Error {
    io::Error::from_raw_os_error(error.number())
}

struct HostFs<'a> {
    root: &'a [u8],
}

impl HostFs<'_> {
    /// Returns the path of the file for which a link's text stands, if the link is a hard link that
    /// the host refused (`newroot_abi::links`).
    fn stored_file(&self, text: &[u8]) -> Option<Vec<u8>> {
        let file = [self.root, &Id::of_text(text)?.text()].concat();
        fs::symlink_metadata(OsStr::from_bytes(&file)).is_ok().then_some(file)
    }
}

fn to_errno(error: &io::Error) -> Errno {
    Errno::from_number(error.raw_os_error().unwrap_or(libc::EIO))
}

impl Fs for HostFs<'_> {
    fn read_link(
        &mut self,
        _: &GuestBuf,
        host: &mut HostBuf,
        _: bool,
        text: &mut GuestBuf,
    ) -> Result<Link, Errno> {
        match fs::read_link(OsStr::from_bytes(host.bytes())) {
            Ok(target) => {
                let target = target.into_os_string().into_vec();
                if let Some(file) = self.stored_file(&target) {
                    host.assign(&file)?;
                    return Ok(Link::Relocated);
                }
                text.assign(&target)?;
                Ok(Link::Text)
            }
            Err(error) if error.raw_os_error() == Some(libc::EINVAL) => Ok(Link::No),
            Err(error) => Err(to_errno(&error)),
        }
    }

    fn search(&mut self, host: &mut HostBuf) -> Result<(), Errno> {
        let mut path = host.bytes().to_vec();
        path.extend_from_slice(b"/.");
        rustix::fs::access(OsStr::from_bytes(&path), Access::EXISTS)
            .map_err(|error| Errno::from_number(error.raw_os_error()))
    }

    fn elsewhere(&mut self, host: &mut HostBuf) -> Result<bool, Errno> {
        let target = fs::read_link(OsStr::from_bytes(host.bytes())).ok();
        match target.and_then(|target| self.stored_file(target.as_os_str().as_bytes())) {
            Some(file) => host.assign(&file).map(|()| true),
            None => Ok(false),
        }
    }
}
