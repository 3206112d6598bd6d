//! The plan, in memory of the shim's own. It is written once, at the start of a program.
//!
//! # Safety
//! [`install`] runs before any other thread or signal handler exists; from then on the
//! session is only read. A session that a slot holds is only unmapped when no slot holds it any
//! more: see [`mount_view`](crate::mount_view).
#![allow(unsafe_code)]

use core::cell::UnsafeCell;
use core::mem::MaybeUninit;
use core::ptr::{from_ref, null_mut};
use core::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

use newroot_abi::Errno;
use newroot_abi::plan::{self, Flags, Header, Mount};
use newroot_abi::table;
use newroot_paths::{MountTable, index};

use crate::call::Policy;
use crate::{kernel, memory, slots};

/// The facts that a guest process knows about its session.
#[derive(Clone, Copy, Debug)]
pub struct Session {
    /// Switches, and the mount of the first working directory.
    pub header: Header,
    /// The root and the bindings.
    pub mounts: MountTable<'static>,
    /// Guest path of the running program.
    pub exe: &'static [u8],
    /// The path that was passed to execve(2).
    pub name: &'static [u8],
    /// Address where the kernel put that path on the initial stack.
    pub name_on_stack: usize,
    /// The texts that uname(2) reports in the guest ([`newroot_abi::uname`]); empty for the host's
    /// own.
    pub uname: &'static [u8],
    /// Guest path at which the program's interpreter was just found; empty if there is none or it
    /// isn't known.
    pub interpreter: &'static [u8],
    /// [Hints](plan::links_in_root) about links in the root directory.
    pub links_in_root: &'static [u8],
    /// Addresses of all plan strings, NUL-terminated, which an exec passes on.
    pub strings: &'static [usize],
    /// Path of the root of this view in its mount namespace; empty for the namespace's own root.
    pub root: &'static [u8],
    /// Whether that root is a mount point.
    pub root_mounted: bool,
    /// The namespace's latest change that this view includes; 0 for none.
    pub generation: u32,
    /// Numbers of the mounts, which stay the same when others are mounted; empty where a mount's
    /// number is its index.
    pub numbers: &'static [u32],
    /// Fake root's functions, in a session with fake root.
    pub policy: Option<&'static Policy>,
}

impl Session {
    /// Returns whether a switch is on.
    #[must_use]
    #[inline]
    pub fn has(&self, flag: Flags) -> bool {
        self.header.flags.has(flag)
    }

    /// Returns the host path of the session's file, which all its processes share to know each
    /// other's identity; empty without fake root.
    #[must_use]
    pub fn file(&self) -> kernel::Path<'static> {
        let at = self.strings.get(plan::SESSION_FILE).copied().unwrap_or(0);
        kernel::Path::new(memory::owned_string_with_nul(at))
    }

    /// Returns the number of the mount with an index.
    #[must_use]
    pub fn number_of(&self, index: usize) -> u32 {
        self.numbers.get(index).copied().unwrap_or(index as u32)
    }

    /// Returns the index of the mount with a number, if it exists.
    #[must_use]
    pub fn index_of(&self, number: u32) -> Option<usize> {
        if self.numbers.is_empty() {
            return Some(number as usize);
        }
        self.numbers.iter().position(|&other| other == number)
    }

    /// Returns whether the kernel can resolve whole paths for the shim.
    #[must_use]
    #[inline]
    pub fn has_openat2(&self) -> bool {
        !self.has(Flags::NO_OPENAT2)
    }
}

struct Cell(UnsafeCell<MaybeUninit<Session>>);
// SAFETY: written once, before any other code runs.
unsafe impl Sync for Cell {}
static SESSION: Cell = Cell(UnsafeCell::new(MaybeUninit::uninit()));

/// Buffer for a plan of ordinary size. Larger plans get a mapping of their own.
#[repr(align(16))]
struct Space(UnsafeCell<[MaybeUninit<u8>; SPACE]>);
const SPACE: usize = 4096;
// SAFETY: written once, before any other code runs.
unsafe impl Sync for Space {}
static SPACE_BYTES: Space = Space(UnsafeCell::new([MaybeUninit::uninit(); SPACE]));

/// The sessions that a slot holds: that of its call, and another one that the call looks at.
pub type Held = [AtomicPtr<Session>; 2];

/// The sessions that each slot holds. [`mount_view`](crate::mount_view) writes them; null is the
/// plan's. A session that a slot holds doesn't move or change.
pub(crate) static HELD: [Held; slots::COUNT] =
    [const { [const { AtomicPtr::new(null_mut()) }; 2] }; slots::COUNT];

/// Returns whether any process in this memory ever had a view other than the plan's.
pub(crate) static USED: AtomicBool = AtomicBool::new(false);

/// Returns the sessions of the slot on whose stack the caller runs. `None` on any other stack.
#[must_use]
pub fn held() -> Option<&'static Held> {
    let here = 0u8;
    HELD.get(slots::slot_of(from_ref(&here).addr()))
}

/// Returns the session of the slot on whose stack the caller runs; `None` for the plan's. The fast
/// path runs on the guest's stack, and only in processes that see the plan's mounts.
// Out of line: else the compiler copies it into each caller of `session`.
#[inline(never)]
fn current() -> Option<&'static Session> {
    let [own, _] = held()?;
    let session = own.load(Ordering::Relaxed);
    // SAFETY: it is null, or it is held.
    unsafe { session.as_ref() }
}

/// Returns the session as the calling process sees it. To be called only after [`install`].
#[must_use]
#[inline]
pub fn session() -> &'static Session {
    if USED.load(Ordering::Relaxed)
        && let Some(session) = current()
    {
        return session;
    }
    base()
}

/// Returns the session as the plan describes it: without mounts that the guest made, and without
/// chroot. An exec passes this one on.
#[must_use]
#[inline]
pub fn base() -> &'static Session {
    // SAFETY: `start` installs it before the first trap can arrive.
    unsafe { (*SESSION.0.get()).assume_init_ref() }
}

/// Copies the plan's strings out of the initial stack, which belongs to the guest, and makes them
/// the session. The last string is the header.
///
/// # Errors
/// EINVAL for a plan that can't be read; ENOMEM if there is no memory for it.
///
/// # Safety
/// To be called once, at the start, with the strings that the kernel put on the initial stack.
pub unsafe fn install(given: &[usize], header: Header, policy: Option<&'static Policy>) -> Result<(), Errno> {
    // SAFETY: the kernel put these strings on the stack.
    let string = |index: usize| unsafe { given.get(index).map(|&at| crate::memory::initial_string(at)) };
    let count = given.len();
    let bytes: usize = (0..count).filter_map(string).map(|text| text.len() + 1).sum();
    let mount_strings = count.checked_sub(plan::FIXED_STRINGS + 1).ok_or(Errno::INVAL)?;
    let addresses = size_of_val(given);
    let total = addresses + mount_strings * size_of::<Mount<'_>>() + bytes;
    let base = if total <= SPACE { SPACE_BYTES.0.get() as usize } else { kernel::map_anonymous(total)? };

    // SAFETY: `base` has space for all three parts and is aligned for the first two, which consist
    // of words. No other code uses it. Every element is written before it is read.
    unsafe {
        let strings = base as *mut usize;
        let mounts = (base + addresses) as *mut Mount<'static>;
        let mut at = base + addresses + mount_strings * size_of::<Mount<'_>>();
        for index in 0..count {
            let text = string(index).unwrap_or(&[]);
            core::ptr::copy_nonoverlapping(text.as_ptr(), at as *mut u8, text.len() + 1);
            strings.add(index).write(at);
            at += text.len() + 1;
        }
        let strings = core::slice::from_raw_parts(strings, count);
        let copied = |index: usize| -> &'static [u8] {
            strings.get(index).map_or(&[], |&at| crate::memory::initial_string(at))
        };
        let mut mount_count = 0;
        for index in plan::FIXED_STRINGS..count - 1 {
            let text = copied(index);
            if text.is_empty() && index + 2 == count {
                break; // the padding
            }
            mounts.add(mount_count).write(Mount::decode(text).ok_or(Errno::INVAL)?);
            mount_count += 1;
        }
        let mounts = if header.flags.has(Flags::TABLE) {
            table_behind_image()
        } else {
            Indexed::new(core::slice::from_raw_parts(mounts, mount_count))?.table
        }
        .ok_or(Errno::INVAL)?;
        (*SESSION.0.get()).write(Session {
            header,
            mounts,
            exe: copied(plan::EXE),
            name: copied(plan::NAME),
            name_on_stack: given.get(plan::NAME).copied().unwrap_or(0),
            uname: copied(plan::UNAME),
            interpreter: copied(plan::INTERPRETER),
            links_in_root: copied(plan::LINKS_IN_ROOT),
            strings,
            root: &[],
            root_mounted: true,
            generation: 0,
            numbers: &[],
            policy,
        });
    }
    Ok(())
}

/// A path as the launcher writes it into the table: its address, then its length.
#[repr(C)]
struct Path {
    address: *const u8,
    len: usize,
}
const _: () = {
    // SAFETY: both consist of two words, for which any value is valid.
    let path = unsafe { core::mem::transmute::<&'static [u8], Path>(b"path") };
    assert!(path.len == 4, "a slice is its address and then its length");
};

/// Returns the mounts that the launcher put behind the image; `None` if they can't be read.
///
/// # Safety
/// The plan must say that they are there.
unsafe fn table_behind_image() -> Option<MountTable<'static>> {
    // SAFETY: the caller's contract.
    let header = unsafe { table_header() }?;
    let at = |offset: u32| table::ADDRESS + offset as usize;
    // SAFETY: the kernel has mapped the segment, and the header says where its parts lie; no code
    // writes to it.
    unsafe {
        let mounts =
            core::slice::from_raw_parts(at(header.mounts) as *const Mount<'_>, header.count as usize);
        let index = core::slice::from_raw_parts(at(header.index) as *const u32, header.index_words as usize);
        MountTable::indexed(mounts, index)
    }
}

/// Returns the table's header.
///
/// # Safety
/// As for [`table_behind_image`].
unsafe fn table_header() -> Option<table::Header> {
    // SAFETY: the segment begins with the header.
    table::Header::decode(unsafe {
        core::slice::from_raw_parts(table::ADDRESS as *const u8, table::HEADER_LEN)
    })
}

/// Returns the size of the mounts' table behind the image in bytes; 0 if there is none.
#[must_use]
pub fn table_len() -> usize {
    if !base().has(Flags::TABLE) {
        return 0;
    }
    // SAFETY: the plan says that they are there.
    unsafe { table_header() }.map_or(0, |header| header.len as usize)
}

/// A table of mounts, with the mapping of its index if it has one.
#[derive(Debug)]
pub struct Indexed {
    /// The table; `None` if the mounts aren't sorted, or if the last one isn't a root.
    pub table: Option<MountTable<'static>>,
    mapping: (usize, usize),
}

impl Indexed {
    /// Makes a table of mounts, with an index if there are many.
    ///
    /// # Errors
    /// ENOMEM if there is no memory for the index.
    pub fn new(mounts: &'static [Mount<'static>]) -> Result<Self, Errno> {
        let table = MountTable::new(mounts);
        if mounts.len() < index::MANY_MOUNTS || table.is_none() {
            return Ok(Self { table, mapping: (0, 0) });
        }
        let room = index::max_words(mounts);
        let len = room * size_of::<u32>();
        let at = kernel::map_anonymous(len)?;
        let words = memory::mapped_words(at, room);
        let used = index::build(mounts, words).unwrap_or(0);
        let table = MountTable::indexed(mounts, words.get(..used).unwrap_or(&[]));
        Ok(Self { table, mapping: (at, len) })
    }

    /// Unmaps the index, when no code uses the table any more.
    pub fn discard(&self) {
        let (at, len) = self.mapping;
        if len != 0 {
            memory::unmap_owned(at, len);
        }
    }
}
