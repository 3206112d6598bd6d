//! The working directory: chdir(2), fchdir(2), getcwd(2).

use newroot_abi::Errno;
use newroot_abi::plan::Flags;
use newroot_paths::{Last, Lexical};
use newroot_sys::raw;

use crate::call::{Outcome, Trapped, descriptor_argument, forward, read_path};
use crate::kernel::{self, AT_FDCWD, Path};
use crate::memory;
use crate::resolve;
use crate::session::session;
use crate::slots::Operand;
use crate::state;

/// Runs chdir(2).
pub fn chdir(call: &mut Trapped<'_>, operand: &mut Operand) -> Outcome {
    chdir_inner(operand, call.arguments[0]).map(|()| 0).into()
}

fn chdir_inner(operand: &mut Operand, path: usize) -> Result<(), Errno> {
    read_path(operand, path)?;
    if !session().has(Flags::ALIASED) {
        return resolve::object(operand, AT_FDCWD, Last::Follow)?.enter();
    }
    // The path by which the process came matters. A relative path down from here, without a
    // symlink, keeps it.
    if resolve::read_text(operand)? == Lexical::Relative {
        let path = Path::new(operand.text.with_nul());
        let flags = raw::O_PATH | raw::O_DIRECTORY | raw::O_CLOEXEC;
        match kernel::openat2(AT_FDCWD, path, flags.into(), 0, resolve::NO_SYMLINKS) {
            Ok(directory) => return kernel::fchdir(directory.number()),
            Err(Errno::LOOP | Errno::MFILE | Errno::NFILE) => {}
            Err(error) => return Err(error),
        }
    }
    let mut walked = match resolve::walk_text(operand, AT_FDCWD, Last::Follow) {
        Ok(walked) => walked,
        // From a removed directory, or one that is too deep: see `resolve::object`.
        Err(Errno::NOENT | Errno::NAMETOOLONG) => {
            let object = resolve::object(operand, AT_FDCWD, Last::Follow)?;
            let descriptor = object.descriptor.as_ref().ok_or(Errno::NOENT)?;
            kernel::fchdir(descriptor.number())?;
            return note_mount(object.named_mount());
        }
        Err(error) => return Err(error),
    };
    match walked.open(raw::O_PATH | raw::O_DIRECTORY) {
        Ok(directory) => kernel::fchdir(directory.number())?,
        Err(Errno::MFILE | Errno::NFILE) => kernel::chdir(Path::new(walked.host().with_nul()))?,
        Err(error) => return Err(error),
    }
    note_mount(Some(walked.found.mount))
}

fn note_mount(mount: Option<usize>) -> Result<(), Errno> {
    if let Some(mount) = mount {
        let number = session().number_of(mount);
        state::update(|state| state.cwd_mount = number);
    }
    Ok(())
}

/// Runs chroot(2): looks the path up as the kernel does, and then refuses the call.
pub fn chroot(call: &mut Trapped<'_>, operand: &mut Operand) -> Outcome {
    let result = read_path(operand, call.arguments[0]).and_then(|()| {
        let object = resolve::object(operand, AT_FDCWD, Last::Follow)?;
        if let Some(descriptor) = &object.descriptor {
            const DOT: &[u8] = b".\0";
            kernel::fstatat(descriptor.number(), Path::new(DOT), 0)?;
        }
        Err::<usize, Errno>(Errno::PERM)
    });
    result.into()
}

/// Runs fchdir(2), which is only trapped where a directory shows at two paths.
pub fn fchdir(call: &mut Trapped<'_>) -> Outcome {
    let descriptor = descriptor_argument(call.arguments[0]);
    let result = resolve::mount_of_directory(descriptor).and_then(|mount| {
        kernel::fchdir(descriptor)?;
        note_mount(mount)
    });
    result.map(|()| 0).into()
}

/// Runs getcwd(2), which returns the length with the NUL.
pub fn getcwd(call: &mut Trapped<'_>, operand: &mut Operand) -> Outcome {
    let [out, size, ..] = call.arguments;
    getcwd_inner(operand, out, size).into()
}

fn getcwd_inner(operand: &mut Operand, out: usize, size: usize) -> Result<usize, Errno> {
    let guest = &mut operand.text;
    match resolve::directory_path(AT_FDCWD, guest) {
        Ok(_) => {}
        // Outside of the root that chroot(2) set.
        Err(Errno::NOENT)
            if session().has(Flags::FAKE_ROOT) && resolve::namespace_path(AT_FDCWD, guest).is_ok() =>
        {
            if guest.is_empty() {
                guest.extend(b"/")?;
            }
            guest.prepend(b"(unreachable)")?;
        }
        // Outside of the root, or removed: the kernel reports it.
        Err(Errno::NOENT) => return forward(raw::__NR_getcwd, [out, size, 0, 0, 0, 0]),
        Err(error) => return Err(error),
    }
    if guest.is_empty() {
        guest.extend(b"/")?;
    }
    let text = guest.with_nul();
    if text.len() > size {
        return Err(Errno::RANGE);
    }
    memory::write_bytes(out, text)?;
    Ok(text.len())
}
