//! Patches call sites that trap often, so that they enter the shim without a signal.
//!
//! A trap shows where it came from, and at that address there is certainly a `syscall` instruction.
//! So nothing is scanned, and no facts about files are kept: the traps themselves find the call
//! sites that matter. After a number of traps comes a *round*: it reads the memory map once and
//! patches the sites that trapped more than once. A process that makes few calls never pays for a
//! round; one that makes many pays once. The number of traps doubles before each further round.
//!
//! [`newroot_sys::arch::site`] decides which code is patched, and how. Not patching a call site is
//! always correct: it traps then. So the shim doesn't patch where anything is uncertain:
//!
//! - code that isn't in a private, readable and executable mapping of a file;
//! - code in front of a `syscall` that doesn't decode to exactly one instruction that can be moved;
//! - calls from a stack that may be as small as a goroutine's, because a patched call takes about 3
//!   KiB of it. A C library's code never runs on such a stack; from any other code, only calls on
//!   the main stack take the jump;
//! - where other threads may be running, code that one aligned store can't change;
//! - a process that is traced, because its tracer wants to see its calls;
//! - in a vfork's child, whose parent may have other threads: the child counts, and the parent
//!   patches;
//! - everything, where the host forbids memory that is writable and executable.

mod code;
mod mappings;
mod sites;
mod stubs;

use core::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};

use newroot_abi::Errno;
use newroot_abi::plan::NEVER_PATCH;
use newroot_sys::arch::{self, SYSTEM_CALL};
use newroot_sys::filter::always_traps;
use newroot_sys::table::{self, Patch};

use crate::calls::filters;
use crate::calls::system::is_traced;
use crate::kernel;
use crate::limits;
use crate::session::session;
use crate::slots::{self, HOLDERS};
use mappings::Code;

pub use stubs::{AREA as STUB_AREA, AREA_STATES as STUBS, AREAS as STUB_AREAS};

/// Returns the first address of the stub that contains an address; `None` if no stub does.
#[must_use]
pub fn stub_containing(address: usize) -> Option<usize> {
    stubs::containing(address)
}

/// Number of traps of this process so far.
static TRAPS: AtomicU32 = AtomicU32::new(0);
/// Number of traps after which the next round comes; 0 until the first round is planned.
static NEXT_ROUND: AtomicU32 = AtomicU32::new(0);
/// Whether an attempt has shown that the host forbids patching.
static FORBIDDEN: AtomicBool = AtomicBool::new(false);

/// Nonzero while a tracer in the guest must see the calls as the guest makes them. The tracer's
/// shim sets this in this process's memory (see [`crate::tracing`]). Patched call sites then make
/// their own system calls, which trap.
static TRACED: AtomicUsize = AtomicUsize::new(0);

/// Returns whether calls from patched call sites must trap nevertheless.
#[must_use]
#[inline]
pub fn is_bypassed() -> bool {
    TRACED.load(Ordering::Relaxed) != 0
}

/// Returns the address of that flag, which is the same in each process.
#[must_use]
pub fn bypass() -> usize {
    TRACED.as_ptr() as usize
}

/// Returns whether a call may run without a trap. It may if the filter traps every such call, or if
/// the shim passes on unchanged those that the filter doesn't trap. It may not if the call returns
/// through the signal frame.
#[must_use]
pub fn is_ours(number: usize) -> bool {
    let session = session();
    let release = !session.uname.is_empty();
    table::row_of(number).is_some_and(|row| match row.patch {
        Patch::IfTrapped => always_traps(row, session.header.flags, release),
        Patch::Always => true,
        Patch::Never => false,
    })
}

/// Counts a trapped call that has run, and starts a round if one is due. `address` is the address
/// behind the call's `syscall` instruction.
pub fn came_from(address: usize, number: usize) {
    let patch_after = session().header.patch_after;
    if patch_after == NEVER_PATCH || FORBIDDEN.load(Ordering::Relaxed) || !is_ours(number) {
        return;
    }
    sites::count(address - SYSTEM_CALL);
    let traps = TRAPS.fetch_add(1, Ordering::Relaxed).saturating_add(1);
    // A tracer that died couldn't clear the flag.
    const SOMETIMES: u32 = 64;
    if is_bypassed() && traps.is_multiple_of(SOMETIMES) && is_traced() == Ok(false) {
        TRACED.store(0, Ordering::Relaxed);
    }
    if traps < NEXT_ROUND.load(Ordering::Relaxed).max(patch_after) {
        return;
    }
    // A vfork's child borrows this memory. Its parent finds the child's counts at its own next
    // trap.
    if !slots::is_owner(kernel::getpid()) {
        return;
    }
    // A round at every trap, where the user (a test) wants everything patched at once.
    let more = if patch_after == 1 { 1 } else { traps };
    NEXT_ROUND.store(traps.saturating_add(more), Ordering::Relaxed);
    if HOLDERS.patching.swap(true, Ordering::Acquire) {
        return;
    }
    if round(if patch_after == 1 { 1 } else { 2 }) == Err(Errno::PERM) {
        FORBIDDEN.store(true, Ordering::Relaxed);
    }
    HOLDERS.patching.store(false, Ordering::Release);
}

/// Patches the sites that trapped at least `least` times.
///
/// # Errors
/// EPERM if another attempt is pointless; with any other errno, a later round may succeed.
// Out of line: keeps this large frame off the path of every trap.
#[inline(never)]
fn round(least: u32) -> Result<(), Errno> {
    if !sites::any(least) {
        return Ok(());
    }
    if filters::any() || is_traced()? {
        return Ok(());
    }
    let alone = kernel::is_alone();
    mappings::each(least, |code| patch_within(&code, least, alone))
}

/// First address that the main thread's stack may grow to, and the first one behind it; the entry
/// code reads them.
pub static MAIN_STACK: [AtomicUsize; 2] = [const { AtomicUsize::new(0) }; 2];

/// Records where the main stack is, without the part that a patched call itself needs.
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
