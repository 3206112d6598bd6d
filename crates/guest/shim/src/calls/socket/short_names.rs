//! Short host names for sockets whose host path is too long for an address.
//!
//! The kernel shows a socket's peers the text that it was bound to, and they reply to that text. So
//! it must lead to the socket from every process of the host, and newroot must find the guest's
//! path by it. `/proc/self/fd/N/name` does neither. So each user has a directory with a symlink for
//! each directory of such sockets, and the sockets are bound through that:
//!
//! | host path | meaning |
//! |---|---|
//! | `/tmp/.newroot-UID` | the directory, mode 0711 so that other users can reply |
//! | `/tmp/.newroot-UID/HASH` | a symlink to the directory with the socket |
//! | `/tmp/.newroot-UID/HASH/name` | the name that the socket is bound to |
//!
//! If even that is too long, the socket is bound to a short name and renamed. Its link becomes a
//! directory with one symlink, which has the socket's first name and leads to the socket.
//!
//! A step that fails is skipped, because a socket with another name is better than none. Making a
//! link removes those that lead nowhere. The process that binds a socket holds the lock of the
//! user's directory from the link to the end of the bind: nobody removes a link that leads nowhere
//! yet.

use core::ops::ControlFlow;

use newroot_abi::hex::put_hex;
use newroot_abi::{Errno, PATH_MAX, hash};
use newroot_paths::{Buffer, GuestBuf, Host};
use newroot_procfs::Decimal;
use newroot_sys::raw;

use crate::kernel::{self, AT_FDCWD, Listing, Lock, Path};

/// Short directories of the host that every user can write to, best first.
const BASES: [&[u8]; 3] = [b"/tmp", b"/dev/shm", b"/var/tmp"];
/// The part of the path of the user's directory in front of the user number.
const STEM: &[u8] = b"/.newroot-";
/// Number of digits in a link's name.
const DIGITS: usize = 16;
/// Number of names that are tried for a link.
const TRIES: u64 = 4;
/// Mode of the directories: every user who knows a name can use it.
const MODE: u32 = 0o711;

/// A name that a socket can be bound to, or the beginning of one.
pub(super) type Name = Buffer<Host, 128>;
/// The text of a link.
type Text = Buffer<Host, PATH_MAX>;

/// Writes a short path that leads to a directory, given by its descriptor and host path. Returns
/// the lock that keeps the path until the socket is bound, or `None` if there is no such path.
// Out of line: keeps this large frame off the common path.
#[inline(never)]
pub(super) fn of_directory(directory: i32, path: &[u8], out: &mut Name) -> Option<Held> {
    let found = kernel::fstat(directory).ok()?;
    BASES.iter().find_map(|base| {
        let held = users_own(base, out).ok()?;
        link(out, path, path, &held).ok()?;
        let seen = kernel::fstatat(AT_FDCWD, Path::new(out.with_nul()), 0).ok()?;
        ((seen.st_dev, seen.st_ino) == (found.st_dev, found.st_ino)).then_some(held)
    })
}

/// The lock of a user's directory. A process without a free descriptor goes on without it, and
/// removes no links.
#[derive(Debug)]
pub(super) struct Held {
    lock: Option<Lock>,
}

/// The link of a socket that is bound to a temporary name.
#[derive(Debug)]
pub(super) struct Renamed {
    link: Name,
    _held: Held,
}

impl Renamed {
    /// Makes the link for a socket whose host path will be in the directory `path`, and writes the
    /// name to bind it to first: `short` in that directory.
    // Out of line: keeps this large frame off the common path.
    #[inline(never)]
    pub(super) fn new(path: &[u8], name: &[u8], short: &[u8], out: &mut Name) -> Option<Self> {
        let socket = joined(path, name).ok()?;
        BASES.iter().find_map(|base| {
            let held = users_own(base, out).ok()?;
            link(out, path, socket.bytes(), &held).ok()?;
            let mut link = Name::new();
            link.assign(out.bytes()).ok()?;
            out.extend(b"/").and_then(|()| out.extend(short)).ok()?;
            Some(Self { link, _held: held })
        })
    }

    /// Makes the name that the socket was bound to lead to its present one.
    // Out of line: keeps this large frame off the common path.
    #[inline(never)]
    pub(super) fn settle(mut self, path: &[u8], name: &[u8], short: &[u8]) {
        let _ = self.try_to_settle(path, name, short);
    }

    fn try_to_settle(&mut self, path: &[u8], name: &[u8], short: &[u8]) -> Result<(), Errno> {
        let mut socket = joined(path, name)?;
        let mut new = Name::new();
        new.assign(self.link.bytes())?;
        new.extend(b"-")?;
        new.extend(Decimal::new(kernel::gettid().into()).bytes())?;
        make_directory(&mut new)?;
        let directory = new.len();
        new.extend(b"/")?;
        new.extend(short)?;
        let made = kernel::symlinkat(Path::new(socket.with_nul()), AT_FDCWD, Path::new(new.with_nul()));
        let file = Path::new(self.link.with_nul());
        let put = made.and_then(|()| kernel::unlinkat(AT_FDCWD, file, 0)).and_then(|()| {
            new.truncate(directory);
            kernel::rename((AT_FDCWD, Path::new(new.with_nul())), (AT_FDCWD, file), 0)
        });
        put.inspect_err(|_| {
            new.truncate(directory);
            remove(&mut new);
        })
    }

    /// Removes the link of a socket that got no name.
    pub(super) fn remove(mut self) {
        remove(&mut self.link);
    }
}

/// If the text that a socket was bound to is one of these names, replaces it by the socket's host
/// path.
// Out of line: keeps this large frame off the common path.
#[inline(never)]
pub(super) fn show(text: &mut GuestBuf) {
    let Some(end) = link_in(text.bytes()) else { return };
    let (mut path, mut leads_to) = (Name::new(), Text::new());
    let front = text.bytes().get(..end).unwrap_or(&[]);
    if path.assign(front).is_err() {
        return;
    }
    let mut read = |path: &mut Name| {
        let len = kernel::readlinkat(AT_FDCWD, Path::new(path.with_nul()), leads_to.space())?;
        leads_to.set_len(len);
        Ok(())
    };
    let gone = match read(&mut path) {
        Ok(()) => end,
        // A directory, with a link named by the rest.
        Err(Errno::INVAL) if path.assign(text.bytes()).is_ok() && read(&mut path).is_ok() => text.len(),
        Err(_) => return,
    };
    // A result that is too long stays as it is.
    let _ = text.replace_front(gone, leads_to.bytes());
}

/// Returns where the link ends in a name. `None` if it is no such name.
fn link_in(text: &[u8]) -> Option<usize> {
    let behind = BASES.iter().find_map(|base| text.strip_prefix(*base)?.strip_prefix(STEM))?;
    let slash = behind.iter().position(|&byte| byte == b'/')?;
    let (user, link) = behind.split_at_checked(slash)?;
    Decimal::parse(user)?;
    let link = link.get(1..)?;
    let (digits, rest) = link.split_at_checked(DIGITS)?;
    let is_one = digits.iter().all(u8::is_ascii_hexdigit) && rest.first() == Some(&b'/');
    is_one.then_some(text.len() - rest.len())
}

/// Writes the path of the user's own directory, makes the directory if it is missing, and waits for
/// its lock.
fn users_own(base: &[u8], out: &mut Name) -> Result<Held, Errno> {
    let user = kernel::geteuid();
    out.assign(base)?;
    out.extend(STEM)?;
    out.extend(Decimal::new(user.into()).bytes())?;
    match make_directory(out) {
        Ok(()) | Err(Errno::EXIST) => {}
        Err(error) => return Err(error),
    }
    // Another user could have made it first.
    let found = kernel::fstatat(AT_FDCWD, Path::new(out.with_nul()), raw::AT_SYMLINK_NOFOLLOW)?;
    const OTHERS_WRITE: u32 = 0o022;
    let is_ours = found.st_mode & raw::S_IFMT == raw::S_IFDIR
        && found.st_uid == user
        && found.st_mode & OTHERS_WRITE == 0;
    if !is_ours {
        return Err(Errno::PERM);
    }
    Ok(Held { lock: Lock::take(Path::new(out.with_nul())).ok() })
}

/// Makes a directory with the right mode, whatever the umask.
fn make_directory(path: &mut Name) -> Result<(), Errno> {
    let path = Path::new(path.with_nul());
    kernel::mkdirat(AT_FDCWD, path, MODE)?;
    kernel::fchmodat(AT_FDCWD, path, MODE)
}

/// Finds or makes, in the user's directory at `out`, the link that stands for `meaning` and leads
/// to `path`, and writes its path. A link that stood for the same socket before is made again.
fn link(out: &mut Name, path: &[u8], meaning: &[u8], held: &Held) -> Result<(), Errno> {
    let mut text = Text::new();
    text.assign(path)?;
    let own = out.len();
    let first = hash(meaning);
    for number in 0..TRIES {
        out.truncate(own);
        out.extend(b"/")?;
        let mut digits = [0; DIGITS];
        put_hex(&mut digits, first.wrapping_add(number));
        out.extend(&digits)?;
        let link = Path::new(out.with_nul());
        match kernel::symlinkat(Path::new(text.with_nul()), AT_FDCWD, link) {
            Ok(()) => {
                if held.lock.is_some() {
                    collect(out, own);
                }
                return Ok(());
            }
            Err(Errno::EXIST) => {}
            Err(error) => return Err(error),
        }
        match kernel::readlinkat(AT_FDCWD, link, text.space()) {
            Ok(len) => text.set_len(len),
            // Another socket had this name before, and has lost it.
            Err(Errno::INVAL) if meaning != path && leads_to(out, meaning) => {
                remove(out);
                text.assign(path)?;
                let link = Path::new(out.with_nul());
                return kernel::symlinkat(Path::new(text.with_nul()), AT_FDCWD, link);
            }
            Err(_) => {}
        }
        if text.bytes() == path {
            return Ok(());
        }
        text.assign(path)?;
    }
    Err(Errno::EXIST)
}

/// Returns whether the directory at `link` has a link to a path in it.
fn leads_to(link: &mut Name, path: &[u8]) -> bool {
    let mut leads = false;
    each_entry(link, |directory, name| {
        let mut text = Text::new();
        if let Ok(len) = kernel::readlinkat(directory, name, text.space()) {
            text.set_len(len);
            leads |= text.bytes() == path;
        }
        ControlFlow::Continue(())
    });
    leads
}

/// Removes the links that lead nowhere from the user's directory, except `link`. The directory's
/// path is the first `own` bytes of it.
fn collect(link: &Name, own: usize) {
    let (front, name) = link.bytes().split_at_checked(own).unwrap_or((link.bytes(), &[]));
    let mut users = Name::new();
    if users.assign(front).is_err() {
        return;
    }
    let kept = name.get(1..).unwrap_or(&[]);
    each_entry(&mut users, |directory, entry| {
        match kernel::fstatat(directory, entry, 0) {
            Err(Errno::NOENT) if entry.bytes() != kept => {
                let _ = kernel::unlinkat(directory, entry, 0);
            }
            Ok(_) if entry.bytes() != kept => {
                // That of a renamed socket.
                let mut path = Name::new();
                let named = path.assign(front).and_then(|()| path.extend(b"/"));
                if named.and_then(|()| path.extend(entry.bytes())).is_ok() && leads_nowhere(&mut path) {
                    remove(&mut path);
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    });
}

/// Returns whether this is a directory with links that all lead nowhere. One that is being made has
/// no link yet.
fn leads_nowhere(link: &mut Name) -> bool {
    let mut nowhere = false;
    each_entry(link, |directory, name| {
        nowhere = kernel::fstatat(directory, name, 0).is_err_and(|error| error == Errno::NOENT);
        if nowhere { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    nowhere
}

/// Removes a link, or a directory with links.
fn remove(link: &mut Name) {
    if kernel::unlinkat(AT_FDCWD, Path::new(link.with_nul()), 0).is_ok() {
        return;
    }
    each_entry(link, |directory, name| {
        let _ = kernel::unlinkat(directory, name, 0);
        ControlFlow::Continue(())
    });
    let _ = kernel::unlinkat(AT_FDCWD, Path::new(link.with_nul()), raw::AT_REMOVEDIR);
}

/// Calls `look` for each entry of a directory that no symlink leads to. A directory that can't be
/// read has no entries.
fn each_entry(path: &mut Name, mut look: impl FnMut(i32, Path<'_>) -> ControlFlow<()>) {
    let flags = raw::O_RDONLY | raw::O_DIRECTORY | raw::O_NOFOLLOW | raw::O_CLOEXEC;
    let Ok(directory) = kernel::openat(AT_FDCWD, Path::new(path.with_nul()), flags, 0) else { return };
    let mut listing = Listing::<1024>::new();
    while let Ok(Some((_, name))) = listing.next(directory.number()) {
        if look(directory.number(), Path::new(name)).is_break() {
            break;
        }
    }
}

fn joined(directory: &[u8], name: &[u8]) -> Result<Text, Errno> {
    let mut path = Text::new();
    path.assign(directory)?;
    path.extend(b"/")?;
    path.extend(name)?;
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_links_name_is_found_in_a_sockets() {
        let text = b"/tmp/.newroot-1000/0123456789abcdef/name";
        assert_eq!(link_in(text), Some(text.len() - b"/name".len()));
        let text = b"/dev/shm/.newroot-0/0123456789abcdef/a/b";
        assert_eq!(link_in(text), Some(text.len() - b"/a/b".len()));
        for other in [
            "/tmp/.newroot-1000/0123456789abcdef",
            "/tmp/.newroot-1000/0123456789abcde/x",
            "/tmp/.newroot-1000/0123456789abcdefg/x",
            "/tmp/.newroot-/0123456789abcdef/x",
            "/tmp/.newroot-x/0123456789abcdef/x",
            "/tmp/x/.newroot-1000/0123456789abcdef/x",
            "tmp/.newroot-1000/0123456789abcdef/x",
        ] {
            assert_eq!(link_in(other.as_bytes()), None, "{other}");
        }
    }
}
