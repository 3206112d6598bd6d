//! Chained records of the session's file: roots, mount namespaces and changes of mounts (`newroot_owner::tree`).
//!
//! A record that is wanted again is found again: whoever mounts and unmounts the same all day fills nothing.

use core::sync::atomic::Ordering;

use newroot_abi::Errno;
use newroot_abi::plan::MountFlags;
use newroot_owner::session::SIZE;
use newroot_owner::tree::{self, Change};

use super::session_file;

const WORD: usize = size_of::<u32>();

/// The words of a record of some kind; none for anything else.
fn record(offset: u32, kind: u32) -> &'static [u32] {
    let words = session_file::words(offset as usize, SIZE);
    match words.first().and_then(|&first| tree::read_head(first)) {
        Some((found, len)) if found == kind => words.get(..len).unwrap_or(&[]),
        _ => &[],
    }
}

/// A part of a record's bytes behind some of its words.
fn text(words: &'static [u32], from: usize, start: usize, len: u32) -> &'static [u8] {
    let bytes = session_file::bytes_of(words.get(from..).unwrap_or(&[]));
    bytes.get(start..start + len as usize).unwrap_or(&[])
}

/// A root's path in its namespace's terms; empty for the namespace's own root.
#[must_use]
pub fn root(offset: u32) -> &'static [u8] {
    match record(offset, tree::ROOT) {
        words @ [_, _, len, ..] => text(words, tree::ROOT_WORDS, 0, *len),
        _ => &[],
    }
}

/// A change, and which one came before it.
#[must_use]
pub fn change(offset: u32) -> Option<(u32, Change<'static>)> {
    let words = record(offset, tree::CHANGE);
    let [_, _, before, operation, flags, first, second, ..] = *words else { return None };
    let paths =
        [text(words, tree::CHANGE_WORDS, 0, first), text(words, tree::CHANGE_WORDS, first as usize, second)];
    Change::decode(operation, MountFlags(flags), paths).map(|change| (before, change))
}

/// What procfs shows of the file system that a change mounted: its type, a zero byte and its source, without zero bytes at
/// the end. Empty for a binding.
#[must_use]
pub fn label(offset: u32) -> &'static [u8] {
    let words = record(offset, tree::CHANGE);
    let [_, _, _, _, _, first, second, ..] = *words else { return &[] };
    let bytes = session_file::bytes_of(words.get(tree::CHANGE_WORDS..).unwrap_or(&[]));
    let label = bytes.get(first as usize + second as usize..).unwrap_or(&[]);
    let len = label.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
    label.get(..len).unwrap_or(&[])
}

/// The latest change of a namespace's mounts; 0 if there was none.
#[must_use]
pub fn generation(namespace: u32) -> u32 {
    session_file::generation(namespace).load(Ordering::Acquire)
}

/// Makes another change the latest, unless `before` isn't any more.
pub fn set_generation(namespace: u32, before: u32, after: u32) -> bool {
    let word = session_file::generation(namespace);
    word.compare_exchange(before, after, Ordering::AcqRel, Ordering::Acquire).is_ok()
}

/// The record of a root: one that is there already, or a new one. The namespace's own root needs none.
///
/// # Errors
/// EAGAIN where the file is full; those of writing.
pub fn provide_root(path: &[u8]) -> Result<u32, Errno> {
    if path.is_empty() {
        return Ok(0);
    }
    match all().find(|&offset| root(offset) == path) {
        Some(offset) => Ok(offset),
        None => append(tree::ROOT, &[path.len() as u32], [path, &[], &[]]),
    }
}

/// Finds or writes the record of a change that comes behind another.
///
/// # Errors
/// As for [`provide_root`].
pub fn provide_change(before: u32, wanted: &Change<'_>) -> Result<u32, Errno> {
    provide_labelled(before, wanted, &[])
}

/// Does so for a change with a [`label`].
///
/// # Errors
/// As for [`provide_root`].
pub fn provide_labelled(before: u32, wanted: &Change<'_>, told: &[u8]) -> Result<u32, Errno> {
    let is_it = |offset| change(offset) == Some((before, *wanted)) && label(offset) == told;
    match all().find(|&offset| is_it(offset)) {
        Some(offset) => Ok(offset),
        None => {
            let (operation, flags, [first, second]) = wanted.encode();
            let words = [before, operation, flags.0, first.len() as u32, second.len() as u32];
            append(tree::CHANGE, &words, [first, second, told])
        }
    }
}

/// A new namespace whose mounts are those of a generation.
///
/// # Errors
/// As for [`provide_root`].
pub fn new_namespace(generation: u32) -> Result<u32, Errno> {
    let offset = append(tree::NAMESPACE, &[generation], [&[], &[], &[]])?;
    Ok(offset + (tree::HEAD * WORD) as u32)
}

/// Makes a new namespace of host and domain names, which are those of another one. Returns the offset of the names.
///
/// # Errors
/// As for [`provide_root`].
pub fn new_names(of: u32) -> Result<u32, Errno> {
    let offset = append(tree::UTS, &session_file::names(of), [&[], &[], &[]])?;
    Ok(offset + (tree::UTS_WORDS * WORD) as u32)
}

/// Whether the session ever had another namespace than the first.
#[must_use]
pub fn has_namespaces() -> bool {
    all().any(|offset| !record(offset, tree::NAMESPACE).is_empty())
}

/// Offsets of all chained records, the latest first.
fn all() -> impl Iterator<Item = u32> {
    let mut next = session_file::chain().load(Ordering::Acquire);
    core::iter::from_fn(move || {
        let offset = next;
        let words = session_file::words(offset as usize, SIZE);
        next = *words.get(1)?;
        Some(offset)
    })
}

/// Writes a record whole, and only then lets the chain begin with it.
fn append(kind: u32, words: &[u32], [first, second, third]: [&[u8]; 3]) -> Result<u32, Errno> {
    let bytes = (2 + words.len()) * WORD;
    let len = bytes / WORD + tree::words_of(first.len() + second.len() + third.len());
    let offset = session_file::allocate(len)?;
    let texts = [offset + bytes, offset + bytes + first.len(), offset + bytes + first.len() + second.len()];
    let words = (session_file::bytes_of(words), offset + 2 * WORD);
    session_file::write(&[words, (first, texts[0]), (second, texts[1]), (third, texts[2])]);
    let chain = session_file::chain();
    let mut latest = chain.load(Ordering::Acquire);
    loop {
        let head = [tree::head(kind, len), latest];
        session_file::write(&[(session_file::bytes_of(&head), offset)]);
        match chain.compare_exchange(latest, offset as u32, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => return Ok(offset as u32),
            Err(other) => latest = other,
        }
    }
}
