//! The session as a process sees it that has another root, or in whose namespace something was mounted.
//!
//! Such an outlook is made of the plan's mounts, the namespace's changes and the root (`newroot_fakeroot::tree`), in memory
//! of its own. It depends on nothing else, so that it is kept for as long as the same is wanted. Which one a call
//! is to be seen with is found once a call, when its trap begins ([`enter`]): from then on the slot knows it, and
//! [`session`](crate::session::session) finds the slot by the stack that it runs on. Threads, and vfork's children,
//! each have what is theirs.
//!
//! # Safety
//! An outlook never changes. It is unmapped only when no slot holds it: who wants one writes its address into the slot's
//! cell first, and then looks whether the cache still has it; who takes it out of the cache looks at the
//! slots' cells afterwards. What finds no place among the retired stays mapped.
#![allow(unsafe_code)]

mod build;

use core::ptr::{from_ref, null_mut};
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicUsize, Ordering};

use newroot_abi::Errno;
use newroot_fakeroot::session::Place;

use crate::owner::{chain, process};
use crate::session::{Session, base};
use crate::slots;
use build::Outlook;

type Cell = AtomicPtr<Outlook>;

const CACHED: usize = 8;
const RETIRED: usize = 64;
/// The first is the call's own, the second one that it looks at besides.
const CELLS: usize = 2;

static CACHE: [Cell; CACHED] = [const { AtomicPtr::new(null_mut()) }; CACHED];
static NEXT: AtomicUsize = AtomicUsize::new(0);
static GONE: [Cell; RETIRED] = [const { AtomicPtr::new(null_mut()) }; RETIRED];
static HELD: [[Cell; CELLS]; slots::COUNT] =
    [const { [const { AtomicPtr::new(null_mut()) }; CELLS] }; slots::COUNT];
static USED: AtomicBool = AtomicBool::new(false);

/// Whether any process in this memory ever saw something else than the plan has.
#[must_use]
#[inline]
pub fn is_used() -> bool {
    USED.load(Ordering::Relaxed)
}

/// Finds what the calling process sees, for the call, or the start of a program, that runs on the stack of a slot.
///
/// # Errors
/// ENOMEM. Then [`current`] is what the plan has, in which no name may be looked up.
pub fn enter(slot: usize) -> Result<(), Errno> {
    let Some([own, _]) = HELD.get(slot) else { return Ok(()) };
    if find(own, || process::current().place)?.is_none() && is_used() {
        own.store(null_mut(), Ordering::SeqCst);
    }
    Ok(())
}

/// Gives back what a slot holds, once nothing runs on its stack.
pub fn leave(slot: usize) {
    for cell in HELD.get(slot).into_iter().flatten() {
        cell.store(null_mut(), Ordering::SeqCst);
    }
}

/// Returns the session of the slot on whose stack the caller runs; `None` if that is the plan's. The fast path runs on
/// the guest's stack, and only in processes that see what the plan has.
#[must_use]
pub fn current() -> Option<&'static Session> {
    let [own, _] = cells()?;
    let outlook = own.load(Ordering::Relaxed);
    // SAFETY: it is held.
    (!outlook.is_null()).then(|| unsafe { &(*outlook).session })
}

/// What a process sees that lives at another place of the same plan's.
///
/// # Errors
/// ENOMEM, also for a caller that isn't on a slot's stack.
pub fn of(place: Place) -> Result<&'static Session, Errno> {
    if is_plain(place, chain::generation(place.namespace)) {
        return Ok(base());
    }
    let [_, other] = cells().ok_or(Errno::NOMEM)?;
    Ok(find(other, || place)?.map_or(base(), |outlook| &outlook.session))
}

/// Whether a process there sees what the plan has.
fn is_plain(place: Place, generation: u32) -> bool {
    place.root == 0 && generation == 0
}

/// The calling process's namespace, as it is seen from its own root.
///
/// # Errors
/// ENOMEM.
pub fn whole() -> Result<&'static Session, Errno> {
    of(Place { root: 0, ..process::current().place })
}

/// The number of the change that made the mount with a number; `None` if the plan has it.
#[must_use]
pub fn change_of(number: u32) -> Option<u32> {
    (number & build::CHANGED != 0).then_some(number & !build::CHANGED)
}

/// Returns the cells of the slot on whose stack the caller runs; `None` on any other stack.
fn cells() -> Option<&'static [Cell; CELLS]> {
    let here = 0u8;
    HELD.get(slots::slot_of(from_ref(&here).addr()))
}

/// Finds what is seen at a place, or makes it, and holds it in a cell, in the place of what the cell held. `None` for
/// what the plan has.
fn find(cell: &Cell, place: impl Fn() -> Place) -> Result<Option<&'static Outlook>, Errno> {
    loop {
        let freed = chain::freed();
        let place = place();
        let generation = chain::generation(place.namespace);
        if is_plain(place, generation) {
            return Ok(None);
        }
        USED.store(true, Ordering::SeqCst);
        if let Some(outlook) = cached(cell, place, generation, freed) {
            return Ok(Some(outlook));
        }
        let outlook = build::build(place, generation, freed)?;
        if chain::freed() != freed {
            // What it was made of may have become something else meanwhile.
            // SAFETY: nobody else knows of it.
            unsafe { build::discard(outlook) };
            continue;
        }
        cell.store(outlook, Ordering::SeqCst);
        let at = NEXT.fetch_add(1, Ordering::Relaxed) % CACHED;
        if let Some(cached) = CACHE.get(at) {
            let old = cached.swap(outlook, Ordering::SeqCst);
            reclaim();
            retire(old);
        }
        // SAFETY: it is held.
        return Ok(Some(unsafe { &*outlook }));
    }
}

fn cached(cell: &Cell, place: Place, generation: u32, freed: u32) -> Option<&'static Outlook> {
    for cached in &CACHE {
        let outlook = cached.load(Ordering::SeqCst);
        if outlook.is_null() {
            continue;
        }
        cell.store(outlook, Ordering::SeqCst);
        if cached.load(Ordering::SeqCst) == outlook {
            // SAFETY: the cell holds it, and the cache had it afterwards.
            let outlook = unsafe { &*outlook };
            if outlook.is(place, generation, freed) {
                return Some(outlook);
            }
        }
        cell.store(null_mut(), Ordering::SeqCst);
    }
    None
}

/// Keeps an outlook until nobody holds it.
fn retire(outlook: *mut Outlook) {
    if outlook.is_null() {
        return;
    }
    for gone in &GONE {
        if gone.compare_exchange(null_mut(), outlook, Ordering::SeqCst, Ordering::SeqCst).is_ok() {
            return;
        }
    }
}

/// Unmaps what nobody holds.
fn reclaim() {
    for gone in &GONE {
        let outlook = gone.swap(null_mut(), Ordering::SeqCst);
        if outlook.is_null() {
            continue;
        }
        let mut cells = HELD.iter().flatten();
        if cells.any(|cell| cell.load(Ordering::SeqCst) == outlook) {
            retire(outlook);
        } else {
            // SAFETY: it is out of the cache, no cell holds it, and who is about to hold it will find that the
            // cache has it no more.
            unsafe { build::discard(outlook) };
        }
    }
}
