//! Making an outlook: its mapping holds the mounts, their numbers and the paths that had to be made.

use newroot_abi::plan::{Flags, Mount, MountFlags};
use newroot_abi::{Errno, PATH_MAX};
use newroot_fakeroot::session::Place;
use newroot_fakeroot::tree::Change;
use newroot_fakeroot::tree::compose::{Composer, Placed};
use newroot_paths::{GuestBuf, MountTable};

use crate::host;
use crate::memory;
use crate::owner::chain;
use crate::session::{Indexed, Session, base};

/// What a process sees at some place, as of some change.
#[derive(Debug)]
pub(super) struct Outlook {
    /// That, in the form that everyone knows.
    pub(super) session: Session,
    place: Place,
    generation: u32,
    /// What [`chain::freed`] was when it was begun.
    freed: u32,
    /// Bytes of its mapping.
    len: usize,
    /// Its mounts' table.
    indexed: Indexed,
}

impl Outlook {
    /// Whether it is the one that is wanted.
    pub(super) fn is(&self, place: Place, generation: u32, freed: u32) -> bool {
        (self.place, self.generation, self.freed) == (place, generation, freed)
    }
}

/// Numbers of mounts that were made by a change have this bit and its number.
pub(super) const CHANGED: u32 = 1 << 30;

/// Makes an outlook.
///
/// # Errors
/// ENOMEM.
pub(super) fn build(place: Place, generation: u32, freed: u32) -> Result<*mut Outlook, Errno> {
    let base = base();
    let root = chain::root(place.root);
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

    let placed_at = size_of::<Outlook>().next_multiple_of(16);
    let mounts_at = placed_at + capacity * size_of::<Placed<'_>>();
    let numbers_at = mounts_at + capacity * size_of::<Mount<'_>>();
    let order_at = numbers_at + capacity * size_of::<u32>();
    let paths_at = order_at + changes * size_of::<u32>();
    let texts_at = paths_at + paths;
    let len = (texts_at + texts).next_multiple_of(4096);
    let start = host::map_anonymous(len)?;

    let order = memory::mapped_words(start + order_at, changes);
    let mut at = generation;
    for place in order.iter_mut().rev() {
        *place = at;
        at = chain::change(at).map_or(0, |(before, _)| before);
    }
    let mut texts = Texts(memory::mapped_bytes(start + texts_at, texts));
    let root = texts.copy(root);
    // SAFETY: the mapping has room for them here, aligned as words are; each element is written before it is read.
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
    // SAFETY: these have just been written, and stay as they are.
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
    let outlook = start as *mut Outlook;
    // SAFETY: the mapping begins with room for it.
    unsafe { outlook.write(Outlook { session, place, generation, freed, len, indexed }) };
    Ok(outlook)
}

/// Gives an outlook's mapping back.
///
/// # Safety
/// Nobody uses it, nor will.
pub(super) unsafe fn discard(outlook: *mut Outlook) {
    // SAFETY: the caller's contract.
    let len = unsafe {
        (*outlook).indexed.discard();
        (*outlook).len
    };
    memory::unmap_owned(outlook as usize, len);
}

/// Room for the paths of the changes: their blocks may be given back while somebody looks at an outlook that isn't their
/// namespace's any more.
struct Texts(&'static mut [u8]);

impl Texts {
    /// Empty where there is no room, because the block has become something else: then the outlook isn't used.
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
    // The plan has them the other way round; none of them covers another.
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

/// A session's switches, as far as its mounts make them.
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
