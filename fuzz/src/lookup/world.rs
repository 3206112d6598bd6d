//! path_resolution(7) among mounts, as the kernel implements it (fs/namei.c). A [`Place`] is a file
//! as seen through a mount; paths only lead to places.

use newroot_abi::Errno;
use newroot_paths::Rules;

use crate::lookup::forest::{Forest, Node, What};

/// The kernel's MAXSYMLINKS.
const MAX_LINKS: u32 = 40;

/// A file as seen through a mount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) mount: usize,
    pub(crate) node: Node,
}

/// A mount and its mount point. The guest's root and unmounted mounts have no mount point.
#[derive(Debug)]
struct Mounted {
    root: Node,
    on: Option<Place>,
}

/// The guest's view of the host's files.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) forest: Forest,
    mounts: Vec<Mounted>,
    /// Index of the root mount.
    root: usize,
}

/// Result of a lookup.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    There(Place),
    /// The file doesn't exist; its parent directory and name.
    Missing(Place, Vec<u8>),
}

/// State of a lookup.
struct Lookup {
    at: Place,
    /// The root of the lookup, set when it is first needed.
    root: Option<Place>,
    links: u32,
    follows: bool,
    wants_directory: bool,
    rules: Rules,
    missing: Option<Vec<u8>>,
}

impl World {
    /// Creates a guest whose root is this directory.
    pub(crate) fn new(forest: Forest, root: Node) -> Self {
        Self { forest, mounts: vec![Mounted { root, on: None }], root: 0 }
    }

    /// Returns the guest's root.
    pub(crate) fn root(&self) -> Place {
        self.mount_root(self.root)
    }

    /// Mounts a host file on a place.
    pub(crate) fn mount(&mut self, on: Place, root: Node) {
        self.mounts.push(Mounted { root, on: Some(on) });
    }

    /// Unmounts a mount and all mounts on it.
    pub(crate) fn unmount(&mut self, mount: usize) {
        self.mounts[mount].on = None;
        while let Some(lost) = (0..self.mounts.len())
            .find(|&other| self.mounts[other].on.is_some_and(|on| self.is_unmounted(on.mount)))
        {
            self.mounts[lost].on = None;
        }
    }

    fn is_unmounted(&self, mount: usize) -> bool {
        mount != self.root && self.mounts[mount].on.is_none()
    }

    /// Moves a mount to another place, with all mounts on it.
    pub(crate) fn move_to(&mut self, mount: usize, to: Place) {
        self.mounts[mount].on = Some(to);
    }

    /// Makes a mount the root, and moves the old root to a place on it.
    pub(crate) fn pivot(&mut self, mount: usize, old: Place) {
        self.mounts[self.root].on = Some(old);
        self.mounts[mount].on = None;
        self.root = mount;
    }

    /// Checks whether a place is the root of a mount, including the root mount.
    pub(crate) fn is_mount_root(&self, place: Place) -> bool {
        self.mount_root(place.mount) == place
    }

    fn mount_root(&self, mount: usize) -> Place {
        Place { mount, node: self.mounts[mount].root }
    }

    /// Returns all mounts, each as (its mount point, its root).
    pub(crate) fn mounted(&self) -> impl Iterator<Item = (Option<Place>, Node)> {
        self.mounts.iter().map(|mounted| (mounted.on, mounted.root))
    }

    /// Returns the place visible at a place: the root of the latest mount on it.
    pub(crate) fn visible(&self, mut place: Place) -> Place {
        while let Some(mount) = self.mounts.iter().position(|mounted| mounted.on == Some(place)) {
            place = self.mount_root(mount);
        }
        place
    }

    /// Returns all visible places, mount_root with the root.
    pub(crate) fn places(&self) -> Vec<Place> {
        let mut found = vec![self.root()];
        let mut done = 0;
        while let Some(&Place { mount, node }) = found.get(done) {
            if let What::Directory(names, _) = self.forest.what(node) {
                found.extend(names.values().map(|&node| self.visible(Place { mount, node })));
            }
            done += 1;
        }
        found
    }

    /// Returns the guest path of a place, empty for the root.
    pub(crate) fn path(&self, place: Place) -> Vec<u8> {
        let Mounted { root, on } = self.mounts[place.mount];
        if place.node != root {
            let parent = Place { node: self.forest.parent(place.node), ..place };
            return [&self.path(parent), &b"/"[..], self.forest.name(place.node)].concat();
        }
        on.map_or_else(Vec::new, |on| self.path(on))
    }

    /// Returns the guest path of a mount's root.
    pub(crate) fn path_of_mount(&self, mount: usize) -> Vec<u8> {
        self.path(self.mount_root(mount))
    }

    /// Resolves a path from a directory. Also returns whether the path requires a directory.
    pub(crate) fn resolve(
        &self,
        from: Place,
        path: &[u8],
        follows: bool,
        rules: Rules,
    ) -> Result<(End, bool), Errno> {
        let is_scoped = rules.beneath || rules.in_root;
        let mut lookup = Lookup {
            at: from,
            root: is_scoped.then_some(from),
            links: 0,
            follows,
            wants_directory: false,
            rules,
            missing: None,
        };
        if path.starts_with(b"/") && !rules.in_root {
            if rules.beneath {
                return Err(Errno::XDEV);
            }
            lookup.at = self.root();
            lookup.root = Some(self.root());
        }
        self.follow(&mut lookup, path, true)?;
        let Lookup { at, missing, wants_directory, .. } = lookup;
        match missing {
            Some(name) => Ok((End::Missing(at, name), wants_directory)),
            None if wants_directory && !self.forest.is_directory(at.node) => Err(Errno::NOTDIR),
            None => Ok((End::There(at), wants_directory)),
        }
    }

    /// Walks along a text. `trailing` is true if nothing follows the text in the path.
    fn follow(&self, lookup: &mut Lookup, text: &[u8], trailing: bool) -> Result<(), Errno> {
        let mut names = text.split(|&byte| byte == b'/').filter(|name| !name.is_empty()).peekable();
        while let Some(name) = names.next() {
            let is_final = trailing && names.peek().is_none();
            let found = self.forest.child(lookup.at.node, name)?;
            match name {
                b"." => continue,
                b".." => {
                    self.climb(lookup)?;
                    continue;
                }
                _ => {}
            }
            if is_final && text.ends_with(b"/") {
                (lookup.follows, lookup.wants_directory) = (true, true);
            }
            match found {
                None if is_final => lookup.missing = Some(name.to_vec()),
                None => return Err(Errno::NOENT),
                Some(node) => {
                    let place = self.step(lookup, node)?;
                    match self.forest.what(node) {
                        What::Link(text) if !is_final || lookup.follows => {
                            self.enter(lookup, text, is_final)?
                        }
                        _ => lookup.at = place,
                    }
                }
            }
        }
        Ok(())
    }

    /// Steps to a child of the current directory, or to its parent.
    fn step(&self, lookup: &Lookup, node: Node) -> Result<Place, Errno> {
        let place = Place { node, ..lookup.at };
        let seen = self.visible(place);
        if lookup.rules.no_xdev && seen != place { Err(Errno::XDEV) } else { Ok(seen) }
    }

    /// Follows a symbolic link.
    fn enter(&self, lookup: &mut Lookup, text: &[u8], trailing: bool) -> Result<(), Errno> {
        lookup.links += 1;
        if lookup.links > MAX_LINKS || lookup.rules.no_symlinks {
            return Err(Errno::LOOP);
        }
        if text.starts_with(b"/") {
            let stays = lookup.root.is_some_and(|root| root.mount == lookup.at.mount);
            if lookup.rules.beneath || lookup.rules.no_xdev && !stays {
                return Err(Errno::XDEV);
            }
            lookup.at = *lookup.root.get_or_insert(self.root());
        }
        self.follow(lookup, text, trailing)
    }

    /// Follows `..`.
    fn climb(&self, lookup: &mut Lookup) -> Result<(), Errno> {
        let root = *lookup.root.get_or_insert(self.root());
        let mut at = lookup.at;
        while at != root
            && at.node == self.mounts[at.mount].root
            && let Some(on) = self.mounts[at.mount].on
        {
            at = on;
        }
        if at == root {
            return if lookup.rules.beneath { Err(Errno::XDEV) } else { Ok(()) };
        }
        if at.mount != lookup.at.mount && lookup.rules.no_xdev {
            return Err(Errno::XDEV);
        }
        lookup.at = at;
        lookup.at = self.step(lookup, self.forest.parent(at.node))?;
        Ok(())
    }
}
