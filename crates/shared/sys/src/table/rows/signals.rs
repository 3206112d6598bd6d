//! Calls that send signals, handle them, and wait with another signal mask.

use crate::raw;
use crate::table::builder::call;
use crate::table::row::{Call, Fast, Interrupted, Patch, RootCall, Row};

pub(super) const ROWS: &[Row] = &[
    call("rt_sigaction", raw::__NR_rt_sigaction).run_by(Call::SigAction).fast(Fast::SigAction),
    call("rt_sigprocmask", raw::__NR_rt_sigprocmask).run_by(Call::SigProcMask).fast(Fast::SigProcMask),
    call("rt_sigpending", raw::__NR_rt_sigpending).run_by(Call::SigPending),
    call("rt_sigtimedwait", raw::__NR_rt_sigtimedwait)
        .run_by(Call::SigTimedWait)
        .interrupted(Interrupted::Fail),
    call("rt_sigreturn", raw::__NR_rt_sigreturn).run_by(Call::SigReturn).patched(Patch::Never),
    call("rt_sigsuspend", raw::__NR_rt_sigsuspend)
        .run_by(Call::SigSuspend)
        .interrupted(Interrupted::RestartWithoutHandler),
    // Waiting with a mask: without one, they are the kernel's.
    call("ppoll", raw::__NR_ppoll)
        .run_by(Call::PPoll)
        .trapped_if_given(3)
        .interrupted(Interrupted::RestartWithoutHandler),
    call("pselect6", raw::__NR_pselect6)
        .run_by(Call::PSelect6)
        .trapped_if_given(5)
        .interrupted(Interrupted::RestartWithoutHandler),
    call("epoll_pwait", raw::__NR_epoll_pwait)
        .run_by(Call::EPollPWait)
        .trapped_if_given(4)
        .interrupted(Interrupted::Fail),
    call("epoll_pwait2", raw::__NR_epoll_pwait2)
        .run_by(Call::EPollPWait)
        .trapped_if_given(4)
        .interrupted(Interrupted::Fail)
        .may_be_missing(),
    // Sending.
    call("kill", raw::__NR_kill).faked_by(RootCall::Kill),
    call("tkill", raw::__NR_tkill).faked_by(RootCall::Signal { target: 0 }),
    call("tgkill", raw::__NR_tgkill).faked_by(RootCall::Signal { target: 1 }),
    call("rt_sigqueueinfo", raw::__NR_rt_sigqueueinfo).faked_by(RootCall::Signal { target: 0 }),
    call("rt_tgsigqueueinfo", raw::__NR_rt_tgsigqueueinfo).faked_by(RootCall::Signal { target: 1 }),
    call("pidfd_send_signal", raw::__NR_pidfd_send_signal).faked_by(RootCall::SignalByDescriptor),
];
