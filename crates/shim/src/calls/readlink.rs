//! readlink(2), with procfs's links in guest terms.

use newroot_abi::Errno;
use newroot_sys::raw;

use super::{descriptor_argument, forward};
use crate::host::{self, AT_FDCWD, Path};
use crate::links;
use crate::memory;
use crate::resolve::{self, procfs};
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
        let arguments = [directory as isize as usize, path, out, size, 0, 0];
        return forward(raw::__NR_readlinkat, arguments);
    }
    if operand.text.bytes().ends_with(b"/") {
        // With a slash it is what the link points to, and that is no link.
        let object = resolve::object(operand, directory, newroot_paths::Last::Follow)?;
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
            if operand.text.bytes().first() == Some(&b'/')
                && resolve::is_procfs(&entry, operand)?
                && let Some(link) = procfs::classify(operand.walk.host.bytes())
            {
                procfs::show(link, &mut operand.text)?;
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

fn show(text: &[u8], out: usize, size: usize) -> Result<usize, Errno> {
    let shown = text.get(..size.min(text.len())).unwrap_or(text);
    memory::write_bytes(out, shown)?;
    Ok(shown.len())
}
