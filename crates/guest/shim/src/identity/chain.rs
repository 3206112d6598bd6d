//! Blocks of the session file that hold roots, mount namespaces and changes of mounts
//! (`newroot_fakeroot::tree`).
//!
//! A search for an equal block comes before each new block. A process that mounts and unmounts the
//! same file system again and again therefore uses one block.

use core::sync::atomic::{AtomicU32, Ordering};

use newroot_abi::Errno;
use newroot_abi::plan::MountFlags;
use newroot_fakeroot::arena::{self, CHANGE, NAMESPACE, ROOT, UTS};
use newroot_fakeroot::session;
use newroot_fakeroot::tree::{self, Change};

use super::session_file::{self, Changing};

/// Latest change of a namespace that has no block: none, because its mounts never changed.
static UNCHANGED: AtomicU32 = AtomicU32::new(0);

/// Returns `len` bytes of a block, from byte `start` behind its first `from` words.
fn text(words: &'static [u32], from: usize, start: usize, len: u32) -> &'static [u8] {
    let bytes = session_file::bytes_of(words.get(from..).unwrap_or(&[]));
    bytes.get(start..start + len as usize).unwrap_or(&[])
}

/// Returns a root's path in its namespace; empty for the namespace's own root.
#[must_use]
pub fn root(offset: u32) -> &'static [u8] {
    match session_file::block(offset, ROOT) {
        words @ [_, _, _, len, ..] => text(words, tree::ROOT_WORDS, 0, *len),
        _ => &[],
    }
}

/// Returns a change, together with the offset of the change before it.
#[must_use]
pub fn change(offset: u32) -> Option<(u32, Change<'static>)> {
    let words = session_file::block(offset, CHANGE);
    let [_, _, _, before, _, operation, flags, first, second, ..] = *words else { return None };
    let paths =
        [text(words, tree::CHANGE_WORDS, 0, first), text(words, tree::CHANGE_WORDS, first as usize, second)];
    Change::decode(operation, MountFlags(flags), paths).map(|change| (before, change))
}

/// Returns what procfs shows of the file system that a change mounted: its type, a zero byte and
/// its source. It is empty for a binding.
#[must_use]
pub fn label(offset: u32) -> &'static [u8] {
    let words = session_file::block(offset, CHANGE);
    let [_, _, _, _, _, _, _, first, second, third, ..] = *words else { return &[] };
    text(words, tree::CHANGE_WORDS, first as usize + second as usize, third)
}

/// Returns the number of a change, which is unique in the session file.
#[must_use]
pub fn number_of(offset: u32) -> u32 {
    match *session_file::block(offset, CHANGE) {
        [_, _, _, _, number, ..] => number,
        _ => 0,
    }
}

/// Returns the [label] of the change with a number, among the changes of a generation.
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

/// Returns the word that refers to the latest change of a namespace's mounts.
fn latest(namespace: u32) -> &'static AtomicU32 {
    match session_file::arena().block(namespace, NAMESPACE) {
        Some(_) => session_file::word_of(namespace, tree::HEAD),
        None => &UNCHANGED,
    }
}

/// Returns the latest change of a namespace's mounts; 0 if there was none.
#[must_use]
pub fn generation(namespace: u32) -> u32 {
    latest(namespace).load(Ordering::Acquire)
}

/// The mounts of a namespace at one time.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// The latest change at that time.
    pub generation: u32,
    /// That change's [number](number_of).
    pub number: u32,
}

impl Moment {
    /// Returns the present state of a namespace.
    #[must_use]
    pub fn now(namespace: u32) -> Self {
        let generation = generation(namespace);
        Self { generation, number: number_of(generation) }
    }

    /// Returns the generation if the namespace still has all of its changes; `None` if one was
    /// undone since.
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

/// Makes `after` the latest change. Returns false, and does nothing, if `before` is no longer the
/// latest.
pub fn set_generation(_: &Changing, namespace: u32, before: u32, after: u32) -> bool {
    let word = latest(namespace);
    word.compare_exchange(before, after, Ordering::AcqRel, Ordering::Acquire).is_ok()
}

/// Returns a number that changes whenever blocks are freed. The offset of a freed block can be used
/// again, so a result that was computed from a generation's changes before is no longer valid for
/// it.
#[must_use]
pub fn freed() -> u32 {
    session_file::arena().word(session::FREED).load(Ordering::SeqCst)
}

/// Returns the block of a root: an existing one, or a new one. The namespace's own root needs none,
/// and has 0.
///
/// # Errors
/// EAGAIN if the file is full.
pub fn provide_root(changing: &Changing, path: &[u8]) -> Result<u32, Errno> {
    if path.is_empty() {
        return Ok(0);
    }
    match find(ROOT, |offset| root(offset) == path) {
        Some(offset) => Ok(offset),
        None => session_file::make(changing, ROOT, &[&(path.len() as u32).to_ne_bytes(), path]),
    }
}

/// Finds or writes the block of a change that follows another.
///
/// # Errors
/// EAGAIN if the file is full.
pub fn provide_change(changing: &Changing, before: u32, wanted: &Change<'_>) -> Result<u32, Errno> {
    provide_labelled(changing, before, wanted, &[])
}

/// Finds or writes the block of a change that follows another and has a [`label`].
///
/// # Errors
/// EAGAIN if the file is full.
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

/// Returns a number that nothing else in the session file has.
pub fn next_number() -> u32 {
    session_file::arena().word(session::NUMBERED).fetch_add(1, Ordering::Relaxed) + 1
}

/// Makes a namespace with the mounts of a generation, which must be some namespace's latest change,
/// or have been it when `changing` began. Returns `None` if its blocks are being freed.
///
/// # Errors
/// EAGAIN if the file is full.
pub fn new_namespace(changing: &Changing, generation: u32) -> Result<Option<u32>, Errno> {
    let offset = session_file::make(changing, NAMESPACE, &[&generation.to_ne_bytes()])?;
    Ok(session_file::arena().keep_changes(generation).then_some(offset))
}

/// Makes a namespace of host and domain names (UTS) with the names of another one.
///
/// # Errors
/// EAGAIN if the file is full.
pub fn new_names(changing: &Changing, of: u32) -> Result<u32, Errno> {
    session_file::make(changing, UTS, &[session_file::bytes_of(&session_file::names(of))])
}

/// Returns whether a namespace other than `except` has a change for which `is_one` returns true.
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

/// Returns the first live block of a kind for which `is_one` returns true.
fn find(kind: u32, is_one: impl Fn(u32) -> bool) -> Option<u32> {
    let mut blocks = session_file::arena().blocks().filter(|block| block.kind == kind && block.live);
    blocks.find(|block| is_one(block.offset as u32)).map(|block| block.offset as u32)
}

const _: () = assert!(tree::HEAD == arena::HEAD_WORDS && tree::BEFORE == arena::HEAD_WORDS);
