//! path_resolution(7) among mounts, as the kernel does it (fs/namei.c): a place is a file as it is seen through a
//! mount, and paths are nothing but the way to it.

use newroot_abi::Errno;
use newroot_paths::Rules;

use crate::lookup::forest::{Forest, Node, What};

/// The kernel's MAXSYMLINKS.
const MAX_LINKS: u32 = 40;

/// A file, as it is seen through a mount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) mount: usize,
    pub(crate) node: Node,
}

/// What is mounted, and where; the guest's root isn't mounted anywhere, and neither is what is gone.
#[derive(Debug)]
struct Mounted {
    root: Node,
    on: Option<Place>,
}

/// What the guest sees of the host's files.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) forest: Forest,
    mounts: Vec<Mounted>,
    /// Which of them is the root.
    root: usize,
}

/// What a path leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    There(Place),
    /// Nothing, but this directory where it would be.
    Missing(Place, Vec<u8>),
}

/// A lookup, on its way.
struct Lookup {
    at: Place,
    /// Once it is needed.
    root: Option<Place>,
    links: u32,
    follows: bool,
    wants_directory: bool,
    rules: Rules,
    missing: Option<Vec<u8>>,
}

impl World {
    /// A guest whose root is this directory.
    pub(crate) fn new(forest: Forest, root: Node) -> Self {
        Self { forest, mounts: vec![Mounted { root, on: None }], root: 0 }
    }

    /// The guest's root.
    pub(crate) fn root(&self) -> Place {
        self.beginning(self.root)
    }

    /// Mounts a host's file at a place.
    pub(crate) fn mount(&mut self, on: Place, root: Node) {
        self.mounts.push(Mounted { root, on: Some(on) });
    }

    /// Takes a mount away, with all that is on it.
    pub(crate) fn unmount(&mut self, mount: usize) {
        self.mounts[mount].on = None;
        while let Some(lost) = (0..self.mounts.len())
            .find(|&other| self.mounts[other].on.is_some_and(|on| self.is_gone(on.mount)))
        {
            self.mounts[lost].on = None;
        }
    }

    fn is_gone(&self, mount: usize) -> bool {
        mount != self.root && self.mounts[mount].on.is_none()
    }

    /// Brings a mount to another place, with all that is on it.
    pub(crate) fn bring(&mut self, mount: usize, to: Place) {
        self.mounts[mount].on = Some(to);
    }

    /// Makes a mount the root; the old one is seen at a place on it.
    pub(crate) fn pivot(&mut self, mount: usize, old: Place) {
        self.mounts[self.root].on = Some(old);
        self.mounts[mount].on = None;
        self.root = mount;
    }

    /// Whether a place is where a mount begins, the root's too.
    pub(crate) fn is_beginning(&self, place: Place) -> bool {
        self.beginning(place.mount) == place
    }

    fn beginning(&self, mount: usize) -> Place {
        Place { mount, node: self.mounts[mount].root }
    }

    /// What is mounted, as (the place it is on, the file that is seen there).
    pub(crate) fn mounted(&self) -> impl Iterator<Item = (Option<Place>, Node)> {
        self.mounts.iter().map(|mounted| (mounted.on, mounted.root))
    }

    /// What is seen at a place: what is mounted there.
    pub(crate) fn seen(&self, mut place: Place) -> Place {
        while let Some(mount) = self.mounts.iter().position(|mounted| mounted.on == Some(place)) {
            place = self.beginning(mount);
        }
        place
    }

    /// All that is seen, from the root on.
    pub(crate) fn places(&self) -> Vec<Place> {
        let mut found = vec![self.root()];
        let mut done = 0;
        while let Some(&Place { mount, node }) = found.get(done) {
            if let What::Directory(names, _) = self.forest.what(node) {
                found.extend(names.values().map(|&node| self.seen(Place { mount, node })));
            }
            done += 1;
        }
        found
    }

    /// The guest's path of a place, empty for the root.
    pub(crate) fn path(&self, place: Place) -> Vec<u8> {
        let Mounted { root, on } = self.mounts[place.mount];
        if place.node != root {
            let parent = Place { node: self.forest.parent(place.node), ..place };
            return [&self.path(parent), &b"/"[..], self.forest.name(place.node)].concat();
        }
        on.map_or_else(Vec::new, |on| self.path(on))
    }

    /// The guest's path of where a mount begins.
    pub(crate) fn path_of_mount(&self, mount: usize) -> Vec<u8> {
        self.path(self.beginning(mount))
    }

    /// Where a path leads from a directory, and whether what is there has to be a directory.
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

    /// Goes where the text leads. Nothing comes behind it if it is the `trailing` one.
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

    /// A name of the directory that the lookup is at, or the directory above it.
    fn step(&self, lookup: &Lookup, node: Node) -> Result<Place, Errno> {
        let place = Place { node, ..lookup.at };
        let seen = self.seen(place);
        if lookup.rules.no_xdev && seen != place { Err(Errno::XDEV) } else { Ok(seen) }
    }

    /// A symbolic link.
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

    /// `..`.
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
