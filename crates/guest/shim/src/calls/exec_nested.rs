//! A newroot inside a newroot.
//!
//! The inner launcher executes its shim with a plan in which "host" means the outer guest. The
//! inner shim doesn't run, because two can't be in one process. Instead the outer shim composes the
//! inner plan with its own, so that it leads straight to the host, and goes on with it. However
//! deep the nesting, a path is translated once.
//!
//! Properties that the inner session has and the outer lacks, above all fake root, begin with that
//! exec: the shim installs a second filter, which traps what the first leaves to the kernel. A
//! session passes its filter on, so there are never more filters than such properties.

use core::cmp::Reverse;

use newroot_abi::plan::{self, Flags, Header, MAGIC, Mount, MountFlags};
use newroot_abi::{Errno, table};
use newroot_fakeroot::session::{FsContext, Identity};
use newroot_image::{ELF_HEADER_LEN, PROGRAM_HEADER_LEN};
use newroot_paths::{HostBuf, Last, is_under, strip_prefix};

use super::exec::{Pointers, count_pointers, counted_pointer, execute};
use super::synthetic_proc::copy;
use super::{filters, landlock};
use crate::call::Trapped;
use crate::identity::process::Changing;
use crate::identity::stores::StorePath;
use crate::identity::switch::{go_back, switch_for_exec};
use crate::identity::{chain, process};
use crate::kernel::{self, AT_FDCWD, Descriptor};
use crate::memory;
use crate::report;
use crate::resolve;
use crate::session::session;
use crate::slots::{ExecScratch, Operand};

/// Executes the outer shim with the inner plan, composed.
// Out of line: keeps this large frame off the common path.
#[inline(never)]
pub(super) fn exec(
    call: &mut Trapped<'_>,
    operand: &mut Operand,
    exec: &mut ExecScratch,
    image: Option<Descriptor>,
    [arguments, environment]: [usize; 2],
) -> Result<usize, Errno> {
    let variables = count_pointers(environment)?;
    let variable = |index: usize| counted_pointer(environment, index);
    let last = variables.checked_sub(1).ok_or(Errno::NOEXEC)?;
    memory::read_path(variable(last), &mut operand.text)?;
    let inner = Header::decode(operand.text.bytes()).ok_or(Errno::NOEXEC)?;
    let strings = inner.strings as usize;
    // The beginning of the inner plan among the variables.
    let begin = variables.checked_sub(strings).ok_or(Errno::NOEXEC)?;
    memory::read_path(variable(begin), &mut operand.text)?;
    if operand.text.bytes() != MAGIC {
        // A shim of another protocol, or run by hand.
        return Err(Errno::NOEXEC);
    }

    let (mut session_room, mut links_room) = (StorePath::new(), StorePath::new());
    let mut host_string = |property, index, room| {
        if session().has(property) || !inner.flags.has(property) {
            return Ok(own_string(index));
        }
        host_path(operand, variable(begin + index), room)
    };
    let session_file = host_string(Flags::FAKE_ROOT, plan::SESSION_FILE, &mut session_room)?;
    let links = host_string(Flags::LINKS, plan::LINKS, &mut links_room)?;

    let table = match inner.flags.has(Flags::TABLE) {
        true => Some(Table::read(image.as_ref().ok_or(Errno::MFILE)?)?),
        false => None,
    };
    let composed = compose(|visit| match &table {
        Some(table) => table.each(visit),
        None => (plan::FIXED_STRINGS..strings - 1).try_for_each(|index| {
            let mut encoded = HostBuf::new();
            memory::read_long_path(variable(begin + index), &mut encoded)?;
            // The padding is no mount.
            if encoded.is_empty() { Ok(()) } else { visit(encoded.bytes()) }
        }),
    });
    drop(table);
    let composed = composed?;
    let own = session().header.flags;
    let place = owner_of(inner.flags)?;
    // The outer launcher knows the host.
    const OF_THE_HOST: [Flags; 4] =
        [Flags::NO_OPENAT2, Flags::NO_PROC, Flags::PROTECTED_LINKS, Flags::NOSYMFOLLOW];
    let own_alone =
        OF_THE_HOST.into_iter().fold(Flags::LAUNCH.with(Flags::LINKS_INSIDE).with(Flags::TABLE), Flags::with);
    let mut flags = inner.flags.without(own_alone);
    let shown = [Flags::VERBOSE, Flags::TRACE];
    for inherited in OF_THE_HOST.into_iter().chain(shown).chain(TRAPPING_MORE) {
        if own.has(inherited) {
            flags = flags.with(inherited);
        }
    }
    if filters::no_new_privileges() {
        flags = flags.with(Flags::NO_NEW_PRIVILEGES);
    }
    if landlock::any() {
        flags = flags.with(Flags::LANDLOCKED);
    }
    if filters::any() {
        flags = flags.with(Flags::GUEST_FILTERS);
    }
    if copy::are_possible() {
        flags = flags.with(Flags::COPIES);
    }
    flags = flags.with(composed.flags);
    memory::read_path(variable(begin + plan::UNAME), &mut operand.text)?;
    let shows_names = !operand.text.is_empty() && session().uname.is_empty();
    if shows_names || TRAPPING_MORE.iter().any(|&more| flags.has(more) && !own.has(more)) {
        flags = flags.with(Flags::LAUNCH);
    }
    let mounts = composed.count();
    let strings = plan::strings(mounts);
    let header = Header {
        strings: strings as u32,
        flags,
        mask: inner.mask & call.context.mask,
        cwd_mount: 0,
        descriptor: inner.descriptor,
        patch_after: session().header.patch_after,
    };
    let mut header_text = [0u8; plan::HEADER_LEN + 1];
    header_text[..plan::HEADER_LEN].copy_from_slice(&header.encode());

    let count = count_pointers(arguments)?;
    let mut pointers = Pointers::new(exec, count + 1 + begin + strings + 1)?;
    for index in 0..count {
        pointers.push(counted_pointer(arguments, index));
    }
    pointers.push(0);
    pointers.begin_environment();
    for index in 0..begin {
        pointers.push(variable(index));
    }
    for index in 0..plan::FIXED_STRINGS {
        pointers.push(match index {
            plan::SHIM_PATH => own_string(plan::SHIM_PATH),
            // The outer session file, if there is one: it has all identities, and the links lead to
            // the outer root's.
            plan::SESSION_FILE => session_file,
            plan::LINKS => links,
            _ => variable(begin + index),
        });
    }
    for index in 0..mounts {
        pointers.push(composed.address(index));
    }
    if plan::FIXED_STRINGS + mounts + 1 < strings {
        pointers.push(c"".as_ptr() as usize);
    }
    pointers.push(header_text.as_ptr() as usize);
    pointers.push(0);
    let before = place.map(|(changing, of)| switch_for_exec(changing, &of)).transpose();
    let error = match &before {
        Ok(_) => execute(call.slot, &pointers),
        Err(error) => *error,
    };
    if let Ok(Some(before)) = &before {
        go_back(before);
    }
    pointers.discard(exec);
    Err(error)
}

/// Properties of a session for which the filter traps more.
const TRAPPING_MORE: [Flags; 6] =
    [Flags::FAKE_ROOT, Flags::LINKS, Flags::ALIASED, Flags::UNLISTED, Flags::READ_ONLY, Flags::HIDING];

fn own_string(index: usize) -> usize {
    session().strings.get(index).copied().unwrap_or(0)
}

/// Writes the host path of a file that the inner launcher, as a guest, has made at the guest path
/// at `given`. Returns the path's address.
fn host_path(operand: &mut Operand, given: usize, room: &mut StorePath) -> Result<usize, Errno> {
    memory::read_path(given, &mut operand.text)?;
    let object = resolve::object(operand, AT_FDCWD, Last::Follow)?;
    let descriptor = object.descriptor.ok_or(Errno::MFILE)?;
    let mut path = HostBuf::new();
    resolve::raw_host_path(descriptor.number(), &mut path)?;
    room.assign(path.bytes())?;
    Ok(room.with_nul().as_ptr() as usize)
}

/// Returns the identity with which the inner session begins if the outer one has fake root: the
/// caller's, in a new mount namespace, because the inner paths are others. Its fake root is the
/// outer one's, whose rules also hold for its owner. If the outer session has none, the inner
/// launcher has given the process its first identity.
fn owner_of(inner: Flags) -> Result<Option<(Changing, Identity<'static>)>, Errno> {
    if !session().has(Flags::FAKE_ROOT) {
        return Ok(None);
    }
    let me = process::current();
    if inner.has(Flags::FAKE_ROOT) && me.credentials.euid != 0 {
        report::line(&[b"only root can become root within a fake root"]);
        return Err(Errno::PERM);
    }
    let changing = Changing::begin()?;
    let namespace = chain::new_namespace(&changing, 0)?.ok_or(Errno::AGAIN)?;
    let fs = FsContext { namespace, root: 0, ..me.fs };
    Ok(Some((changing, Identity { fs, ..me })))
}

/// A copy of the mounts behind the inner launcher's image.
struct Table {
    base: usize,
    len: usize,
    header: table::Header,
}

impl Table {
    /// Reads the mounts.
    ///
    /// # Errors
    /// ENOEXEC if the image has none; the errnos of pread(2) and mmap(2).
    fn read(image: &Descriptor) -> Result<Self, Errno> {
        let mut program_header = [0; PROGRAM_HEADER_LEN];
        let at = ELF_HEADER_LEN + table::PROGRAM_HEADER * PROGRAM_HEADER_LEN;
        let mut header = [0; table::HEADER_LEN];
        let offset = match kernel::pread(image.number(), &mut program_header, at as u64)? {
            PROGRAM_HEADER_LEN => {
                u64::from_ne_bytes(*program_header[8..].first_chunk().ok_or(Errno::NOEXEC)?)
            }
            _ => return Err(Errno::NOEXEC),
        };
        let len = kernel::pread(image.number(), &mut header, offset)?;
        let header = header.get(..len).and_then(table::Header::decode).ok_or(Errno::NOEXEC)?;
        let len = header.len as usize;
        let table = Self { base: kernel::map_anonymous(len)?, len, header };
        let mut read = 0;
        while read < len {
            let rest = memory::mapped_bytes(table.base + read, len - read);
            match kernel::pread(image.number(), rest, offset + read as u64)? {
                0 => break,
                more => read += more,
            }
        }
        Ok(table)
    }

    fn each(&self, visit: &mut dyn FnMut(&[u8]) -> Result<(), Errno>) -> Result<(), Errno> {
        let texts =
            memory::mapped_bytes(self.base, self.len).get(self.header.texts as usize..).unwrap_or(&[]);
        texts.split(|&byte| byte == 0).filter(|text| !text.is_empty()).try_for_each(visit)
    }
}

impl Drop for Table {
    fn drop(&mut self) {
        memory::unmap_owned(self.base, self.len);
    }
}

/// Visits the encoding of each inner mount.
trait Visits: Fn(&mut dyn FnMut(&[u8]) -> Result<(), Errno>) -> Result<(), Errno> {}
impl<T: Fn(&mut dyn FnMut(&[u8]) -> Result<(), Errno>) -> Result<(), Errno>> Visits for T {}

/// Composes the inner mounts with the outer ones.
fn compose(visit_all: impl Visits) -> Result<Composed, Errno> {
    let (mut count, mut bytes) = (0, 0);
    visit_all(&mut |encoded| {
        with_ours(encoded, &mut |mount| {
            count += 1;
            bytes += encoded_len(&mount);
            Ok(())
        })
    })?;
    let mut composed = Composed::new(count, bytes)?;
    visit_all(&mut |encoded| with_ours(encoded, &mut |mount| composed.push(&mount)))?;
    composed.sort();
    Ok(composed)
}

/// Visits an inner mount, changed to lead straight to the host, and every outer mount that shows
/// below its host path.
fn with_ours(encoded: &[u8], visit: &mut dyn FnMut(Mount<'_>) -> Result<(), Errno>) -> Result<(), Errno> {
    let inner = Mount::decode(encoded).ok_or(Errno::INVAL)?;
    let outer = &session().mounts;
    let mut host_path = HostBuf::new();
    let owner = outer.translate(inner.host, &mut host_path)?;
    let host_path = if host_path.bytes() == b"/" { &[] } else { host_path.bytes() };
    const INHERITED: MountFlags =
        MountFlags::INHERITED.with(MountFlags::MEMORY).with(MountFlags::LINKS_INSIDE);
    let inherited = outer.get(owner).flags.only(INHERITED);
    // The session with fake root decides whose owners are recorded. A symlink's text is compared
    // with the host's path, which the inner plan doesn't have.
    const TEXTS: MountFlags = MountFlags::LINKS_INSIDE;
    let own = if session().has(Flags::FAKE_ROOT) { TEXTS.with(MountFlags::OURS) } else { TEXTS };
    let flags = inner.flags.without(own).with(inherited);
    visit(Mount { host: host_path, flags, ..inner })?;
    if !outer.has_mount_below(inner.host) {
        return Ok(());
    }
    for below in outer.mounts() {
        if below.guest.len() <= inner.host.len() || !is_under(below.guest, inner.host) {
            continue;
        }
        let rest = strip_prefix(below.guest, inner.host).unwrap_or(&[]);
        let mut guest = HostBuf::new();
        guest.assign(inner.guest)?;
        guest.extend(rest)?;
        let flags = below.flags.with(inner.flags.only(MountFlags::READ_ONLY_BY_LAUNCH));
        visit(Mount { guest: guest.bytes(), flags, ..*below })?;
    }
    Ok(())
}

/// Returns the size of a mount as a string of the plan, in bytes.
fn encoded_len(mount: &Mount<'_>) -> usize {
    plan::MOUNT_PREFIX_LEN + mount.guest.len() + mount.host.len() + 1
}

/// The composed mounts, encoded, in a mapping of their own.
struct Composed {
    base: usize,
    len: usize,
    /// Offset of each mount.
    offsets: &'static mut [u32],
    /// Hash table by guest path: the number of each mount plus one. Its size is a power of two.
    slots: &'static mut [u32],
    used: usize,
    count: usize,
    flags: Flags,
}

impl Drop for Composed {
    fn drop(&mut self) {
        memory::unmap_owned(self.base, self.len);
    }
}

impl Composed {
    /// Maps space for this number of mounts and bytes.
    fn new(count: usize, bytes: usize) -> Result<Self, Errno> {
        let slots = (2 * count).next_power_of_two();
        let words = count + slots;
        let used = words * size_of::<u32>();
        let len = used.checked_add(bytes).filter(|&len| u32::try_from(len).is_ok()).ok_or(Errno::NOMEM)?;
        let base = kernel::map_anonymous(len)?;
        let (offsets, slots) = memory::mapped_words(base, words).split_at_mut(count);
        Ok(Self { base, len, offsets, slots, used, count: 0, flags: Flags::default() })
    }

    fn count(&self) -> usize {
        self.count
    }

    fn address(&self, index: usize) -> usize {
        self.base + self.offsets.get(index).map_or(0, |&offset| offset as usize)
    }

    /// Adds a mount, unless its guest path is taken: the inner plan's own mounts come before those
    /// that show through them.
    fn push(&mut self, mount: &Mount<'_>) -> Result<(), Errno> {
        let mask = self.slots.len() - 1;
        let mut slot = newroot_abi::hash(mount.guest) as usize & mask;
        while let Some(number @ 1..) = self.slots.get(slot).copied() {
            let other = memory::owned_string(self.address(number as usize - 1));
            if let Some(other) = Mount::decode(other).filter(|other| other.guest == mount.guest) {
                // The inner launcher found the name in a listing to which the outer shim has added
                // it.
                if mount.flags.has(MountFlags::UNLISTED) && !other.flags.has(MountFlags::UNLISTED) {
                    let flags = other.flags.with(MountFlags::UNLISTED);
                    let prefix = Mount { flags, parent: mount.parent, ..other }.encode_prefix();
                    memory::copy_owned(self.address(number as usize - 1), &prefix);
                    self.flags = self.flags.with(Flags::UNLISTED);
                }
                return Ok(());
            }
            slot = (slot + 1) & mask;
        }
        for (flag, session_flag) in [
            (MountFlags::UNLISTED, Flags::UNLISTED),
            (MountFlags::READ_ONLY, Flags::READ_ONLY),
            (MountFlags::LINKS_INSIDE, Flags::LINKS_INSIDE),
            (MountFlags::HIDDEN, Flags::HIDING),
        ] {
            if mount.flags.has(flag) {
                self.flags = self.flags.with(session_flag);
            }
        }
        let place = self.offsets.get_mut(self.count).ok_or(Errno::NOMEM)?;
        if self.used + encoded_len(mount) > self.len {
            return Err(Errno::NOMEM);
        }
        *place = self.used as u32;
        let prefix = mount.encode_prefix();
        for part in [&prefix[..], mount.guest, mount.host, b"\0"] {
            memory::copy_owned(self.base + self.used, part);
            self.used += part.len();
        }
        self.count += 1;
        if let Some(slot) = self.slots.get_mut(slot) {
            *slot = self.count as u32;
        }
        Ok(())
    }

    /// Sorts the mounts by the length of their guest paths, longest first.
    fn sort(&mut self) {
        let base = self.base;
        let guest_len = |offset: u32| {
            let text = memory::owned_string(base + offset as usize);
            Mount::decode(text).map_or(0, |mount| mount.guest.len())
        };
        let offsets = self.offsets.get_mut(..self.count).unwrap_or(&mut []);
        offsets.sort_unstable_by_key(|&offset| (Reverse(guest_len(offset)), offset));
    }
}
