//! Top-level symlinks, such as the `/lib -> usr/lib` of a merged-usr root.
//!
//! Nearly every path to a library goes through one, and a walk for each would cost more than the
//! call. The shim therefore notes the links that existed at launch, and any relative link in the
//! root directory that a walk meets. It rewrites a path that begins with such a name, after a
//! readlink(2) has shown that the link still has the same text. A note only says where to look; it
//! is never an answer.
//!
//! # Safety
//! Notes are written and read without a lock. A note that another thread has half written differs
//! from the kernel's text, and so isn't used.
#![allow(unsafe_code)]

use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicU64, Ordering};

use newroot_abi::plan::{Flags, LONGEST_HINT as LONGEST, hint_prefix, links_in_root};
use newroot_paths::{Buffer, Host, WalkScratch, component_filter, first_component};

use crate::kernel::{self, AT_FDCWD, Path};
use crate::session::session;
use crate::slots::Operand;

const NOTES: usize = 8;

#[derive(Clone, Copy)]
struct Note {
    name: [u8; LONGEST],
    name_len: usize,
    text: [u8; LONGEST],
    text_len: usize,
}

const NONE: Note = Note { name: [0; LONGEST], name_len: 0, text: [0; LONGEST], text_len: 0 };

impl Note {
    fn name(&self) -> &[u8] {
        self.name.get(..self.name_len).unwrap_or(&[])
    }

    fn text(&self) -> &[u8] {
        self.text.get(..self.text_len).unwrap_or(&[])
    }
}

struct Cells(UnsafeCell<[Note; NOTES]>);
// SAFETY: a torn note is never used; see the head of the file.
unsafe impl Sync for Cells {}
static CELLS: Cells = Cells(UnsafeCell::new([NONE; NOTES]));
/// A filter of the names that were ever noted. It shows quickly that a name isn't among them.
static NAMES: AtomicU64 = AtomicU64::new(0);

fn cell(index: usize) -> *mut Note {
    // SAFETY: the remainder is below NOTES, so the place lies in the array.
    unsafe { CELLS.0.get().cast::<Note>().add(index % NOTES) }
}

/// Returns a hash of a name, which determines its place among the notes.
fn place(name: &[u8]) -> usize {
    name.iter().fold(name.len(), |sum, &byte| sum.wrapping_mul(31).wrapping_add(byte.into()))
}

/// Notes the links that existed at launch.
pub fn note_hints(hints: &[u8]) {
    // If the host has mounts with `nosymfollow`, the walk must check each link.
    if session().has(Flags::NOSYMFOLLOW) {
        return;
    }
    for (name, text) in links_in_root(hints) {
        note_link(name, text);
    }
}

/// Notes a link that a walk has met. `guest` is the link's canonical guest path.
pub(super) fn note(guest: &[u8], text: &[u8]) {
    if let Some((b'/', name)) = guest.split_first()
        && hint_prefix(name, text).is_some()
        && !session().has(Flags::NOSYMFOLLOW)
    {
        note_link(name, text);
    }
}

fn note_link(name: &[u8], text: &[u8]) {
    let mut note = NONE;
    for (place, &byte) in note.name.iter_mut().zip(name) {
        *place = byte;
    }
    for (place, &byte) in note.text.iter_mut().zip(text) {
        *place = byte;
    }
    (note.name_len, note.text_len) = (name.len().min(LONGEST), text.len().min(LONGEST));
    // SAFETY: `cell` returns a place in the array. A torn note is never used; see the head of the
    // file.
    unsafe { cell(place(name)).write_volatile(note) };
    NAMES.fetch_or(component_filter(name), Ordering::Relaxed);
}

/// Returns whether a canonical path begins with the name of a noted link and continues behind it.
#[must_use]
pub fn is_noted(path: &[u8]) -> bool {
    let name = first_component(path);
    if NAMES.load(Ordering::Relaxed) & component_filter(name) == 0 || name.len() + 1 == path.len() {
        return false;
    }
    // SAFETY: `cell` returns a place in the array. Any bytes are a valid note; see the head of the
    // file.
    let note = unsafe { cell(place(name)).read_volatile() };
    note.name() == name
}

/// The text that replaces the first component of a path that [`is_noted`], with a slash in front.
pub struct Rewritten {
    /// Number of the path's bytes that it replaces, the slash in front included.
    pub gone: usize,
    text: [u8; 1 + LONGEST],
    len: usize,
}

impl Rewritten {
    /// Reads the link that a path goes through. Returns the replacement if the link still has the
    /// noted text. `buffer` is for the link's host path.
    pub fn of<const N: usize>(path: &[u8], buffer: &mut Buffer<Host, N>) -> Option<Self> {
        let name = first_component(path);
        // SAFETY: `cell` returns a place in the array. Any bytes are a valid note; see the head of
        // the file.
        let note = unsafe { cell(place(name)).read_volatile() };
        let gone = 1 + name.len();
        if note.name() != name || session().mounts.is_mount_point(path.get(..gone)?) {
            return None;
        }
        buffer.assign(session().mounts.root().host).ok()?;
        buffer.extend(b"/").ok()?;
        buffer.extend(name).ok()?;
        let mut text = [b'/'; 1 + LONGEST + 1];
        let (_, behind) = text.split_at_mut_checked(1)?;
        let len = kernel::readlinkat(AT_FDCWD, Path::new(buffer.with_nul()), behind).ok()?;
        if behind.get(..len)? != note.text() {
            return None;
        }
        Some(Self { gone, text: *text.first_chunk()?, len: 1 + len })
    }

    /// Returns the bytes of the replacement.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.text.get(..self.len).unwrap_or(&[])
    }
}

/// Rewrites the operand's path into `operand.walk.guest`, if it goes through a noted link that
/// still exists. Returns whether it did. A walk still starts with the given path, because the limit
/// on the number of links counts each of them.
pub(super) fn rewrite(operand: &mut Operand) -> bool {
    // The walk's buffer for a host path is still unused.
    let Operand { text, walk: WalkScratch { guest, host: buffer, .. }, .. } = operand;
    let path = text.bytes();
    let Some((b'/', rest)) = path.split_first() else { return false };
    let Some(len) = rest.iter().position(|&byte| byte == b'/').filter(|&len| len > 0) else { return false };
    // A path without a further component may name the link itself.
    if rest.iter().skip(len).all(|&byte| byte == b'/') {
        return false;
    }
    let Some(front) = Rewritten::of(path, buffer) else { return false };
    let behind = path.get(front.gone..).unwrap_or(&[]);
    guest.assign(front.bytes()).and_then(|()| guest.extend(behind)).is_ok()
}
