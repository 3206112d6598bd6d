//! The session as seen by a process that has another root, or in whose namespace something was
//! mounted.
//!
//! Such a mount view is made from the plan's mounts, the namespace's changes and the root
//! (`newroot_fakeroot::tree`), in a mapping of its own. It depends on nothing else, so it is kept
//! and used again for the same input. [`enter`] finds the view for a call once, when its trap
//! begins. From then on the slot knows the view, and [`session`](crate::session::session) finds the
//! slot by the stack that it runs on. So threads and vfork children each have their own view.
//!
//! # Safety
//! A mount view never changes. It is unmapped only when no slot holds it. A thread that wants a
//! view first writes its address into the slot's cell, and then checks whether the view is still in
//! the cache. A thread that removes a view from the cache checks the slots' cells afterwards. A
//! view for which there is no space among the retired ones stays mapped.
#![allow(unsafe_code)]

mod build;

use core::ptr::null_mut;
use core::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

use newroot_abi::Errno;
use newroot_fakeroot::session::FsContext;

use crate::identity::{chain, process};
use crate::session::{HELD, Session, USED, base, held};
use build::MountView;

/// A slot's cell: the session is what its mount view begins with.
type Cell = AtomicPtr<Session>;
/// A place for a mount view that is kept, or waits to be unmapped.
type Kept = AtomicPtr<MountView>;

const CACHED: usize = 8;
const RETIRED: usize = 64;

static CACHE: [Kept; CACHED] = [const { AtomicPtr::new(null_mut()) }; CACHED];
static NEXT: AtomicUsize = AtomicUsize::new(0);
static GONE: [Kept; RETIRED] = [const { AtomicPtr::new(null_mut()) }; RETIRED];

/// Finds the calling process's view, for the call or the program start that runs on the slot's
/// stack.
///
/// # Errors
/// ENOMEM. Then the session is the plan's, in which no name may be looked up.
pub fn enter(slot: usize) -> Result<(), Errno> {
    let Some([own, _]) = HELD.get(slot) else { return Ok(()) };
    if find(own, || process::current().fs)?.is_none() && USED.load(Ordering::Relaxed) {
        own.store(null_mut(), Ordering::SeqCst);
    }
    Ok(())
}

/// Releases the views that a slot holds, when no code runs on its stack any more.
pub fn leave(slot: usize) {
    for cell in HELD.get(slot).into_iter().flatten() {
        cell.store(null_mut(), Ordering::SeqCst);
    }
}

/// Returns the view of another context in the same session.
///
/// # Errors
/// ENOMEM if there is no memory for it, or if the caller isn't on a slot's stack.
pub fn of(fs: FsContext) -> Result<&'static Session, Errno> {
    if is_plain(fs, chain::generation(fs.namespace)) {
        return Ok(base());
    }
    let [_, other] = held().ok_or(Errno::NOMEM)?;
    Ok(find(other, || fs)?.map_or(base(), |mount_view| &mount_view.session))
}

/// Returns whether a process with this context sees the plan's mounts.
fn is_plain(fs: FsContext, generation: u32) -> bool {
    fs.root == 0 && generation == 0
}

/// Returns the view of the calling process's namespace from the namespace's own root.
///
/// # Errors
/// ENOMEM if there is no memory for it.
pub fn whole() -> Result<&'static Session, Errno> {
    of(FsContext { root: 0, ..process::current().fs })
}

/// Returns the number of the change that made the mount with a number; `None` for a mount of the
/// plan.
#[must_use]
pub fn change_of(number: u32) -> Option<u32> {
    (number & build::CHANGED != 0).then_some(number & !build::CHANGED)
}

/// Finds or makes the view of a context, and holds it in a cell. Releases the view that the cell
/// held before. Returns `None` for the plan's view.
fn find(cell: &Cell, fs: impl Fn() -> FsContext) -> Result<Option<&'static MountView>, Errno> {
    loop {
        let freed = chain::freed();
        let fs = fs();
        let generation = chain::generation(fs.namespace);
        if is_plain(fs, generation) {
            return Ok(None);
        }
        USED.store(true, Ordering::SeqCst);
        if let Some(mount_view) = cached(cell, fs, generation, freed) {
            return Ok(Some(mount_view));
        }
        let mount_view = build::build(fs, generation, freed)?;
        if chain::freed() != freed {
            // The blocks that the view was made from may have been freed and used again meanwhile.
            // SAFETY: no other code knows of it.
            unsafe { build::discard(mount_view) };
            continue;
        }
        cell.store(mount_view.cast(), Ordering::SeqCst);
        let at = NEXT.fetch_add(1, Ordering::Relaxed) % CACHED;
        if let Some(cached) = CACHE.get(at) {
            let old = cached.swap(mount_view, Ordering::SeqCst);
            reclaim();
            retire(old);
        }
        // SAFETY: the cell holds it.
        return Ok(Some(unsafe { &*mount_view }));
    }
}

fn cached(cell: &Cell, fs: FsContext, generation: u32, freed: u32) -> Option<&'static MountView> {
    for cached in &CACHE {
        let mount_view = cached.load(Ordering::SeqCst);
        if mount_view.is_null() {
            continue;
        }
        cell.store(mount_view.cast(), Ordering::SeqCst);
        if cached.load(Ordering::SeqCst) == mount_view {
            // SAFETY: the cell holds it, and it was still in the cache afterwards.
            let mount_view = unsafe { &*mount_view };
            if mount_view.is(fs, generation, freed) {
                return Some(mount_view);
            }
        }
        cell.store(null_mut(), Ordering::SeqCst);
    }
    None
}

/// Keeps a mount view until no slot holds it.
fn retire(mount_view: *mut MountView) {
    if mount_view.is_null() {
        return;
    }
    for gone in &GONE {
        if gone.compare_exchange(null_mut(), mount_view, Ordering::SeqCst, Ordering::SeqCst).is_ok() {
            return;
        }
    }
}

/// Unmaps the retired views that no slot holds.
fn reclaim() {
    for gone in &GONE {
        let mount_view = gone.swap(null_mut(), Ordering::SeqCst);
        if mount_view.is_null() {
            continue;
        }
        let mut cells = HELD.iter().flatten();
        if cells.any(|cell| cell.load(Ordering::SeqCst) == mount_view.cast()) {
            retire(mount_view);
        } else {
            // SAFETY: it is out of the cache, and no cell holds it. A thread that is about to hold
            // it will find that it isn't in the cache any more.
            unsafe { build::discard(mount_view) };
        }
    }
}
