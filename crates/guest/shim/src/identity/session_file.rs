//! The mapped session file: identities, and the values that are the same for all of a launch's
//! processes. See `newroot_fakeroot::session`.
//!
//! # Safety
//! [`attach`] makes the mapping once, before any other thread or handler exists, and it stays. When
//! the file has grown, [`reach`] maps all of it once more. Other processes change the file, but the
//! contents of a block don't change from when a limit refers to it until no limit does. Words that
//! do change are only accessed atomically.
#![allow(unsafe_code)]

use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering, fence};

use newroot_abi::Errno;
use newroot_fakeroot::arena::{self, Announcement, Arena, Full};
use newroot_fakeroot::session::{self, Defaults, HEADER_WORDS, Header, Identity};
use newroot_sys::raw;

use super::living::Living;
use crate::kernel::{self, AT_FDCWD, Path};
use crate::limits::with_descriptors;
use crate::report::fatal;

const WORD: usize = size_of::<u32>();

struct Mapping {
    /// Start address, and in its low bits the binary logarithm of the number of bytes mapped there.
    view: AtomicUsize,
    known: Known,
}

/// Low bits of `Mapping::view` that hold the logarithm, not the address.
const LOGARITHM: usize = 0xfff;

/// Values that are the same for all processes of the program's launch.
#[derive(Debug)]
pub(crate) struct Known {
    /// Tag that distinguishes this file's limits from limits that other programs set.
    pub(crate) tag: u16,
    /// The user ID under which the kernel knows all of the processes.
    pub(crate) real_uid: u32,
    /// The group ID of that user.
    pub(crate) real_gid: u32,
    /// The user ID that the guest sees as the owner of the root's unrecorded files.
    pub(crate) default_uid: u32,
    /// The group ID that goes with it.
    pub(crate) default_gid: u32,
    /// Inode number of the PID namespace that the processes were launched in.
    pub(crate) namespace: u64,
    /// Byte offset of the launch's record.
    session: u32,
}

struct Cell(UnsafeCell<Mapping>);
// SAFETY: `attach` writes before a second thread exists; see the head of the file.
unsafe impl Sync for Cell {}
static MAPPING: Cell = Cell(UnsafeCell::new(Mapping {
    view: AtomicUsize::new(0),
    known: Known {
        tag: 0,
        real_uid: 0,
        real_gid: 0,
        default_uid: 0,
        default_gid: 0,
        namespace: 0,
        session: 0,
    },
}));

fn mapping() -> &'static Mapping {
    // SAFETY: `attach` is the only writer, and it runs before any other thread or handler.
    unsafe { &*MAPPING.0.get() }
}

/// Returns the mapping's start address.
fn base() -> usize {
    view().0
}

/// Returns the mapping's start address and its number of bytes.
fn view() -> (usize, usize) {
    let view = mapping().view.load(Ordering::Acquire);
    (view & !LOGARITHM, 1 << (view & LOGARITHM))
}

/// Maps the file up to `end` at least.
///
/// # Errors
/// ENOMEM.
fn reach(end: usize) -> Result<(), Errno> {
    let known = &mapping().view;
    loop {
        let before = known.load(Ordering::Acquire);
        if end <= 1 << (before & LOGARITHM) {
            return Ok(());
        }
        // The file's size doubles as it grows.
        let len = end.next_power_of_two();
        // SAFETY: mremap(2) with an old size of 0 makes a second mapping of the same shared pages.
        // The first mapping stays, so references into it remain valid.
        let at = unsafe { kernel::map_again(before & !LOGARITHM, len)? };
        let after = at | len.trailing_zeros() as usize;
        if known.compare_exchange(before, after, Ordering::AcqRel, Ordering::Acquire).is_ok() {
            return Ok(());
        }
        // SAFETY: no other thread has learned of this mapping, because it was never stored.
        unsafe { kernel::munmap(at, len) };
    }
}

/// Returns the file's blocks. All of the used area is mapped. Ends the program if there is no
/// memory for that.
pub(crate) fn arena() -> Arena<'static> {
    let end = (word(session::USED).load(Ordering::Acquire) as usize).min(session::MAX_SIZE);
    if reach(end).is_err() {
        // A process whose identity can't be read must not count as nobody.
        fatal(&[b"no memory for the session's records"]);
    }
    mapped()
}

fn mapped() -> Arena<'static> {
    let (at, len) = view();
    // SAFETY: `view` holds the address and size of a mapping, which is page-aligned and stays.
    // Words that change are accessed atomically; others don't change while they are read.
    Arena::new(unsafe { core::slice::from_raw_parts(at as *const AtomicU32, len / WORD) })
}

/// Maps the file and reads the values of the program's launch. It is called once, when a program
/// starts. Returns the record of the calling process.
///
/// # Errors
/// The errnos of open(2) and mmap(2); EINVAL for a file of another kind; ESRCH if the process has
/// no record in it.
pub(crate) fn attach(path: Path<'_>) -> Result<u32, Errno> {
    let len = session::FIRST_SIZE;
    let at = with_descriptors([-1; 2], || {
        let file = kernel::openat(AT_FDCWD, path, raw::O_RDWR | raw::O_CLOEXEC, 0)?;
        let protection = raw::PROT_READ | raw::PROT_WRITE;
        // SAFETY: the kernel chooses an unused address range.
        unsafe { kernel::mmap(0, len, protection, raw::MAP_SHARED, file.number(), 0) }
    })?;
    // SAFETY: the launcher made the file at least `len` bytes long. A shorter file isn't newroot's,
    // and reading it ends the program with SIGBUS.
    let words = unsafe { *(at as *const [u32; HEADER_WORDS]) };
    let Header { tag, real_uid, real_gid, namespace } = session::decode_header(&words).ok_or(Errno::INVAL)?;
    let known = Known { tag, real_uid, real_gid, default_uid: 0, default_gid: 0, namespace, session: 0 };
    let record = {
        let [soft, _] = kernel::limits_of(0, session::RESOURCE)?;
        session::from_limit(tag, soft).ok_or(Errno::SRCH)?
    };
    // SAFETY: the program has only this thread, and no reference to the value exists yet.
    unsafe { *MAPPING.0.get() = Mapping { view: (at | len.trailing_zeros() as usize).into(), known } };
    reach((word(session::USED).load(Ordering::Acquire) as usize).min(session::MAX_SIZE))?;
    let fs = identity(record).ok_or(Errno::SRCH)?.fs;
    let Defaults { uid, gid } =
        session::decode_session(block(fs.session, arena::SESSION)).unwrap_or_default();
    // SAFETY: the program still has only this thread, which holds no reference to the value here.
    let known = unsafe { &mut (*MAPPING.0.get()).known };
    (known.default_uid, known.default_gid, known.session) = (uid, gid, fs.session);
    // Withdraws the announcements that this thread made before its exec.
    let thread = kernel::gettid();
    mapped().withdraw_those(|other| other == thread);
    if mapped().is_full(0) {
        collect();
    }
    Ok(record)
}

/// Returns the values that are the same for all processes of the launch.
#[must_use]
pub(crate) fn header() -> &'static Known {
    &mapping().known
}

/// Sets the host name of a UTS namespace, or its domain name if `domain` is set.
pub(crate) fn set_name(of: u32, domain: bool, name: &[u8]) {
    let Some(at) = name_place(of, domain) else { return };
    // SAFETY: `name_place` returns a place in the namespace's block or the launch's, which is
    // mapped and holds a length and NAME_MAX bytes. The length is written last. It is stored plus
    // one, because 0 stands for a name that was never set.
    unsafe {
        core::ptr::copy_nonoverlapping(name.as_ptr(), (at + 1) as *mut u8, name.len().min(session::NAME_MAX));
        (at as *mut u8).write_volatile(name.len().min(session::NAME_MAX) as u8 + 1);
    }
}

/// Reads the host name or domain name into the beginning of `out`, and leaves the rest of it
/// unchanged. Returns false if the name was never set.
pub(crate) fn name(of: u32, domain: bool, out: &mut [u8]) -> bool {
    let Some(at) = name_place(of, domain) else { return false };
    // SAFETY: the place lies in a mapped block, as in `set_name`.
    let len = usize::from(unsafe { (at as *const u8).read_volatile() });
    let Some(out) = len.checked_sub(1).and_then(|len| out.get_mut(..len)) else { return false };
    // SAFETY: the place lies in a mapped block, as in `set_name`. A stored length is at most
    // NAME_MAX.
    unsafe { core::ptr::copy_nonoverlapping((at + 1) as *const u8, out.as_mut_ptr(), out.len()) };
    true
}

/// Returns both names in the file's format.
pub(crate) fn names(of: u32) -> [u32; session::NAMES_WORDS] {
    let Some(at) = name_place(of, false) else { return [0; session::NAMES_WORDS] };
    // SAFETY: the place lies in a mapped block, as in `set_name`, and begins with a whole word, so
    // it is aligned.
    unsafe { *(at as *const [u32; session::NAMES_WORDS]) }
}

/// Returns the address of a name. A namespace without a block has the launch's names.
fn name_place(of: u32, domain: bool) -> Option<usize> {
    let arena = arena();
    let own = || arena.block(of, arena::UTS).map(|block| (block, arena::HEAD_WORDS));
    let of_launch = || arena.block(header().session, arena::SESSION).map(|block| (block, session::NAMES));
    let (block, names) = own().or_else(of_launch)?;
    Some(base() + block.offset + (names + usize::from(domain) * session::NAME_WORDS) * WORD)
}

/// Returns a word that changes, by its index.
fn word(index: usize) -> &'static AtomicU32 {
    // SAFETY: the word lies in the mapping and is aligned. It is only accessed atomically.
    unsafe { &*((base() + index * size_of::<u32>()) as *const AtomicU32) }
}

/// Returns a word of a block.
pub(crate) fn word_of(block: u32, index: usize) -> &'static AtomicU32 {
    word(block as usize / WORD + index)
}

/// Returns the words of a block; none if there is no block of this kind at the offset.
pub(crate) fn block(offset: u32, kind: u32) -> &'static [u32] {
    let Some(block) = arena().block(offset, kind) else { return &[] };
    // SAFETY: the arena has checked that the block lies in the mapping. Blocks are aligned, and
    // their contents don't change while they are used.
    unsafe { core::slice::from_raw_parts((base() + block.offset) as *const u32, block.words) }
}

/// Returns the identity that a record holds.
#[must_use]
pub(crate) fn identity(offset: u32) -> Option<Identity<'static>> {
    session::decode_record(block(offset, arena::IDENTITY))
}

/// An announcement that this thread finds blocks, allocates them and refers to them. Blocks that it
/// finds aren't freed before this is dropped.
#[derive(Debug)]
pub struct Changing(Announcement);

impl Changing {
    /// Announces the calling thread.
    ///
    /// # Errors
    /// EAGAIN if too many threads are announced at once. setuid(2) returns this errno for a user
    /// with too many processes.
    pub fn begin() -> Result<Self, Errno> {
        const TRIES: usize = 1000;
        let thread = kernel::gettid();
        for _ in 0..TRIES {
            if let Some(announcement) = mapped().announce(thread) {
                return Ok(Self(announcement));
            }
            mapped().withdraw_those(|thread| !super::living::is_there(thread));
        }
        Err(Errno::AGAIN)
    }
}

impl Drop for Changing {
    fn drop(&mut self) {
        mapped().withdraw(self.0);
    }
}

/// Returns the record of an identity: an existing one, or a new one.
///
/// # Errors
/// EAGAIN if the file is full.
pub(crate) fn record(changing: &Changing, identity: &Identity<'_>) -> Result<u32, Errno> {
    let is_it = |offset: usize| self::identity(offset as u32).is_some_and(|found| found == *identity);
    let mut blocks = arena().blocks();
    if let Some(found) =
        blocks.find(|block| block.kind == arena::IDENTITY && block.live && is_it(block.offset))
    {
        return Ok(found.offset as u32);
    }
    let fixed = session::encode_record(identity);
    make(changing, arena::IDENTITY, &[bytes_of(&fixed), bytes_of(identity.groups)])
}

/// Allocates a block, fills it, and returns its offset.
///
/// # Errors
/// EAGAIN if the file is full, or can't be mapped.
pub(crate) fn make(_: &Changing, kind: u32, parts: &[&[u8]]) -> Result<u32, Errno> {
    let bytes: usize = parts.iter().map(|part| part.len()).sum();
    let offset = allocate(arena::steps(arena::HEAD_WORDS + bytes.div_ceil(WORD)))?;
    let mut at = base() + offset + arena::HEAD_WORDS * WORD;
    for part in parts {
        // SAFETY: the bytes lie in the mapping, in a block that only this thread uses until it is
        // published. The write goes through the mapping, because all of the file is allocated on
        // disk. A process without a free descriptor, or one that may not write files, as in a
        // server's sandbox, can therefore still change its identity.
        unsafe { core::ptr::copy_nonoverlapping(part.as_ptr(), at as *mut u8, part.len()) };
        at += part.len();
    }
    fence(Ordering::Release);
    mapped().publish(offset, kind);
    Ok(offset as u32)
}

/// Allocates a block, and returns its offset.
fn allocate(steps: usize) -> Result<usize, Errno> {
    const TRIES: usize = 100;
    if let Some(offset) = arena().take_free(steps) {
        return Ok(offset);
    }
    if arena().is_full(steps) {
        collect();
        if let Some(offset) = arena().take_free(steps) {
            return Ok(offset);
        }
    }
    // A process that can't extend the file uses what is left of it.
    const SPARE: usize = session::FIRST_SIZE / 4;
    let used = word(session::USED).load(Ordering::Acquire) as usize;
    if used + SPARE > reserved() {
        let _ = grow(used + SPARE);
    }
    for _ in 0..TRIES {
        match mapped().append(steps) {
            Ok(offset) => return Ok(offset),
            Err(Full { end }) if end <= reserved() => reach(end).map_err(|_| Errno::AGAIN)?,
            Err(Full { end }) => grow(end)?,
        }
    }
    Err(Errno::AGAIN)
}

fn reserved() -> usize {
    word(session::RESERVED).load(Ordering::Acquire) as usize
}

fn collect() {
    arena().collect(kernel::gettid(), &mut Living);
}

/// Extends the file to at least `end` bytes, all of them allocated on disk. Processes write through
/// their mappings, where a full disk would end them with SIGBUS.
fn grow(end: usize) -> Result<(), Errno> {
    const FSIZE: u32 = 1;
    if end <= reserved() {
        return Ok(());
    }
    if end > session::MAX_SIZE {
        return Err(Errno::AGAIN);
    }
    let path = crate::session::base().file();
    with_descriptors([-1; 2], || {
        let file = kernel::openat(AT_FDCWD, path, raw::O_RDWR | raw::O_CLOEXEC, 0)?;
        let had = reserved();
        let size = end.next_power_of_two();
        // A write beyond this limit would raise SIGXFSZ.
        if kernel::limits_of(0, FSIZE)?[0] < size as u64 {
            return Err(Errno::AGAIN);
        }
        match kernel::fallocate(file.number(), had as u64, (size - had) as u64) {
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => {
                // Another process may have extended the file and written to it. That part must not
                // be filled with zeros.
                kernel::flock(file.number(), raw::LOCK_EX | raw::LOCK_NB)?;
                fill(file.number(), reserved(), size)?;
            }
            other => other?,
        }
        word(session::RESERVED).fetch_max(size as u32, Ordering::Release);
        // Closing the file releases the lock.
        Ok(())
    })
    .map_err(|_| Errno::AGAIN)
}

/// Fills the range with zeros, on a file system that can't reserve space.
fn fill(file: i32, from: usize, to: usize) -> Result<(), Errno> {
    let mut at = from;
    while at < to {
        let zeroes = [0u8; 4096];
        let len = zeroes.len().min(to - at);
        at += kernel::pwrite(file, zeroes.get(..len).unwrap_or(&[]), at as u64)?;
    }
    Ok(())
}

/// The kinds of notes about a process's identity, for readers that ask after it has changed
/// identity or ended.
#[derive(Clone, Copy, Debug)]
pub enum Note {
    /// The identity with which the process last connected or listened.
    Peer,
    /// The identity with which the process may last have sent something.
    Sender,
}

/// Notes a process's record.
pub(crate) fn note(what: Note, process: u32, record: u32) {
    place(what, process).store(u64::from(process) << 32 | u64::from(record), Ordering::Relaxed);
}

/// Returns the record that was last noted for a process; `None` if there is none, or if another
/// process has taken its slot.
pub(crate) fn noted(what: Note, process: u32) -> Option<u32> {
    let word = place(what, process).load(Ordering::Relaxed);
    (word >> 32 == u64::from(process) && process != 0).then_some(word as u32)
}

fn place(what: Note, process: u32) -> &'static AtomicU64 {
    let (start, count) = match what {
        Note::Peer => (session::PEERS, session::PEER_SLOTS),
        Note::Sender => (session::SENDERS, session::SENDER_SLOTS),
    };
    let at = base() + start + process as usize % count * size_of::<u64>();
    // SAFETY: the tables lie in the mapping's first page. The slot is aligned, and it is only
    // accessed atomically.
    unsafe { &*(at as *const AtomicU64) }
}

/// Returns the bytes of words.
pub(crate) fn bytes_of(words: &[u32]) -> &[u8] {
    // SAFETY: the slice covers the words' own bytes, and any byte is a valid u8.
    unsafe { core::slice::from_raw_parts(words.as_ptr().cast::<u8>(), size_of_val(words)) }
}
