//! The session's file, mapped: who is who, and what is the same for all. See `newroot_owner::session`.
//!
//! # Safety
//! The mapping is made once, before any other thread or handler exists, and stays. Where address space is limited it is
//! of the file's first part only, until more is needed: then all of it is mapped once more. Other processes append
//! to the file; what lies below the word that says how much is taken doesn't change any more, once a limit
//! names it. The one word that does is only touched atomically.
#![allow(unsafe_code)]

use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering, fence};

use newroot_abi::Errno;
use newroot_owner::session::{self, Header, Identity};
use newroot_sys::raw;

use crate::host::{self, AT_FDCWD, Path};
use crate::limits::{self, with_descriptors};
use crate::report::fatal;

struct Mapping {
    /// First address.
    at: AtomicUsize,
    /// How much of the file is mapped there, in bytes. It is written after the address.
    len: AtomicUsize,
    header: Header,
}

/// What is mapped at first where address space is limited: most sessions have no more records.
const FIRST_PART: usize = 64 << 10;

struct Cell(UnsafeCell<Mapping>);
// SAFETY: see the head of the file.
unsafe impl Sync for Cell {}
static MAPPING: Cell = Cell(UnsafeCell::new(Mapping {
    at: AtomicUsize::new(0),
    len: AtomicUsize::new(0),
    header: Header { tag: 0, real_uid: 0, real_gid: 0, default_uid: 0, default_gid: 0 },
}));

fn mapping() -> &'static Mapping {
    // SAFETY: written once, before anyone else runs.
    unsafe { &*MAPPING.0.get() }
}

/// Where the mapping is.
fn base() -> usize {
    mapping().at.load(Ordering::Relaxed)
}

/// Has the file mapped up to `end` at least. The result is how much of it is.
///
/// # Errors
/// ENOMEM.
fn reach(end: usize) -> Result<usize, Errno> {
    let len = mapping().len.load(Ordering::Acquire);
    if end <= len {
        return Ok(len);
    }
    // SAFETY: an old size of 0 asks for another mapping of what a shared one shows; this one stays.
    let at = unsafe { host::map_again(base(), session::SIZE)? };
    mapping().at.store(at, Ordering::Relaxed);
    mapping().len.store(session::SIZE, Ordering::Release);
    Ok(session::SIZE)
}

/// The same for everything that is taken.
fn reach_all() -> usize {
    let end = (used().load(Ordering::Acquire) as usize).min(session::SIZE);
    match reach(end) {
        Ok(len) => len,
        // Who can't be asked isn't taken for nobody.
        Err(_) => fatal(&[b"no memory for the session's records"]),
    }
}

/// Maps the file. Once, at the start of a program.
///
/// # Errors
/// Those of open(2) and mmap(2); EINVAL for a file of another kind.
pub(super) fn attach(path: Path<'_>) -> Result<(), Errno> {
    let len = if limits::is_space_limited() { FIRST_PART } else { session::SIZE };
    let at = with_descriptors([-1; 2], || {
        let file = host::openat(AT_FDCWD, path, raw::O_RDWR | raw::O_CLOEXEC, 0)?;
        let protection = raw::PROT_READ | raw::PROT_WRITE;
        // SAFETY: the kernel chooses a place where nothing is.
        unsafe { host::mmap(0, len, protection, raw::MAP_SHARED, file.number(), 0) }
    })?;
    // SAFETY: the launcher made the file this long; a shorter one isn't ours, and ends the program.
    let words = unsafe { *(at as *const [u32; session::HEADER_WORDS]) };
    let header = session::decode_header(&words).ok_or(Errno::INVAL)?;
    // SAFETY: nobody else runs yet.
    unsafe { *MAPPING.0.get() = Mapping { at: at.into(), len: len.into(), header } };
    reach((used().load(Ordering::Acquire) as usize).min(session::SIZE)).map(|_| ())
}

/// What is the same for all processes of the session.
#[must_use]
pub(super) fn header() -> &'static Header {
    &mapping().header
}

/// Sets the host name, or the domain name, of one namespace of them.
pub(super) fn set_name(of: u32, domain: bool, name: &[u8]) {
    let at = name_place(of, domain);
    // SAFETY: within the mapping, in a part that is for this; the length comes last, and one more
    // than it is, for 0 is a name that nobody has set.
    unsafe {
        core::ptr::copy_nonoverlapping(name.as_ptr(), (at + 1) as *mut u8, name.len().min(session::NAME_MAX));
        (at as *mut u8).write_volatile(name.len().min(session::NAME_MAX) as u8 + 1);
    }
}

/// Reads it; false if nobody has set it. What is behind it in `out` stays.
pub(super) fn name(of: u32, domain: bool, out: &mut [u8]) -> bool {
    let at = name_place(of, domain);
    // SAFETY: as above.
    let len = usize::from(unsafe { (at as *const u8).read_volatile() });
    let Some(out) = len.checked_sub(1).and_then(|len| out.get_mut(..len)) else { return false };
    // SAFETY: as above.
    unsafe { core::ptr::copy_nonoverlapping((at + 1) as *const u8, out.as_mut_ptr(), out.len()) };
    true
}

/// Both names, as they lie in the file.
pub(super) fn names(of: u32) -> [u32; session::NAMES_WORDS] {
    // SAFETY: as above, and aligned.
    unsafe { *(name_place(of, false) as *const [u32; session::NAMES_WORDS]) }
}

/// Where a name lies. What are no names are the session's.
fn name_place(of: u32, domain: bool) -> usize {
    let end = (of as usize).saturating_add(session::NAMES_WORDS * size_of::<u32>());
    let aligned = of.is_multiple_of(size_of::<u32>() as u32);
    let known = aligned && of as usize >= session::RECORDS && end <= reach_all();
    let at = if known { of as usize } else { session::NAMES };
    base() + at + usize::from(domain) * session::NAME_ROOM
}

fn used() -> &'static AtomicU32 {
    word(session::USED)
}

/// The word that names the latest chained record.
pub(super) fn chain() -> &'static AtomicU32 {
    word(session::CHAIN)
}

/// A word that changes, by its index.
fn word(index: usize) -> &'static AtomicU32 {
    // SAFETY: a word of the mapping, aligned, and never touched otherwise.
    unsafe { &*((base() + index * size_of::<u32>()) as *const AtomicU32) }
}

/// The word that names the latest change of a namespace's mounts. What is no namespace is the first.
pub(super) fn generation(namespace: u32) -> &'static AtomicU32 {
    let aligned = namespace.is_multiple_of(size_of::<u32>() as u32);
    let known = aligned && (session::RECORDS..reach_all()).contains(&(namespace as usize));
    let at = if known { namespace } else { session::FIRST_NAMESPACE };
    word(at as usize / size_of::<u32>())
}

/// The file's words from a record's offset to the end of what is taken.
pub(super) fn words(offset: usize, end: usize) -> &'static [u32] {
    let end = end.min(reach_all());
    if !offset.is_multiple_of(size_of::<u32>()) || offset < session::RECORDS || offset >= end {
        return &[];
    }
    // SAFETY: within the mapping, and aligned.
    unsafe { core::slice::from_raw_parts((base() + offset) as *const u32, (end - offset) / size_of::<u32>()) }
}

/// The identity that a record tells.
#[must_use]
pub(super) fn identity(offset: u32) -> Option<Identity<'static>> {
    session::decode_record(words(offset as usize, session::SIZE))
}

/// The record of an identity: one that is there already, or a new one.
///
/// Nobody waits for anybody here. Who is killed, or stopped for long, leaves a place that stays unwritten, and
/// that others step over.
///
/// # Errors
/// EAGAIN where the file is full, which is what setuid(2) says of a user with too many processes.
pub(super) fn record(identity: &Identity<'_>) -> Result<u32, Errno> {
    let end = used().load(Ordering::Acquire) as usize;
    if let Some(at) = session::find(words(session::RECORDS, end), identity) {
        return Ok((session::RECORDS + at * size_of::<u32>()) as u32);
    }
    let at = allocate(session::room(identity.groups.len()))?;
    // A record begins to exist with its first word.
    let fixed = session::encode_record(identity);
    let (first, rest) = fixed.split_at_checked(1).unwrap_or((&fixed, &[]));
    let groups = (bytes_of(identity.groups), at + size_of_val(&fixed));
    write(&[groups, (bytes_of(rest), at + size_of_val(first)), (bytes_of(first), at)]);
    Ok(at as u32)
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

/// Takes a part of the file that begins and ends where a record may: its offset.
///
/// # Errors
/// EAGAIN where the file is full, or there is no memory to map it.
pub(super) fn allocate(words: usize) -> Result<usize, Errno> {
    let len = (words.next_multiple_of(session::STEP_WORDS) * size_of::<u32>()) as u32;
    let mapped = |end: usize| reach(end.min(session::SIZE)).map_err(|_| Errno::AGAIN);
    mapped(used().load(Ordering::Acquire) as usize + len as usize)?;
    let take = |used: u32| used.checked_add(len).filter(|&end| end as usize <= session::SIZE);
    let offset = used().fetch_update(Ordering::AcqRel, Ordering::Acquire, take).map_err(|_| Errno::AGAIN)?;
    mapped(offset as usize + len as usize)?;
    Ok(offset as usize)
}

/// Words as the bytes that they are.
pub(super) fn bytes_of(words: &[u32]) -> &[u8] {
    // SAFETY: the words' own bytes.
    unsafe { core::slice::from_raw_parts(words.as_ptr().cast::<u8>(), size_of_val(words)) }
}

/// Writes parts of the file, each at its offset and in this order. It is done through the mapping, for which the
/// launcher has reserved all of the file: a process that has no descriptor left, nor may write files, as servers
/// lock their helpers up, can become somebody else all the same.
pub(super) fn write(parts: &[(&[u8], usize)]) {
    for &(bytes, offset) in parts {
        let mapped = mapping().len.load(Ordering::Acquire);
        let offset = offset.min(mapped);
        let len = bytes.len().min(mapped - offset);
        // SAFETY: within the mapping, in a part that the caller took for itself.
        unsafe { core::ptr::copy_nonoverlapping(bytes.as_ptr(), (base() + offset) as *mut u8, len) };
        // Who finds this part has to find those before it.
        fence(Ordering::Release);
    }
}
