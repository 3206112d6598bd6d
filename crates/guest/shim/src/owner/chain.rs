//! The session's file's blocks of roots, mount namespaces and changes of mounts (`newroot_fakeroot::tree`).
//!
//! What is wanted again is found again: whoever mounts and unmounts the same all day takes one block.

use core::sync::atomic::{AtomicU32, Ordering};

use newroot_abi::Errno;
use newroot_abi::plan::MountFlags;
use newroot_fakeroot::arena::{self, CHANGE, NAMESPACE, ROOT, UTS};
use newroot_fakeroot::session;
use newroot_fakeroot::tree::{self, Change};

use super::session_file::{self, Changing};

/// What every namespace is that isn't one: nothing was ever changed in it.
static UNCHANGED: AtomicU32 = AtomicU32::new(0);

/// A part of a block's bytes behind some of its words.
fn text(words: &'static [u32], from: usize, start: usize, len: u32) -> &'static [u8] {
    let bytes = session_file::bytes_of(words.get(from..).unwrap_or(&[]));
    bytes.get(start..start + len as usize).unwrap_or(&[])
}

/// A root's path in its namespace's terms; empty for the namespace's own root.
#[must_use]
pub fn root(offset: u32) -> &'static [u8] {
    match session_file::block(offset, ROOT) {
        words @ [_, _, _, len, ..] => text(words, tree::ROOT_WORDS, 0, *len),
        _ => &[],
    }
}

/// A change, and which one came before it.
#[must_use]
pub fn change(offset: u32) -> Option<(u32, Change<'static>)> {
    let words = session_file::block(offset, CHANGE);
    let [_, _, _, before, _, operation, flags, first, second, ..] = *words else { return None };
    let paths =
        [text(words, tree::CHANGE_WORDS, 0, first), text(words, tree::CHANGE_WORDS, first as usize, second)];
    Change::decode(operation, MountFlags(flags), paths).map(|change| (before, change))
}

/// What procfs shows of the file system that a change mounted: its type, a zero byte and its source. Empty for a binding.
#[must_use]
pub fn label(offset: u32) -> &'static [u8] {
    let words = session_file::block(offset, CHANGE);
    let [_, _, _, _, _, _, _, first, second, third, ..] = *words else { return &[] };
    text(words, tree::CHANGE_WORDS, first as usize + second as usize, third)
}

/// The number of a change, which no other one of the session's file has.
#[must_use]
pub fn number_of(offset: u32) -> u32 {
    match *session_file::block(offset, CHANGE) {
        [_, _, _, _, number, ..] => number,
        _ => 0,
    }
}

/// Returns the [label] of the change with a number, which is one of a generation's.
#[must_use]
pub fn label_of(generation: u32, number: u32) -> &'static [u8] {
    let mut at = generation;
    while let Some((before, _)) = change(at) {
        if number_of(at) == number {
            return label(at);
        }
        at = before;
    }
    &[]
}

/// The word that names the latest change of a namespace's mounts.
fn latest(namespace: u32) -> &'static AtomicU32 {
    match session_file::arena().block(namespace, NAMESPACE) {
        Some(_) => session_file::word_of(namespace, tree::HEAD),
        None => &UNCHANGED,
    }
}

/// The latest change of a namespace's mounts; 0 if there was none.
#[must_use]
pub fn generation(namespace: u32) -> u32 {
    latest(namespace).load(Ordering::Acquire)
}

/// The mounts that a namespace had once.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// The latest change then.
    pub generation: u32,
    /// That change's [number](number_of).
    pub number: u32,
}

impl Moment {
    /// Returns the moment that it is.
    #[must_use]
    pub fn now(namespace: u32) -> Self {
        let generation = generation(namespace);
        Self { generation, number: number_of(generation) }
    }

    /// Returns the moment's generation if all its changes are still a namespace's; `None` if one was undone since.
    #[must_use]
    pub fn generation_in(self, namespace: u32) -> Option<u32> {
        let mut at = generation(namespace);
        loop {
            if at == self.generation && number_of(at) == self.number {
                return Some(at);
            }
            at = change(at)?.0;
        }
    }
}

/// Makes another change the latest, unless `before` isn't any more.
pub fn set_generation(_: &Changing, namespace: u32, before: u32, after: u32) -> bool {
    let word = latest(namespace);
    word.compare_exchange(before, after, Ordering::AcqRel, Ordering::Acquire).is_ok()
}

/// What changes whenever blocks are given back: what was made of a generation's changes before isn't that generation's
/// any more.
#[must_use]
pub fn freed() -> u32 {
    session_file::arena().word(session::FREED).load(Ordering::SeqCst)
}

/// The block of a root: one that is there already, or a new one. The namespace's own root needs none.
///
/// # Errors
/// EAGAIN where the file is full.
pub fn provide_root(changing: &Changing, path: &[u8]) -> Result<u32, Errno> {
    if path.is_empty() {
        return Ok(0);
    }
    match find(ROOT, |offset| root(offset) == path) {
        Some(offset) => Ok(offset),
        None => session_file::make(changing, ROOT, &[&(path.len() as u32).to_ne_bytes(), path]),
    }
}

/// Finds or writes the block of a change that comes behind another.
///
/// # Errors
/// As for [`provide_root`].
pub fn provide_change(changing: &Changing, before: u32, wanted: &Change<'_>) -> Result<u32, Errno> {
    provide_labelled(changing, before, wanted, &[])
}

/// Does so for a change with a [`label`].
///
/// # Errors
/// As for [`provide_root`].
pub fn provide_labelled(
    changing: &Changing,
    before: u32,
    wanted: &Change<'_>,
    shown: &[u8],
) -> Result<u32, Errno> {
    match find(CHANGE, |offset| change(offset) == Some((before, *wanted)) && label(offset) == shown) {
        Some(offset) => Ok(offset),
        None => {
            let (operation, flags, [first, second]) = wanted.encode();
            let number = next_number();
            let [one, two, three] = [first, second, shown].map(|part| part.len() as u32);
            let words = [before, number, operation, flags.0, one, two, three];
            session_file::make(changing, CHANGE, &[session_file::bytes_of(&words), first, second, shown])
        }
    }
}

/// A number that nothing else of the session's file has.
pub fn next_number() -> u32 {
    session_file::arena().word(session::NUMBERED).fetch_add(1, Ordering::Relaxed) + 1
}

/// A new namespace whose mounts are those of a generation, which is its namespace's or was when this began. `None` if
/// it isn't any more.
///
/// # Errors
/// As for [`provide_root`].
pub fn new_namespace(changing: &Changing, generation: u32) -> Result<Option<u32>, Errno> {
    let offset = session_file::make(changing, NAMESPACE, &[&generation.to_ne_bytes()])?;
    Ok(session_file::arena().keep_changes(generation).then_some(offset))
}

/// Makes a new namespace of host and domain names, which are those of another one.
///
/// # Errors
/// As for [`provide_root`].
pub fn new_names(changing: &Changing, of: u32) -> Result<u32, Errno> {
    session_file::make(changing, UTS, &[session_file::bytes_of(&session_file::names(of))])
}

/// Whether a mount made by a change that is still in some namespace but `except` is one that `is_one` says.
pub fn is_in_another(_: &Changing, except: u32, is_one: impl Fn(&Change<'_>) -> bool) -> bool {
    let arena = session_file::arena();
    let namespaces =
        arena.blocks().filter(|block| block.kind == NAMESPACE && block.offset != except as usize);
    namespaces.into_iter().any(|block| {
        let mut next = generation(block.offset as u32);
        core::iter::from_fn(|| {
            let (before, change) = change(next)?;
            next = before;
            Some(change)
        })
        .any(|change| is_one(&change))
    })
}

/// The first block of a kind that is one.
fn find(kind: u32, is_one: impl Fn(u32) -> bool) -> Option<u32> {
    let mut blocks = session_file::arena().blocks().filter(|block| block.kind == kind && block.live);
    blocks.find(|block| is_one(block.offset as u32)).map(|block| block.offset as u32)
}

const _: () = assert!(tree::HEAD == arena::HEAD_WORDS && tree::BEFORE == arena::HEAD_WORDS);
