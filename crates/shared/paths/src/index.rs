//! An index over many mounts: hash tables that make a lookup's cost depend on the length of the
//! path, not on the number of mounts.
//!
//! The index is a sequence of words without pointers. The launcher builds it once, and every
//! program of the session reads it in place. It refers only to positions in the list of mounts it
//! was built from, and every lookup verifies its result against that list.

use newroot_abi::plan::{Mount, MountFlags};

/// Number of mounts from which on an index is worth its memory. A shorter list is searched
/// linearly.
pub const MANY_MOUNTS: usize = 24;

/// Words in front of the tables.
const HEADER: usize = 8;
/// Words of a node.
const NODE: usize = 4;

/// Hash tables over a list of mounts.
#[derive(Clone, Copy, Debug)]
pub struct Index<'a> {
    /// Filter bits for the components of all guest paths, as [`crate::component_filter`] returns
    /// them.
    pub(crate) names_filter: u64,
    /// Filter bits for the first components alone.
    pub(crate) firsts_filter: u64,
    /// Slots by guest path: a node's number plus one, or zero.
    guests: &'a [u32],
    /// Slots by component: the number plus one of a node whose path ends in it, or zero.
    names: &'a [u32],
    /// Slots by host path: a mount's index plus one, or zero.
    hosts: &'a [u32],
    /// For each mount, the previous mount with the same host path: its index plus one, or zero.
    earlier: &'a [u32],
    /// Indexes of the mounts that listings must add, sorted by their parent directories.
    unlisted: &'a [u32],
    /// Four words for each guest path of a mount, and for each directory above one.
    nodes: &'a [u32],
}

/// A guest path of a mount, or of a directory above one.
#[derive(Clone, Copy)]
struct Node {
    /// Index of a mount whose guest path begins with this path.
    mount: usize,
    /// Position in the path where its last component begins.
    start: usize,
    /// Length of the path.
    len: usize,
    /// Index plus one of the mount at exactly this path, or zero.
    own: usize,
}

impl Node {
    fn path<'a>(&self, mounts: &'a [Mount<'a>]) -> &'a [u8] {
        mounts.get(self.mount).and_then(|mount| mount.guest.get(..self.len)).unwrap_or(&[])
    }

    fn name<'a>(&self, mounts: &'a [Mount<'a>]) -> &'a [u8] {
        self.path(mounts).get(self.start..).unwrap_or(&[])
    }
}

/// A hash of bytes that are added one by one (FNV-1a, 32 bits).
#[derive(Clone, Copy)]
struct Hash(u32);

impl Hash {
    const fn new() -> Self {
        Self(0x811c_9dc5)
    }

    #[inline]
    fn add(&mut self, byte: u8) {
        self.0 = (self.0 ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    }

    fn of(bytes: &[u8]) -> Self {
        let mut hash = Self::new();
        for &byte in bytes {
            hash.add(byte);
        }
        hash
    }

    /// Returns the slots to look at, in order, in a table whose size is a power of two.
    #[inline]
    fn slots(self, size: usize) -> impl Iterator<Item = usize> {
        let mixed = (self.0 ^ (self.0 >> 15)).wrapping_mul(0x2c1b_3c6d);
        let first = (mixed ^ (mixed >> 13)) as usize;
        (0..size).map(move |step| first.wrapping_add(step) & (size - 1))
    }
}

/// Sizes of the tables over a list of mounts.
struct Sizes {
    mounts: usize,
    nodes: usize,
    unlisted: usize,
}

impl Sizes {
    fn of(mounts: &[Mount<'_>]) -> Self {
        let slashes = |mount: &Mount<'_>| mount.guest.iter().filter(|&&byte| byte == b'/').count();
        Self {
            mounts: mounts.len(),
            nodes: mounts.iter().map(slashes).sum::<usize>() + 1,
            unlisted: mounts.iter().filter(|mount| mount.flags.has(MountFlags::UNLISTED)).count(),
        }
    }

    /// Returns the number of slots in a table of `entries`, at most half of which are taken.
    fn slots(entries: usize) -> usize {
        (2 * entries).next_power_of_two()
    }

    fn words(&self) -> usize {
        HEADER
            + 2 * Self::slots(self.nodes)
            + Self::slots(self.mounts)
            + self.mounts
            + self.unlisted
            + NODE * self.nodes
    }
}

/// Returns the maximum number of words that [`build`] needs.
#[must_use]
pub fn max_words(mounts: &[Mount<'_>]) -> usize {
    Sizes::of(mounts).words()
}

/// Builds the index of a list of mounts and returns the number of words it takes. Returns `None` if
/// `words` is too short, or if the list is longer than an index can count.
pub fn build(mounts: &[Mount<'_>], words: &mut [u32]) -> Option<usize> {
    let sizes = Sizes::of(mounts);
    if u32::try_from(sizes.words()).is_err() {
        return None;
    }
    let words = words.get_mut(..sizes.words())?;
    words.fill(0);
    let (header, rest) = words.split_at_mut(HEADER);
    let (guests, rest) = rest.split_at_mut(Sizes::slots(sizes.nodes));
    let (names, rest) = rest.split_at_mut(Sizes::slots(sizes.nodes));
    let (hosts, rest) = rest.split_at_mut(Sizes::slots(sizes.mounts));
    let (earlier, rest) = rest.split_at_mut(sizes.mounts);
    let (unlisted, nodes) = rest.split_at_mut(sizes.unlisted);

    let (mut names_filter, mut firsts_filter) = (0, 0);
    let mut known = 0;
    for (index, mount) in mounts.iter().enumerate() {
        let mut hash = Hash::new();
        let mut start = 0;
        for end in 0..=mount.guest.len() {
            let byte = mount.guest.get(end).copied();
            if matches!(byte, None | Some(b'/')) && end > 0 {
                let name = mount.guest.get(start..end)?;
                names_filter |= crate::component_filter(name);
                if start == 1 {
                    firsts_filter |= crate::component_filter(name);
                }
                let node = Node { mount: index, start, len: end, own: 0 };
                let at = find_node(nodes, guests, mounts, hash, node.path(mounts));
                let number = match at {
                    Ok(number) => number,
                    Err(slot) => {
                        *guests.get_mut(slot)? = known as u32 + 1;
                        put_node(nodes, known, node)?;
                        add_name(nodes, names, mounts, known, name);
                        known += 1;
                        known - 1
                    }
                };
                if byte.is_none() {
                    *nodes.get_mut(number * NODE + 3)? = index as u32 + 1;
                }
            }
            if let Some(byte) = byte {
                hash.add(byte);
                if byte == b'/' {
                    start = end + 1;
                }
            }
        }
        let slot = Hash::of(mount.host).slots(hosts.len()).find(|&slot| {
            let held = hosts.get(slot).copied().unwrap_or(0) as usize;
            held == 0 || mounts.get(held - 1).is_some_and(|other| other.host == mount.host)
        })?;
        *earlier.get_mut(index)? = core::mem::replace(hosts.get_mut(slot)?, index as u32 + 1);
    }
    let listed = mounts.iter().enumerate().filter(|(_, mount)| mount.flags.has(MountFlags::UNLISTED));
    for (word, (index, _)) in unlisted.iter_mut().zip(listed) {
        *word = index as u32;
    }
    unlisted.sort_unstable_by_key(|&index| mounts.get(index as usize).map(|mount| (mount.parent, index)));

    let facts = [
        sizes.nodes as u32,
        sizes.mounts as u32,
        sizes.unlisted as u32,
        known as u32,
        names_filter as u32,
        (names_filter >> 32) as u32,
        firsts_filter as u32,
        (firsts_filter >> 32) as u32,
    ];
    header.copy_from_slice(&facts);
    Some(sizes.words() - NODE * (sizes.nodes - known))
}

fn put_node(nodes: &mut [u32], number: usize, node: Node) -> Option<()> {
    let words = nodes.get_mut(number * NODE..(number + 1) * NODE)?;
    words.copy_from_slice(&[node.mount as u32, node.start as u32, node.len as u32, node.own as u32]);
    Some(())
}

#[inline]
fn node(nodes: &[u32], number: usize) -> Option<Node> {
    let words = nodes.get(number * NODE..)?.first_chunk::<NODE>()?;
    let [mount, start, len, own] = words.map(|word| word as usize);
    Some(Node { mount, start, len, own })
}

/// Finds the node of a path. Fails with the slot where it belongs.
#[inline]
fn find_node(
    nodes: &[u32],
    slots: &[u32],
    mounts: &[Mount<'_>],
    hash: Hash,
    path: &[u8],
) -> Result<usize, usize> {
    for slot in hash.slots(slots.len()) {
        let Some(number) = slots.get(slot).and_then(|&held| (held as usize).checked_sub(1)) else {
            return Err(slot);
        };
        if node(nodes, number).is_some_and(|node| node.path(mounts) == path) {
            return Ok(number);
        }
    }
    Err(usize::MAX)
}

fn add_name(nodes: &[u32], names: &mut [u32], mounts: &[Mount<'_>], number: usize, name: &[u8]) {
    for slot in Hash::of(name).slots(names.len()) {
        let Some(held) = names.get_mut(slot) else { return };
        match (*held as usize).checked_sub(1) {
            None => {
                *held = number as u32 + 1;
                return;
            }
            Some(other) if node(nodes, other).is_some_and(|node| node.name(mounts) == name) => return,
            Some(_) => {}
        }
    }
}

impl<'a> Index<'a> {
    /// Reads the words that [`build`] wrote. Returns `None` if they aren't an index over this
    /// number of mounts.
    #[must_use]
    pub fn read(words: &'a [u32], mounts: usize) -> Option<Self> {
        let (header, rest) = words.split_first_chunk::<HEADER>()?;
        let [nodes, of_mounts, unlisted, known, low, high, first_low, first_high] = *header;
        let sizes = Sizes { nodes: nodes as usize, mounts, unlisted: unlisted as usize };
        if of_mounts as usize != mounts || nodes == 0 || known > nodes {
            return None;
        }
        let (guests, rest) = rest.split_at_checked(Sizes::slots(sizes.nodes))?;
        let (names, rest) = rest.split_at_checked(Sizes::slots(sizes.nodes))?;
        let (hosts, rest) = rest.split_at_checked(Sizes::slots(sizes.mounts))?;
        let (earlier, rest) = rest.split_at_checked(sizes.mounts)?;
        let (unlisted, rest) = rest.split_at_checked(sizes.unlisted)?;
        let nodes = rest.get(..NODE * known as usize)?;
        let both = |low: u32, high: u32| u64::from(low) | u64::from(high) << 32;
        let (names_filter, firsts_filter) = (both(low, high), both(first_low, first_high));
        Some(Self { names_filter, firsts_filter, guests, names, hosts, earlier, unlisted, nodes })
    }

    fn node_at(&self, mounts: &[Mount<'_>], path: &[u8]) -> Option<Node> {
        let number = find_node(self.nodes, self.guests, mounts, Hash::of(path), path).ok()?;
        node(self.nodes, number)
    }

    /// Returns the index of the mount with the longest guest path that is `guest` or above it;
    /// `None` for the root's mount.
    pub(crate) fn covering_mount(&self, mounts: &[Mount<'_>], guest: &[u8]) -> Option<usize> {
        let mut covering = None;
        let mut hash = Hash::new();
        for end in 0..=guest.len() {
            let byte = guest.get(end).copied();
            if matches!(byte, None | Some(b'/')) && end > 0 {
                let path = guest.get(..end)?;
                // Every directory above a mount has a node, so a missing node ends the search.
                let Ok(number) = find_node(self.nodes, self.guests, mounts, hash, path) else { break };
                if let Some(own) = node(self.nodes, number)?.own.checked_sub(1) {
                    covering = Some(own);
                }
            }
            hash.add(byte.unwrap_or(0));
        }
        covering
    }

    pub(crate) fn is_mount_point(&self, mounts: &[Mount<'_>], guest: &[u8]) -> bool {
        self.node_at(mounts, guest).is_some_and(|node| node.own != 0)
    }

    /// Checks whether a mount's guest path lies strictly below this path.
    pub(crate) fn has_mount_below(&self, mounts: &[Mount<'_>], guest: &[u8]) -> bool {
        // A node records the first mount at its path or below, and mounts are sorted longest first.
        let longer = |node: Node| mounts.get(node.mount).is_some_and(|mount| mount.guest.len() > guest.len());
        self.node_at(mounts, guest).is_some_and(longer)
    }

    pub(crate) fn has_component(&self, mounts: &[Mount<'_>], component: &[u8]) -> bool {
        let mut slots = Hash::of(component).slots(self.names.len());
        let held = slots.find_map(|slot| {
            let Some(number) = self.names.get(slot).and_then(|&held| (held as usize).checked_sub(1)) else {
                return Some(false);
            };
            let node = node(self.nodes, number)?;
            (node.name(mounts) == component).then_some(true)
        });
        held == Some(true)
    }

    /// Returns the indexes of the mounts with exactly this host path, the last mount first.
    pub(crate) fn with_host(
        &self,
        mounts: &'a [Mount<'a>],
        host: &[u8],
    ) -> impl Iterator<Item = usize> + use<'a> {
        let found = Hash::of(host).slots(self.hosts.len()).find_map(|slot| {
            let held = self.hosts.get(slot).copied().unwrap_or(0);
            let same = |held: u32| mounts.get(held as usize - 1).is_some_and(|mount| mount.host == host);
            (held == 0 || same(held)).then_some(held)
        });
        let earlier = self.earlier;
        let mut next = found.unwrap_or(0);
        core::iter::from_fn(move || {
            let index = (next as usize).checked_sub(1)?;
            next = earlier.get(index).copied().unwrap_or(0);
            Some(index)
        })
    }

    /// Returns the indexes of the mounts that the listing of a directory lacks.
    pub(crate) fn unlisted_in(&self, mounts: &[Mount<'_>], parent: (u64, u64)) -> &'a [u32] {
        let parent_of = |&index: &u32| mounts.get(index as usize).map_or((0, 0), |mount| mount.parent);
        let start = self.unlisted.partition_point(|index| parent_of(index) < parent);
        let end = self.unlisted.partition_point(|index| parent_of(index) <= parent);
        self.unlisted.get(start..end).unwrap_or(&[])
    }
}

#[cfg(test)]
mod tests {
    extern crate std;

    use std::string::String;
    use std::vec::Vec;
    use std::{format, vec};

    use super::*;
    use crate::{GuestBuf, HostBuf, MountTable};

    /// Returns mounts that share directories, host paths and components, sorted as a table needs
    /// them.
    fn paths(count: usize) -> Vec<(String, String, (u64, u64))> {
        let mut paths = vec![(String::new(), String::from("/r"), (0, 0))];
        for index in 0..count {
            let at = match index % 5 {
                0 => format!("/in/{index}"),
                1 => format!("/in/{}/sub/x", index - 1),
                2 => format!("/d{}", index % 64),
                3 => format!("/deep/{}/{}/{index}", index % 7, index % 3),
                _ => format!("/in/{index}.txt"),
            };
            let host = match index % 4 {
                0 => format!("/h/{}", index % 16),
                1 => format!("/h/{}/y", index % 16),
                2 => String::new(),
                _ => format!("/r/in/{index}"),
            };
            if !paths.iter().any(|(other, ..)| *other == at) {
                paths.push((at, host, (index as u64 % 3, 7)));
            }
        }
        paths.sort_by_key(|(guest, ..)| core::cmp::Reverse(guest.len()));
        paths
    }

    #[test]
    fn lookups_with_and_without_an_index_agree() {
        for count in [0, 1, 3, 30, 120] {
            let paths = paths(count);
            let mount =
                |(index, (guest, host, parent)): (usize, &'static (String, String, (u64, u64)))| Mount {
                    guest: guest.as_bytes(),
                    host: host.as_bytes(),
                    flags: if index % 2 == 0 { MountFlags::UNLISTED } else { MountFlags::default() },
                    parent: *parent,
                };
            let paths: &'static [(String, String, (u64, u64))] = Vec::leak(paths);
            let mounts: Vec<Mount<'static>> = paths.iter().enumerate().map(mount).collect();
            let mut words = vec![0xffff_ffff; max_words(&mounts)];
            let used = build(&mounts, &mut words).unwrap();
            words.truncate(used);
            let list = MountTable::new(&mounts).unwrap();
            let indexed = MountTable::indexed(&mounts, &words).unwrap();
            let same = |path: &[u8]| {
                let shown = path.escape_ascii();
                assert_eq!(indexed.covering_mount(path), list.covering_mount(path), "{shown}");
                assert_eq!(indexed.is_mount_point(path), list.is_mount_point(path), "{shown}");
                assert_eq!(indexed.has_mount_below(path), list.has_mount_below(path), "{shown}");
                for component in path.split(|&byte| byte == b'/') {
                    assert_eq!(indexed.may_cross(component), list.may_cross(component), "{shown}");
                }
                let (mut one, mut other) = (GuestBuf::new(), GuestBuf::new());
                let host = if path.is_empty() { b"/" } else { path };
                for prefer in [None, Some(count / 2)] {
                    let back = indexed.detranslate(host, prefer, &mut one);
                    assert_eq!(back, list.detranslate(host, prefer, &mut other), "{shown}");
                    assert!(back.is_none() || one.bytes() == other.bytes(), "{shown}");
                }
                let views: Vec<usize> = indexed.views(host, &mut one).collect();
                assert_eq!(views, list.views(host, &mut other).collect::<Vec<_>>(), "{shown}");
                assert_eq!(views.first().copied(), list.detranslate(host, None, &mut other), "{shown}");
                let (mut one, mut other) = (HostBuf::new(), HostBuf::new());
                assert_eq!(indexed.translate(path, &mut one), list.translate(path, &mut other));
                assert_eq!(one.bytes(), other.bytes());
            };
            for (guest, host, parent) in paths {
                for text in [guest, host] {
                    for (end, _) in text.match_indices('/').chain([(text.len(), "")]) {
                        same(&text.as_bytes()[..end]);
                    }
                    for more in ["/x", "/in", "x", "/sub/y/z"] {
                        same(format!("{text}{more}").as_bytes());
                    }
                }
                let mut found: Vec<usize> = indexed.unlisted_in(*parent).collect();
                found.sort_unstable();
                assert_eq!(found, list.unlisted_in(*parent).collect::<Vec<_>>());
            }
            let (mut one, mut other) = (GuestBuf::new(), GuestBuf::new());
            assert_eq!(indexed.is_aliased(&mut one), list.is_aliased(&mut other));
        }
    }

    #[test]
    fn the_index_of_another_list_is_rejected() {
        let mount = |guest: &'static str| Mount {
            guest: guest.as_bytes(),
            host: b"/h",
            flags: MountFlags::default(),
            parent: (0, 0),
        };
        let mounts = [mount("/a/b"), mount("")];
        let mut words = vec![0; max_words(&mounts)];
        let used = build(&mounts, &mut words).unwrap();
        assert!(MountTable::indexed(&mounts, &words[..used]).is_some());
        assert!(MountTable::indexed(&mounts[1..], &words[..used]).is_none());
        assert!(MountTable::indexed(&mounts, &words[..used - 1]).is_none());
        assert!(MountTable::indexed(&mounts, &[]).is_none());
        assert!(build(&mounts, &mut words[..used - 1]).is_none());
    }
}
