//! Top-level symlinks, such as the `/lib -> usr/lib` of a merged-usr root.
//!
//! Nearly every path to a library goes through one, and a walk for each would cost more than the
//! call. So those that were there at launch are noted, and any relative link in the root directory that a walk
//! meets; and a path that begins with such a name is rewritten, after asking the kernel whether the link still
//! says the same. What is noted is a hint where to look, never an answer.
//!
//! # Safety
//! A note is written and read without a lock. One that is torn by another thread doesn't say what
//! the kernel says, and so isn't used.
#![allow(unsafe_code)]

use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicU64, Ordering};

use newroot_abi::plan::{Flags, LONGEST_HINT as LONGEST, hint_prefix, links_in_root};
use newroot_paths::{Buffer, Host, WalkScratch, component_filter, first_component};

use crate::host::{self, AT_FDCWD, Path};
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
// SAFETY: see the head of the file.
unsafe impl Sync for Cells {}
static CELLS: Cells = Cells(UnsafeCell::new([NONE; NOTES]));
/// Which names were ever noted, for a quick "not this one".
static NAMES: AtomicU64 = AtomicU64::new(0);

fn cell(index: usize) -> *mut Note {
    // SAFETY: the index is brought below NOTES.
    unsafe { CELLS.0.get().cast::<Note>().add(index % NOTES) }
}

/// A name's place among the notes.
fn place(name: &[u8]) -> usize {
    name.iter().fold(name.len(), |sum, &byte| sum.wrapping_mul(31).wrapping_add(byte.into()))
}

/// Notes the links that were there at launch.
pub fn note_hints(hints: &[u8]) {
    // Where some links aren't followed, each is to be asked.
    if session().has(Flags::NOSYMFOLLOW) {
        return;
    }
    for (name, text) in links_in_root(hints) {
        note_link(name, text);
    }
}

/// Notes a link that a walk met: `guest` is its canonical guest path.
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
    // SAFETY: see the head of the file.
    unsafe { cell(place(name)).write_volatile(note) };
    NAMES.fetch_or(component_filter(name), Ordering::Relaxed);
}

/// Whether a canonical path begins with the name of a link that was noted, and has more in it than that.
#[must_use]
pub fn is_noted(path: &[u8]) -> bool {
    let name = first_component(path);
    if NAMES.load(Ordering::Relaxed) & component_filter(name) == 0 || name.len() + 1 == path.len() {
        return false;
    }
    // SAFETY: see the head of the file.
    let note = unsafe { cell(place(name)).read_volatile() };
    note.name() == name
}

/// What stands for the first component of a path that [`is_noted`], with the slash in front of both.
pub struct Rewritten {
    /// Bytes of the path that it stands for.
    pub gone: usize,
    text: [u8; 1 + LONGEST],
    len: usize,
}

impl Rewritten {
    /// Asks the kernel whether the link that a path goes through still says what was noted. `room` is for its host path.
    pub fn of<const N: usize>(path: &[u8], room: &mut Buffer<Host, N>) -> Option<Self> {
        let name = first_component(path);
        // SAFETY: see the head of the file.
        let note = unsafe { cell(place(name)).read_volatile() };
        let gone = 1 + name.len();
        if note.name() != name || session().mounts.is_mount_point(path.get(..gone)?) {
            return None;
        }
        room.assign(session().mounts.root().host).ok()?;
        room.extend(b"/").ok()?;
        room.extend(name).ok()?;
        let mut text = [b'/'; 1 + LONGEST + 1];
        let (_, behind) = text.split_at_mut_checked(1)?;
        let len = host::readlinkat(AT_FDCWD, Path::new(room.with_nul()), behind).ok()?;
        if behind.get(..len)? != note.text() {
            return None;
        }
        Some(Self { gone, text: *text.first_chunk()?, len: 1 + len })
    }

    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.text.get(..self.len).unwrap_or(&[])
    }
}

/// Rewrites the operand's path into `operand.walk.guest`, if it goes through a link that was noted and is still there:
/// true. A walk begins with the path as it was given, for every link counts.
pub(super) fn rewrite(operand: &mut Operand) -> bool {
    // The walk's room for a host path: nothing is in it yet.
    let Operand { text, walk: WalkScratch { guest, host: room, .. }, .. } = operand;
    let path = text.bytes();
    let Some((b'/', rest)) = path.split_first() else { return false };
    let Some(len) = rest.iter().position(|&byte| byte == b'/').filter(|&len| len > 0) else { return false };
    // With nothing behind it, it may be the link itself that is meant.
    if rest.iter().skip(len).all(|&byte| byte == b'/') {
        return false;
    }
    let Some(front) = Rewritten::of(path, room) else { return false };
    let behind = path.get(front.gone..).unwrap_or(&[]);
    guest.assign(front.bytes()).and_then(|()| guest.extend(behind)).is_ok()
}
