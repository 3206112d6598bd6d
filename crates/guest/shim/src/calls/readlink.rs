//! readlink(2), with procfs's links in guest terms.

use newroot_abi::Errno;
use newroot_abi::plan::Flags;
use newroot_paths::{GuestBuf, HostBuf, Last, Mounts as _};
use newroot_sys::raw;

use crate::call::{Outcome, Trapped, descriptor_argument, forward};
use crate::hardlinks;
use crate::kernel::{self, AT_FDCWD, Path};
use crate::memory;
use crate::resolve::{self, Entry, Object, Target as _, procfs};
use crate::session::session;
use crate::slots::Operand;

/// Runs readlink(2).
pub fn readlink(call: &mut Trapped<'_>, operand: &mut Operand) -> Outcome {
    let [path, out, size, ..] = call.arguments;
    read(operand, AT_FDCWD, path, out, size).into()
}

/// Runs readlinkat(2).
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
        // For an O_PATH descriptor of the link itself. The kernel reports ENOENT for any other.
        if session().has(Flags::LINKS_INSIDE) {
            return read_open(operand, directory, out, size);
        }
        let arguments = [directory as isize as usize, path, out, size, 0, 0];
        return forward(raw::__NR_readlinkat, arguments);
    }
    if operand.text.bytes().ends_with(b"/") {
        // With a slash it is the link's target, which is no link.
        resolve::object(operand, directory, Last::Follow)?;
        return Err(Errno::INVAL);
    }
    let mut entry = resolve::entry(operand, directory)?;
    if entry.mount_point {
        return Err(Errno::INVAL);
    }
    match entry.read_link() {
        Ok(()) => show_link(&mut entry)?,
        // Only a magic link's text isn't stored, and can be longer than the kernel reports.
        Err(Errno::NAMETOOLONG) if entry.is_in_procfs()? => {
            let directory = entry.directory();
            let Operand { text, walk, name, .. } = entry.buffers();
            let link = procfs::classify(walk.host.bytes()).ok_or(Errno::NAMETOOLONG)?;
            procfs::show_long(link, directory, Path::new(name.with_nul()), text)?;
        }
        Err(error) => return Err(error),
    }
    show(operand.text.bytes(), out, size)
}

/// Changes the text of the link at a name, which was read, to what the guest sees.
///
/// # Errors
/// EINVAL for a file that isn't a link in the guest's view; ENAMETOOLONG.
fn show_link(entry: &mut Entry<'_>) -> Result<(), Errno> {
    let Operand { text, walk, .. } = entry.buffers();
    if let Some(id) = hardlinks::of_text(text.bytes())
        && !hardlinks::read_link(id, &mut walk.host, text)?
    {
        return Err(Errno::INVAL);
    }
    // The text of every magic link to a file begins with a slash. That of most other links doesn't.
    if text.bytes().first() != Some(&b'/') {
        return Ok(());
    }
    if entry.is_in_procfs()? {
        let Operand { text, walk, .. } = entry.buffers();
        if let Some(link) = procfs::classify(walk.host.bytes()) {
            procfs::show(link, text)?;
        }
    } else if session().has(Flags::LINKS_INSIDE)
        && let Some(mount) = entry.mount()?
    {
        session().mounts.show_link(mount, &mut entry.buffers().text)?;
    }
    Ok(())
}

/// Reads the link of a descriptor. Its mount may show another text.
fn read_open(operand: &mut Operand, link: i32, out: usize, size: usize) -> Result<usize, Errno> {
    let len = kernel::readlinkat(link, Path::new(b"\0"), operand.text.space())?;
    operand.text.set_len(len);
    if operand.text.bytes().first() == Some(&b'/') && resolve::host_path(link, &mut operand.walk.host).is_ok()
    {
        show_inside(&operand.walk.host, &mut operand.text)?;
    }
    show(operand.text.bytes(), out, size)
}

/// Returns the length of the link text that the guest sees.
///
/// # Errors
/// The errnos of readlink(2); ENAMETOOLONG.
pub(super) fn shown_len(object: &Object<'_>) -> Result<usize, Errno> {
    let mut text = GuestBuf::new();
    let mut path = HostBuf::new();
    let len = match &object.descriptor {
        Some(link) => {
            resolve::host_path(link.number(), &mut path)?;
            kernel::readlinkat(link.number(), Path::new(b"\0"), text.space())?
        }
        None => {
            path.assign(object.host_bytes())?;
            kernel::readlinkat(AT_FDCWD, Path::new(path.with_nul()), text.space())?
        }
    };
    text.set_len(len);
    show_inside(&path, &mut text)?;
    Ok(text.len())
}

/// Translates the text of the link at a host path into guest terms, if its mount asks for it.
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
