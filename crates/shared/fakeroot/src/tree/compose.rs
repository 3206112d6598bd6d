//! Composition of the mounts that a process sees: the changes of its namespace applied one by one,
//! and then the part below its root.

use core::cmp::Reverse;

use newroot_abi::Errno;
use newroot_abi::plan::{Mount, MountFlags};
use newroot_paths::{is_under, strip_prefix};

use super::Change;

/// A mount with the number that identifies it across changes.
#[derive(Clone, Copy, Debug)]
pub struct Placed<'a> {
    /// The mount.
    pub mount: Mount<'a>,
    /// Its number.
    pub id: u32,
}

impl Placed<'_> {
    /// An empty mount, to fill a list with.
    pub const NONE: Self =
        Placed { mount: Mount { guest: b"", host: b"", flags: MountFlags(0), parent: (0, 0) }, id: 0 };
}

/// Mounts in the order in which they were made: a later mount covers earlier ones.
#[derive(Debug)]
pub struct Composer<'a, 'list> {
    list: &'list mut [Placed<'a>],
    len: usize,
    /// Buffer for paths that changes create.
    paths: &'a mut [u8],
}

impl<'a, 'list> Composer<'a, 'list> {
    /// Creates an empty composition. `list` needs space for every mount that is pushed or that a
    /// change makes, `paths` for the paths that moves, pivots and a root inside a mount create.
    #[must_use]
    pub fn new(list: &'list mut [Placed<'a>], paths: &'a mut [u8]) -> Self {
        Self { list, len: 0, paths }
    }

    /// Appends a mount.
    ///
    /// # Errors
    /// ENOMEM if the list is full.
    pub fn push(&mut self, mount: Mount<'a>, id: u32) -> Result<(), Errno> {
        *self.list.get_mut(self.len).ok_or(Errno::NOMEM)? = Placed { mount, id };
        self.len += 1;
        Ok(())
    }

    /// Applies a change. A change whose mount no longer exists has no effect.
    ///
    /// # Errors
    /// ENOMEM if a buffer is full; EINVAL if a pivot's old root isn't below its new one.
    pub fn apply(&mut self, change: &Change<'a>, id: u32) -> Result<(), Errno> {
        match *change {
            Change::Mount { guest, host, flags } => {
                self.push(Mount { guest, host, flags, parent: (0, 0) }, id)
            }
            Change::Unmount { guest } => {
                if let Some(top) = self.top(guest) {
                    self.retain(|index, mount| index < top || !is_under(mount.guest, guest));
                }
                Ok(())
            }
            Change::Remount { guest, flags } => {
                if let Some(placed) = self.top(guest).and_then(|top| self.list.get_mut(top)) {
                    placed.mount.flags = flags;
                }
                Ok(())
            }
            Change::Move { from, to } => match self.top(from) {
                Some(top) => {
                    let moved = self.partition(|index, mount| index < top || !is_under(mount.guest, from));
                    self.rename(moved, self.len, from, to)
                }
                None => Ok(()),
            },
            Change::Pivot { root, old } => match self.top(root) {
                Some(top) => {
                    let behind = self.partition(|index, mount| index >= top && is_under(mount.guest, root));
                    self.rename(0, behind, root, b"")?;
                    self.rename(behind, self.len, b"", strip_prefix(old, root).ok_or(Errno::INVAL)?)
                }
                None => Ok(()),
            },
        }
    }

    /// Returns the index of the latest mount at a guest path.
    fn top(&self, guest: &[u8]) -> Option<usize> {
        self.mounts().iter().rposition(|placed| placed.mount.guest == guest)
    }

    fn mounts(&self) -> &[Placed<'a>] {
        self.list.get(..self.len).unwrap_or(&[])
    }

    fn get(&self, index: usize) -> Placed<'a> {
        self.list.get(index).copied().unwrap_or(Placed::NONE)
    }

    fn set(&mut self, index: usize, placed: Placed<'a>) {
        if let Some(slot) = self.list.get_mut(index) {
            *slot = placed;
        }
    }

    /// Moves the mounts that `wanted` selects to the front and the others behind them, each in
    /// their order. Returns the number of selected mounts.
    fn partition(&mut self, wanted: impl Fn(usize, &Mount<'a>) -> bool) -> usize {
        let mut front = 0;
        for index in 0..self.len {
            let placed = self.get(index);
            if wanted(index, &placed.mount) {
                let mut at = index;
                while at > front {
                    let before = self.get(at - 1);
                    self.set(at, before);
                    at -= 1;
                }
                self.set(front, placed);
                front += 1;
            }
        }
        front
    }

    fn retain(&mut self, wanted: impl Fn(usize, &Mount<'a>) -> bool) {
        self.len = self.partition(wanted);
    }

    /// Replaces the prefix `from` of the guest paths of some mounts with `to`.
    fn rename(&mut self, start: usize, end: usize, from: &[u8], to: &[u8]) -> Result<(), Errno> {
        for index in start..end {
            let mut placed = self.get(index);
            let rest = strip_prefix(placed.mount.guest, from).unwrap_or(&[]);
            placed.mount.guest = if to.is_empty() { rest } else { self.join(to, rest)? };
            self.set(index, placed);
        }
        Ok(())
    }

    fn join(&mut self, front: &[u8], rest: &[u8]) -> Result<&'a [u8], Errno> {
        let len = front.len() + rest.len();
        let paths = core::mem::take(&mut self.paths);
        let (path, left) = paths.split_at_mut_checked(len).ok_or(Errno::NOMEM)?;
        self.paths = left;
        let (head, tail) = path.split_at_mut_checked(front.len()).ok_or(Errno::NOMEM)?;
        head.copy_from_slice(front);
        tail.copy_from_slice(rest);
        Ok(path)
    }

    /// Reduces the mounts to those visible below a root, in its terms and in the order that
    /// [`newroot_paths::MountTable`] requires. Returns their number, which are the first of the
    /// list, and whether `root` is a mount point.
    ///
    /// # Errors
    /// ENOMEM if a buffer is full; ENOENT if no mount covers `root`.
    pub fn look_from(mut self, root: &[u8]) -> Result<(usize, bool), Errno> {
        self.uncover();
        let covering = self.mounts().iter().filter(|placed| is_under(root, placed.mount.guest));
        let Some(mut top) = covering.max_by_key(|placed| placed.mount.guest.len()).copied() else {
            return Err(Errno::NOENT);
        };
        let mounted = top.mount.guest == root;
        if !root.is_empty() {
            let rest = strip_prefix(root, top.mount.guest).unwrap_or(&[]);
            top.mount = Mount {
                guest: b"",
                host: if rest.is_empty() { top.mount.host } else { self.join(top.mount.host, rest)? },
                flags: top.mount.flags.only(MountFlags::INHERITED).with(MountFlags::DIRECTORY),
                parent: (0, 0),
            };
            self.retain(|_, mount| mount.guest.len() > root.len() && is_under(mount.guest, root));
            let below = self.len;
            for index in 0..below {
                let mut placed = self.get(index);
                placed.mount.guest = strip_prefix(placed.mount.guest, root).unwrap_or(&[]);
                self.set(index, placed);
            }
            self.push(top.mount, top.id)?;
        }
        self.sort();
        Ok((self.len, mounted))
    }

    /// Removes the mounts that a later mount covers.
    fn uncover(&mut self) {
        let mut index = self.len;
        while index > 0 {
            index -= 1;
            let guest = self.get(index).mount.guest;
            let later = self.list.get(index + 1..self.len).unwrap_or(&[]);
            // A later mount lies at this path or above.
            if later.iter().any(|placed| is_under(guest, placed.mount.guest)) {
                self.retain(|at, _| at != index);
            }
        }
    }

    /// Sorts the mounts by their guest paths, longest first.
    fn sort(&mut self) {
        let mounts = self.list.get_mut(..self.len).unwrap_or(&mut []);
        // After `uncover`, no two mounts have the same path.
        mounts.sort_unstable_by_key(|placed| (Reverse(placed.mount.guest.len()), placed.mount.guest));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: MountFlags = MountFlags(0);

    fn mount(guest: &'static str, host: &'static str) -> Change<'static> {
        Change::Mount { guest: guest.as_bytes(), host: host.as_bytes(), flags: NONE }
    }

    #[track_caller]
    fn check(changes: &[Change<'static>], root: &str, expected: &[(&str, &str)]) {
        let mut list = [Placed::NONE; 16];
        let mut paths = [0; 512];
        let mut composer = Composer::new(&mut list, &mut paths);
        for (guest, host) in [("", "/r"), ("/dev", "/dev")] {
            let mount = Mount { guest: guest.as_bytes(), host: host.as_bytes(), flags: NONE, parent: (0, 0) };
            composer.push(mount, 0).unwrap();
        }
        for change in changes {
            composer.apply(change, 1).unwrap();
        }
        let (len, _) = composer.look_from(root.as_bytes()).unwrap();
        let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        let seen: Vec<_> =
            list[..len].iter().map(|placed| (text(placed.mount.guest), text(placed.mount.host))).collect();
        let expected: Vec<_> = expected.iter().map(|(a, b)| ((*a).to_owned(), (*b).to_owned())).collect();
        assert_eq!(seen, expected);
    }

    extern crate std;
    use std::borrow::ToOwned;
    use std::string::String;
    use std::vec::Vec;

    #[test]
    fn a_mount_covers_others_until_it_is_removed() {
        let over = [mount("/a/b", "/one"), mount("/a", "/two")];
        check(&over, "", &[("/dev", "/dev"), ("/a", "/two"), ("", "/r")]);
        let gone = [over[0], over[1], Change::Unmount { guest: b"/a" }];
        check(&gone, "", &[("/a/b", "/one"), ("/dev", "/dev"), ("", "/r")]);
    }

    #[test]
    fn an_unmount_removes_the_mounts_on_it() {
        let changes = [mount("/a", "/one"), mount("/a/b", "/two"), Change::Unmount { guest: b"/a" }];
        check(&changes, "", &[("/dev", "/dev"), ("", "/r")]);
    }

    #[test]
    fn a_root_shows_a_part_of_the_tree() {
        let changes = [mount("/jail/proc", "/proc"), mount("/jailer", "/x")];
        check(&changes, "/jail", &[("/proc", "/proc"), ("", "/r/jail")]);
        check(&changes, "/jailer/x", &[("", "/x/x")]);
        check(&changes, "/jail/proc", &[("", "/proc")]);
    }

    #[test]
    fn a_move_includes_the_mounts_on_it() {
        let changes = [mount("/a", "/one"), mount("/a/b", "/two"), Change::Move { from: b"/a", to: b"/c" }];
        check(&changes, "", &[("/c/b", "/two"), ("/dev", "/dev"), ("/c", "/one"), ("", "/r")]);
    }

    #[test]
    fn a_pivot_moves_the_old_root_below_the_new() {
        let pivot = Change::Pivot { root: b"/new", old: b"/new/old" };
        let changes = [mount("/new", "/n"), mount("/new/proc", "/proc"), pivot];
        let seen = [("/old/dev", "/dev"), ("/proc", "/proc"), ("/old", "/r"), ("", "/n")];
        check(&changes, "", &seen);
        let gone = [changes[0], changes[1], pivot, Change::Unmount { guest: b"/old" }];
        check(&gone, "", &[("/proc", "/proc"), ("", "/n")]);
    }
}
