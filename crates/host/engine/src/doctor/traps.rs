//! Needs of the trap engine: filters that trap calls.

use newroot_sys::bpf::{self, Insn};
use newroot_sys::filter;
use rustix::io::Errno;

use super::Outcome;
use super::attempt::attempt;
use super::raw;

/// Tries prctl(PR_SET_NO_NEW_PRIVS).
pub(super) fn no_new_privileges() -> Outcome {
    attempt(|narrator| {
        narrator.begin("set no_new_privs");
        rustix::thread::set_no_new_privs(true)?;
        narrator.begin("see no_new_privs set");
        if rustix::thread::no_new_privs()? { Ok(0) } else { Err(Errno::INVAL) }
    })
    .outcome(|_| String::new())
}

/// Tries a filter that answers one call with a signal, and a handler of that signal.
pub(super) fn seccomp_filter() -> Outcome {
    let filter = [
        Insn { code: bpf::LD_ABS, jt: 0, jf: 0, k: bpf::NUMBER },
        Insn { code: bpf::JEQ, jt: 0, jf: 1, k: libc::SYS_getppid as u32 },
        Insn { code: bpf::RET, jt: 0, jf: 0, k: filter::TRAP },
        Insn { code: bpf::RET, jt: 0, jf: 0, k: filter::ALLOW },
    ];
    attempt(|narrator| {
        narrator.begin("handle SIGSYS");
        raw::note_traps()?;
        narrator.begin("set no_new_privs");
        rustix::thread::set_no_new_privs(true)?;
        narrator.begin("install a filter");
        raw::install_filter(&filter)?;
        narrator.begin("have a call trapped");
        raw::call_getppid();
        if raw::has_trapped() { Ok(0) } else { Err(Errno::NOSYS) }
    })
    .outcome(|_| "a trapped call arrives in its handler".to_owned())
}
