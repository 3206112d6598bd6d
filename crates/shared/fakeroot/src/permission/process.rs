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

/// Whether `who` may look into `target` and change it: `__ptrace_may_access` of kernel/ptrace.c with
/// PTRACE_MODE_REALCREDS, and `cap_ptrace_access_check` of security/commoncap.c. What a process may do
/// to itself, and that some can't be dumped, is the caller's to know.
///
/// # Errors
/// EPERM.
pub fn may_trace(who: &Credentials, target: &Credentials) -> Result<(), Errno> {
    let same = [target.ruid, target.euid, target.suid] == [who.ruid; 3]
        && [target.rgid, target.egid, target.sgid] == [who.rgid; 3];
    let covers = who.permitted.has(target.permitted);
    if (same && covers) || who.capable(Capabilities::SYS_PTRACE) { Ok(()) } else { Err(Errno::PERM) }
}

/// Whether `who` may change how `target` is scheduled: `check_same_owner` of kernel/sched/syscalls.c, and
/// `set_one_prio_perm` of kernel/sys.c.
///
/// # Errors
/// EPERM.
pub fn may_schedule(who: &Credentials, target: &Credentials) -> Result<(), Errno> {
    let same = who.euid == target.euid || who.euid == target.ruid;
    if same || who.capable(Capabilities::SYS_NICE) { Ok(()) } else { Err(Errno::PERM) }
}

/// Whether `who` may ask for the limits of `target`, and change them: `check_prlimit_permission` of
/// kernel/sys.c.
///
/// # Errors
/// EPERM.
pub fn may_limit(who: &Credentials, target: &Credentials) -> Result<(), Errno> {
    let same = [target.ruid, target.euid, target.suid] == [who.ruid; 3]
        && [target.rgid, target.egid, target.sgid] == [who.rgid; 3];
    if same || who.capable(Capabilities::SYS_RESOURCE) { Ok(()) } else { Err(Errno::PERM) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn others_are_left_alone_but_by_root() {
        let [root, user, other] = [Credentials::root(), Credentials::user(5, 5), Credentials::user(6, 6)];
        for may in [may_trace, may_schedule, may_limit] {
            assert_eq!(may(&root, &user), Ok(()));
            assert_eq!(may(&user, &user), Ok(()));
            assert_eq!(may(&user, &other), Err(Errno::PERM));
            assert_eq!(may(&user, &root), Err(Errno::PERM));
        }
    }

    #[test]
    fn who_is_more_than_he_seems_is_not_traced() {
        let user = Credentials::user(5, 5);
        let capable = Credentials { permitted: Capabilities::CHOWN, ..user };
        assert_eq!(may_trace(&user, &capable), Err(Errno::PERM));
        assert_eq!(may_trace(&capable, &user), Ok(()));
        let saved = Credentials { suid: 0, ..user };
        assert_eq!(may_trace(&user, &saved), Err(Errno::PERM));
        assert_eq!(may_schedule(&user, &saved), Ok(()));
    }
}
