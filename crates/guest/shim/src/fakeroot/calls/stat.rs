//! stat(2) and its variants.

use newroot_abi::Errno;
use newroot_fakeroot::session::Identity;
use newroot_sys::raw;

use crate::call::{Outcome, Trapped, descriptor_argument, forward, read_path};
use crate::calls::stat::Request;
use crate::fakeroot::file::{self, File};
use crate::fakeroot::permission;
use crate::fakeroot::written::{amend_classic, amend_statx, short};
use crate::hardlinks;
use crate::memory;
use crate::resolve::stand_in;
use crate::slots::Operand;

/// Runs stat(2), lstat(2), newfstatat(2) and statx(2).
pub(super) fn stat(call: &Trapped<'_>, me: &Identity<'_>, operand: &mut Operand) -> Result<usize, Errno> {
    let request = Request::asked(call.number as u32, &call.arguments)?;
    if request.names_descriptor()? {
        request.answer_for_descriptor()?;
        return amend_descriptor(me, request);
    }
    read_path(operand, request.path)?;
    let mut object = permission::object(me, operand, request.directory, request.last())?;
    request.answer_for(&mut object)?;
    let (file, mount) = permission::object_file(&mut object);
    amend(me, file, mount, request)
}

/// Runs fstat(2).
pub(super) fn fstat(call: &Trapped<'_>, me: &Identity<'_>) -> Result<usize, Errno> {
    let request = Request::asked(raw::__NR_fstat, &call.arguments)?;
    request.answer_fstat()?;
    amend_descriptor(me, request)
}

/// Runs fstatfs(2) of a made device. `None` leaves the call to the ordinary code.
pub(super) fn fstatfs(call: &Trapped<'_>) -> Option<Outcome> {
    let [descriptor, out, ..] = call.arguments;
    match stand_in::of_any(descriptor_argument(descriptor)) {
        Ok(None) => None,
        Ok(Some(found)) => {
            Some(forward(raw::__NR_fstatfs, [found.number() as usize, out, 0, 0, 0, 0]).into())
        }
        Err(error) => Some(error.into()),
    }
}

/// Changes the result that the kernel has just written for a descriptor. That of a made device
/// shows its stand-in.
fn amend_descriptor(me: &Identity<'_>, request: Request) -> Result<usize, Errno> {
    let mode = match request.mask {
        None => memory::written_stat(request.out).st_mode,
        Some(_) => memory::written_statx(request.out).stx_mode.into(),
    };
    match stand_in::of_descriptor(request.directory, mode)? {
        Some(found) => {
            request.of_descriptor(found.number())?;
            request.count(hardlinks::of_descriptor(found.number())?)?;
            amend(me, File::Found(found.number()), None, request)
        }
        None => amend(me, File::Descriptor(request.directory), None, request),
    }
}

/// Writes the guest's view to the structure that the kernel has just written.
fn amend(me: &Identity<'_>, file: File<'_>, mount: Option<usize>, request: Request) -> Result<usize, Errno> {
    match request.mask {
        None => {
            let stat = memory::written_stat(request.out);
            amend_classic(request.out, &file::guest_stat(me, file, &stat, mount)?);
        }
        Some(_) => {
            let stat = short(&memory::written_statx(request.out));
            amend_statx(request.out, &file::guest_stat(me, file, &stat, mount)?);
        }
    }
    Ok(0)
}
