//! The session's file, mapped: who is who, and what is the same for all. See `newroot_fakeroot::session`.
//!
//! # Safety
//! The mapping is made once, before any other thread or handler exists, and stays. Where the file has grown, all of it is
//! mapped once more. Other processes change the file; what a block holds doesn't change from when a limit names it until
//! none does. Words that do change are only touched atomically.
#![allow(unsafe_code)]

use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering, fence};

use newroot_abi::Errno;
use newroot_fakeroot::arena::{self, Announcement, Arena, Full};
use newroot_fakeroot::session::{self, Defaults, HEADER_WORDS, Header, Identity};
use newroot_sys::raw;

use super::living::Living;
use crate::host::{self, AT_FDCWD, Path};
use crate::limits::with_descriptors;
use crate::report::fatal;

const WORD: usize = size_of::<u32>();

struct Mapping {
    /// First address, and in its lower bits the logarithm of how many bytes are mapped there.
    view: AtomicUsize,
    known: Known,
}

/// Bits of an address in a [`Mapping`] that aren't the address.
const LOGARITHM: usize = 0xfff;

/// What is the same for all processes of the program's launch.
#[derive(Debug)]
pub(super) struct Known {
    /// Tells the file's limits from what others may have set.
    pub(super) tag: u16,
    /// The user that the kernel knows all processes by.
    pub(super) real_uid: u32,
    /// The user's group.
    pub(super) real_gid: u32,
    /// Whom the guest sees as the owner of the root's files that nothing is recorded of.
    pub(super) default_uid: u32,
    /// Their group.
    pub(super) default_gid: u32,
    /// Inode number of the PID namespace that the processes were launched in.
    pub(super) namespace: u64,
    /// Byte offset of the launch's record.
    session: u32,
}

struct Cell(UnsafeCell<Mapping>);
// SAFETY: see the head of the file.
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
    // SAFETY: written once, before anyone else runs.
    unsafe { &*MAPPING.0.get() }
}

/// Where the mapping is.
fn base() -> usize {
    view().0
}

/// Where the mapping is, and how much is mapped there.
fn view() -> (usize, usize) {
    let view = mapping().view.load(Ordering::Acquire);
    (view & !LOGARITHM, 1 << (view & LOGARITHM))
}

/// Has the file mapped up to `end` at least.
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
        // The file doubles as it grows.
        let len = end.next_power_of_two();
        // SAFETY: an old size of 0 asks for another mapping of what a shared one shows; this one stays.
        let at = unsafe { host::map_again(before & !LOGARITHM, len)? };
        let after = at | len.trailing_zeros() as usize;
        if known.compare_exchange(before, after, Ordering::AcqRel, Ordering::Acquire).is_ok() {
            return Ok(());
        }
        // SAFETY: nobody else knows of it.
        unsafe { host::munmap(at, len) };
    }
}

/// The file's blocks: all that are taken are mapped.
pub(super) fn arena() -> Arena<'static> {
    let end = (word(session::USED).load(Ordering::Acquire) as usize).min(session::MAX_SIZE);
    if reach(end).is_err() {
        // Who can't be asked isn't taken for nobody.
        fatal(&[b"no memory for the session's records"]);
    }
    mapped()
}

fn mapped() -> Arena<'static> {
    let (at, len) = view();
    // SAFETY: so many bytes are mapped, aligned; they are touched atomically, or not while they change.
    Arena::new(unsafe { core::slice::from_raw_parts(at as *const AtomicU32, len / WORD) })
}

/// Maps the file and finds out what the program's launch is. Once, at the start of a program. The result is the record of
/// the calling process.
///
/// # Errors
/// Those of open(2) and mmap(2); EINVAL for a file of another kind; ESRCH if the process has no record in it.
pub(super) fn attach(path: Path<'_>) -> Result<u32, Errno> {
    let len = session::FIRST_SIZE;
    let at = with_descriptors([-1; 2], || {
        let file = host::openat(AT_FDCWD, path, raw::O_RDWR | raw::O_CLOEXEC, 0)?;
        let protection = raw::PROT_READ | raw::PROT_WRITE;
        // SAFETY: the kernel chooses a place where nothing is.
        unsafe { host::mmap(0, len, protection, raw::MAP_SHARED, file.number(), 0) }
    })?;
    // SAFETY: the launcher made the file this long; a shorter one isn't ours, and ends the program.
    let words = unsafe { *(at as *const [u32; HEADER_WORDS]) };
    let Header { tag, real_uid, real_gid, namespace } = session::decode_header(&words).ok_or(Errno::INVAL)?;
    let known = Known { tag, real_uid, real_gid, default_uid: 0, default_gid: 0, namespace, session: 0 };
    let record = {
        let [soft, _] = host::limits_of(0, session::RESOURCE)?;
        session::from_limit(tag, soft).ok_or(Errno::SRCH)?
    };
    // SAFETY: nobody else runs yet.
    unsafe { *MAPPING.0.get() = Mapping { view: (at | len.trailing_zeros() as usize).into(), known } };
    reach((word(session::USED).load(Ordering::Acquire) as usize).min(session::MAX_SIZE))?;
    let place = identity(record).ok_or(Errno::SRCH)?.place;
    let Defaults { uid, gid } =
        session::decode_session(block(place.session, arena::SESSION)).unwrap_or_default();
    // SAFETY: as above.
    let known = unsafe { &mut (*MAPPING.0.get()).known };
    (known.default_uid, known.default_gid, known.session) = (uid, gid, place.session);
    // What an exec didn't come to withdraw.
    let thread = host::gettid();
    mapped().withdraw_those(|other| other == thread);
    if mapped().is_full(0) {
        collect();
    }
    Ok(record)
}

/// What is the same for all processes of the launch.
#[must_use]
pub(super) fn header() -> &'static Known {
    &mapping().known
}

/// Sets the host name, or the domain name, of a namespace of them.
pub(super) fn set_name(of: u32, domain: bool, name: &[u8]) {
    let Some(at) = name_place(of, domain) else { return };
    // SAFETY: within the namespace's block, or the launch's; the length comes last, and one more than it is, for 0 is a
    // name that nobody has set.
    unsafe {
        core::ptr::copy_nonoverlapping(name.as_ptr(), (at + 1) as *mut u8, name.len().min(session::NAME_MAX));
        (at as *mut u8).write_volatile(name.len().min(session::NAME_MAX) as u8 + 1);
    }
}

/// Reads it; false if nobody has set it. What is behind it in `out` stays.
pub(super) fn name(of: u32, domain: bool, out: &mut [u8]) -> bool {
    let Some(at) = name_place(of, domain) else { return false };
    // SAFETY: as above.
    let len = usize::from(unsafe { (at as *const u8).read_volatile() });
    let Some(out) = len.checked_sub(1).and_then(|len| out.get_mut(..len)) else { return false };
    // SAFETY: as above.
    unsafe { core::ptr::copy_nonoverlapping((at + 1) as *const u8, out.as_mut_ptr(), out.len()) };
    true
}

/// Returns both names, as they lie in the file.
pub(super) fn names(of: u32) -> [u32; session::NAMES_WORDS] {
    let Some(at) = name_place(of, false) else { return [0; session::NAMES_WORDS] };
    // SAFETY: as above, and aligned.
    unsafe { *(at as *const [u32; session::NAMES_WORDS]) }
}

/// Where a name lies. Without a block, names are the launch's.
fn name_place(of: u32, domain: bool) -> Option<usize> {
    let arena = arena();
    let own = || arena.block(of, arena::UTS).map(|block| (block, arena::HEAD_WORDS));
    let launchs = || arena.block(header().session, arena::SESSION).map(|block| (block, session::NAMES));
    let (block, names) = own().or_else(launchs)?;
    Some(base() + block.offset + (names + usize::from(domain) * session::NAME_WORDS) * WORD)
}

/// A word that changes, by its index.
fn word(index: usize) -> &'static AtomicU32 {
    // SAFETY: a word of the mapping, aligned, and never touched otherwise.
    unsafe { &*((base() + index * size_of::<u32>()) as *const AtomicU32) }
}

/// A word of a block.
pub(super) fn word_of(block: u32, index: usize) -> &'static AtomicU32 {
    word(block as usize / WORD + index)
}

/// The words of a block of some kind; none for anything else.
pub(super) fn block(offset: u32, kind: u32) -> &'static [u32] {
    let Some(block) = arena().block(offset, kind) else { return &[] };
    // SAFETY: within the mapping, and aligned.
    unsafe { core::slice::from_raw_parts((base() + block.offset) as *const u32, block.words) }
}

/// The identity that a record tells.
#[must_use]
pub(super) fn identity(offset: u32) -> Option<Identity<'static>> {
    session::decode_record(block(offset, arena::IDENTITY))
}

/// Somebody who looks for blocks, takes them and names them. What they find isn't given back until this is dropped.
#[derive(Debug)]
pub struct Changing(Announcement);

impl Changing {
    /// Begins.
    ///
    /// # Errors
    /// EAGAIN where too many do at once, which is what setuid(2) says of a user with too many processes.
    pub fn begin() -> Result<Self, Errno> {
        const TRIES: usize = 1000;
        let thread = host::gettid();
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

/// The record of an identity: one that is there already, or a new one.
///
/// # Errors
/// EAGAIN where the file is full.
pub(super) fn record(changing: &Changing, identity: &Identity<'_>) -> Result<u32, Errno> {
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

/// Takes a block and fills it: its offset.
///
/// # Errors
/// EAGAIN where the file is full, or can't be mapped.
pub(super) fn make(_: &Changing, kind: u32, parts: &[&[u8]]) -> Result<u32, Errno> {
    let bytes: usize = parts.iter().map(|part| part.len()).sum();
    let offset = allocate(arena::steps(arena::HEAD_WORDS + bytes.div_ceil(WORD)))?;
    let mut at = base() + offset + arena::HEAD_WORDS * WORD;
    for part in parts {
        // SAFETY: within the mapping, in a block that is ours alone. It is done through the mapping, for all of the file
        // is on the disk: a process that has no descriptor left, nor may write files, as servers lock their helpers
        // up, can become somebody else all the same.
        unsafe { core::ptr::copy_nonoverlapping(part.as_ptr(), at as *mut u8, part.len()) };
        at += part.len();
    }
    fence(Ordering::Release);
    mapped().publish(offset, kind);
    Ok(offset as u32)
}

/// Takes a block.
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
    // Who can't make the file longer lives on what is left of it.
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
    arena().collect(host::gettid(), &mut Living);
}

/// Makes the file longer, so that it has `end` bytes, all of them on the disk: processes write through their mappings,
/// where a full disk would be the end of them.
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
        let file = host::openat(AT_FDCWD, path, raw::O_RDWR | raw::O_CLOEXEC, 0)?;
        let had = reserved();
        let size = end.next_power_of_two();
        // The kernel would send SIGXFSZ.
        if host::limits_of(0, FSIZE)?[0] < size as u64 {
            return Err(Errno::AGAIN);
        }
        match host::fallocate(file.number(), had as u64, (size - had) as u64) {
            Err(Errno::OPNOTSUPP | Errno::NOSYS) => {
                // What another has made longer, and written to, isn't to be filled again.
                host::flock(file.number(), raw::LOCK_EX | raw::LOCK_NB)?;
                fill(file.number(), reserved(), size)?;
            }
            other => other?,
        }
        word(session::RESERVED).fetch_max(size as u32, Ordering::Release);
        // With the file, the lock goes.
        Ok(())
    })
    .map_err(|_| Errno::AGAIN)
}

/// For a file system that can't promise room.
fn fill(file: i32, from: usize, to: usize) -> Result<(), Errno> {
    let mut at = from;
    while at < to {
        let zeroes = [0u8; 4096];
        let len = zeroes.len().min(to - at);
        at += host::pwrite(file, zeroes.get(..len).unwrap_or(&[]), at as u64)?;
    }
    Ok(())
}

/// What is noted of processes for those who ask when they are somebody else, or gone.
#[derive(Clone, Copy, Debug)]
pub enum Note {
    /// Who connected, or listened.
    Peer,
    /// Who may have sent something.
    Sender,
}

/// Notes which record a process has.
pub(super) fn note(what: Note, process: u32, record: u32) {
    place(what, process).store(u64::from(process) << 32 | u64::from(record), Ordering::Relaxed);
}

/// The record that was last noted for a process, unless another one's took its place.
pub(super) fn noted(what: Note, process: u32) -> Option<u32> {
    let word = place(what, process).load(Ordering::Relaxed);
    (word >> 32 == u64::from(process) && process != 0).then_some(word as u32)
}

fn place(what: Note, process: u32) -> &'static AtomicU64 {
    let (start, count) = match what {
        Note::Peer => (session::PEERS, session::PEER_SLOTS),
        Note::Sender => (session::SENDERS, session::SENDER_SLOTS),
    };
    let at = base() + start + process as usize % count * size_of::<u64>();
    // SAFETY: within the mapping's first page, aligned, and never touched otherwise.
    unsafe { &*(at as *const AtomicU64) }
}

/// Words as the bytes that they are.
pub(super) fn bytes_of(words: &[u32]) -> &[u8] {
    // SAFETY: the words' own bytes.
    unsafe { core::slice::from_raw_parts(words.as_ptr().cast::<u8>(), size_of_val(words)) }
}
