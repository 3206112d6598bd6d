//! Changes to a root that are undone together unless all of them succeed.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{
    AtFlags, Gid, Mode, OFlags, RawMode, Timespec, Timestamps, Uid, fchmod, fchown, futimens, linkat,
    mkdirat, openat, renameat, symlinkat, unlinkat,
};
use rustix::io::Errno;

use super::directory::{Directory, Root};
use crate::observer::Summary;

/// Makes files in a root and keeps a journal. If it is dropped without [`Transaction::commit`], it
/// removes what it made and puts back what it replaced.
#[derive(Debug)]
pub(crate) struct Transaction {
    root: Root,
    done: Vec<Change>,
    temporary_names: u32,
    summary: Summary,
    /// Guest paths of copies of files that have several names on the host.
    copies: HashMap<FileId, PathBuf>,
}

/// Identity of a host file: device and inode number.
pub(crate) type FileId = (u64, u64);

#[derive(Debug)]
enum Change {
    MadeDirectory(PathBuf),
    MadeFile(PathBuf),
    /// The file at `path` was renamed to `backup` in the same directory.
    MovedAway {
        path: PathBuf,
        backup: PathBuf,
    },
}

/// Metadata of a file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attributes {
    pub(crate) mode: RawMode,
    /// Owner, where the caller may change it.
    pub(crate) owner: Option<(Uid, Gid)>,
    pub(crate) modified: Option<Timespec>,
}

impl Attributes {
    /// Returns metadata with the caller as owner and the present time.
    pub(crate) fn with_mode(mode: RawMode) -> Self {
        Self { mode, owner: None, modified: None }
    }
}

impl Transaction {
    pub(crate) fn new(root: Root) -> Self {
        Self {
            root,
            done: Vec::new(),
            temporary_names: 0,
            summary: Summary::default(),
            copies: HashMap::new(),
        }
    }

    pub(crate) fn top(&self) -> Directory {
        self.root.top()
    }

    /// Counts a file that existed already.
    pub(crate) fn note_present(&mut self) {
        self.summary.present += 1;
    }

    /// Keeps all changes, and returns their summary.
    pub(crate) fn commit(mut self) -> Summary {
        for change in std::mem::take(&mut self.done) {
            if let Change::MovedAway { backup, .. } = change {
                // A leftover backup is no reason to undo a complete root.
                let _ = self.unlink(&backup, AtFlags::empty());
            }
        }
        std::mem::take(&mut self.summary)
    }

    /// Makes the directory `name`, which doesn't exist yet.
    pub(crate) fn make_directory(
        &mut self,
        parent: &Directory,
        name: &OsStr,
        attributes: Attributes,
    ) -> io::Result<()> {
        mkdirat(parent.fd(), name, Mode::RWXU)?;
        self.done.push(Change::MadeDirectory(parent.path().join(name)));
        self.summary.made += 1;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = openat(parent.fd(), name, flags, Mode::empty())?;
        apply(&fd, attributes)
    }

    /// Makes the symlink `name`, which doesn't exist yet.
    pub(crate) fn make_symlink(&mut self, parent: &Directory, name: &OsStr, text: &OsStr) -> io::Result<()> {
        symlinkat(text, parent.fd(), name)?;
        self.made_file(parent, name);
        Ok(())
    }

    /// Makes the file `name`, which doesn't exist yet. Writes it under a temporary name first, so
    /// that no process sees a part of it.
    pub(crate) fn make_file(
        &mut self,
        parent: &Directory,
        name: &OsStr,
        content: &mut dyn Content,
        attributes: Attributes,
    ) -> io::Result<()> {
        let (temporary, file) = self.create_temporary(parent)?;
        let index = self.done.len();
        self.done.push(Change::MadeFile(parent.path().join(&temporary)));
        let mut file = File::from(file);
        self.summary.bytes += content.copy_to(&mut file)?;
        apply(&file, attributes)?;
        renameat(parent.fd(), &temporary, parent.fd(), name)?;
        self.done[index] = Change::MadeFile(parent.path().join(name));
        self.summary.made += 1;
        Ok(())
    }

    /// Notes that `name` is a copy of the host file `id`, which has other names, too.
    pub(crate) fn note_copy(&mut self, id: FileId, parent: &Directory, name: &OsStr) {
        self.copies.insert(id, parent.path().join(name));
    }

    /// Makes `name`, which doesn't exist yet, a hard link to the copy of the host file `id`.
    /// Returns false if there is no copy yet, or the root's file system refuses the link.
    pub(crate) fn link_copy(&mut self, id: FileId, parent: &Directory, name: &OsStr) -> bool {
        let Some(copy) = self.copies.get(&id) else { return false };
        let linked = self
            .locate(copy)
            .and_then(|(directory, copy)| linkat(directory.fd(), copy, parent.fd(), name, AtFlags::empty()));
        if linked.is_ok() {
            self.made_file(parent, name);
        }
        linked.is_ok()
    }

    /// Renames the file or symlink `name` to a backup.
    pub(crate) fn move_away(&mut self, parent: &Directory, name: &OsStr) -> io::Result<()> {
        // An own file takes the backup's name before another file is renamed to it.
        let (backup, _) = self.create_temporary(parent)?;
        if let Err(error) = renameat(parent.fd(), name, parent.fd(), &backup) {
            let _ = unlinkat(parent.fd(), &backup, AtFlags::empty());
            return Err(error.into());
        }
        self.done
            .push(Change::MovedAway { path: parent.path().join(name), backup: parent.path().join(backup) });
        Ok(())
    }

    fn made_file(&mut self, parent: &Directory, name: &OsStr) {
        self.done.push(Change::MadeFile(parent.path().join(name)));
        self.summary.made += 1;
    }

    /// Makes a file with a name that is still free.
    fn create_temporary(&mut self, parent: &Directory) -> io::Result<(OsString, OwnedFd)> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        loop {
            self.temporary_names += 1;
            let name = format!(".newroot-{}-{}", std::process::id(), self.temporary_names);
            match openat(parent.fd(), &name, flags, Mode::RUSR | Mode::WUSR) {
                Ok(fd) => return Ok((name.into(), fd)),
                Err(Errno::EXIST) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn undo(&self, change: &Change) -> Result<(), Errno> {
        match change {
            Change::MadeDirectory(path) => self.unlink(path, AtFlags::REMOVEDIR),
            Change::MadeFile(path) => self.unlink(path, AtFlags::empty()),
            Change::MovedAway { path, backup } => {
                let (parent, name) = self.locate(path)?;
                let backup = backup.file_name().ok_or(Errno::NOENT)?;
                renameat(parent.fd(), backup, parent.fd(), name)
            }
        }
    }

    fn unlink(&self, path: &Path, flags: AtFlags) -> Result<(), Errno> {
        let (parent, name) = self.locate(path)?;
        unlinkat(parent.fd(), name, flags)
    }

    /// Opens the directory of a path in the journal. No such path has a symlink in it. Opening it
    /// again for each change saves a descriptor for each.
    fn locate<'a>(&self, path: &'a Path) -> Result<(Directory, &'a OsStr), Errno> {
        let mut parent = self.root.top();
        let name = path.file_name().ok_or(Errno::NOENT)?;
        for component in super::directory::components(path.parent().unwrap_or(path).as_os_str()) {
            parent.descend(component)?;
        }
        Ok((parent, name))
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        for change in self.done.iter().rev() {
            // A change that can't be undone is left. The caller reports the first error already.
            let _ = self.undo(change);
        }
    }
}

/// Contents of a new file.
pub(crate) trait Content {
    /// Writes all bytes, and returns their number.
    fn copy_to(&mut self, file: &mut File) -> io::Result<u64>;
}

impl Content for File {
    fn copy_to(&mut self, file: &mut File) -> io::Result<u64> {
        // Between two files this is copy_file_range(2), which shares blocks where the file system
        // can.
        io::copy(self, file)
    }
}

impl Content for &[u8] {
    fn copy_to(&mut self, file: &mut File) -> io::Result<u64> {
        io::copy(&mut self.by_ref(), file)
    }
}

fn apply(file: &impl std::os::fd::AsFd, attributes: Attributes) -> io::Result<()> {
    let mut mode = attributes.mode;
    if let Some((uid, gid)) = attributes.owner {
        // A user namespace may not map the owner. The file then stays the caller's, and must not
        // run with anybody's rights.
        if fchown(file, Some(uid), Some(gid)).is_err() {
            mode &= 0o1777;
        }
    }
    // After the owner, because a change of owner clears set-user-ID.
    fchmod(file, Mode::from_raw_mode(mode))?;
    if let Some(modified) = attributes.modified {
        futimens(file, &Timestamps { last_access: modified, last_modification: modified })?;
    }
    Ok(())
}
