//! Call sites that trap again and again are patched, so that they enter the shim without a signal.
//!
//! A trap tells where it came from: that address is a `syscall` instruction, beyond doubt. So nothing is
//! scanned, and nothing about files is kept: the traps themselves find the call sites, and those that
//! matter. After a number of traps comes a *round*: the map of memory is read once, and what was seen more
//! than once is patched. A process that makes few calls never pays for it; one that makes many pays once.
//! Each further round comes after as many traps again as there have been.
//!
//! What is patched, and how, is in [`newroot_sys::arch::site`]. It is always right to leave a call site
//! alone: it traps then. So whatever isn't quite clear is left alone:
//!
//! - code that isn't a private mapping of a file, readable and executable;
//! - code in front of a `syscall` that doesn't decode to one and only one instruction that can be moved;
//! - calls from a stack that may be as small as a goroutine's: a patched call takes some 3 KiB. A C library's
//!   code is called on no such stack; from any other, only calls on the main stack take the jump;
//! - where other threads may be running, what one aligned store can't change;
//! - a process that is traced: its tracer wants to see its calls;
//! - by a vfork's child, whose parent may have other threads: it counts, and the parent patches;
//! - everything, where the host forbids memory that can be written and executed.

mod code;
mod mappings;
mod sites;
mod stubs;

use core::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};

use newroot_abi::Errno;
use newroot_abi::plan::NEVER_PATCH;
use newroot_procfs::status;
use newroot_sys::arch::{self, SYSTEM_CALL};
use newroot_sys::filter::always_traps;
use newroot_sys::raw;
use newroot_sys::table::{self, Call};

use crate::calls::filters;
use crate::host::{self, AT_FDCWD, Path};
use crate::limits;
use crate::session::session;
use crate::slots::{self, OWNERS};
use mappings::Code;

pub use stubs::{AREA as STUB_AREA, AREAS as STUB_AREAS, PLACES as STUBS};

/// Returns the first address of the stub that an address lies in; `None` if it lies in none.
#[must_use]
pub fn stub_containing(address: usize) -> Option<usize> {
    stubs::containing(address)
}

/// Traps of this process so far.
static TRAPS: AtomicU32 = AtomicU32::new(0);
/// The number of traps after which the next round comes; 0 before the first was thought of.
static NEXT_ROUND: AtomicU32 = AtomicU32::new(0);
/// The host forbids patching: it was tried.
static FORBIDDEN: AtomicBool = AtomicBool::new(false);

/// A tracer in the guest wants to see calls as the guest makes them: its shim sets this, in this process's memory
/// (see [`crate::tracing`]). Patched call sites then make their own system calls, which trap.
static TRACED: AtomicUsize = AtomicUsize::new(0);

/// Whether calls from patched call sites are to trap all the same.
#[must_use]
#[inline]
pub fn is_bypassed() -> bool {
    TRACED.load(Ordering::Relaxed) != 0
}

/// Returns the address of the word that says so, which is the same in each process.
#[must_use]
pub fn bypass() -> usize {
    TRACED.as_ptr() as usize
}

/// Whether a call may be run without a trap: the filter traps each of them, or the shim makes those
/// as they are that it doesn't trap; and it doesn't return by way of the signal frame.
#[must_use]
pub fn is_ours(number: usize) -> bool {
    let session = session();
    let release = !session.uname.is_empty();
    table::row_of(number).is_some_and(|row| {
        let answered = always_traps(row, session.header.flags, release) || row.call == Call::ReadAgain;
        answered && row.call != Call::SigReturn
    })
}

/// A trapped call was run; `address` is the one behind its `syscall` instruction.
pub fn came_from(address: usize, number: usize) {
    let patch_after = session().header.patch_after;
    if patch_after == NEVER_PATCH || FORBIDDEN.load(Ordering::Relaxed) || !is_ours(number) {
        return;
    }
    sites::count(address - SYSTEM_CALL);
    let traps = TRAPS.fetch_add(1, Ordering::Relaxed).saturating_add(1);
    // A tracer that died has left no word.
    const SOMETIMES: u32 = 64;
    if is_bypassed() && traps.is_multiple_of(SOMETIMES) && is_traced() == Ok(false) {
        TRACED.store(0, Ordering::Relaxed);
    }
    if traps < NEXT_ROUND.load(Ordering::Relaxed).max(patch_after) {
        return;
    }
    // A vfork's child borrows this memory; what it has counted, its parent finds with its own next trap.
    if !slots::is_owner(host::getpid()) {
        return;
    }
    // Every trap where the user (a test) wants everything patched at once.
    let more = if patch_after == 1 { 1 } else { traps };
    NEXT_ROUND.store(traps.saturating_add(more), Ordering::Relaxed);
    if OWNERS.patching.swap(true, Ordering::Acquire) {
        return;
    }
    if round(if patch_after == 1 { 1 } else { 2 }) == Err(Errno::PERM) {
        FORBIDDEN.store(true, Ordering::Relaxed);
    }
    OWNERS.patching.store(false, Ordering::Release);
}

/// Patches what was seen at least `least` times.
///
/// # Errors
/// EPERM if it is no use trying again; anything else may be different next time.
// Its room is not to be every trap's.
#[inline(never)]
fn round(least: u32) -> Result<(), Errno> {
    if !sites::any(least) {
        return Ok(());
    }
    if filters::any() || is_traced()? {
        return Ok(());
    }
    let alone = host::is_alone();
    mappings::each(least, |code| patch_within(&code, least, alone))
}

/// First address of the main thread's stack, as far as it may grow, and the one behind it; read by the
/// entry code.
pub static MAIN_STACK: [AtomicUsize; 2] = [const { AtomicUsize::new(0) }; 2];

/// Notes where the main stack is, but for what a patched call itself needs of it.
fn note_main_stack(end: usize) {
    const LARGEST: usize = 8 << 20;
    const SPARE: usize = 64 << 10;
    let room = limits::stack().min(LARGEST).saturating_sub(SPARE);
    let [low, high] = &MAIN_STACK;
    low.store(end - room, Ordering::Relaxed);
    high.store(end, Ordering::Relaxed);
}

/// Patches the call sites of one mapping.
fn patch_within(code: &Code, least: u32, alone: bool) -> Result<(), Errno> {
    let entry = if code.any_stack { arch::call_entry() } else { arch::careful_entry() };
    let mut patches = [code::Patch::NONE; sites::COUNT];
    let mut count = 0;
    let mut area = None;
    for site in sites::within(code.range.clone(), least) {
        let Some(moved) = code::movable(code.start, site.address(), alone) else {
            site.leave_alone();
            continue;
        };
        let area = match &mut area {
            Some(area) => area,
            none => none.insert(stubs::Area::near(site.address(), code.free)?),
        };
        let Some(patch) = area.add(moved, entry) else { continue };
        if let Some(place) = patches.get_mut(count) {
            *place = patch;
            count += 1;
            site.leave_alone();
        }
    }
    // The stubs become executable before a jump leads to them.
    drop(area);
    code::apply(patches.get_mut(..count).unwrap_or(&mut []), alone)
}

/// Whether another process traces this one (proc_pid_status(5)).
pub fn is_traced() -> Result<bool, Errno> {
    let path = Path::new(b"/proc/self/status\0");
    let file = host::openat(AT_FDCWD, path, raw::O_RDONLY | raw::O_CLOEXEC, 0)?;
    let mut text = [0u8; 1024];
    let len = host::read(file.number(), &mut text)?;
    let text = text.get(..len).unwrap_or(&[]);
    let tracer = status::value(text, b"TracerPid").ok_or(Errno::NOENT)?;
    Ok(tracer != b"0")
}
