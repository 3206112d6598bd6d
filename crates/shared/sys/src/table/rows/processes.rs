//! Calls that make processes, execute programs, and reach into other processes.

use super::ENOSYS;
use crate::raw;
use crate::table::builder::call;
use crate::table::row::{Call, Opens, RootCall, Row, Traced};

/// CLONE_NEWUSER and CLONE_NEWNS: in such namespaces the kernel grants chroot(2) and mount(2),
/// which newroot refuses.
const NEW_USER_OR_MOUNTS: u32 = 0x1002_0000;
/// CLONE_NEWPID, CLONE_NEWUTS, CLONE_NEWIPC and CLONE_NEWCGROUP.
const NEW_OTHERS: u32 = 0x2e00_0000;

const NO_NAMESPACE: &str = "EPERM for a user or mount namespace, as in a chroot for any unprivileged process";
const PRIORITY: &str = "a priority that the host doesn't grant seems to be set";
const LIMIT: &str = "a higher hard limit seems to be set; it is raised as far as the host allows";

pub(super) const ROWS: &[Row] = &[
    // Programs.
    call("execve", raw::__NR_execve).path(0).run_by(Call::ExecVe).opens(Opens::Otherwise),
    call("execveat", raw::__NR_execveat).path_at(0, 1).run_by(Call::ExecVeAt).opens(Opens::Otherwise),
    call("wait4", raw::__NR_wait4).run_by(Call::Wait4),
    call("waitid", raw::__NR_waitid).run_by(Call::WaitId),
    call("ptrace", raw::__NR_ptrace)
        .run_by(Call::Ptrace)
        .faked()
        .partial("PTRACE_O_TRACESECCOMP is refused; see the limits of debuggers in the README"),
    // New processes and namespaces.
    call("clone", raw::__NR_clone)
        .run_by(Call::Clone)
        .trapped_if_bits(0, NEW_USER_OR_MOUNTS)
        .trapped_as_root_if_bits(NEW_OTHERS)
        .partial(NO_NAMESPACE)
        .pretended_as_root(
            "the child gets a mount or UTS namespace; PID, IPC and cgroup namespaces only seem to be \
             made, and others are EPERM",
        ),
    call("clone3", raw::__NR_clone3).refused(
        ENOSYS,
        "ENOSYS: its CLONE_CLEAR_SIGHAND would remove the shim's handler; C libraries fall back on clone",
    ),
    call("unshare", raw::__NR_unshare)
        .run_by(Call::Unshare)
        .trapped_if_bits(0, NEW_USER_OR_MOUNTS)
        .faked()
        .partial(
            "EPERM for a user or mount namespace, as in a chroot for any unprivileged process; under \
             fake root EPERM for a user, network or time namespace, and PID, IPC and cgroup \
             namespaces only seem to be made",
        ),
    call("setns", raw::__NR_setns).run_by(Call::SetNs).partial(NO_NAMESPACE).refused_as_root("EPERM"),
    // Priorities and limits.
    call("setpriority", raw::__NR_setpriority)
        .faked_by(RootCall::SchedulePriority { process: 0 })
        .pretended_as_root(PRIORITY),
    call("ioprio_set", raw::__NR_ioprio_set)
        .faked_by(RootCall::SchedulePriority { process: 1 })
        .pretended_as_root(PRIORITY),
    call("sched_setscheduler", raw::__NR_sched_setscheduler)
        .faked_by(RootCall::Schedule)
        .pretended_as_root(PRIORITY),
    call("sched_setparam", raw::__NR_sched_setparam).faked_by(RootCall::Schedule).pretended_as_root(PRIORITY),
    call("sched_setattr", raw::__NR_sched_setattr).faked_by(RootCall::Schedule).pretended_as_root(PRIORITY),
    call("sched_setaffinity", raw::__NR_sched_setaffinity).faked_by(RootCall::Schedule),
    call("getrlimit", raw::__NR_getrlimit).faked_by(RootCall::GetLimit),
    call("setrlimit", raw::__NR_setrlimit).faked_by(RootCall::SetLimit).pretended_as_root(LIMIT),
    call("prlimit64", raw::__NR_prlimit64).faked_by(RootCall::ProcessLimit).pretended_as_root(LIMIT),
    // Other processes.
    call("process_vm_readv", raw::__NR_process_vm_readv).faked_by(RootCall::Trace(Traced::Process)),
    call("process_vm_writev", raw::__NR_process_vm_writev).faked_by(RootCall::Trace(Traced::Process)),
    call("process_madvise", raw::__NR_process_madvise)
        .faked_by(RootCall::Trace(Traced::Descriptor))
        .may_be_missing(),
    call("kcmp", raw::__NR_kcmp).faked_by(RootCall::Trace(Traced::TwoProcesses)),
    call("pidfd_getfd", raw::__NR_pidfd_getfd).faked_by(RootCall::Trace(Traced::Descriptor)),
    call("migrate_pages", raw::__NR_migrate_pages).faked_by(RootCall::Trace(Traced::Process)),
    call("move_pages", raw::__NR_move_pages).faked_by(RootCall::Trace(Traced::Process)),
    call("get_robust_list", raw::__NR_get_robust_list).faked_by(RootCall::Trace(Traced::Process)),
];
