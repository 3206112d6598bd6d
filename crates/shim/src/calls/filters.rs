//! Seccomp filters of the guest's own.
//!
//! A guest's program is installed [enclosed](newroot_sys::guard), so that it doesn't meet the shim's
//! calls. A call we trap never meets it in the form the guest made it: our TRAP outranks all it could
//! answer but KILL and TRAP, which take effect in the kernel. So before such a call is run, the kernel is
//! asked what the guest's filters say to it. Nothing is kept here but that there are any: which filters hold
//! for which thread, after a fork, a vfork, an exec or a TSYNC, is the kernel's knowledge.
//!
//! An errno counts. A tracer (RET_TRACE) or a supervisor (RET_USER_NOTIF) isn't told of a trapped
//! call, and RET_LOG doesn't log it: the call runs. A program that looks at the instruction pointer sees
//! that of the probe.
//!
//! # Safety
//! The probe is for calls that were trapped. A guest's instructions are copied from memory found readable.
#![allow(unsafe_code)]

use core::sync::atomic::{AtomicBool, Ordering};

use newroot_abi::Errno;
use newroot_abi::plan::Flags;
use newroot_sys::arch;
use newroot_sys::bpf::{self, Insn};
use newroot_sys::guard::{GUARD_LEN, NO_ANSWER, enclose};
use newroot_sys::raw;

use super::forward;
use crate::host;
use crate::memory;
use crate::session::session;
use crate::trap::{Outcome, Trapped, shim_range};

const SET_MODE_STRICT: usize = 0;
const SET_MODE_FILTER: usize = 1;
const PR_SET_SECCOMP: usize = 22;

/// Whether this memory's program, or one before it, has installed a filter. A vfork child's counts
/// for its parent as well, which costs the parent a question and changes no answer.
static INSTALLED: AtomicBool = AtomicBool::new(false);

/// Whether a filter of the guest's own may hold for the calling thread.
#[must_use]
pub fn any() -> bool {
    INSTALLED.load(Ordering::Relaxed) || session().has(Flags::GUEST_FILTERS)
}

/// seccomp(2).
pub fn seccomp(call: &mut Trapped<'_>) -> Outcome {
    let [operation, flags, program, ..] = call.arguments;
    match operation as u32 as usize {
        // Strict mode allows read, write and exit alone: not even returning from our handler.
        SET_MODE_STRICT => Errno::INVAL.into(),
        SET_MODE_FILTER => install(program, |enclosed| {
            forward(raw::__NR_seccomp, [SET_MODE_FILTER, flags, enclosed, 0, 0, 0])
        })
        .into(),
        _ => forward(raw::__NR_seccomp, call.arguments).into(),
    }
}

/// prctl(2) with PR_SET_SECCOMP.
pub fn prctl(call: &mut Trapped<'_>) -> Outcome {
    let [_, mode, program, ..] = call.arguments;
    if mode != 2 {
        return Errno::INVAL.into();
    }
    install(program, |enclosed| forward(raw::__NR_prctl, [PR_SET_SECCOMP, mode, enclosed, 0, 0, 0])).into()
}

fn install(program: usize, call: impl FnOnce(usize) -> Result<usize, Errno>) -> Result<usize, Errno> {
    let [len, instructions] = memory::read::<[usize; 2]>(program)?;
    let len = len & 0xffff;
    if len == 0 || len > bpf::MAX_INSNS - GUARD_LEN {
        return Err(Errno::INVAL);
    }
    let size = len * size_of::<Insn>();
    memory::check_readable(instructions, size)?;
    const ROOM: usize = bpf::MAX_INSNS * size_of::<Insn>();
    let base = host::map_anonymous(ROOM)?;
    // SAFETY: the mapping was made for this many instructions and is zeroed, which is valid; nobody
    // else knows of it. The guest's are readable and fit behind the guard.
    let out = unsafe {
        let out = core::slice::from_raw_parts_mut(base as *mut Insn, bpf::MAX_INSNS);
        core::ptr::copy_nonoverlapping(
            instructions as *const u8,
            out.as_mut_ptr().add(GUARD_LEN).cast(),
            size,
        );
        out
    };
    let result = match enclose(shim_range(), out, len) {
        Some(whole) => {
            // Before it holds: with TSYNC another thread may meet it at once.
            INSTALLED.store(true, Ordering::Relaxed);
            let enclosed = bpf::Program { len: whole as u16, instructions: base };
            call(&raw const enclosed as usize)
        }
        None => Err(Errno::INVAL),
    };
    // SAFETY: the kernel has made a copy, and `out` isn't used any more.
    unsafe { host::munmap(base, ROOM) };
    result
}

/// What the guest's own filters answer to a trapped call: an errno to be given instead of running it.
#[must_use]
pub fn verdict(call: &Trapped<'_>) -> Option<Outcome> {
    if !any() {
        return None;
    }
    // SAFETY: a trapped call, of which our own filter lets nothing happen at the probe.
    let answer = unsafe { arch::probe6(call.number as u32, &call.arguments) };
    (answer != -isize::from(NO_ANSWER as i16)).then_some(Outcome::Done(answer))
}
