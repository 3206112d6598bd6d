//! Removes names, and moves them over others.

use newroot_abi::Errno;

use super::lock::{self, Lock};
use super::name_refs::{self, Departure};
use crate::hardlinks::name_refs::NamePath;
use crate::hardlinks::{of_name, on};
use crate::kernel::{self, Path};
use crate::limits::with_descriptors;
use crate::resolve::Entry;

/// Makes unlink(2) in a session with links; `None` leaves it to the ordinary code.
pub fn unlink(entry: &mut Entry<'_>) -> Option<Result<usize, Errno>> {
    if !on() || entry.name().ends_with(b"/") {
        return None;
    }
    let (directory, name) = entry.at();
    Some(with_descriptors([directory, -1], || {
        let lock = lock::take()?;
        let Some(id) = of_name(directory, name)? else {
            return kernel::unlinkat(directory, name, 0).map(|()| 0);
        };
        let mut place = NamePath::new();
        name_refs::place_of(directory, name.bytes(), &mut place);
        let departure = Departure::prepare(&lock, id, place.bytes())?;
        kernel::unlinkat(directory, name, 0)?;
        if let Some(departure) = departure {
            departure.complete();
        }
        Ok(0)
    }))
}

/// Makes rename(2) or renameat2(2) in a session with links; `None` leaves it to the ordinary code.
/// Both directories were found, and are in one mount.
pub fn rename(from: &mut Entry<'_>, to: &mut Entry<'_>, flags: u32) -> Option<Result<usize, Errno>> {
    if !on() {
        return None;
    }
    let (old, new) = (from.at(), to.at());
    Some(with_descriptors([old.0, new.0], || {
        let lock = lock::take()?;
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
    let place = |(directory, name): (i32, Path<'_>), out: &mut NamePath| {
        if moved.is_some() || replaced.is_some() {
            name_refs::place_of(directory, name.bytes(), out);
        }
    };
    let [mut before, mut after] = [NamePath::new(), NamePath::new()];
    place(old, &mut before);
    place(new, &mut after);
    let departure = match replaced {
        Some(id) => Departure::prepare(lock, id, after.bytes())?,
        None => None,
    };
    kernel::rename(old, new, flags)?;
    if let Some(departure) = departure {
        departure.complete();
    }
    if let Some(id) = moved {
        name_refs::moved(lock, id, before.bytes(), &mut after);
    }
    Ok(())
}
