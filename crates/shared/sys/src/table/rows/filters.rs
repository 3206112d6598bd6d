//! Calls by which the guest restricts itself, and those that would get around newroot's filter.

use super::ENOSYS;
use crate::raw;
use crate::table::PR_SET_SYSCALL_USER_DISPATCH;
use crate::table::builder::call;
use crate::table::row::{Call, Row};

/// Operations of prctl(2) that the shim answers: filters, no_new_privs and user dispatch.
const PRCTL_OPERATIONS: [u32; 5] = {
    use linux_raw_sys::prctl::{PR_GET_NO_NEW_PRIVS, PR_GET_SECCOMP, PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP};
    [PR_SET_SECCOMP, PR_GET_SECCOMP, PR_SET_NO_NEW_PRIVS, PR_GET_NO_NEW_PRIVS, PR_SET_SYSCALL_USER_DISPATCH]
};

pub(super) const ROWS: &[Row] = &[
    call("prctl", raw::__NR_prctl)
        .run_by(Call::Prctl)
        .trapped_if_one_of(0, &PRCTL_OPERATIONS)
        .faked()
        .partial(
            "if one thread sets no_new_privs, all threads of the process have it; the range of user \
             dispatch can't include the shim",
        ),
    call("seccomp", raw::__NR_seccomp).run_by(Call::Seccomp),
    call("landlock_add_rule", raw::__NR_landlock_add_rule)
        .run_by(Call::LandlockAddRule)
        .files()
        .may_be_missing()
        .partial(
            "a rule for a directory holds wherever it is bound, and for all that is below it on the host",
        ),
    call("landlock_restrict_self", raw::__NR_landlock_restrict_self)
        .run_by(Call::LandlockRestrictSelf)
        .may_be_missing()
        .partial("executing programs can be forbidden from Linux 6.14 on; programs must be readable"),
    // A ring would open files without a trap.
    call("io_uring_setup", raw::__NR_io_uring_setup)
        .refused(ENOSYS, "ENOSYS: a ring would open files without a trap"),
    call("io_uring_enter", raw::__NR_io_uring_enter).refused(ENOSYS, "ENOSYS, like io_uring_setup"),
    call("io_uring_register", raw::__NR_io_uring_register).refused(ENOSYS, "ENOSYS, like io_uring_setup"),
];
