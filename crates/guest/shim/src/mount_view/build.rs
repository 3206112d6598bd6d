//! Makes mount views. A view's mapping holds the mounts, their numbers, and the paths that had to
//! be composed.

use newroot_abi::plan::{Flags, Mount, MountFlags};
use newroot_abi::{Errno, PATH_MAX};
use newroot_fakeroot::session::FsContext;
use newroot_fakeroot::tree::Change;
use newroot_fakeroot::tree::compose::{Composer, Placed};
use newroot_paths::{GuestBuf, MountTable};

use crate::identity::chain;
use crate::kernel;
use crate::memory;
use crate::session::{Indexed, Session, base};

/// The view of a context, as of a certain change.
#[derive(Debug)]
#[repr(C)]
pub(super) struct MountView {
    /// That, in the form that everyone knows. It comes first: slots' cells hold its address.
    pub(super) session: Session,
    fs: FsContext,
    generation: u32,
    /// Value of [`chain::freed`] when work on this view began.
    freed: u32,
    /// Size of its mapping in bytes.
    len: usize,
    /// The table of its mounts.
    indexed: Indexed,
}

const _: () = assert!(core::mem::offset_of!(MountView, session) == 0);

impl MountView {
    /// Returns whether the view has this context and is up to date.
    pub(super) fn is(&self, fs: FsContext, generation: u32, freed: u32) -> bool {
        (self.fs, self.generation, self.freed) == (fs, generation, freed)
    }
}

/// Bit that marks the number of a mount that a change made; the other bits are the change's number.
pub(super) const CHANGED: u32 = 1 << 30;

/// Makes a mount view.
///
/// # Errors
/// ENOMEM if there is no memory for it.
pub(super) fn build(fs: FsContext, generation: u32, freed: u32) -> Result<*mut MountView, Errno> {
    let base = base();
    let root = chain::root(fs.root);
    let mut changes = 0;
    let mut rewriting = 0;
    let mut texts = root.len();
    let mut at = generation;
    while let Some((before, change)) = chain::change(at) {
        changes += 1;
        rewriting += usize::from(matches!(change, Change::Move { .. } | Change::Pivot { .. }));
        texts += change.encode().2.map(<[u8]>::len).iter().sum::<usize>();
        at = before;
    }
    let capacity = base.mounts.mounts().len() + changes + 1;
    let paths = ((rewriting * capacity + 4) * PATH_MAX).min(1 << 24);

    let placed_at = size_of::<MountView>().next_multiple_of(16);
    let mounts_at = placed_at + capacity * size_of::<Placed<'_>>();
    let numbers_at = mounts_at + capacity * size_of::<Mount<'_>>();
    let order_at = numbers_at + capacity * size_of::<u32>();
    let paths_at = order_at + changes * size_of::<u32>();
    let texts_at = paths_at + paths;
    let len = (texts_at + texts).next_multiple_of(4096);
    let start = kernel::map_anonymous(len)?;

    let order = memory::mapped_words(start + order_at, changes);
    let mut at = generation;
    for place in order.iter_mut().rev() {
        *place = at;
        at = chain::change(at).map_or(0, |(before, _)| before);
    }
    let mut texts = Texts(memory::mapped_bytes(start + texts_at, texts));
    let root = texts.copy(root);
    // SAFETY: the mapping has space for both here, aligned for words. Each element is written
    // before it is read.
    let (list, mounts) = unsafe {
        let list = (start + placed_at) as *mut Placed<'static>;
        for index in 0..capacity {
            list.add(index).write(Placed::NONE);
        }
        (core::slice::from_raw_parts_mut(list, capacity), (start + mounts_at) as *mut Mount<'static>)
    };
    let paths = memory::mapped_bytes(start + paths_at, paths);
    let seen = compose(base, order, list, paths, &mut texts, root);
    let Ok((seen, root_mounted)) = seen else {
        memory::unmap_owned(start, len);
        return Err(Errno::NOMEM);
    };
    let numbers = memory::mapped_words(start + numbers_at, seen);
    for (index, (number, placed)) in numbers.iter_mut().zip(&*list).enumerate() {
        *number = placed.id;
        // SAFETY: as above; the index is below the capacity.
        unsafe { mounts.add(index).write(placed.mount) };
    }
    // SAFETY: these elements have just been written, and don't change any more.
    let mounts = unsafe { core::slice::from_raw_parts(mounts, seen) };
    let indexed = match Indexed::new(mounts) {
        Ok(indexed) => indexed,
        Err(error) => {
            memory::unmap_owned(start, len);
            return Err(error);
        }
    };
    let Some(mounts) = indexed.table else {
        memory::unmap_owned(start, len);
        return Err(Errno::NOMEM);
    };
    let mut session = Session { mounts, numbers, root, root_mounted, generation, ..*base };
    session.header.flags = flags(base.header.flags, &mounts);
    let mount_view = start as *mut MountView;
    // SAFETY: the mapping begins with space for it.
    unsafe { mount_view.write(MountView { session, fs, generation, freed, len, indexed }) };
    Ok(mount_view)
}

/// Unmaps a mount view.
///
/// # Safety
/// No code uses it, now or later.
pub(super) unsafe fn discard(mount_view: *mut MountView) {
    // SAFETY: the caller's contract.
    let len = unsafe {
        (*mount_view).indexed.discard();
        (*mount_view).len
    };
    memory::unmap_owned(mount_view as usize, len);
}

/// Buffer for copies of the changes' paths. The blocks of changes may be freed while a thread still
/// uses a mount view that is out of date.
struct Texts(&'static mut [u8]);

impl Texts {
    /// Copies a path; returns an empty one if there is no space. That happens only if the block has
    /// been used again for something else, and then the mount view isn't used.
    fn copy(&mut self, text: &[u8]) -> &'static [u8] {
        let Some((copy, rest)) = core::mem::take(&mut self.0).split_at_mut_checked(text.len()) else {
            return &[];
        };
        copy.copy_from_slice(text);
        self.0 = rest;
        copy
    }
}

fn compose(
    base: &Session,
    changes: &[u32],
    list: &mut [Placed<'static>],
    paths: &'static mut [u8],
    texts: &mut Texts,
    root: &[u8],
) -> Result<(usize, bool), Errno> {
    let mut composer = Composer::new(list, paths);
    // The plan has the mounts in the opposite order; none of them covers another.
    for (index, mount) in base.mounts.mounts().iter().enumerate().rev() {
        composer.push(*mount, index as u32)?;
    }
    for &offset in changes {
        if let Some((_, change)) = chain::change(offset) {
            let (operation, flags, paths) = change.encode();
            let paths = paths.map(|path| texts.copy(path));
            let change = Change::decode(operation, flags, paths).ok_or(Errno::NOMEM)?;
            composer.apply(&change, CHANGED | chain::number_of(offset) & (CHANGED - 1))?;
        }
    }
    composer.look_from(root)
}

/// Returns a session's switches, with those that its mounts determine.
fn flags(base: Flags, mounts: &MountTable<'_>) -> Flags {
    let mut flags = base.without(Flags::ALIASED.with(Flags::UNLISTED).with(Flags::READ_ONLY));
    for mount in mounts.mounts().iter().filter(|mount| !mount.flags.has(MountFlags::HIDDEN)) {
        for (of_mount, of_session) in
            [(MountFlags::UNLISTED, Flags::UNLISTED), (MountFlags::READ_ONLY, Flags::READ_ONLY)]
        {
            if mount.flags.has(of_mount) {
                flags = flags.with(of_session);
            }
        }
    }
    if mounts.is_aliased(&mut GuestBuf::new()) { flags.with(Flags::ALIASED) } else { flags }
}
