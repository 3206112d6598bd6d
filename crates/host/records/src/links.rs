//! Files with several names that the host doesn't know, found and made from outside of the root
//! (`newroot_abi::links` has the layout). No guest runs meanwhile, so adding and removing names
//! takes no lock here.

use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use newroot_abi::links::{FILE, Id, NAMES, TEXT_LEN, count_of_time, time_of_count, token_of};
use rustix::fs::{
    AtFlags, CWD, Dir, FileType, Mode, OFlags, RenameFlags, Timespec, Timestamps, UTIME_OMIT, fstat,
    futimens, mkdirat, openat, readlinkat, renameat_with, statat, symlinkat, unlinkat,
};
use rustix::io::Errno;

use crate::store;

/// Returns the kept file that a name in a directory leads to. `None` if the name is anything else.
#[must_use]
pub fn of_name(directory: impl AsFd, name: &OsStr) -> Option<Id> {
    let stat = statat(&directory, name, AtFlags::SYMLINK_NOFOLLOW).ok()?;
    if FileType::from_raw_mode(stat.st_mode) != FileType::Symlink || stat.st_size as usize != TEXT_LEN {
        return None;
    }
    Id::of_text(readlinkat(directory, name, Vec::new()).ok()?.to_bytes())
}

/// Returns the noted number of name references in a directory, if there is a note.
fn noted(names: &OwnedFd) -> Option<u32> {
    let stat = fstat(names).ok()?;
    count_of_time(stat.st_mtime, stat.st_mtime_nsec as i64)
}

/// The kept files of one root.
#[derive(Debug)]
pub struct Links(OwnedFd);

impl Links {
    /// Opens the kept files of the root at the host path `root`. Its store has the directory
    /// already.
    ///
    /// # Errors
    /// The errnos of openat(2).
    pub fn open(root: &Path) -> io::Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let path = store::inside(root).join(store::LINKS);
        Ok(Self(openat(CWD, path, flags, Mode::empty())?))
    }

    /// Opens the directory of a kept file. The file's name in it is [`FILE`].
    ///
    /// # Errors
    /// The errnos of openat(2).
    pub fn directory(&self, id: Id) -> io::Result<OwnedFd> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(openat(&self.0, &id.name()[..], flags, Mode::empty())?)
    }

    /// Moves a file with one name into the store, and leaves a link at its name. `place` is its
    /// path in the root, without a leading slash.
    ///
    /// # Errors
    /// The errno of symlink(2), mkdir(2) or rename(2), if one of them fails. The steps before
    /// it are undone.
    pub fn take_in(&self, parent: BorrowedFd<'_>, name: &OsStr, place: &[u8]) -> io::Result<Id> {
        let inode = statat(parent, name, AtFlags::SYMLINK_NOFOLLOW)?.st_ino;
        let mut id = Id(inode.rotate_left(32) ^ u64::from(std::process::id()));
        while let Err(error) = mkdirat(&self.0, &id.name()[..], Mode::RWXU) {
            if error != Errno::EXIST {
                return Err(error.into());
            }
            id = Id(id.0.wrapping_add(1));
        }
        self.keep(id, parent, name, place).inspect_err(|_| self.abandon(id)).map(|()| id)
    }

    fn keep(&self, id: Id, parent: BorrowedFd<'_>, name: &OsStr, place: &[u8]) -> io::Result<()> {
        let own = self.directory(id)?;
        mkdirat(&own, NAMES, Mode::RWXU)?;
        self.add_name_ref(id, place, Some(0))?;
        renameat_with(parent, name, &own, FILE, RenameFlags::empty())?;
        symlinkat(OsStr::from_bytes(&id.text()), parent, name).inspect_err(|_| {
            let _ = renameat_with(&own, FILE, parent, name, RenameFlags::empty());
        })?;
        Ok(())
    }

    /// Gives a kept file another name.
    ///
    /// # Errors
    /// The errnos of symlink(2).
    pub fn add_name(&self, id: Id, parent: BorrowedFd<'_>, name: &OsStr, place: &[u8]) -> io::Result<()> {
        self.add_name_ref(id, place, noted(&self.names(id)?))?;
        Ok(symlinkat(OsStr::from_bytes(&id.text()), parent, name).inspect_err(|_| self.drop_name(id))?)
    }

    /// Adds a name reference. `before` is the number of references until now, if it is known.
    fn add_name_ref(&self, id: Id, place: &[u8], before: Option<u32>) -> io::Result<()> {
        let names = self.names(id)?;
        let text = [b"/", place].concat();
        // A path that is too long for a symlink's text isn't noted.
        let text = if text.len() < 4096 { &text[..] } else { b"?" };
        let mut number = token_of(text);
        while let Err(error) = symlinkat(OsStr::from_bytes(text), &names, number.to_string()) {
            if error != Errno::EXIST {
                return Err(error.into());
            }
            number = number.wrapping_add(1);
        }
        self.note(id, &names, before.and_then(|before| before.checked_add(1)));
        Ok(())
    }

    /// Notes the number of name references, and counts them where it isn't known. Without a note
    /// every reader has to count them.
    fn note(&self, id: Id, names: &OwnedFd, count: Option<u32>) {
        let count = count.or_else(|| u32::try_from(self.refs(id).ok()?.len()).ok());
        if let Some(seconds) = count.and_then(time_of_count) {
            let omit = Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT };
            let times =
                Timestamps { last_access: omit, last_modification: Timespec { tv_sec: seconds, tv_nsec: 0 } };
            let _ = futimens(names, &times);
        }
    }

    /// Returns the number of a file's names.
    ///
    /// # Errors
    /// The errnos of openat(2) and getdents64(2).
    pub fn count(&self, id: Id) -> io::Result<u64> {
        match noted(&self.names(id)?) {
            Some(count) => Ok(count.into()),
            None => Ok(self.refs(id)?.len() as u64),
        }
    }

    /// Removes one name reference, for a name that was removed. With the last reference goes the
    /// file.
    pub fn drop_name(&self, id: Id) {
        let Ok(names) = self.names(id) else { return };
        let before = noted(&names);
        let name_ref = self.refs(id).ok().and_then(|refs| refs.into_iter().next());
        if let Some(name_ref) = name_ref
            && unlinkat(&names, OsStr::from_bytes(&name_ref), AtFlags::empty()).is_ok()
        {
            self.note(id, &names, before.and_then(|before| before.checked_sub(1)));
        }
        if self.directory(id).is_ok_and(|own| unlinkat(own, NAMES, AtFlags::REMOVEDIR).is_ok()) {
            self.abandon(id);
        }
    }

    fn abandon(&self, id: Id) {
        if let (Ok(names), Ok(refs)) = (self.names(id), self.refs(id)) {
            for name_ref in refs {
                let _ = unlinkat(&names, OsStr::from_bytes(&name_ref), AtFlags::empty());
            }
        }
        if let Ok(own) = self.directory(id) {
            let _ = unlinkat(&own, FILE, AtFlags::empty());
            let _ = unlinkat(&own, NAMES, AtFlags::REMOVEDIR);
        }
        let _ = unlinkat(&self.0, &id.name()[..], AtFlags::REMOVEDIR);
    }

    fn names(&self, id: Id) -> io::Result<OwnedFd> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        Ok(openat(self.directory(id)?, NAMES, flags, Mode::empty())?)
    }

    fn refs(&self, id: Id) -> io::Result<Vec<Vec<u8>>> {
        let mut refs = Vec::new();
        for entry in Dir::read_from(self.names(id)?)? {
            let name = entry?.file_name().to_bytes().to_vec();
            if !matches!(&name[..], b"." | b"..") {
                refs.push(name);
            }
        }
        Ok(refs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn names_come_and_go_and_with_the_last_the_file() {
        let root = tempfile::tempdir().expect("a root");
        store::provide_links(root.path()).expect("a store");
        let links = Links::open(root.path()).expect("its links");
        let top = fs::File::open(root.path()).expect("the root");
        fs::write(root.path().join("one"), "text").expect("a file");
        let inode = statat(&top, "one", AtFlags::empty()).expect("a file").st_ino;
        let id = links.take_in(top.as_fd(), OsStr::new("one"), b"one").expect("it is taken in");
        links.add_name(id, top.as_fd(), OsStr::new("two"), b"two").expect("a name");
        assert_eq!(links.count(id).expect("its name references"), 2);
        assert_eq!(noted(&links.names(id).expect("its name references")), Some(2));
        // Another program that changes the references leaves no note. The next change notes their
        // number again.
        let names = links.names(id).expect("its name references");
        symlinkat("?", &names, "7").expect("a name_ref");
        assert_eq!((noted(&names), links.count(id).expect("its name references")), (None, 3));
        links.drop_name(id);
        assert_eq!(noted(&names), Some(2));
        assert_eq!(of_name(&top, OsStr::new("one")), Some(id));
        let kept = statat(links.directory(id).expect("its directory"), FILE, AtFlags::empty());
        assert_eq!(kept.expect("the file").st_ino, inode);
        links.drop_name(id);
        assert_eq!(links.count(id).expect("its name_ref"), 1);
        links.drop_name(id);
        assert!(links.directory(id).is_err());
        let left = fs::read_dir(root.path().join(store::NAME).join(store::LINKS)).expect("the store").count();
        assert_eq!(left, 0);
    }

    #[test]
    fn what_cannot_be_taken_in_leaves_nothing() {
        let root = tempfile::tempdir().expect("a root");
        store::provide_links(root.path()).expect("a store");
        let links = Links::open(root.path()).expect("its links");
        let top = fs::File::open(root.path()).expect("the root");
        assert!(links.take_in(top.as_fd(), OsStr::new("missing"), b"missing").is_err());
        let left = fs::read_dir(root.path().join(store::NAME).join(store::LINKS)).expect("the store").count();
        assert_eq!(left, 0);
    }
}
