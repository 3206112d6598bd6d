//! Names that are taken away, or moved over others.

use newroot_abi::Errno;

use super::lock::Lock;
use super::of_name;
use super::tokens::{self, Departure, Place};
use crate::host::{self, Path};
use crate::limits::with_descriptors;
use crate::resolve::Entry;
use crate::slots::Operand;

/// unlink(2) in a session with links; `None` leaves it to the ordinary code.
pub fn unlink(entry: &Entry, operand: &mut Operand) -> Option<Result<usize, Errno>> {
    if !super::on() || operand.name.bytes().ends_with(b"/") {
        return None;
    }
    let (directory, name) = (entry.directory(), Path::new(operand.name.with_nul()));
    Some(with_descriptors([directory, -1], || {
        let lock = Lock::take()?;
        let Some(id) = of_name(directory, name)? else {
            return host::unlinkat(directory, name, 0).map(|()| 0);
        };
        let mut place = Place::new();
        tokens::place_of(directory, name.bytes(), &mut place);
        let departure = Departure::prepare(&lock, id, place.bytes())?;
        host::unlinkat(directory, name, 0)?;
        if let Some(departure) = departure {
            departure.complete();
        }
        Ok(0)
    }))
}

/// rename(2) and its kin in a session with links; `None` leaves it to the ordinary code. Both directories were found, and
/// are in one mount.
pub fn rename(
    (from, first): (&Entry, &mut Operand),
    (to, second): (&Entry, &mut Operand),
    flags: u32,
) -> Option<Result<usize, Errno>> {
    if !super::on() {
        return None;
    }
    let old = (from.directory(), Path::new(first.name.with_nul()));
    let new = (to.directory(), Path::new(second.name.with_nul()));
    Some(with_descriptors([old.0, new.0], || {
        let lock = Lock::take()?;
        rename_locked(&lock, old, new, flags).map(|()| 0)
    }))
}

fn rename_locked(lock: &Lock, old: (i32, Path<'_>), new: (i32, Path<'_>), flags: u32) -> Result<(), Errno> {
    let named = |(directory, name): (i32, Path<'_>)| {
        if flags != 0 || name.bytes().ends_with(b"/") { Ok(None) } else { of_name(directory, name) }
    };
    let (moved, replaced) = (named(old)?, named(new)?);
    if moved.is_some() && moved == replaced {
        // Two names of one file: nothing happens (rename(2)).
        return Ok(());
    }
    let place = |(directory, name): (i32, Path<'_>), out: &mut Place| {
        if moved.is_some() || replaced.is_some() {
            tokens::place_of(directory, name.bytes(), out);
        }
    };
    let [mut before, mut after] = [Place::new(), Place::new()];
    place(old, &mut before);
    place(new, &mut after);
    let departure = match replaced {
        Some(id) => Departure::prepare(lock, id, after.bytes())?,
        None => None,
    };
    host::rename(old, new, flags)?;
    if let Some(departure) = departure {
        departure.complete();
    }
    if let Some(id) = moved {
        tokens::moved(lock, id, before.bytes(), &mut after);
    }
    Ok(())
}
