//! stat(2) and its kin.

use newroot_abi::Errno;
use newroot_owner::session::Identity;
use newroot_sys::raw;

use crate::calls::read_path;
use crate::calls::stat::Request;
use crate::memory;
use crate::owner::file::{self, File};
use crate::owner::permission;
use crate::owner::written::{amend_classic, amend_statx, short};
use crate::slots::Operand;
use crate::trap::Trapped;

/// stat(2), lstat(2), newfstatat(2), statx(2).
pub(super) fn stat(call: &Trapped<'_>, me: &Identity<'_>, operand: &mut Operand) -> Result<usize, Errno> {
    let request = Request::asked(call.number as u32, &call.arguments)?;
    if request.names_descriptor()? {
        request.answer_for_descriptor()?;
        return amend(me, File::Descriptor(request.directory), None, request);
    }
    read_path(operand, request.path)?;
    let object = permission::object(me, operand, request.directory, request.last())?;
    let mount = object.mount;
    request.answer_for(&object, operand)?;
    amend(me, permission::object_file(&object, operand), mount, request)
}

/// fstat(2).
pub(super) fn fstat(call: &Trapped<'_>, me: &Identity<'_>) -> Result<usize, Errno> {
    let request = Request::asked(raw::__NR_fstat, &call.arguments)?;
    request.answer_fstat()?;
    amend(me, File::Descriptor(request.directory), None, request)
}

/// Puts what the guest is to see into the structure that the kernel has just written.
fn amend(me: &Identity<'_>, file: File<'_>, mount: Option<usize>, request: Request) -> Result<usize, Errno> {
    match request.mask {
        None => {
            let stat = memory::written_stat(request.out);
            amend_classic(request.out, &file::look(me, file, &stat, mount)?);
        }
        Some(_) => {
            let stat = short(&memory::written_statx(request.out));
            amend_statx(request.out, &file::look(me, file, &stat, mount)?);
        }
    }
    Ok(0)
}
