//! The mount table: finds the mount that covers a path, and translates paths both ways.

use newroot_abi::Errno;
use newroot_abi::plan::{Mount, MountFlags};

use crate::buffer::{Buffer, Guest, Host};
use crate::components::{first_component, is_under, strip_prefix};
use crate::index::Index;

/// The root and the bindings of a session.
///
/// The mounts are sorted by the length of their guest paths, longest first. The first mount whose
/// guest path is a prefix of a path therefore covers that path. The root, whose guest path is
/// empty, comes last and covers every path that no binding covers.
#[derive(Clone, Copy, Debug)]
pub struct MountTable<'a> {
    mounts: &'a [Mount<'a>],
    /// Filter bits for the components of all guest paths.
    names: u64,
    /// Filter bits for their first components.
    firsts: u64,
    /// Finds the mounts where there are many.
    index: Option<Index<'a>>,
}

/// The lookups in a guest's mounts that a walk needs.
pub trait Mounts {
    /// Returns the index of the mount that covers a canonical guest path.
    fn covering_mount(&self, guest: &[u8]) -> usize;

    /// Returns the guest path and the host path of the mount with this index.
    fn paths(&self, index: usize) -> (&[u8], &[u8]);

    /// Writes the host path of a canonical guest path, and returns the index of the covering mount.
    ///
    /// # Errors
    /// ENAMETOOLONG if `out` can't hold the host path.
    #[inline]
    fn translate<const N: usize>(&self, guest: &[u8], out: &mut Buffer<Host, N>) -> Result<usize, Errno> {
        let index = self.covering_mount(guest);
        let (at, host) = self.paths(index);
        out.assign(host)?;
        out.extend(strip_prefix(guest, at).unwrap_or(guest))?;
        if out.is_empty() {
            out.extend(b"/")?;
        }
        Ok(index)
    }

    /// Checks whether absolute symlinks in the mount with this index are shown as guest paths
    /// ([`MountFlags::LINKS_INSIDE`]).
    fn has_links_inside(&self, index: usize) -> bool;

    /// Rewrites the text of a symlink in the mount with this index to a guest path, if the mount
    /// has [`MountFlags::LINKS_INSIDE`] and the text leads into its host path.
    ///
    /// # Errors
    /// ENAMETOOLONG if `text` can't hold the new text.
    fn show_link<const N: usize>(&self, index: usize, text: &mut Buffer<Guest, N>) -> Result<(), Errno> {
        if !self.has_links_inside(index) {
            return Ok(());
        }
        let (guest, host) = self.paths(index);
        let Some(rest) = strip_prefix(text.bytes(), host) else { return Ok(()) };
        let inside = text.len() - rest.len();
        text.replace_front(inside, if rest.is_empty() && guest.is_empty() { b"/" } else { guest })
    }
}

impl Mounts for MountTable<'_> {
    #[inline]
    fn covering_mount(&self, guest: &[u8]) -> usize {
        MountTable::covering_mount(self, guest)
    }

    #[inline]
    fn paths(&self, index: usize) -> (&[u8], &[u8]) {
        let mount = self.get(index);
        (mount.guest, mount.host)
    }

    #[inline]
    fn has_links_inside(&self, index: usize) -> bool {
        self.get(index).flags.has(MountFlags::LINKS_INSIDE)
    }
}

/// Returns a canonical host path as a prefix of other paths: empty for `/`.
#[inline]
fn as_prefix(host: &[u8]) -> &[u8] {
    if host == b"/" { b"" } else { host }
}

/// Returns a canonical host path and the paths of all directories above it, longest first; the last
/// is empty.
fn prefixes(host: &[u8]) -> impl Iterator<Item = &[u8]> {
    let parent = |path: &&'_ [u8]| path.iter().rposition(|&byte| byte == b'/').and_then(|at| host.get(..at));
    core::iter::successors(Some(host), parent)
}

/// Returns one filter bit for a component. If the bit isn't set in a table's filter, no binding's
/// path contains the component.
#[must_use]
#[inline]
pub fn component_filter(component: &[u8]) -> u64 {
    match component {
        [] => 0,
        [first, .., last] => 1 << ((first ^ last.rotate_left(3) ^ component.len() as u8) & 63),
        [only] => 1 << (only & 63),
    }
}

impl<'a> MountTable<'a> {
    /// Creates a table over `mounts`. Returns `None` unless they are sorted and end with a root.
    #[must_use]
    pub fn new(mounts: &'a [Mount<'a>]) -> Option<Self> {
        let ordered = mounts.windows(2).all(|pair| match pair {
            [first, second] => first.guest.len() >= second.guest.len(),
            _ => true,
        });
        let rooted = mounts.last().is_some_and(|root| root.guest.is_empty());
        if !ordered || !rooted {
            return None;
        }
        let (mut names, mut firsts) = (0, 0);
        for mount in mounts {
            firsts |= component_filter(first_component(mount.guest));
            for component in mount.guest.split(|&byte| byte == b'/') {
                names |= component_filter(component);
            }
        }
        Some(Self { mounts, names, firsts, index: None })
    }

    /// Creates a table over `mounts` with the [index](crate::index) that was built from them; the
    /// mounts are then assumed to be sorted. Returns `None` if it is the index of another list.
    #[must_use]
    pub fn indexed(mounts: &'a [Mount<'a>], index: &'a [u32]) -> Option<Self> {
        let index = Index::read(index, mounts.len())?;
        let rooted = mounts.last().is_some_and(|root| root.guest.is_empty());
        let (names, firsts) = (index.names_filter, index.firsts_filter);
        rooted.then_some(Self { mounts, names, firsts, index: Some(index) })
    }

    /// Returns all mounts, the root last.
    #[must_use]
    pub fn mounts(&self) -> &'a [Mount<'a>] {
        self.mounts
    }

    /// Returns the mount with this index, or the root's mount if there is no such index.
    #[must_use]
    #[inline]
    pub fn get(&self, index: usize) -> &'a Mount<'a> {
        self.mounts.get(index).unwrap_or_else(|| self.root())
    }

    /// Returns the root's mount.
    #[must_use]
    pub fn root(&self) -> &'a Mount<'a> {
        const NOWHERE: Mount<'static> =
            Mount { guest: b"", host: b"", flags: newroot_abi::plan::MountFlags(0), parent: (0, 0) };
        self.mounts.last().unwrap_or(&NOWHERE)
    }

    /// Returns the index of the root's mount.
    #[must_use]
    #[inline]
    pub fn root_index(&self) -> usize {
        self.mounts.len().saturating_sub(1)
    }

    /// Returns the index of the mount that covers a canonical guest path.
    #[must_use]
    #[inline]
    pub fn covering_mount(&self, guest: &[u8]) -> usize {
        if self.firsts & component_filter(first_component(guest)) == 0 {
            return self.root_index();
        }
        match &self.index {
            None => self.mounts.iter().position(|mount| is_under(guest, mount.guest)),
            Some(index) => index.covering_mount(self.mounts, guest),
        }
        .unwrap_or_else(|| self.root_index())
    }

    /// Checks whether a canonical guest path is a binding's mount point.
    #[must_use]
    pub fn is_mount_point(&self, guest: &[u8]) -> bool {
        !guest.is_empty()
            && match &self.index {
                None => self.mounts.iter().any(|mount| mount.guest == guest),
                Some(index) => index.is_mount_point(self.mounts, guest),
            }
    }

    /// Checks whether a binding lies strictly below a canonical guest path.
    #[must_use]
    pub fn has_mount_below(&self, guest: &[u8]) -> bool {
        match &self.index {
            _ if guest.is_empty() => self.mounts.len() > 1,
            None => self
                .mounts
                .iter()
                .any(|mount| mount.guest.len() > guest.len() && is_under(mount.guest, guest)),
            Some(index) => index.has_mount_below(self.mounts, guest),
        }
    }

    /// Checks whether some binding's guest path contains this component.
    #[must_use]
    #[inline]
    pub fn may_cross(&self, component: &[u8]) -> bool {
        self.names & component_filter(component) != 0 && self.has_component(component)
    }

    fn has_component(&self, component: &[u8]) -> bool {
        if let Some(index) = &self.index {
            return index.has_component(self.mounts, component);
        }
        let mut guests = self.mounts.iter().map(|mount| mount.guest);
        guests.any(|guest| guest.split(|&byte| byte == b'/').any(|part| part == component))
    }

    /// Writes the host path of a canonical guest path, and returns the index of the covering mount.
    ///
    /// # Errors
    /// ENAMETOOLONG if `out` can't hold the host path.
    pub fn translate<const N: usize>(&self, guest: &[u8], out: &mut Buffer<Host, N>) -> Result<usize, Errno> {
        Mounts::translate(self, guest, out)
    }

    /// Writes the guest path at which the guest sees a canonical host path, and returns the index
    /// of the mount. The mount `prefer`, by which a process came to the file, is tried first. If
    /// several mounts show the file, the one with the longest host path wins, and among those the
    /// one with the shortest guest path: users know the file by that path.
    ///
    /// Returns `None` if the guest doesn't see the file at all.
    pub fn detranslate<const N: usize>(
        &self,
        host: &[u8],
        prefer: Option<usize>,
        out: &mut Buffer<Guest, N>,
    ) -> Option<usize> {
        if let Some(index) = prefer
            && self.view(index, host, out)
        {
            return Some(index);
        }
        if let Some(index) = &self.index {
            let mut candidates =
                prefixes(as_prefix(host)).flat_map(|host| index.with_host(self.mounts, host));
            return candidates.find(|&index| self.view(index, host, out));
        }
        let mut best: Option<usize> = None;
        // Whether the text written last is the path through the best mount.
        let mut written = false;
        for (index, mount) in self.mounts.iter().enumerate() {
            // The mounts are sorted longest guest path first.
            let better = best.is_none_or(|best| mount.host.len() >= self.get(best).host.len());
            if better && is_under(as_prefix(host), mount.host) {
                written = self.view(index, host, out);
                if written {
                    best = Some(index);
                }
            }
        }
        let index = best?;
        (written || self.view(index, host, out)).then_some(index)
    }

    /// Returns the indexes of all mounts that show a canonical host path, beginning with the one
    /// that [`Self::detranslate`] chooses. `scratch` is overwritten.
    pub fn views<const N: usize>(
        &self,
        host: &[u8],
        scratch: &mut Buffer<Guest, N>,
    ) -> impl Iterator<Item = usize> {
        let with_host = move |prefix| {
            let same = move |&index: &usize| self.get(index).host == prefix;
            let compared = if self.index.is_none() { self.mounts.len() } else { 0 };
            let found = self.index.iter().flat_map(move |index| index.with_host(self.mounts, prefix));
            (0..compared).rev().filter(same).chain(found)
        };
        prefixes(as_prefix(host)).flat_map(with_host).filter(move |&index| self.view(index, host, scratch))
    }

    /// Checks whether some host directory is visible at two guest paths.
    pub fn is_aliased<const N: usize>(&self, scratch: &mut Buffer<Guest, N>) -> bool {
        let lasting = |mount: &&Mount<'_>| !mount.flags.has(MountFlags::EACH_OWN);
        self.mounts.iter().enumerate().filter(|(_, mount)| lasting(mount)).any(|(inner, mount)| {
            let seen_through = |outer: usize| outer != inner && self.view(outer, mount.host, scratch);
            match &self.index {
                None => (0..self.mounts.len()).any(seen_through),
                Some(index) => {
                    prefixes(mount.host).flat_map(|host| index.with_host(self.mounts, host)).any(seen_through)
                }
            }
        })
    }

    /// Returns the indexes of the mounts whose names are missing in the listing of the directory
    /// with this device and inode.
    pub fn unlisted_in(&self, parent: (u64, u64)) -> impl Iterator<Item = usize> + Clone + use<'a> {
        let mounts = self.mounts;
        let matches = move |index: &usize| {
            let matches = |mount: &Mount<'_>| mount.flags.has(MountFlags::UNLISTED) && mount.parent == parent;
            mounts.get(*index).is_some_and(matches)
        };
        let (all, found) = match &self.index {
            None => (0..mounts.len(), &[][..]),
            Some(index) => (0..0, index.unlisted_in(mounts, parent)),
        };
        all.filter(matches).chain(found.iter().map(|&index| index as usize))
    }

    /// Checks whether the text of a symlink may be one that [`Self::show_link`] rewrites.
    #[must_use]
    pub fn may_show_link(&self, text: &[u8]) -> bool {
        let mut mounts = self.mounts.iter().filter(|mount| mount.flags.has(MountFlags::LINKS_INSIDE));
        mounts.any(|mount| strip_prefix(text, mount.host).is_some())
    }

    /// Writes the guest path of `host` as seen through one mount. Returns false if that mount
    /// doesn't show it: `host` lies outside the mount, another binding covers the path, or the path
    /// is too long.
    fn view<const N: usize>(&self, index: usize, host: &[u8], out: &mut Buffer<Guest, N>) -> bool {
        let mount = self.get(index);
        let Some(rest) = strip_prefix(as_prefix(host), mount.host) else {
            return false;
        };
        out.assign(mount.guest).is_ok()
            && out.extend(rest).is_ok()
            && self.covering_mount(out.bytes()) == index
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::buffer::{GuestBuf, HostBuf};

    fn mount(guest: &'static str, host: &'static str) -> Mount<'static> {
        Mount { guest: guest.as_bytes(), host: host.as_bytes(), flags: MountFlags::default(), parent: (0, 0) }
    }

    fn host_of(table: &MountTable<'_>, guest: &str) -> HostBuf {
        let mut out = HostBuf::new();
        table.translate(guest.as_bytes(), &mut out).unwrap();
        out
    }

    fn guest_of(table: &MountTable<'_>, host: &str, prefer: Option<usize>) -> Option<GuestBuf> {
        let mut out = GuestBuf::new();
        table.detranslate(host.as_bytes(), prefer, &mut out).map(|_| out)
    }

    #[test]
    fn the_longest_binding_covers_a_path() {
        let mounts = [mount("/a/b", "/two"), mount("/a", "/one"), mount("", "/root")];
        let table = MountTable::new(&mounts).unwrap();
        assert_eq!(host_of(&table, "/a/b/x").bytes(), b"/two/x");
        assert_eq!(host_of(&table, "/a/bx").bytes(), b"/one/bx");
        assert_eq!(host_of(&table, "/ab").bytes(), b"/root/ab");
        assert_eq!(host_of(&table, "").bytes(), b"/root");
    }

    #[test]
    fn the_shortest_of_several_guest_paths_is_returned() {
        let mounts = [mount("/home/me/root/dev", "/dev"), mount("/dev", "/dev"), mount("", "/root")];
        let table = MountTable::new(&mounts).unwrap();
        assert_eq!(guest_of(&table, "/dev/null", None).unwrap().bytes(), b"/dev/null");
        assert_eq!(guest_of(&table, "/dev/null", Some(0)).unwrap().bytes(), b"/home/me/root/dev/null");
    }

    #[test]
    fn the_host_root_as_root_translates_to_itself() {
        let mounts = [mount("", "")];
        let table = MountTable::new(&mounts).unwrap();
        assert_eq!(host_of(&table, "").bytes(), b"/");
        assert_eq!(host_of(&table, "/usr").bytes(), b"/usr");
        assert_eq!(guest_of(&table, "/usr", None).unwrap().bytes(), b"/usr");
        assert_eq!(guest_of(&table, "/", None).unwrap().bytes(), b"");
    }

    #[test]
    fn a_file_is_not_seen_at_a_covered_path() {
        // A binding covers the root's own /data, so the guest doesn't see the files in it.
        let mounts = [mount("/data", "/elsewhere"), mount("", "/root")];
        let table = MountTable::new(&mounts).unwrap();
        assert!(guest_of(&table, "/root/data/x", None).is_none());
        assert_eq!(guest_of(&table, "/elsewhere/x", None).unwrap().bytes(), b"/data/x");
    }

    #[test]
    fn the_preferred_mount_names_a_directory_seen_twice() {
        let mounts = [mount("/home/me", "/home/me"), mount("", "/home/me")];
        let table = MountTable::new(&mounts).unwrap();
        assert_eq!(guest_of(&table, "/home/me/x", Some(1)).unwrap().bytes(), b"/x");
        assert_eq!(guest_of(&table, "/home/me/x", Some(0)).unwrap().bytes(), b"/home/me/x");
    }

    #[test]
    fn links_into_their_own_mount_are_rewritten_where_the_mount_asks_for_it() {
        let inside = MountFlags::LINKS_INSIDE;
        let mounts = [
            Mount { flags: inside, ..mount("/work", "/data/me") },
            mount("/text", "/data/me"),
            Mount { flags: inside, ..mount("", "/root") },
        ];
        let table = MountTable::new(&mounts).unwrap();
        let shown = |index, text: &str| {
            let mut out = GuestBuf::new();
            out.assign(text.as_bytes()).unwrap();
            table.show_link(index, &mut out).unwrap();
            out
        };
        assert_eq!(shown(0, "/data/me/x/").bytes(), b"/work/x/");
        assert_eq!(shown(0, "/data/me").bytes(), b"/work");
        assert_eq!(shown(2, "/root").bytes(), b"/");
        assert_eq!(shown(2, "/root/x").bytes(), b"/x");
        assert!(table.may_show_link(b"/data/me/x") && table.may_show_link(b"/root"));
        assert!(!table.may_show_link(b"/data") && !table.may_show_link(b"/data/mex"));
        for (index, text) in [(0, "/data/mex"), (0, "/root/x"), (0, "data/me"), (1, "/data/me/x"), (2, "")] {
            assert_eq!(shown(index, text).bytes(), text.as_bytes());
        }
    }

    #[test]
    fn a_table_out_of_order_or_without_a_root_is_refused() {
        assert!(MountTable::new(&[mount("", "/r"), mount("/a", "/b")]).is_none());
        assert!(MountTable::new(&[mount("/a", "/b")]).is_none());
        assert!(MountTable::new(&[]).is_none());
    }
}
