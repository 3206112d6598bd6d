//! The plan: what one guest process must know of its session.
//!
//! It travels as environment strings behind the guest's own, so that no descriptor or file
//! carries it and a guest can't lose it; and so that `/proc/PID/cmdline`, which everybody reads, never
//! shows it, not even before the shim has run:
//!
//! | string | content |
//! |---|---|
//! | 0 | [`MAGIC`], which names the protocol |
//! | 1 | guest path of the program being run ("exe") |
//! | 2 | host path of a shim image to fall back on, or nothing |
//! | 3 | what uname(2) says in the guest, as [`uname`](crate::uname) has it, or nothing |
//! | 4 | the path that was given to execve, for AT_EXECFN and the process's name |
//! | 5 | host path of the session's file (see `newroot_fakeroot::session`), or nothing without fake root |
//! | 6 | host path of the root whose [`links`](crate::links) are told and made, or nothing; `/` for the host's own |
//! | 7 | canonical guest path at which the program's interpreter was found by whoever executed it, or nothing |
//! | 8 | [hints](links_in_root) about links in the root directory |
//! | 9… | one [`Mount`] each, unless they lie in a [`table`](crate::table); padded with an empty string to make the number of all even |
//! | last | the [`Header`], fixed-width hexadecimal |
//!
//! The number of strings is even because the guest's argument count comes to lie that many words
//! above where the kernel put it on the initial stack, which the ABI wants 16-byte aligned.

use crate::hex::{get_hex, put_hex};

/// Changes whenever a launcher and a shim of different builds could misread each other.
pub const PROTOCOL: u32 = 8;

/// The first string of every plan. The control character keeps it from being anyone's variable.
pub const MAGIC: &[u8] = b"\x01newroot-plan-8";

/// Strings in front of the mounts.
pub const FIXED_STRINGS: usize = 9;
/// The fewest strings of a plan: those in front, and the header.
pub const LEAST_STRINGS: usize = strings(0);

/// Index of the string with the guest path of the running program.
pub const EXE: usize = 1;
/// Index of the string with the host path of a shim image to fall back on.
pub const SHIM_PATH: usize = 2;
/// Index of the string with what uname(2) says in the guest.
pub const UNAME: usize = 3;
/// Index of the string with the path that was given to execve.
pub const NAME: usize = 4;
/// Index of the string with the host path of the session's file, which fake root needs. The
/// directory it lies in is the root's store.
pub const SESSION_FILE: usize = 5;
/// Index of the string with the host path of the root that has hard links which the host refused.
pub const LINKS: usize = 6;
/// Index of the string with the guest path at which the program's interpreter was found.
pub const INTERPRETER: usize = 7;
/// Index of the string with [hints](links_in_root) about links in the root directory.
pub const LINKS_IN_ROOT: usize = 8;

/// Bytes of the longest name, and of the longest text, of a link that is hinted at.
pub const LONGEST_HINT: usize = 32;

/// The prefix of a hint: a symlink's name and its text follow it without a separator. Hints stand one behind the other.
///
/// `None` for a link of which no hint is given: one too long, or with a text that isn't one or more plain names.
#[must_use]
pub fn hint_prefix(name: &[u8], text: &[u8]) -> Option<[u8; 4]> {
    let plain = |component: &[u8]| !component.is_empty() && component != b"." && component != b"..";
    let fits = |bytes: &[u8]| (1..=LONGEST_HINT).contains(&bytes.len());
    if !fits(name) || !fits(text) || name.contains(&b'/') || !text.split(|&byte| byte == b'/').all(plain) {
        return None;
    }
    let mut out = [0; 4];
    put_hex(&mut out[0..2], name.len() as u64);
    put_hex(&mut out[2..4], text.len() as u64);
    Some(out)
}

/// What symlinks there were in the guest's root directory at launch, such as the `lib -> usr/lib` of a merged-usr root:
/// name and text of each. A hint where to look, never an answer.
pub fn links_in_root(hints: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let mut left = hints;
    core::iter::from_fn(move || {
        let (lengths, behind) = left.split_at_checked(4)?;
        let length = |at: usize| usize::try_from(get_hex(lengths.get(at..at + 2)?)?).ok();
        let (name, behind) = behind.split_at_checked(length(0)?)?;
        let (text, behind) = behind.split_at_checked(length(2)?)?;
        left = behind;
        Some((name, text))
    })
}

macro_rules! flags {
    ($type:ident, $($(#[$meta:meta])* $name:ident = $value:expr;)*) => {
        impl $type {
            $($(#[$meta])* pub const $name: Self = Self($value);)*

            /// Whether every bit of `other` is set.
            #[must_use]
            #[inline]
            pub const fn has(self, other: Self) -> bool {
                self.0 & other.0 == other.0
            }

            /// Both sets of bits.
            #[must_use]
            pub const fn with(self, other: Self) -> Self {
                Self(self.0 | other.0)
            }

            /// These bits without those of `other`.
            #[must_use]
            pub const fn without(self, other: Self) -> Self {
                Self(self.0 & !other.0)
            }
        }
    };
}

/// Switches of a session or of one process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flags(pub u32);

flags! { Flags,
    /// First exec of a session: the filter is still to be installed.
    LAUNCH = 1 << 0;
    /// openat2 is missing or denied: walk every path component by component.
    NO_OPENAT2 = 1 << 1;
    /// Some host directory is visible at two guest paths: remember by which one a
    /// process came to its working directory.
    ALIASED = 1 << 2;
    /// Some binding's name is missing in its parent directory: listings add it.
    UNLISTED = 1 << 3;
    /// Some binding is read-only.
    READ_ONLY = 1 << 4;
    /// The guest's SIGSYS action is SIG_IGN (it survives an exec).
    SIGSYS_IGNORED = 1 << 5;
    /// SIGSYS is in the guest's signal mask.
    SIGSYS_BLOCKED = 1 << 6;
    /// Report what the shim can't support on stderr.
    VERBOSE = 1 << 7;
    /// Trace every trapped call on stderr.
    TRACE = 1 << 8;
    /// The host shows no /proc: descriptors can't be named by path there.
    NO_PROC = 1 << 9;
    /// A filter of the guest's own may hold for the process: it has a say in every trapped call.
    GUEST_FILTERS = 1 << 10;
    /// The guest's users, groups and capabilities are newroot's own, and so are the owners and
    /// modes of files.
    FAKE_ROOT = 1 << 11;
    /// The program gained rights by its exec, which AT_SECURE tells it.
    SECURE = 1 << 12;
    /// Hard links that the host refuses are made, and told, as [`links`](crate::links) has them.
    LINKS = 1 << 13;
    /// The guest can't gain privileges by an exec: it has said so.
    NO_NEW_PRIVILEGES = 1 << 14;
    /// The guest has restricted itself by Landlock.
    LANDLOCKED = 1 << 15;
    /// Some mount's symlinks read as [`MountFlags::LINKS_INSIDE`] has it.
    LINKS_INSIDE = 1 << 19;
    /// The process may hold a copy of a file of procfs (`shim/src/calls/procfs_files`).
    COPIES = 1 << 20;
    /// The mounts lie in a [`table`](crate::table) behind the image, not in the plan's strings.
    TABLE = 1 << 21;
    /// Something is [hidden](MountFlags::HIDDEN): listings leave it out.
    HIDING = 1 << 22;
    /// The host protects links in directories that everybody may write (`fs.protected_symlinks`).
    PROTECTED_LINKS = 1 << 23;
    /// The host has a mount whose links aren't followed (`nosymfollow`).
    NOSYMFOLLOW = 1 << 24;
}

/// What changes from process to process, in fixed-width hexadecimal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// How many strings the plan has in all; even.
    pub strings: u32,
    /// Switches.
    pub flags: Flags,
    /// The guest's signal mask at the time of the exec, as the kernel encodes it.
    pub mask: u64,
    /// Index of the mount by which the process came to its working directory.
    pub cwd_mount: u32,
    /// A descriptor to load the program from, to be closed then; [`NO_DESCRIPTOR`] if the
    /// program is to be opened by its guest path.
    pub descriptor: u32,
    /// After how many traps a process begins to patch its call sites; [`NEVER_PATCH`] if it doesn't.
    pub patch_after: u32,
}

/// How many strings the plan of so many mounts has: padded with an empty one if need be.
#[must_use]
pub const fn strings(mounts: usize) -> usize {
    (FIXED_STRINGS + mounts + 1).next_multiple_of(2)
}

/// Call sites are left as they are: see [`Header::patch_after`].
pub const NEVER_PATCH: u32 = 0;

/// No descriptor: see [`Header::descriptor`].
pub const NO_DESCRIPTOR: u32 = u32::MAX;

/// Bytes of an encoded [`Header`].
pub const HEADER_LEN: usize = 8 + 8 + 16 + 8 + 8 + 8;

const _: () = assert!(HEADER_LEN == 56, "the header's width is part of the protocol");

impl Header {
    /// The header as its plan string.
    #[must_use]
    pub fn encode(&self) -> [u8; HEADER_LEN] {
        let mut out = [0; HEADER_LEN];
        put_hex(&mut out[0..8], u64::from(self.strings));
        put_hex(&mut out[8..16], u64::from(self.flags.0));
        put_hex(&mut out[16..32], self.mask);
        put_hex(&mut out[32..40], u64::from(self.cwd_mount));
        put_hex(&mut out[40..48], u64::from(self.descriptor));
        put_hex(&mut out[48..56], u64::from(self.patch_after));
        out
    }

    /// Reads a header back; `None` if `text` isn't one.
    #[must_use]
    pub fn decode(text: &[u8]) -> Option<Self> {
        if text.len() != HEADER_LEN {
            return None;
        }
        let header = Self {
            strings: u32::try_from(get_hex(text.get(0..8)?)?).ok()?,
            flags: Flags(u32::try_from(get_hex(text.get(8..16)?)?).ok()?),
            mask: get_hex(text.get(16..32)?)?,
            cwd_mount: u32::try_from(get_hex(text.get(32..40)?)?).ok()?,
            descriptor: u32::try_from(get_hex(text.get(40..48)?)?).ok()?,
            patch_after: u32::try_from(get_hex(text.get(48..56)?)?).ok()?,
        };
        (header.strings.is_multiple_of(2) && header.strings as usize >= LEAST_STRINGS).then_some(header)
    }
}

/// Switches of one mount.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MountFlags(pub u32);

flags! { MountFlags,
    /// Writing through it answers EROFS.
    READ_ONLY = 1 << 0;
    /// Its name is missing in the parent directory: listings of the parent add it.
    UNLISTED = 1 << 1;
    /// It is a directory (else a file).
    DIRECTORY = 1 << 2;
    /// It stands for a parent directory that exists only because a binding lies below it.
    VIRTUAL = 1 << 3;
    /// It stands for something of newroot's own in the root, which the guest is not to find: its
    /// host path is one that never exists.
    HIDDEN = 1 << 4;
    /// Under fake root: owners and modes of its files are remembered. That is so of the root's tree,
    /// wherever it is seen.
    OURS = 1 << 5;
    /// A file system in memory to the guest, though it is a directory of the store's.
    MEMORY = 1 << 6;
    /// Under fake root: the host's own mount at this place, which a change has made one of the session's.
    HOSTS = 1 << 7;
    /// An absolute symlink in it whose text leads into its host path reads as the guest path.
    LINKS_INSIDE = 1 << 10;
    /// Its host path lies below `/proc/self` or `/proc/thread-self`, and means each process's own.
    EACH_OWN = 1 << 8;
}

/// The root or one binding: a host tree seen at a guest path.
///
/// `guest` is canonical and has no trailing slash: the root's is empty. So is `host`,
/// which is empty if the host's own root is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub struct Mount<'a> {
    /// Guest path.
    pub guest: &'a [u8],
    /// Host path.
    pub host: &'a [u8],
    /// Switches.
    pub flags: MountFlags,
    /// Device and inode of the directory whose listing must show this mount's name.
    pub parent: (u64, u64),
}

/// Bytes in front of the two paths of an encoded mount.
pub const MOUNT_PREFIX_LEN: usize = 8 + 16 + 16 + 4;

impl<'a> Mount<'a> {
    /// The prefix of the plan string; `guest` and `host` follow it without a separator.
    #[must_use]
    pub fn encode_prefix(&self) -> [u8; MOUNT_PREFIX_LEN] {
        let mut out = [0; MOUNT_PREFIX_LEN];
        put_hex(&mut out[0..8], u64::from(self.flags.0));
        put_hex(&mut out[8..24], self.parent.0);
        put_hex(&mut out[24..40], self.parent.1);
        put_hex(&mut out[40..44], self.guest.len() as u64);
        out
    }

    /// Reads a mount back; `None` if `text` isn't one.
    #[must_use]
    pub fn decode(text: &'a [u8]) -> Option<Self> {
        let guest_len = usize::try_from(get_hex(text.get(40..44)?)?).ok()?;
        let paths = text.get(MOUNT_PREFIX_LEN..)?;
        let (guest, host) = paths.split_at_checked(guest_len)?;
        let absolute = |path: &[u8]| path.is_empty() || (path[0] == b'/' && path.len() > 1);
        (absolute(guest) && absolute(host)).then_some(())?;
        Some(Self {
            guest,
            host,
            flags: MountFlags(u32::try_from(get_hex(text.get(0..8)?)?).ok()?),
            parent: (get_hex(text.get(8..24)?)?, get_hex(text.get(24..40)?)?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_survives_the_round_trip() {
        let header = Header {
            strings: 12,
            flags: Flags::LAUNCH.with(Flags::TRACE),
            mask: 0x8000_0000_0000_0001,
            cwd_mount: 3,
            descriptor: NO_DESCRIPTOR,
            patch_after: 24,
        };
        assert_eq!(Header::decode(&header.encode()), Some(header));
    }

    #[test]
    fn header_with_an_odd_number_of_strings_is_refused() {
        let header = Header { strings: 7, ..Header::default() };
        assert_eq!(Header::decode(&header.encode()), None);
    }

    #[test]
    fn header_of_another_width_or_alphabet_is_refused() {
        assert_eq!(Header::decode(b"00"), None);
        assert_eq!(Header::decode(&[b'x'; HEADER_LEN]), None);
    }

    fn encoded(mount: Mount<'_>, buffer: &mut [u8; 128]) -> usize {
        let end = MOUNT_PREFIX_LEN + mount.guest.len() + mount.host.len();
        buffer[..MOUNT_PREFIX_LEN].copy_from_slice(&mount.encode_prefix());
        buffer[MOUNT_PREFIX_LEN..end - mount.host.len()].copy_from_slice(mount.guest);
        buffer[end - mount.host.len()..end].copy_from_slice(mount.host);
        end
    }

    #[test]
    fn hints_survive_the_round_trip() {
        let links: [(&[u8], &[u8]); 3] = [(b"lib", b"usr/lib"), (b"\xff", b"x"), (b"lib64", b"usr/lib64")];
        let (mut text, mut end) = ([0; 64], 0);
        for (name, target) in links {
            let prefix = hint_prefix(name, target).expect("a plain link");
            for part in [&prefix[..], name, target] {
                text[end..end + part.len()].copy_from_slice(part);
                end += part.len();
            }
        }
        assert!(links_in_root(&text[..end]).eq(links));
        // Cut off anywhere, it has fewer.
        for end in 0..end {
            assert!(
                links_in_root(&text[..end]).eq(links.into_iter().take(links_in_root(&text[..end]).count()))
            );
        }
    }

    #[test]
    fn only_links_to_plain_names_are_hinted_at() {
        for (name, text) in [
            (&b"a"[..], &b"/usr"[..]),
            (b"a", b"../usr"),
            (b"a", b"usr/"),
            (b"a", b""),
            (b"", b"usr"),
            (b"a/b", b"usr"),
            (b"a", &[b'x'; LONGEST_HINT + 1]),
        ] {
            assert_eq!(hint_prefix(name, text), None);
        }
    }

    #[test]
    fn mount_survives_the_round_trip_whatever_its_bytes() {
        for (guest, host) in [(&b""[..], &b"/srv/\xff\n root"[..]), (b"/proc", b""), (b"/a/b", b"/a/b")] {
            let mount = Mount { guest, host, flags: MountFlags::READ_ONLY, parent: (7, u64::MAX) };
            let mut buffer = [0; 128];
            let end = encoded(mount, &mut buffer);
            assert_eq!(Mount::decode(&buffer[..end]), Some(mount));
        }
    }

    #[test]
    fn mount_with_a_relative_or_bare_slash_path_is_refused() {
        for (guest, host) in [(&b"x"[..], &b"/a"[..]), (b"/", b"/a"), (b"/a", b"rel")] {
            let mount = Mount { guest, host, flags: MountFlags::default(), parent: (0, 0) };
            let mut buffer = [0; 128];
            let end = encoded(mount, &mut buffer);
            assert_eq!(Mount::decode(&buffer[..end]), None);
        }
    }
}
