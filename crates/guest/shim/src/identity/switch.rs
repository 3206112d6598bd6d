//! Changes of identity that an exec makes.

use newroot_abi::Errno;
use newroot_fakeroot::Executed;
use newroot_fakeroot::session::Identity;

use super::process::{self, Changing};

/// Takes on the identity that an exec leads to, just before it. Returns the old identity, to go
/// back to if the exec fails; `None` if nothing changes. The executed program withdraws this
/// thread's announcement.
///
/// # Errors
/// EAGAIN if the session file is full.
pub fn switch_to_executed(executed: &Executed) -> Result<Option<Before>, Errno> {
    let me = process::current();
    if me.credentials == executed.credentials {
        return Ok(None);
    }
    let changing = Changing::begin()?;
    switch_for_exec(changing, &Identity { credentials: executed.credentials, ..me }).map(Some)
}

/// Takes on another identity just before an exec.
///
/// # Errors
/// EAGAIN if the session file is full.
pub fn switch_for_exec(changing: Changing, identity: &Identity<'_>) -> Result<Before, Errno> {
    let record = process::switch_identity(&changing, identity)?;
    Ok(Before { record, _changing: changing })
}

/// The identity of a process before an exec.
#[derive(Debug)]
pub struct Before {
    record: u32,
    /// Prevents the record from being freed.
    _changing: Changing,
}

/// Goes back to the old identity, after a failed exec.
pub fn go_back(before: &Before) {
    let _ = process::adopt(before.record);
}
