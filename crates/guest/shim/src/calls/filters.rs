//! Seccomp filters of the guest's own.
//!
//! A guest's program is installed [enclosed](newroot_sys::guard), so that it doesn't meet the shim's
//! calls. A call we trap never meets it in the form the guest made it: our TRAP outranks all it could
//! answer but KILL and TRAP, which take effect in the kernel. So before such a call is run, the kernel is
//! asked what the guest's filters say to it. Nothing is kept here but that there are any: which filters hold
//! for which thread, after a fork, a vfork, an exec or a TSYNC, is the kernel's knowledge.
//!
//! An errno counts. A supervisor (RET_USER_NOTIF) isn't told of a trapped call, and RET_LOG doesn't log it: the call
//! runs. A filter that has a tracer asked (RET_TRACE) is refused, as is the tracer's option for that: PRoot goes
//! without then. A program that looks at the instruction pointer sees
//! that of the probe.
//!
//! # Safety
//! The probe is for calls that were trapped. A guest's instructions are copied from memory found readable.
#![allow(unsafe_code)]

use core::sync::atomic::{AtomicBool, Ordering};

use linux_raw_sys::prctl as raw_prctl;
use newroot_abi::Errno;
use newroot_abi::plan::Flags;
use newroot_sys::arch;
use newroot_sys::bpf::{self, Insn};
use newroot_sys::guard::{GUARD_LEN, IS_ANY, NO_ANSWER, THERE_IS, enclose};
use newroot_sys::raw;
use newroot_sys::table::PR_SET_SYSCALL_USER_DISPATCH;

use super::{forward, user_dispatch};
use crate::host;
use crate::memory;
use crate::owner;
use crate::session::session;
use crate::state;
use crate::trap::{Outcome, Trapped, shim_range};

const SET_MODE_STRICT: usize = 0;
const SET_MODE_FILTER: usize = 1;
const PR_SET_SECCOMP: usize = raw_prctl::PR_SET_SECCOMP as usize;

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

/// prctl(2), as far as it isn't the kernel's.
pub fn prctl(call: &mut Trapped<'_>) -> Outcome {
    let [operation, a, b, c, d, _] = call.arguments;
    match operation as u32 {
        raw_prctl::PR_SET_SECCOMP if a == 2 => {
            install(b, |enclosed| forward(raw::__NR_prctl, [PR_SET_SECCOMP, a, enclosed, 0, 0, 0])).into()
        }
        raw_prctl::PR_SET_SECCOMP => Errno::INVAL.into(),
        raw_prctl::PR_GET_SECCOMP => Ok(mode()).into(),
        raw_prctl::PR_GET_NO_NEW_PRIVS if [a, b, c, d] == [0; 4] => Ok(no_new_privileges().into()).into(),
        raw_prctl::PR_SET_NO_NEW_PRIVS if [a, b, c, d] == [1, 0, 0, 0] => {
            state::update(|state| state.no_new_privileges = 1);
            Ok(0).into()
        }
        raw_prctl::PR_GET_NO_NEW_PRIVS | raw_prctl::PR_SET_NO_NEW_PRIVS => Errno::INVAL.into(),
        PR_SET_SYSCALL_USER_DISPATCH => user_dispatch::prctl(call),
        _ => forward(raw::__NR_prctl, call.arguments).into(),
    }
}

/// Whether the process can't gain privileges by an exec, as the guest has it: newroot's own no_new_privs isn't it.
#[must_use]
pub fn no_new_privileges() -> bool {
    if session().has(Flags::FAKE_ROOT) {
        owner::process::current().credentials.no_new_privs()
    } else {
        state::get().no_new_privileges != 0
    }
}

/// The seccomp mode of the calling thread as the guest has it: 2 with a filter of the guest's, else 0.
#[must_use]
pub fn mode() -> usize {
    const FILTER: usize = 2;
    let question = [raw_prctl::PR_GET_SECCOMP as usize, IS_ANY as usize, 0, 0, 0, 0];
    // SAFETY: our own filter lets nothing happen at the probe.
    let there_is =
        any() && unsafe { arch::probe6(raw::__NR_prctl, &question) } == -isize::from(THERE_IS as i16);
    if there_is { FILTER } else { 0 }
}

/// Whether the calling thread may restrict itself: it has CAP_SYS_ADMIN, or can't gain privileges.
pub(super) fn may_restrict_itself() -> bool {
    const SYS_ADMIN: u32 = 21;
    let is_admin = || {
        if session().has(Flags::FAKE_ROOT) {
            return owner::process::current().credentials.effective.0 >> SYS_ADMIN & 1 != 0;
        }
        const VERSION_3: u32 = 0x2008_0522;
        let header = [VERSION_3, 0];
        let mut sets = [0u32; 6];
        let arguments = [header.as_ptr() as usize, sets.as_mut_ptr() as usize, 0, 0, 0, 0];
        forward(raw::__NR_capget, arguments).is_ok() && sets[0] >> SYS_ADMIN & 1 != 0
    };
    no_new_privileges() || is_admin()
}

/// `call` makes the system call with the program at an address.
fn install(program: usize, call: impl Fn(usize) -> Result<usize, Errno>) -> Result<usize, Errno> {
    let [len, instructions] = memory::read::<[usize; 2]>(program)?;
    let len = len & 0xffff;
    if len == 0 || len > bpf::MAX_INSNS - GUARD_LEN {
        return Err(Errno::INVAL);
    }
    if !may_restrict_itself() {
        // Flags that aren't valid are found before that.
        return Err(if call(0) == Err(Errno::INVAL) { Errno::INVAL } else { Errno::ACCES });
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
    let asks = out.iter().skip(GUARD_LEN).take(len).any(asks_tracer);
    let result = match if asks { None } else { enclose(shim_range(), out, len) } {
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

/// Whether an instruction has a tracer asked (SECCOMP_RET_TRACE).
fn asks_tracer(instruction: &Insn) -> bool {
    const TRACE: u32 = 0x7ff0_0000;
    const ACTION: u32 = 0xffff_0000;
    instruction.code == bpf::RET && instruction.k & ACTION == TRACE
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
