//! `/proc/PID/mountinfo`, `mounts` and `mountstats`, in guest terms.
//!
//! The root, each binding and each mount of the session gets a line, with the file system of its
//! host directory. A mount of the host below the root, or below a binding that the session began
//! with, has a line where the guest sees it. A mount that the guest has made only has its own line:
//! a recursive binding has made a mount of each (`fakeroot::calls::mount`). The host's other mounts
//! aren't shown. Lines are sorted by the length of the guest paths, so that each comes behind the
//! one it is mounted on.

use newroot_abi::plan::{Flags, Mount, MountFlags};
use newroot_abi::{Errno, hash};
use newroot_paths::{Buffer, Guest, GuestBuf, HostBuf, is_under, strip_prefix};
use newroot_procfs::{Decimal, Escapes, MountInfo};

use super::write_all;
use crate::host_path::mounts::{MountList, point as host_point};
use crate::identity::{chain, process};
use crate::kernel::{self, Descriptor};
use crate::memory;
use crate::mount_view;
use crate::resolve::procfs::InProcess;
use crate::session::{Session, base, session};

/// Names of these files.
pub(super) const NAMES: [&[u8]; 3] = [b"mountinfo", b"mounts", b"mountstats"];

/// Returns whether a name is one of these, and the guest gets its own text. A guest without fake
/// root can't mount anything, and sees the host's file, as with PRoot.
pub(super) fn are_told(name: &[u8]) -> bool {
    NAMES.contains(&name) && session().has(Flags::FAKE_ROOT)
}

/// First number of mounts that the host doesn't have, or only has once.
const OWN: u64 = 1 << 24;
const AGAIN: u64 = 1 << 26;

/// Writes such a file's contents for the guest. `path` is the host's file.
///
/// # Errors
/// The errnos of read(2) and mmap(2).
pub(super) fn write(path: &HostBuf, to: &Descriptor) -> Result<(), Errno> {
    let end = path.bytes().iter().rposition(|&byte| byte == b'/').ok_or(Errno::NOENT)?;
    let (directory, name) = path.bytes().split_at_checked(end).ok_or(Errno::NOENT)?;
    let hosts = MountList::read(directory)?;
    let seen = seen_by(directory);
    let count = hosts.lines().count();
    let room = (count + 1) * seen.mounts.mounts().len() * size_of::<Item>();
    let items = kernel::map_anonymous(room)?;
    let mut list = List { items, count: 0, name, to };
    let result = list.write(seen, hosts.lines());
    memory::unmap_owned(items, room);
    result
}

/// Returns the view of the process whose directory in procfs is given.
fn seen_by(directory: &[u8]) -> &'static Session {
    let own = session();
    let number = InProcess::of(directory).and_then(|of| Decimal::parse(of.process));
    let number = number.and_then(|number| u32::try_from(number).ok());
    // The plan of another launch isn't known here.
    let other = number.and_then(process::of).filter(process::is_of_launch);
    let fs = other.map(|of| of.fs);
    fs.filter(|&fs| fs != process::current().fs).and_then(|place| mount_view::of(place).ok()).unwrap_or(own)
}

/// A line that was written: hash and length of its guest path, and its number.
type Item = [u64; 3];

struct List<'a> {
    items: usize,
    count: usize,
    name: &'a [u8],
    to: &'a Descriptor,
}

impl List<'_> {
    fn write<'l>(
        &mut self,
        seen: &Session,
        lines: impl Iterator<Item = MountInfo<'l>> + Clone,
    ) -> Result<(), Errno> {
        let mut point = HostBuf::new();
        for (index, mount) in seen.mounts.mounts().iter().enumerate().rev() {
            if mount.flags.has(MountFlags::HIDDEN) || mount.flags.has(MountFlags::VIRTUAL) {
                continue;
            }
            let mut under: Option<(usize, MountInfo<'l>)> = None;
            for line in lines.clone() {
                host_point(line, &mut point)?;
                let better = under.is_none_or(|(len, _)| point.len() >= len);
                if better && is_under(mount.host, point.bytes()) {
                    under = Some((point.len(), line));
                }
            }
            // The kernel shows no line for a root that chroot(2) made of a directory.
            let has_line = index != seen.mounts.root_index() || seen.root_mounted;
            if let Some((len, line)) = under.filter(|_| has_line) {
                let rest = mount.host.get(len..).unwrap_or(&[]);
                self.own(mount, rest, line, (seen.number_of(index), seen.generation))?;
            }
            if mount_view::change_of(seen.number_of(index)).is_some() {
                continue;
            }
            for line in lines.clone() {
                host_point(line, &mut point)?;
                if point.len() <= mount.host.len() || !is_under(point.bytes(), mount.host) {
                    continue;
                }
                let mut guest = GuestBuf::new();
                if seen.mounts.detranslate(point.bytes(), Some(index), &mut guest) != Some(index) {
                    continue;
                }
                // If it shows twice, its number is that at its usual path.
                let known = seen.mounts.detranslate(point.bytes(), None, &mut GuestBuf::new());
                let id = if known == Some(index) { line.id } else { AGAIN + self.count as u64 };
                self.one(guest.bytes(), &[line.root], mount.flags, line, id)?;
            }
        }
        Ok(())
    }

    /// Writes the line of a mount of the session, which has a number in a generation. `rest` is the
    /// part of its host path below the host's mount.
    fn own(
        &mut self,
        mount: &Mount<'_>,
        rest: &[u8],
        line: MountInfo<'_>,
        (number, generation): (u32, u32),
    ) -> Result<(), Errno> {
        let id = OWN | u64::from(number);
        // The guest chose how a file system that it mounted is shown.
        let made = mount_view::change_of(number);
        let label = made.map_or(&b""[..], |number| chain::label_of(generation, number));
        let mut parts = label.splitn(2, |&byte| byte == 0);
        let [kind, source] = [parts.next(), parts.next()].map(|part| part.unwrap_or(&[]));
        let (mut shown_kind, mut shown_source) = (Buffer::<Guest, 256>::new(), HostBuf::new());
        escape_text(kind, &mut shown_kind)?;
        escape_text(source, &mut shown_source)?;
        let line = if kind.is_empty() {
            line
        } else {
            MountInfo { kind: shown_kind.bytes(), source: shown_source.bytes(), ..line }
        };
        if mount.flags.has(MountFlags::MEMORY) {
            let line = MountInfo { super_options: b"rw", ..line };
            return self.one(mount.guest, &[b"/"], mount.flags, line, id);
        }
        // A directory of the session's root is shown as if the root were the whole file system.
        let top = base().mounts.root().host;
        let inside = strip_prefix(mount.host, top).filter(|_| mount.host.len() - rest.len() <= top.len());
        let front = if inside.is_some() || line.root == b"/" { b"" } else { line.root };
        let mut escaped = HostBuf::new();
        escape(inside.unwrap_or(rest), &mut escaped)?;
        let bare = front.is_empty() && escaped.is_empty();
        let root: [&[u8]; 2] = [front, if bare { b"/" } else { escaped.bytes() }];
        self.one(mount.guest, &root, mount.flags, line, id)
    }

    /// Writes a line.
    fn one(
        &mut self,
        guest: &[u8],
        root: &[&[u8]],
        flags: MountFlags,
        line: MountInfo<'_>,
        id: u64,
    ) -> Result<(), Errno> {
        let parent = self.parent(guest);
        let item: Item = [hash(guest), guest.len() as u64, id];
        memory::store_owned(self.items + self.count * size_of::<Item>(), &item);
        self.count += 1;
        let mut point = HostBuf::new();
        escape(if guest.is_empty() { b"/" } else { guest }, &mut point)?;
        let rest = |options: &[u8]| options.iter().position(|&byte| byte == b',').unwrap_or(options.len());
        let own = line.options.get(rest(line.options)..).unwrap_or(&[]);
        let is_read_only = |options: &[u8]| options.get(..rest(options)) == Some(b"ro");
        let read_only = flags.has(MountFlags::READ_ONLY) || is_read_only(line.options);
        let access = |read_only: bool| if read_only { &b"ro"[..] } else { &b"rw"[..] };
        let put = |parts: &[&[u8]]| parts.iter().try_for_each(|part| write_all(self.to, part));
        match self.name {
            b"/mountinfo" => {
                put(&[
                    Decimal::new(id).bytes(),
                    b" ",
                    Decimal::new(parent).bytes(),
                    b" ",
                    line.device,
                    b" ",
                ])?;
                put(root)?;
                put(&[
                    b" ",
                    point.bytes(),
                    b" ",
                    access(read_only),
                    own,
                    b" - ",
                    line.kind,
                    b" ",
                    line.source,
                ])?;
                put(&[b" ", line.super_options, b"\n"])
            }
            b"/mounts" => {
                let more = line.super_options.get(rest(line.super_options)..).unwrap_or(&[]);
                let read_only = read_only || is_read_only(line.super_options);
                put(&[
                    line.source,
                    b" ",
                    point.bytes(),
                    b" ",
                    line.kind,
                    b" ",
                    access(read_only),
                    own,
                    more,
                ])?;
                put(&[b" 0 0\n"])
            }
            _ => {
                put(&[b"device ", line.source, b" mounted on ", point.bytes(), b" with fstype ", line.kind])?;
                put(&[b"\n"])
            }
        }
    }

    /// Returns the number of the mount that a guest path is mounted on: of the lines written so
    /// far, that with the longest path above it.
    fn parent(&self, guest: &[u8]) -> u64 {
        let mut end = guest.len();
        while let Some(slash) = guest.get(..end).unwrap_or(&[]).iter().rposition(|&byte| byte == b'/') {
            end = slash;
            let wanted = [hash(guest.get(..end).unwrap_or(&[])), end as u64];
            for index in (0..self.count).rev() {
                let [hash, len, id] = memory::owned_value::<Item>(self.items + index * size_of::<Item>());
                if [hash, len] == wanted {
                    return id;
                }
            }
        }
        // No mount carries the root's.
        OWN - 1
    }
}

/// Writes a type or a source as the kernel shows it, which escapes more there than in paths
/// (`mangle` of fs/proc_namespace.c).
fn escape_text<Side, const N: usize>(text: &[u8], out: &mut Buffer<Side, N>) -> Result<(), Errno> {
    out.clear();
    Escapes::MOUNT_TEXTS.escape(text).try_for_each(|piece| out.extend(piece.bytes()))
}

fn escape(path: &[u8], out: &mut HostBuf) -> Result<(), Errno> {
    out.clear();
    Escapes::MOUNTS.escape(path).try_for_each(|piece| out.extend(piece.bytes()))
}
