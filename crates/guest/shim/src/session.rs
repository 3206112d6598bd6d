//! The plan, in memory of the shim's own. It is written once, at the start of a program.
//!
//! # Safety
//! [`install`] runs before any other thread or signal handler exists; from then on the
//! session is only read.
#![allow(unsafe_code)]

use core::cell::UnsafeCell;
use core::mem::MaybeUninit;

use newroot_abi::Errno;
use newroot_abi::plan::{self, Flags, Header, Mount};
use newroot_abi::table;
use newroot_paths::{MountTable, index};

use crate::{host, memory, outlook};

/// What a guest process knows of its session.
#[derive(Clone, Copy, Debug)]
pub struct Session {
    /// Switches and the first working directory's mount.
    pub header: Header,
    /// The root and the bindings.
    pub mounts: MountTable<'static>,
    /// Guest path of the running program.
    pub exe: &'static [u8],
    /// The path that was given to execve.
    pub name: &'static [u8],
    /// Where the kernel put it on the initial stack.
    pub name_on_stack: usize,
    /// What uname(2) says in the guest ([`newroot_abi::uname`]); empty for the host's own names.
    pub uname: &'static [u8],
    /// Guest path at which the program's interpreter was just found; empty if that isn't known, or there is none.
    pub interpreter: &'static [u8],
    /// [Hints](plan::links_in_root) about links in the root directory.
    pub links_in_root: &'static [u8],
    /// Addresses of all plan strings, NUL-terminated, to be handed on at exec.
    pub strings: &'static [usize],
    /// Where in its namespace the root is that this is seen from; empty for the namespace's own.
    pub root: &'static [u8],
    /// Whether a mount begins at that root.
    pub root_mounted: bool,
    /// The namespace's latest change that it has; 0 if there was none.
    pub generation: u32,
    /// Numbers of the mounts, which they keep whatever is mounted; none where they are just counted.
    pub numbers: &'static [u32],
}

impl Session {
    /// Whether a switch is on.
    #[must_use]
    #[inline]
    pub fn has(&self, flag: Flags) -> bool {
        self.header.flags.has(flag)
    }

    /// Host path of the session's file, by which all its processes know who is who; empty without fake root.
    #[must_use]
    pub fn file(&self) -> host::Path<'static> {
        let at = self.strings.get(plan::SESSION_FILE).copied().unwrap_or(0);
        host::Path::new(memory::owned_string_with_nul(at))
    }

    /// The number of the mount with an index.
    #[must_use]
    pub fn number_of(&self, index: usize) -> u32 {
        self.numbers.get(index).copied().unwrap_or(index as u32)
    }

    /// Index of the mount with a number, if it is there.
    #[must_use]
    pub fn index_of(&self, number: u32) -> Option<usize> {
        if self.numbers.is_empty() {
            return Some(number as usize);
        }
        self.numbers.iter().position(|&other| other == number)
    }

    /// Whether the kernel resolves whole paths for us.
    #[must_use]
    #[inline]
    pub fn has_openat2(&self) -> bool {
        !self.has(Flags::NO_OPENAT2)
    }
}

struct Cell(UnsafeCell<MaybeUninit<Session>>);
// SAFETY: written once before anyone else runs.
unsafe impl Sync for Cell {}
static SESSION: Cell = Cell(UnsafeCell::new(MaybeUninit::uninit()));

/// Room for plans of ordinary size; larger ones get a mapping of their own.
#[repr(align(16))]
struct Space(UnsafeCell<[MaybeUninit<u8>; SPACE]>);
const SPACE: usize = 4096;
// SAFETY: written once before anyone else runs.
unsafe impl Sync for Space {}
static SPACE_BYTES: Space = Space(UnsafeCell::new([MaybeUninit::uninit(); SPACE]));

/// The session as the calling process sees it. Only after [`install`].
#[must_use]
#[inline]
pub fn session() -> &'static Session {
    if outlook::is_used()
        && let Some(session) = outlook::current()
    {
        return session;
    }
    base()
}

/// The session as the plan has it, which is handed on at exec: nothing mounted, and no chroot.
#[must_use]
#[inline]
pub fn base() -> &'static Session {
    // SAFETY: start installs it before the first trap can come.
    unsafe { (*SESSION.0.get()).assume_init_ref() }
}

/// Copies the plan's strings out of the initial stack, which belongs to the guest, and makes
/// them the session. The last of them is the header.
///
/// # Errors
/// EINVAL for a plan that can't be read; ENOMEM.
///
/// # Safety
/// Once, at the start, with the strings the kernel put on the initial stack.
pub unsafe fn install(given: &[usize], header: Header) -> Result<(), Errno> {
    // SAFETY: these are the kernel's strings.
    let string = |index: usize| unsafe { given.get(index).map(|&at| crate::memory::initial_string(at)) };
    let count = given.len();
    let bytes: usize = (0..count).filter_map(string).map(|text| text.len() + 1).sum();
    let mount_strings = count.checked_sub(plan::FIXED_STRINGS + 1).ok_or(Errno::INVAL)?;
    let addresses = size_of_val(given);
    let total = addresses + mount_strings * size_of::<Mount<'_>>() + bytes;
    let base = if total <= SPACE { SPACE_BYTES.0.get() as usize } else { host::map_anonymous(total)? };

    // SAFETY: base has room for all three parts, is aligned for the first two (both are made
    // of words), and belongs to nobody else. Every element is written before it is read.
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
        });
    }
    Ok(())
}

/// How a launcher writes a path into the table: its address, then its length.
#[repr(C)]
struct Path {
    address: *const u8,
    len: usize,
}
const _: () = {
    // SAFETY: both are two words, of which any value is good.
    let path = unsafe { core::mem::transmute::<&'static [u8], Path>(b"path") };
    assert!(path.len == 4, "a slice is its address and then its length");
};

/// Returns the mounts that the launcher has put behind the image; `None` if they aren't there.
///
/// # Safety
/// The plan must say that they are.
unsafe fn table_behind_image() -> Option<MountTable<'static>> {
    // SAFETY: the caller's contract.
    let header = unsafe { table_header() }?;
    let at = |offset: u32| table::ADDRESS + offset as usize;
    // SAFETY: the kernel has mapped the segment, of which the header says where its parts lie; nobody writes there.
    unsafe {
        let mounts =
            core::slice::from_raw_parts(at(header.mounts) as *const Mount<'_>, header.count as usize);
        let index = core::slice::from_raw_parts(at(header.index) as *const u32, header.index_words as usize);
        MountTable::indexed(mounts, index)
    }
}

/// # Safety
/// As for [`table_behind_image`].
unsafe fn table_header() -> Option<table::Header> {
    // SAFETY: the segment begins with it.
    table::Header::decode(unsafe {
        core::slice::from_raw_parts(table::ADDRESS as *const u8, table::HEADER_LEN)
    })
}

/// Returns how many bytes of mounts lie behind the image.
#[must_use]
pub fn table_len() -> usize {
    if !base().has(Flags::TABLE) {
        return 0;
    }
    // SAFETY: the plan says that they are there.
    unsafe { table_header() }.map_or(0, |header| header.len as usize)
}

/// A table of mounts, and the mapping that its index lies in, if it has one.
#[derive(Debug)]
pub struct Indexed {
    /// The table; `None` if the mounts aren't in order, or don't end with a root.
    pub table: Option<MountTable<'static>>,
    mapping: (usize, usize),
}

impl Indexed {
    /// Makes a table of mounts, with an index if there are many.
    ///
    /// # Errors
    /// ENOMEM.
    pub fn new(mounts: &'static [Mount<'static>]) -> Result<Self, Errno> {
        let table = MountTable::new(mounts);
        if mounts.len() < index::MANY_MOUNTS || table.is_none() {
            return Ok(Self { table, mapping: (0, 0) });
        }
        let room = index::room(mounts);
        let len = room * size_of::<u32>();
        let at = host::map_anonymous(len)?;
        let words = memory::mapped_words(at, room);
        let used = index::build(mounts, words).unwrap_or(0);
        let table = MountTable::indexed(mounts, words.get(..used).unwrap_or(&[]));
        Ok(Self { table, mapping: (at, len) })
    }

    /// Gives the index's memory back, once nobody uses the table.
    pub fn discard(&self) {
        let (at, len) = self.mapping;
        if len != 0 {
            memory::unmap_owned(at, len);
        }
    }
}
