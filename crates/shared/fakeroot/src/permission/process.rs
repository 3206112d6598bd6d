//! Permission of one process to act on another.

use newroot_abi::Errno;

use crate::{Capabilities, Credentials};

/// Checks whether `sender` may signal `target` (`kill_ok_by_cred` of kernel/signal.c). A process
/// may also signal its own threads, and send SIGCONT within its session; only the caller can know
/// of these cases.
///
/// # Errors
/// EPERM if the user IDs differ and `sender` lacks CAP_KILL.
pub fn may_signal(sender: &Credentials, target: &Credentials) -> Result<(), Errno> {
    let same = |uid: u32| uid == target.ruid || uid == target.suid;
    if same(sender.euid) || same(sender.ruid) || sender.capable(Capabilities::KILL) {
        Ok(())
    } else {
        Err(Errno::PERM)
    }
}

/// Checks whether `who` may inspect and change `target` (`__ptrace_may_access` of kernel/ptrace.c
/// with PTRACE_MODE_REALCREDS, and `cap_ptrace_access_check` of security/commoncap.c). The caller
/// handles access of a process to itself, and processes that can't be dumped.
///
/// # Errors
/// EPERM if an ID differs or `target` has more capabilities, and `who` lacks CAP_SYS_PTRACE.
pub fn may_trace(who: &Credentials, target: &Credentials) -> Result<(), Errno> {
    let same = [target.ruid, target.euid, target.suid] == [who.ruid; 3]
        && [target.rgid, target.egid, target.sgid] == [who.rgid; 3];
    let covers = who.permitted.has(target.permitted);
    if (same && covers) || who.capable(Capabilities::SYS_PTRACE) { Ok(()) } else { Err(Errno::PERM) }
}

/// Checks whether `who` may change the scheduling of `target` (`check_same_owner` of
/// kernel/sched/syscalls.c, and `set_one_prio_perm` of kernel/sys.c).
///
/// # Errors
/// EPERM if the user IDs differ and `who` lacks CAP_SYS_NICE.
pub fn may_schedule(who: &Credentials, target: &Credentials) -> Result<(), Errno> {
    let same = who.euid == target.euid || who.euid == target.ruid;
    if same || who.capable(Capabilities::SYS_NICE) { Ok(()) } else { Err(Errno::PERM) }
}

/// Checks whether `who` may read and change the resource limits of `target`
/// (`check_prlimit_permission` of kernel/sys.c).
///
/// # Errors
/// EPERM if an ID differs and `who` lacks CAP_SYS_RESOURCE.
pub fn may_limit(who: &Credentials, target: &Credentials) -> Result<(), Errno> {
    let same = [target.ruid, target.euid, target.suid] == [who.ruid; 3]
        && [target.rgid, target.egid, target.sgid] == [who.rgid; 3];
    if same || who.capable(Capabilities::SYS_RESOURCE) { Ok(()) } else { Err(Errno::PERM) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_root_may_act_on_other_users() {
        let [root, user, other] = [Credentials::root(), Credentials::user(5, 5), Credentials::user(6, 6)];
        for may in [may_trace, may_schedule, may_limit] {
            assert_eq!(may(&root, &user), Ok(()));
            assert_eq!(may(&user, &user), Ok(()));
            assert_eq!(may(&user, &other), Err(Errno::PERM));
            assert_eq!(may(&user, &root), Err(Errno::PERM));
        }
    }

    #[test]
    fn a_target_with_more_privileges_cannot_be_traced() {
        let user = Credentials::user(5, 5);
        let capable = Credentials { permitted: Capabilities::CHOWN, ..user };
        assert_eq!(may_trace(&user, &capable), Err(Errno::PERM));
        assert_eq!(may_trace(&capable, &user), Ok(()));
        let saved = Credentials { suid: 0, ..user };
        assert_eq!(may_trace(&user, &saved), Err(Errno::PERM));
        assert_eq!(may_schedule(&user, &saved), Ok(()));
    }
}
