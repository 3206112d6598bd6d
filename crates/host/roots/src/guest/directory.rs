//! Directories of the root, opened without ever leaving the root.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, openat, readlinkat, statat};
use rustix::io::Errno;

/// Limit of symlinks in one lookup, as in the kernel.
pub(crate) const LINKS_MAX: usize = 40;

/// The root itself.
#[derive(Clone, Debug)]
pub(crate) struct Root(Rc<OwnedFd>);

/// A directory, and the way to it: real directories all the way from the root.
#[derive(Clone, Debug)]
pub(crate) struct Directory {
    root: Root,
    way: Vec<(OsString, Rc<OwnedFd>)>,
}

/// The type of a directory entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Node {
    Missing,
    Directory,
    File,
    Symlink(OsString),
    /// A device, a socket or a FIFO.
    Special,
}

impl Root {
    /// Opens the root at the host path `path`, and follows symlinks.
    pub(crate) fn open(path: &Path) -> Result<Self, Errno> {
        open_directory(CWD, path.as_os_str(), OFlags::empty()).map(|fd| Self(Rc::new(fd)))
    }

    /// Returns the root's `/`.
    pub(crate) fn top(&self) -> Directory {
        Directory { root: self.clone(), way: Vec::new() }
    }
}

impl Directory {
    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.way.last().map_or_else(|| self.root.0.as_fd(), |(_, fd)| fd.as_fd())
    }

    /// Returns the guest path. It has no symlink in it.
    pub(crate) fn path(&self) -> PathBuf {
        let mut path = PathBuf::from("/");
        path.extend(self.way.iter().map(|(name, _)| name));
        path
    }

    /// Goes to the root's `/`.
    pub(crate) fn ascend_to_top(&mut self) {
        self.way.clear();
    }

    /// Goes to the parent directory. The parent of `/` is `/`.
    pub(crate) fn ascend(&mut self) {
        self.way.pop();
    }

    /// Goes into the directory `name`. Doesn't follow a symlink.
    pub(crate) fn descend(&mut self, name: &OsStr) -> Result<(), Errno> {
        let fd = open_directory(self.fd(), name, OFlags::NOFOLLOW)?;
        self.way.push((name.to_owned(), Rc::new(fd)));
        Ok(())
    }

    /// Returns the type of the entry `name`.
    pub(crate) fn node(&self, name: &OsStr) -> Result<Node, Errno> {
        let stat = match statat(self.fd(), name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            Err(Errno::NOENT) => return Ok(Node::Missing),
            Err(error) => return Err(error),
        };
        Ok(match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => Node::Directory,
            FileType::RegularFile => Node::File,
            FileType::Symlink => {
                let text = readlinkat(self.fd(), name, Vec::new())?;
                Node::Symlink(OsString::from_vec(text.into_bytes()))
            }
            _ => Node::Special,
        })
    }

    /// Resolves the guest path `path` from this directory. Returns the directory of the last
    /// component, and that component, which is no symlink and may not exist. The name is `None` if
    /// the path ends in a directory by `/`, `.` or `..`.
    pub(crate) fn resolve(&self, path: &OsStr) -> Result<(Self, Option<OsString>), Errno> {
        let mut here = self.clone();
        let mut links = 0;
        let mut pending = VecDeque::new();
        here.queue(path, &mut pending);
        while let Some(name) = pending.pop_front() {
            if name == ".." {
                here.ascend();
                continue;
            }
            match here.node(&name)? {
                Node::Symlink(text) => {
                    links += 1;
                    if links > LINKS_MAX {
                        return Err(Errno::LOOP);
                    }
                    here.queue(&text, &mut pending);
                }
                _ if pending.is_empty() => return Ok((here, Some(name))),
                _ => here.descend(&name)?,
            }
        }
        Ok((here, None))
    }

    /// Resolves the guest path `path` of a directory, from this directory.
    pub(crate) fn resolve_directory(&self, path: &OsStr) -> Result<Self, Errno> {
        let (mut here, name) = self.resolve(path)?;
        if let Some(name) = name {
            here.descend(&name)?;
        }
        Ok(here)
    }

    /// Puts the components of `path` in front of `pending`. Goes to the top first if the path is
    /// absolute.
    fn queue(&mut self, path: &OsStr, pending: &mut VecDeque<OsString>) {
        if path.as_bytes().starts_with(b"/") {
            self.ascend_to_top();
        }
        for name in components(path).rev() {
            pending.push_front(name.to_owned());
        }
    }
}

/// Returns the components of a path, without empty ones and `.`, but with `..`.
pub(crate) fn components(path: &OsStr) -> impl DoubleEndedIterator<Item = &OsStr> {
    path.as_bytes()
        .split(|&byte| byte == b'/')
        .filter(|name| !matches!(*name, b"" | b"."))
        .map(OsStr::from_bytes)
}

fn open_directory(at: BorrowedFd<'_>, name: &OsStr, flags: OFlags) -> Result<OwnedFd, Errno> {
    let flags = flags | OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    openat(at, name, flags, Mode::empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    /// Resolves `path` in a root with a few symlinks.
    fn resolve(path: &str) -> Result<PathBuf, Errno> {
        let root = tempfile::tempdir().unwrap();
        let at = |path: &str| root.path().join(path);
        fs::create_dir_all(at("usr/bin")).unwrap();
        fs::create_dir(at("etc")).unwrap();
        symlink("usr/bin", at("bin")).unwrap();
        symlink("/etc", at("usr/conf")).unwrap();
        symlink("../../../../../../..", at("usr/up")).unwrap();
        symlink("/tmp/outside", at("out")).unwrap();
        symlink("loop", at("loop")).unwrap();
        let (directory, name) = Root::open(root.path()).unwrap().top().resolve(OsStr::new(path))?;
        let mut path = directory.path();
        path.extend(name);
        Ok(path)
    }

    #[test]
    fn symlinks_are_followed_in_guest_terms() {
        for (path, leads_to) in [
            ("/bin/ls", "/usr/bin/ls"),
            ("bin//./ls", "/usr/bin/ls"),
            ("/usr/conf/passwd", "/etc/passwd"),
            ("/bin/../conf/x", "/etc/x"),
        ] {
            assert_eq!(resolve(path), Ok(leads_to.into()), "{path}");
        }
    }

    #[test]
    fn nothing_leads_out_of_the_root() {
        assert_eq!(resolve("/../../etc"), Ok("/etc".into()));
        assert_eq!(resolve("/usr/up/etc/x"), Ok("/etc/x".into()));
        assert_eq!(resolve("/out"), Err(Errno::NOENT), "/tmp is the root's own");
        assert_eq!(resolve("/loop/x"), Err(Errno::LOOP));
    }
}
