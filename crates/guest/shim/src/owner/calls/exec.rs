//! Who may execute a program, and who it runs as.

use newroot_abi::Errno;
use newroot_fakeroot::session::Identity;
use newroot_fakeroot::{Executed, FileCapabilities, Program, Want};
use newroot_paths::Last;

use crate::host::Descriptor;
use crate::owner::file::{self, File};
use crate::owner::names::CAPABILITY;
use crate::owner::process::Changing;
use crate::owner::{permission, process};
use crate::slots::Operand;

/// EACCES unless the directories on the way to a program may be searched.
///
/// # Errors
/// EACCES.
pub fn search(operand: &mut Operand, directory: i32, last: Last) -> Result<(), Errno> {
    permission::search(&process::current(), operand, directory, last)
}

/// EACCES unless the program may be executed. Nobody, not even root, executes what nobody may; that the
/// host's own check says.
///
/// # Errors
/// EACCES; what looking at it gives.
pub fn may_execute(file: &Descriptor) -> Result<(), Errno> {
    let me = process::current();
    if permission::is_unlimited(&me) {
        return Ok(());
    }
    permission::may(&me, File::Descriptor(file.number()), None, Want::EXECUTE)
}

/// What an exec of the program makes of the calling process.
///
/// # Errors
/// EPERM where the program can't be given the capabilities that it needs.
pub fn executed(file: &Descriptor) -> Result<Executed, Errno> {
    let me = process::current();
    let file = File::Descriptor(file.number());
    let stat = file.stat()?;
    let seen = file::look(&me, file, &stat, None)?;
    let mut value = [0u8; 32];
    let capabilities = file
        .attribute(CAPABILITY, &mut value)
        .ok()
        .filter(|_| !seen.record.is_written(stat.st_mode))
        .and_then(|len| FileCapabilities::decode(value.get(..len)?).ok());
    let program = Program { owner: seen.uid, group: seen.gid, mode: seen.mode, capabilities };
    me.credentials.exec(me.groups, &program)
}

/// Becomes what an exec leads to, just before it; the result is what to go back to where it fails. The program that is
/// executed withdraws what it holds.
///
/// # Errors
/// EAGAIN where no more identities can be kept.
pub fn become_executed(executed: &Executed) -> Result<Option<Before>, Errno> {
    let me = process::current();
    if me.credentials == executed.credentials {
        return Ok(None);
    }
    let changing = Changing::begin()?;
    become_for_exec(changing, &Identity { credentials: executed.credentials, ..me }).map(Some)
}

/// Becomes somebody else just before an exec.
///
/// # Errors
/// EAGAIN where no more identities can be kept.
pub fn become_for_exec(changing: Changing, identity: &Identity<'_>) -> Result<Before, Errno> {
    let record = process::become_(&changing, identity)?;
    Ok(Before { record, _changing: changing })
}

/// Who a process was before an exec.
#[derive(Debug)]
pub struct Before {
    record: u32,
    /// Keeps the record.
    _changing: Changing,
}

/// Goes back to who the process was: it couldn't be executed after all.
pub fn go_back(before: &Before) {
    let _ = process::adopt(before.record);
}
