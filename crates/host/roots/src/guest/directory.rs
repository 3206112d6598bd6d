//! A directory of the root, reached without leaving the root.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};
use std::rc::Rc;

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, openat, readlinkat, statat};
use rustix::io::Errno;

/// How many symlinks one path may pass, as in the kernel.
pub(crate) const LINKS_MAX: usize = 40;

/// The root itself.
#[derive(Clone, Debug)]
pub(crate) struct Root(Rc<OwnedFd>);

/// A directory and the way to it: real directories all, from the root down.
#[derive(Clone, Debug)]
pub(crate) struct Directory {
    root: Root,
    way: Vec<(OsString, Rc<OwnedFd>)>,
}

/// What stands at a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Node {
    Missing,
    Directory,
    File,
    Symlink(OsString),
    /// A device, a socket, a FIFO.
    Special,
}

impl Root {
    /// `path` is a host path, followed like any other.
    pub(crate) fn open(path: &Path) -> Result<Self, Errno> {
        open_directory(CWD, path.as_os_str(), OFlags::empty()).map(|fd| Self(Rc::new(fd)))
    }

    /// The root's `/`.
    pub(crate) fn top(&self) -> Directory {
        Directory { root: self.clone(), way: Vec::new() }
    }
}

impl Directory {
    pub(crate) fn fd(&self) -> BorrowedFd<'_> {
        self.way.last().map_or_else(|| self.root.0.as_fd(), |(_, fd)| fd.as_fd())
    }

    /// The guest path, which has no symlink in it.
    pub(crate) fn path(&self) -> PathBuf {
        let mut path = PathBuf::from("/");
        path.extend(self.way.iter().map(|(name, _)| name));
        path
    }

    /// Goes to the root's `/`.
    pub(crate) fn ascend_to_top(&mut self) {
        self.way.clear();
    }

    /// Goes to the directory above, which for `/` is `/`.
    pub(crate) fn ascend(&mut self) {
        self.way.pop();
    }

    /// Goes into the directory `name`, not following a symlink there.
    pub(crate) fn descend(&mut self, name: &OsStr) -> Result<(), Errno> {
        let fd = open_directory(self.fd(), name, OFlags::NOFOLLOW)?;
        self.way.push((name.to_owned(), Rc::new(fd)));
        Ok(())
    }

    /// What stands at `name` here.
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

    /// Where `path` leads from here in guest terms: the directory that holds the last
    /// component, and that component, which is no symlink (it may be missing). `None` for
    /// the name where the path ends in a directory by `/`, `.` or `..`.
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

    /// Where `path` leads from here, which must be a directory.
    pub(crate) fn resolve_directory(&self, path: &OsStr) -> Result<Self, Errno> {
        let (mut here, name) = self.resolve(path)?;
        if let Some(name) = name {
            here.descend(&name)?;
        }
        Ok(here)
    }

    /// Puts the components of `path` in front of `pending`, after going to the top if it
    /// is absolute.
    fn queue(&mut self, path: &OsStr, pending: &mut VecDeque<OsString>) {
        if path.as_bytes().starts_with(b"/") {
            self.ascend_to_top();
        }
        for name in components(path).rev() {
            pending.push_front(name.to_owned());
        }
    }
}

/// The components of a path, without empty ones and `.`; `..` is one.
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

    /// Where `path` leads in a root with a few links in it.
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
