//! Top-level symlinks, such as the `/lib -> usr/lib` of a merged-usr root.
//!
//! Nearly every path to a library goes through one, and a walk for each would cost more than the
//! call. So a walk that meets a relative link in the root directory notes it, and from then on a path
//! that begins with that name is rewritten, after asking the kernel whether the link still
//! says the same. What is noted is a hint where to look, never an answer.
//!
//! # Safety
//! A note is written and read without a lock. One that is torn by another thread doesn't say what
//! the kernel says, and so isn't used.
#![allow(unsafe_code)]

use core::cell::UnsafeCell;
use core::sync::atomic::{AtomicU64, Ordering};

use newroot_abi::{Errno, PATH_MAX};
use newroot_paths::{WalkScratch, component_filter, first_component};

use crate::host::{self, AT_FDCWD, Path};
use crate::session::session;
use crate::slots::Operand;

const NOTES: usize = 8;
const LONGEST: usize = 32;

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

/// Notes a link that a walk met: `guest` is its canonical guest path.
pub(super) fn note(guest: &[u8], text: &[u8]) {
    let Some((b'/', name)) = guest.split_first() else { return };
    let plain = |component: &[u8]| !component.is_empty() && component != b"." && component != b"..";
    if name.contains(&b'/')
        || name.len() > LONGEST
        || text.len() > LONGEST
        || !text.split(|&byte| byte == b'/').all(plain)
    {
        return;
    }
    let mut note = NONE;
    for (place, &byte) in note.name.iter_mut().zip(name) {
        *place = byte;
    }
    for (place, &byte) in note.text.iter_mut().zip(text) {
        *place = byte;
    }
    (note.name_len, note.text_len) = (name.len(), text.len());
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

/// Rewrites the operand's path if it goes through a link that was noted and is still there.
///
/// # Errors
/// ENAMETOOLONG.
pub(super) fn rewrite(operand: &mut Operand) -> Result<(), Errno> {
    // The walk's room for a host path: nothing is in it yet.
    let Operand { text: given, walk: WalkScratch { host: link, .. }, .. } = operand;
    let path = given.bytes();
    let Some((b'/', rest)) = path.split_first() else { return Ok(()) };
    let Some(len) = rest.iter().position(|&byte| byte == b'/').filter(|&len| len > 0) else { return Ok(()) };
    let (name, behind) = rest.split_at_checked(len).unwrap_or((rest, &[]));
    if behind.iter().all(|&byte| byte == b'/') {
        // It may be the link itself that is meant.
        return Ok(());
    }
    // SAFETY: see the head of the file.
    let note = unsafe { cell(place(name)).read_volatile() };
    if note.name() != name || note.text().is_empty() {
        return Ok(());
    }
    link.assign(session().mounts.root().host)?;
    link.extend(b"/")?;
    link.extend(name)?;
    let mut text = [0u8; LONGEST + 1];
    let read = host::readlinkat(AT_FDCWD, Path::new(link.with_nul()), &mut text);
    if path.len() + note.text().len() >= PATH_MAX {
        return Ok(());
    }
    let same = read.is_ok_and(|len| text.get(..len) == Some(note.text()));
    if same && !session().mounts.is_mount_point(path.get(..=len).unwrap_or(path)) {
        given.replace_front(1 + len, note.text())?;
        given.prepend(b"/")?;
    }
    Ok(())
}
