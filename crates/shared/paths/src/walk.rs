//! The component walk: path resolution in guest terms (path_resolution(7)).

use newroot_abi::Errno;

use crate::buffer::{GuestBuf, HostBuf, PendingBuf};
use crate::mounts::Mounts;

/// Links followed before ELOOP: the kernel's MAXSYMLINKS (include/linux/namei.h).
const MAX_LINKS: usize = 40;

/// What the walk asks of a file system.
pub trait Fs {
    /// Reads the link at `host`, which is the translation of `guest`, into `text` in guest terms.
    /// `last` says that nothing follows it in the path.
    ///
    /// # Errors
    /// The errno of readlink(2), but for EINVAL, which is [`Link::No`].
    fn read_link(
        &mut self,
        guest: &GuestBuf,
        host: &mut HostBuf,
        last: bool,
        text: &mut GuestBuf,
    ) -> Result<Link, Errno>;

    /// Checks that the link at `host` may be followed. `last` says that nothing but slashes follows it in the path.
    ///
    /// # Errors
    /// EACCES, ELOOP.
    fn may_follow(&mut self, host: &mut HostBuf, last: bool) -> Result<(), Errno> {
        let _ = (host, last);
        Ok(())
    }

    /// Checks that `host` is a directory that may be searched, as `..` in it needs.
    ///
    /// # Errors
    /// ENOTDIR, ENOENT, EACCES and the like.
    fn search(&mut self, host: &mut HostBuf) -> Result<(), Errno>;

    /// Whether the name at `host`, which isn't followed, is one of a file that lies elsewhere
    /// ([`Link::Elsewhere`]); then `host` is where.
    ///
    /// # Errors
    /// ENAMETOOLONG.
    fn elsewhere(&mut self, host: &mut HostBuf) -> Result<bool, Errno> {
        let _ = host;
        Ok(false)
    }
}

/// What stands at a component.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// No symlink.
    No,
    /// A symlink; its text was written.
    Text,
    /// One of procfs's links that is no path: only the kernel can follow it.
    Magic,
    /// One of procfs's links whose text was written in guest terms: magic, but walkable.
    MagicText,
    /// No symlink to the guest, but a name of a file that the host has elsewhere, in place of a hard link: `host`
    /// was changed to where. It isn't a directory.
    Elsewhere,
}

/// How a lookup is confined: the RESOLVE_* flags of openat2(2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// Crossing into another mount is EXDEV.
    pub no_xdev: bool,
    /// Magic links are ELOOP.
    pub no_magic_links: bool,
    /// Symlinks are ELOOP.
    pub no_symlinks: bool,
    /// Leaving the starting directory is EXDEV.
    pub beneath: bool,
    /// The starting directory is the root for this lookup.
    pub in_root: bool,
}

/// Whether a symlink at the end is followed. A trailing slash follows it all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Last {
    /// Yes.
    Follow,
    /// No.
    Keep,
}

/// Where a walk ended. The canonical guest path is in [`WalkScratch::guest`], the host
/// path, ready for the kernel, in [`WalkScratch::host`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Found {
    /// Index of the mount that owns the file.
    pub mount: usize,
    /// The host path's last component is a magic link and is to be followed by the kernel,
    /// with whatever comes behind it.
    pub magic: bool,
    /// The path asked for a directory (a trailing slash or dot); the host path ends in a slash.
    pub directory: bool,
    /// The host path isn't the guest path's translation: see [`Link::Elsewhere`].
    pub elsewhere: bool,
}

/// Room for a walk. For a relative path [`Self::guest`] holds the canonical directory to start from.
#[derive(Debug, Default)]
pub struct WalkScratch {
    /// In: where a relative path starts. Out: the canonical guest path.
    pub guest: GuestBuf,
    /// Out: the host path.
    pub host: HostBuf,
    pending: PendingBuf,
    link: GuestBuf,
}

impl WalkScratch {
    /// Empty scratch space.
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
/// What path_resolution(7) gives: ENOENT, ENOTDIR, EACCES, ELOOP, ENAMETOOLONG.
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
/// As for [`walk`], and what the rules say.
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
    let start_mount = table.owner(guest.bytes());
    let scoped = rules.beneath || rules.in_root;
    // Where an absolute path starts.
    let root = if rules.in_root { base } else { 0 };
    // A lookup knows its root once it has needed it; until then a link to it leaves the mount for
    // RESOLVE_NO_XDEV (nd_jump_root() in fs/namei.c).
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
                    if rules.no_xdev && table.owner(guest.bytes()) != start_mount {
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
        if rules.no_xdev && table.owner(guest.bytes()) != start_mount {
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
            Ok(Link::Elsewhere) if is_last && !directory => {
                let mount = table.owner(guest.bytes());
                return Ok(Found { mount, magic: false, directory: false, elsewhere: true });
            }
            Ok(Link::Elsewhere) => return Err(Errno::NOTDIR),
            Ok(Link::Magic) => {
                refuse_magic(rules, scoped)?;
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
                    refuse_magic(rules, scoped)?;
                }
                if link.is_empty() {
                    return Err(Errno::NOENT);
                }
                if link_kind == Link::Text && link.bytes().first() == Some(&b'/') {
                    table.show_link(table.owner(guest.bytes()), link)?;
                }
                let absolute = link.bytes().first() == Some(&b'/');
                let leaves = rules.beneath
                    || rules.no_xdev && !(knows_root && table.owner(guest_root(guest, root)) == start_mount);
                if absolute && leaves {
                    return Err(Errno::XDEV);
                }
                guest.truncate(if absolute { root } else { parent_len });
                // What grows so long leads to itself, if it isn't made for it: the kernel, which keeps
                // each link's text for itself, would come to its limit of links.
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

/// The directory that absolute paths start from.
fn guest_root(guest: &GuestBuf, len: usize) -> &[u8] {
    guest.bytes().get(..len).unwrap_or(&[])
}

/// nd_jump_link() in fs/namei.c.
fn refuse_magic(rules: Rules, scoped: bool) -> Result<(), Errno> {
    if rules.no_magic_links || rules.no_symlinks {
        return Err(Errno::LOOP);
    }
    if scoped { Err(Errno::XDEV) } else { Ok(()) }
}

/// A component of the pending path.
struct Component {
    start: usize,
    end: usize,
    /// A slash follows it.
    slash: bool,
    /// No other component follows it.
    last: bool,
}

/// The next component at or after `at`, which moves behind it.
fn next_component(pending: &[u8], at: &mut usize) -> Option<Component> {
    let start = *at + pending.get(*at..)?.iter().position(|&byte| byte != b'/')?;
    let rest = pending.get(start..)?;
    let end = start + rest.iter().position(|&byte| byte == b'/').unwrap_or(rest.len());
    *at = end;
    let behind = pending.get(end..).unwrap_or(&[]);
    Some(Component { start, end, slash: !behind.is_empty(), last: behind.iter().all(|&byte| byte == b'/') })
}
