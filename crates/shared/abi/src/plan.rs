//! The plan: what a guest process must know about its session.
//!
//! The plan travels as environment strings behind the guest's own. No descriptor or file carries
//! it, so the guest can't lose it, and `/proc/PID/cmdline`, which everybody may read, never shows
//! it, not even before the shim has run.
//!
//! | string | content |
//! |---|---|
//! | 0 | [`MAGIC`], which names the protocol |
//! | 1 | guest path of the running program ("exe") |
//! | 2 | host path of a shim image to fall back on, or empty |
//! | 3 | what uname(2) reports in the guest, in the form of [`uname`](crate::uname), or empty |
//! | 4 | the path given to execve, for AT_EXECFN and the process's name |
//! | 5 | host path of the session file (`newroot_fakeroot::session`); empty without fake root |
//! | 6 | host path of the root that has [`links`](crate::links); `/` for the host's own, or empty |
//! | 7 | canonical guest path at which execve's caller found the interpreter, or empty |
//! | 8 | [hints](links_in_root) about links in the root directory |
//! | 9… | one [`Mount`] each, unless a [`table`](crate::table) holds them; then any padding |
//! | last | the [`Header`] in fixed-width hexadecimal |
//!
//! An empty string pads the plan to an even number of strings. Removing them moves the guest's
//! argument count up by that many words from where the kernel put it on the initial stack, and the
//! ABI requires it to be 16-byte aligned.

use crate::hex::{get_hex, put_hex};

/// Version of the plan. It changes whenever a launcher and a shim of different builds could misread
/// each other.
pub const PROTOCOL: u32 = 8;

/// First string of every plan. Its control character keeps it distinct from any variable of the
/// guest.
pub const MAGIC: &[u8] = b"\x01newroot-plan-8";

/// Number of strings in front of the mounts.
pub const FIXED_STRINGS: usize = 9;
/// Number of strings in the shortest plan: those in front of the mounts, and the header.
pub const LEAST_STRINGS: usize = strings(0);

/// Index of the string with the guest path of the running program.
pub const EXE: usize = 1;
/// Index of the string with the host path of a shim image to fall back on.
pub const SHIM_PATH: usize = 2;
/// Index of the string that says what uname(2) reports in the guest.
pub const UNAME: usize = 3;
/// Index of the string with the path given to execve.
pub const NAME: usize = 4;
/// Index of the string with the host path of the session file, which fake root needs. The file lies
/// in the root's store.
pub const SESSION_FILE: usize = 5;
/// Index of the string with the host path of the root whose [`links`](crate::links) are made and
/// shown.
pub const LINKS: usize = 6;
/// Index of the string with the guest path at which the program's interpreter was found.
pub const INTERPRETER: usize = 7;
/// Index of the string with [hints](links_in_root) about links in the root directory.
pub const LINKS_IN_ROOT: usize = 8;

/// Bytes of the longest link name, and of the longest link text, that a hint can hold.
pub const LONGEST_HINT: usize = 32;

/// Returns the prefix of a hint. The symlink's name and text follow it without a separator, and the
/// next hint follows them.
///
/// Returns `None` for a link that gets no hint: its name or text is too long or empty, or its text
/// isn't a relative path of plain names.
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

/// Returns name and text of each symlink that the guest's root directory held at launch, such as
/// the `lib -> usr/lib` of a merged-usr root. They are hints where to look; the caller must verify
/// them.
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

            /// Checks whether every bit of `other` is set.
            #[must_use]
            #[inline]
            pub const fn has(self, other: Self) -> bool {
                self.0 & other.0 == other.0
            }

            /// Returns the bits of both sets.
            #[must_use]
            pub const fn with(self, other: Self) -> Self {
                Self(self.0 | other.0)
            }

            /// Returns these bits without those of `other`.
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
    /// This is the first exec of the session: the shim must install the filter.
    LAUNCH = 1 << 0;
    /// openat2 is missing or denied: walk every path component by component.
    NO_OPENAT2 = 1 << 1;
    /// Some host directory is visible at two guest paths: record by which mount a process came to
    /// its working directory.
    ALIASED = 1 << 2;
    /// Some binding's name is missing in its parent directory: listings add it.
    UNLISTED = 1 << 3;
    /// Some binding is read-only.
    READ_ONLY = 1 << 4;
    /// The guest's SIGSYS action is SIG_IGN, which survives an exec.
    SIGSYS_IGNORED = 1 << 5;
    /// SIGSYS is in the guest's signal mask.
    SIGSYS_BLOCKED = 1 << 6;
    /// Report on stderr whatever the shim can't support.
    VERBOSE = 1 << 7;
    /// Trace every trapped call on stderr.
    TRACE = 1 << 8;
    /// The host has no /proc, so descriptors can't be named by a path there.
    NO_PROC = 1 << 9;
    /// The process may have seccomp filters installed by the guest: evaluate them for every trapped
    /// call.
    GUEST_FILTERS = 1 << 10;
    /// newroot emulates the guest's users, groups and capabilities, and the owners and modes of
    /// files.
    FAKE_ROOT = 1 << 11;
    /// The exec gave the program new privileges, which AT_SECURE reports.
    SECURE = 1 << 12;
    /// Hard links that the host refuses are made and shown as described in [`links`](crate::links).
    LINKS = 1 << 13;
    /// The guest has set no_new_privs, so an exec gives no privileges.
    NO_NEW_PRIVILEGES = 1 << 14;
    /// The guest has restricted itself with Landlock.
    LANDLOCKED = 1 << 15;
    /// Some mount has [`MountFlags::LINKS_INSIDE`].
    LINKS_INSIDE = 1 << 19;
    /// The process may hold a copy of a file of procfs (`shim/src/calls/synthetic_proc`).
    COPIES = 1 << 20;
    /// The mounts lie in a [`table`](crate::table) behind the image, not in the plan's strings.
    TABLE = 1 << 21;
    /// Some mount is [hidden](MountFlags::HIDDEN): listings leave it out.
    HIDING = 1 << 22;
    /// The host protects links in world-writable directories (`fs.protected_symlinks`).
    PROTECTED_LINKS = 1 << 23;
    /// The host has a mount on which symlinks aren't followed (`nosymfollow`).
    NOSYMFOLLOW = 1 << 24;
}

/// Values that differ from process to process, encoded in fixed-width hexadecimal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// Number of strings in the whole plan; even.
    pub strings: u32,
    /// Switches.
    pub flags: Flags,
    /// The guest's signal mask at the time of the exec, as the kernel encodes it.
    pub mask: u64,
    /// Index of the mount by which the process came to its working directory.
    pub cwd_mount: u32,
    /// Descriptor to load the program from and then close, or [`NO_DESCRIPTOR`] if the shim is to
    /// open the program by its guest path.
    pub descriptor: u32,
    /// Number of traps after which a process begins to patch its call sites, or [`NEVER_PATCH`].
    pub patch_after: u32,
}

/// Returns the number of strings in a plan with this number of mounts, including any padding.
#[must_use]
pub const fn strings(mounts: usize) -> usize {
    (FIXED_STRINGS + mounts + 1).next_multiple_of(2)
}

/// Value of [`Header::patch_after`] that leaves all call sites unpatched.
pub const NEVER_PATCH: u32 = 0;

/// Value of [`Header::descriptor`] that means no descriptor.
pub const NO_DESCRIPTOR: u32 = u32::MAX;

/// Bytes of an encoded [`Header`].
pub const HEADER_LEN: usize = 8 + 8 + 16 + 8 + 8 + 8;

const _: () = assert!(HEADER_LEN == 56, "the header's width is part of the protocol");

impl Header {
    /// Encodes the header as its plan string.
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

    /// Reads a header back. Returns `None` if `text` isn't a header.
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
    /// Writing through this mount fails with EROFS.
    READ_ONLY = 1 << 0;
    /// The mount's name is missing in the parent directory: listings of the parent add it.
    UNLISTED = 1 << 1;
    /// The mount is a directory; otherwise it is a file.
    DIRECTORY = 1 << 2;
    /// The mount stands for a parent directory that exists only because a binding lies below it.
    VIRTUAL = 1 << 3;
    /// The mount hides one of newroot's own files in the root from the guest: its host path never
    /// exists.
    HIDDEN = 1 << 4;
    /// Under fake root: owners and modes of the mount's files are recorded. Set for the root's
    /// tree, wherever it is visible.
    OURS = 1 << 5;
    /// The mount is a file system in memory to the guest, and a directory in the store to the host.
    MEMORY = 1 << 6;
    /// Under fake root: the host's own mount at this path, which became one of the session's mounts
    /// when the guest changed it.
    HOSTS = 1 << 7;
    /// An absolute symlink in this mount whose text leads into its host path is shown with the
    /// guest path instead.
    LINKS_INSIDE = 1 << 10;
    /// The host path lies below `/proc/self` or `/proc/thread-self`, so it differs from process to
    /// process.
    EACH_OWN = 1 << 8;
    /// The launch made the mount read-only. The guest can neither make it writable nor bind a file
    /// of it elsewhere and make that writable (MNT_LOCK_READONLY in include/linux/mount.h).
    LOCKED = 1 << 9;
}

impl MountFlags {
    /// The switches that the launch sets for a read-only mount.
    pub const READ_ONLY_BY_LAUNCH: Self = Self::READ_ONLY.with(Self::LOCKED);
    /// The switches that a mount inherits from the mount that shows its file.
    pub const INHERITED: Self = Self::READ_ONLY_BY_LAUNCH.with(Self::OURS);

    /// Returns the switches that are set in both.
    #[must_use]
    pub const fn only(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

/// The root or one binding: a host tree visible at a guest path.
///
/// `guest` is canonical and has no trailing slash; the root's is empty. So is `host`, which is
/// empty for the host's own root.
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
    /// Encodes the prefix of the plan string. `guest` and `host` follow it without a separator.
    #[must_use]
    pub fn encode_prefix(&self) -> [u8; MOUNT_PREFIX_LEN] {
        let mut out = [0; MOUNT_PREFIX_LEN];
        put_hex(&mut out[0..8], u64::from(self.flags.0));
        put_hex(&mut out[8..24], self.parent.0);
        put_hex(&mut out[24..40], self.parent.1);
        put_hex(&mut out[40..44], self.guest.len() as u64);
        out
    }

    /// Reads a mount back. Returns `None` if `text` isn't a mount.
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
        // A text that is cut off holds fewer hints.
        for end in 0..end {
            assert!(
                links_in_root(&text[..end]).eq(links.into_iter().take(links_in_root(&text[..end]).count()))
            );
        }
    }

    #[test]
    fn only_links_to_plain_names_get_hints() {
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
