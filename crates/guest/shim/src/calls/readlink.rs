//! readlink(2), with procfs's links in guest terms.

use newroot_abi::Errno;
use newroot_abi::plan::Flags;
use newroot_paths::{GuestBuf, HostBuf, Last, Mounts as _};
use newroot_sys::raw;

use super::{descriptor_argument, forward};
use crate::host::{self, AT_FDCWD, Path};
use crate::links;
use crate::memory;
use crate::resolve::{self, Object, procfs};
use crate::session::session;
use crate::slots::Operand;
use crate::trap::{Outcome, Trapped};

/// readlink(2).
pub fn readlink(call: &mut Trapped<'_>, operand: &mut Operand) -> Outcome {
    let [path, out, size, ..] = call.arguments;
    read(operand, AT_FDCWD, path, out, size).into()
}

/// readlinkat(2).
pub fn readlinkat(call: &mut Trapped<'_>, operand: &mut Operand) -> Outcome {
    let [directory, path, out, size, ..] = call.arguments;
    read(operand, descriptor_argument(directory), path, out, size).into()
}

fn read(operand: &mut Operand, directory: i32, path: usize, out: usize, size: usize) -> Result<usize, Errno> {
    if size as i32 <= 0 {
        return Err(Errno::INVAL);
    }
    memory::read_path(path, &mut operand.text)?;
    if let Some(program) = procfs::own_program(operand.text.bytes()) {
        return show(program, out, size);
    }
    if operand.text.is_empty() {
        // Of an O_PATH descriptor of the link itself; the kernel answers ENOENT for any other.
        if session().has(Flags::LINKS_INSIDE) {
            return read_open(operand, directory, out, size);
        }
        let arguments = [directory as isize as usize, path, out, size, 0, 0];
        return forward(raw::__NR_readlinkat, arguments);
    }
    if operand.text.bytes().ends_with(b"/") {
        // With a slash it is what the link points to, and that is no link.
        let object = resolve::object(operand, directory, Last::Follow)?;
        drop(object);
        return Err(Errno::INVAL);
    }
    let entry = resolve::entry(operand, directory)?;
    if entry.mount_point {
        return Err(Errno::INVAL);
    }
    // Into memory of ours: what the guest isn't told must not be left in its buffer either.
    let name = Path::new(operand.name.with_nul());
    match host::readlinkat(entry.directory(), name, operand.text.space()) {
        Ok(len) => {
            operand.text.set_len(len);
            if let Some(id) = links::of_text(operand.text.bytes())
                && !links::read_link(id, &mut operand.walk.host, &mut operand.text)?
            {
                return Err(Errno::INVAL);
            }
            // Every magic link that names a file begins with a slash; most links in the world don't.
            if operand.text.bytes().first() == Some(&b'/') {
                if resolve::is_procfs(&entry, operand)? {
                    if let Some(link) = procfs::classify(operand.walk.host.bytes()) {
                        procfs::show(link, &mut operand.text)?;
                    }
                } else if session().has(Flags::LINKS_INSIDE)
                    && let Some(mount) = entry.mount()?
                {
                    session().mounts.show_link(mount, &mut operand.text)?;
                }
            }
        }
        // Only a magic link's text isn't stored, and can be longer than the kernel says.
        Err(Errno::NAMETOOLONG) if resolve::is_procfs(&entry, operand)? => {
            let link = procfs::classify(operand.walk.host.bytes()).ok_or(Errno::NAMETOOLONG)?;
            let name = Path::new(operand.name.with_nul());
            procfs::show_long(link, entry.directory(), name, &mut operand.text)?;
        }
        Err(error) => return Err(error),
    }
    show(operand.text.bytes(), out, size)
}

/// Reads the link that a descriptor is of, whose text may be shown otherwise in its mount.
fn read_open(operand: &mut Operand, link: i32, out: usize, size: usize) -> Result<usize, Errno> {
    let len = host::readlinkat(link, Path::new(b"\0"), operand.text.space())?;
    operand.text.set_len(len);
    if operand.text.bytes().first() == Some(&b'/') && resolve::host_path(link, &mut operand.walk.host).is_ok()
    {
        show_inside(&operand.walk.host, &mut operand.text)?;
    }
    show(operand.text.bytes(), out, size)
}

/// Length of the text that the guest is shown of a link that was found.
///
/// # Errors
/// readlink(2)'s; ENAMETOOLONG.
pub(super) fn shown_len(object: &Object, operand: &Operand) -> Result<usize, Errno> {
    let mut text = GuestBuf::new();
    let mut path = HostBuf::new();
    let len = match &object.descriptor {
        Some(link) => {
            resolve::host_path(link.number(), &mut path)?;
            host::readlinkat(link.number(), Path::new(b"\0"), text.space())?
        }
        None => {
            path.assign(operand.walk.host.bytes())?;
            host::readlinkat(AT_FDCWD, Path::new(path.with_nul()), text.space())?
        }
    };
    text.set_len(len);
    show_inside(&path, &mut text)?;
    Ok(text.len())
}

/// Puts the text of the link at a host path in guest terms, where its mount has that.
fn show_inside(link: &HostBuf, text: &mut GuestBuf) -> Result<(), Errno> {
    let mounts = &session().mounts;
    match mounts.detranslate(link.bytes(), None, &mut GuestBuf::new()) {
        Some(mount) => mounts.show_link(mount, text),
        None => Ok(()),
    }
}

fn show(text: &[u8], out: usize, size: usize) -> Result<usize, Errno> {
    let shown = text.get(..size.min(text.len())).unwrap_or(text);
    memory::write_bytes(out, shown)?;
    Ok(shown.len())
}
