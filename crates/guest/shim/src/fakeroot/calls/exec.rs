//! Checks who may execute a program, and finds the identity that it runs with.

use newroot_abi::Errno;
use newroot_fakeroot::{Executed, FileCapabilities, Program, Want};
use newroot_paths::Last;

use crate::fakeroot::file::{self, File};
use crate::fakeroot::names::CAPABILITY;
use crate::fakeroot::permission;
use crate::identity::process::{self};
use crate::kernel::Descriptor;
use crate::slots::Operand;

/// Checks that the directories on the way to a program may be searched.
///
/// # Errors
/// EACCES.
pub(crate) fn search(operand: &mut Operand, directory: i32, last: Last) -> Result<(), Errno> {
    permission::search(&process::current(), operand, directory, last)
}

/// Checks that the program may be executed. The host's own check refuses a program that no user may
/// execute, not even root.
///
/// # Errors
/// EACCES; the errnos of fstat(2).
pub(crate) fn may_execute(file: &Descriptor) -> Result<(), Errno> {
    let me = process::current();
    if permission::is_unlimited(&me) {
        return Ok(());
    }
    permission::may(&me, File::Descriptor(file.number()), None, Want::EXECUTE)
}

/// Returns the identity that the calling process gets by executing the program.
///
/// # Errors
/// EPERM if the program can't get the capabilities that it needs.
pub(crate) fn executed(file: &Descriptor) -> Result<Executed, Errno> {
    let me = process::current();
    let file = File::Descriptor(file.number());
    let stat = file.stat()?;
    let seen = file::guest_stat(&me, file, &stat, None)?;
    let mut value = [0u8; 32];
    let capabilities = file
        .attribute(CAPABILITY, &mut value)
        .ok()
        .filter(|_| !seen.record.is_written(stat.st_mode))
        .and_then(|len| FileCapabilities::decode(value.get(..len)?).ok());
    let program = Program { owner: seen.uid, group: seen.gid, mode: seen.mode, capabilities };
    me.credentials.exec(me.groups, &program)
}
