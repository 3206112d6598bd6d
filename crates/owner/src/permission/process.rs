//! What a process may do to another.

use newroot_abi::Errno;

use crate::{Capabilities, Credentials};

/// Whether `sender` may signal `target`: `kill_ok_by_cred` of kernel/signal.c. Signals to oneself
/// (that is: to threads of one's own process) and SIGCONT within a session are allowed besides, which
/// only the caller can know.
///
/// # Errors
/// EPERM.
pub fn may_signal(sender: &Credentials, target: &Credentials) -> Result<(), Errno> {
    let same = |uid: u32| uid == target.ruid || uid == target.suid;
    if same(sender.euid) || same(sender.ruid) || sender.capable(Capabilities::KILL) {
        Ok(())
    } else {
        Err(Errno::PERM)
    }
}
