//! The component walk: path resolution in the guest's terms (path_resolution(7)).

use newroot_abi::Errno;

use crate::buffer::{GuestBuf, HostBuf, PendingBuf};
use crate::mounts::Mounts;

/// Number of links followed before ELOOP: the kernel's MAXSYMLINKS (include/linux/namei.h).
const MAX_LINKS: usize = 40;

/// File system operations that a walk needs.
pub trait Fs {
    /// Reads the link at `host`, which is the translation of `guest`, into `text` in the guest's
    /// terms. `last` is true if nothing follows it in the path.
    ///
    /// # Errors
    /// The errno of readlink(2). EINVAL, which means that the file isn't a symlink, becomes
    /// [`Link::No`].
    fn read_link(
        &mut self,
        guest: &GuestBuf,
        host: &mut HostBuf,
        last: bool,
        text: &mut GuestBuf,
    ) -> Result<Link, Errno>;

    /// Checks that the link at `host` may be followed. `last` is true if only slashes follow it in
    /// the path.
    ///
    /// # Errors
    /// EACCES if a protected link may not be followed; ELOOP if the mount's links aren't followed.
    fn may_follow(&mut self, host: &mut HostBuf, last: bool) -> Result<(), Errno> {
        let _ = (host, last);
        Ok(())
    }

    /// Checks that `host` is a directory that may be searched, as `..` in it requires.
    ///
    /// # Errors
    /// ENOTDIR if it isn't a directory, EACCES if it may not be searched, or another errno of
    /// looking it up, such as ENOENT.
    fn search(&mut self, host: &mut HostBuf) -> Result<(), Errno>;

    /// Checks whether the name at `host`, which isn't followed, names a file that lies elsewhere on
    /// the host ([`Link::Relocated`]). If so, `host` becomes the path of that file.
    ///
    /// # Errors
    /// ENAMETOOLONG if `host` can't hold the path.
    fn elsewhere(&mut self, host: &mut HostBuf) -> Result<bool, Errno> {
        let _ = host;
        Ok(false)
    }
}

/// Result of looking at a component's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// Not a symlink.
    No,
    /// A symlink; its text was written.
    Text,
    /// A link of procfs whose text is no path: only the kernel can follow it.
    Magic,
    /// A link of procfs whose text was written in the guest's terms: magic, but the walk can follow
    /// it.
    MagicText,
    /// Not a symlink to the guest, but a name of a file that lies elsewhere on the host, in place
    /// of a hard link. `host` was changed to that file's path. The file isn't a directory.
    Relocated,
}

/// Restrictions on a lookup: the RESOLVE_* flags of openat2(2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// Crossing into another mount fails with EXDEV.
    pub no_xdev: bool,
    /// Magic links fail with ELOOP.
    pub no_magic_links: bool,
    /// Symlinks fail with ELOOP.
    pub no_symlinks: bool,
    /// Leaving the starting directory fails with EXDEV.
    pub beneath: bool,
    /// The starting directory is the root of this lookup.
    pub in_root: bool,
}

/// Treatment of a symlink at the end of the path. A trailing slash makes the walk follow it in any
/// case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Last {
    /// Follow it.
    Follow,
    /// Don't follow it.
    Keep,
}

/// The end of a walk. [`WalkScratch::guest`] holds the canonical guest path, and
/// [`WalkScratch::host`] the host path, ready for the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// Index of the mount that covers the file.
    pub mount: usize,
    /// The host path contains a magic link. The kernel must follow it, along with the components
    /// behind it.
    pub magic: bool,
    /// The path required a directory, by a trailing slash or dot; the host path ends in a slash.
    pub directory: bool,
    /// The host path isn't the translation of the guest path: see [`Link::Relocated`].
    pub elsewhere: bool,
}

/// Buffers of a walk. For a relative path, [`Self::guest`] holds the canonical directory to start
/// from.
#[derive(Debug, Default)]
pub struct WalkScratch {
    /// Input: the directory from which a relative path starts. Output: the canonical guest path.
    pub guest: GuestBuf,
    /// Output: the host path.
    pub host: HostBuf,
    pending: PendingBuf,
    link: GuestBuf,
}

impl WalkScratch {
    /// Creates empty buffers.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            guest: GuestBuf::new(),
            host: HostBuf::new(),
            pending: PendingBuf::new(),
            link: GuestBuf::new(),
        }
    }
}

/// Walks `path`, component by component.
///
/// The last component need not exist; all others must.
///
/// # Errors
/// The errnos of path_resolution(7): ENOENT, ENOTDIR, EACCES, ELOOP, ENAMETOOLONG.
pub fn walk(
    fs: &mut impl Fs,
    table: &impl Mounts,
    scratch: &mut WalkScratch,
    path: &[u8],
    last: Last,
) -> Result<Found, Errno> {
    if path.first() == Some(&b'/') {
        scratch.guest.clear();
    }
    walk_within(fs, table, scratch, path, last, Rules::default())
}

/// Walks `path` from [`WalkScratch::guest`] under the rules of openat2(2).
///
/// # Errors
/// ENOENT, ENOTDIR, EACCES, ELOOP or ENAMETOOLONG as path resolution does; EXDEV or ELOOP if the
/// path breaks a rule.
pub fn walk_within(
    fs: &mut impl Fs,
    table: &impl Mounts,
    scratch: &mut WalkScratch,
    path: &[u8],
    last: Last,
    rules: Rules,
) -> Result<Found, Errno> {
    let WalkScratch { guest, host, pending, link } = scratch;
    pending.assign(path)?;
    let base = guest.len();
    let start_mount = table.covering_mount(guest.bytes());
    let scoped = rules.beneath || rules.in_root;
    // Length of the guest path at which an absolute path starts.
    let root = if rules.in_root { base } else { 0 };
    // A lookup sets its root when it first needs it. Until then, RESOLVE_NO_XDEV treats a link to
    // the root as leaving the mount (nd_jump_root() in fs/namei.c).
    let mut knows_root = scoped || path.first() == Some(&b'/');
    if path.first() == Some(&b'/') {
        if rules.beneath {
            return Err(Errno::XDEV);
        }
        guest.truncate(root);
    }
    let mut at = 0;
    let mut links = 0;
    let mut directory = false;
    let mut magic = false;
    let mut kept = false;
    while let Some(component) = next_component(pending.bytes(), &mut at) {
        let name = pending.bytes().get(component.start..component.end).unwrap_or(&[]);
        match name {
            b"." => {
                if component.last && !guest.is_empty() {
                    table.translate(guest.bytes(), host)?;
                    fs.search(host)?;
                }
                directory = true;
                continue;
            }
            b".." => {
                knows_root = true;
                let climbs = guest.len() > root;
                if climbs || scoped {
                    table.translate(guest.bytes(), host)?;
                    fs.search(host)?;
                }
                if rules.beneath && guest.len() <= base {
                    return Err(Errno::XDEV);
                }
                if climbs {
                    let parent = guest.bytes().iter().rposition(|&byte| byte == b'/');
                    guest.truncate(parent.unwrap_or(0));
                    if rules.no_xdev && table.covering_mount(guest.bytes()) != start_mount {
                        return Err(Errno::XDEV);
                    }
                }
                directory = true;
                continue;
            }
            _ => {}
        }
        let parent_len = guest.len();
        guest.extend(b"/")?;
        guest.extend(name)?;
        directory = component.slash;
        let is_last = component.last;
        if rules.no_xdev && table.covering_mount(guest.bytes()) != start_mount {
            return Err(Errno::XDEV);
        }
        if is_last && last == Last::Keep && !directory {
            kept = true;
            break;
        }
        table.translate(guest.bytes(), host)?;
        match fs.read_link(guest, host, is_last && !directory, link) {
            Ok(Link::No) => {}
            Err(Errno::NOENT) if is_last => {}
            Err(error) => return Err(error),
            Ok(Link::Relocated) if is_last && !directory => {
                let mount = table.covering_mount(guest.bytes());
                return Ok(Found { mount, magic: false, directory: false, elsewhere: true });
            }
            Ok(Link::Relocated) => return Err(Errno::NOTDIR),
            Ok(Link::Magic) => {
                reject_magic(rules, scoped)?;
                magic = true;
                break;
            }
            Ok(link_kind @ (Link::Text | Link::MagicText)) => {
                links += 1;
                if links > MAX_LINKS {
                    return Err(Errno::LOOP);
                }
                fs.may_follow(host, is_last)?;
                if rules.no_symlinks {
                    return Err(Errno::LOOP);
                }
                if link_kind == Link::MagicText {
                    reject_magic(rules, scoped)?;
                }
                if link.is_empty() {
                    return Err(Errno::NOENT);
                }
                if link_kind == Link::Text && link.bytes().first() == Some(&b'/') {
                    table.show_link(table.covering_mount(guest.bytes()), link)?;
                }
                let absolute = link.bytes().first() == Some(&b'/');
                let leaves = rules.beneath
                    || rules.no_xdev
                        && !(knows_root && table.covering_mount(guest_root(guest, root)) == start_mount);
                if absolute && leaves {
                    return Err(Errno::XDEV);
                }
                guest.truncate(if absolute { root } else { parent_len });
                // A path that outgrows the buffer has links that lead back to themselves, unless it
                // was built to do so. The kernel keeps each link's text separately, and would reach
                // its limit on links.
                pending.replace_front(component.end, link.bytes()).map_err(|_| Errno::LOOP)?;
                at = 0;
            }
        }
    }
    let mount = table.translate(guest.bytes(), host)?;
    let elsewhere = kept && fs.elsewhere(host)?;
    if magic {
        host.extend(pending.bytes().get(at..).unwrap_or(&[]))?;
    } else if directory && host.bytes() != b"/" {
        host.extend(b"/")?;
    }
    Ok(Found { mount, magic, directory, elsewhere })
}

/// Returns the directory at which absolute paths start.
fn guest_root(guest: &GuestBuf, len: usize) -> &[u8] {
    guest.bytes().get(..len).unwrap_or(&[])
}

/// Rejects a magic link as nd_jump_link() in fs/namei.c does.
fn reject_magic(rules: Rules, scoped: bool) -> Result<(), Errno> {
    if rules.no_magic_links || rules.no_symlinks {
        return Err(Errno::LOOP);
    }
    if scoped { Err(Errno::XDEV) } else { Ok(()) }
}

/// A component of the pending path.
struct Component {
    start: usize,
    end: usize,
    /// A slash follows the component.
    slash: bool,
    /// No other component follows the component.
    last: bool,
}

/// Returns the next component at or after `at`, and moves `at` behind it.
fn next_component(pending: &[u8], at: &mut usize) -> Option<Component> {
    let start = *at + pending.get(*at..)?.iter().position(|&byte| byte != b'/')?;
    let rest = pending.get(start..)?;
    let end = start + rest.iter().position(|&byte| byte == b'/').unwrap_or(rest.len());
    *at = end;
    let behind = pending.get(end..).unwrap_or(&[]);
    Some(Component { start, end, slash: !behind.is_empty(), last: behind.iter().all(|&byte| byte == b'/') })
}
