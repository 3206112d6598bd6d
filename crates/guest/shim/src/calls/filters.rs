//! The guest's own seccomp filters.
//!
//! A guest's filter is installed [enclosed](newroot_sys::guard), so that the shim's calls don't
//! meet it. A trapped call never meets it in the guest's form: newroot's TRAP outranks all its
//! answers but KILL and TRAP, which take effect in the kernel. So before the shim runs such a call,
//! it asks the kernel for the answer of the guest's filters. The shim only keeps whether there are
//! any. The kernel knows which filters hold for which thread, after a fork, a vfork, an exec or a
//! TSYNC.
//!
//! An errno counts. A supervisor (RET_USER_NOTIF) doesn't see a trapped call, and RET_LOG doesn't
//! log it: the call runs. A filter that asks a tracer (RET_TRACE) is refused, and so is the
//! tracer's option for that; PRoot does without it then. A filter that looks at the instruction
//! pointer sees that of the probe.
//!
//! # Safety
//! The probe is for calls that were trapped. A guest's instructions are copied from memory that was
//! found readable.
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

use super::user_dispatch;
use crate::call::{Outcome, Trapped, forward, shim_range};
use crate::identity::process;
use crate::kernel;
use crate::memory;
use crate::session::session;
use crate::state;

const SET_MODE_STRICT: usize = 0;
const SET_MODE_FILTER: usize = 1;
const PR_SET_SECCOMP: usize = raw_prctl::PR_SET_SECCOMP as usize;

/// Whether this memory's program, or one before it, has installed a filter. A vfork child's filter
/// counts for its parent, too, which costs the parent a question and changes no answer.
static INSTALLED: AtomicBool = AtomicBool::new(false);

/// Returns whether a filter of the guest may hold for the calling thread.
#[must_use]
pub fn any() -> bool {
    INSTALLED.load(Ordering::Relaxed) || session().has(Flags::GUEST_FILTERS)
}

/// Runs seccomp(2).
pub fn seccomp(call: &mut Trapped<'_>) -> Outcome {
    let [operation, flags, program, ..] = call.arguments;
    match operation as u32 as usize {
        // Strict mode only allows read, write and exit, not even returning from the shim's handler.
        SET_MODE_STRICT => Errno::INVAL.into(),
        SET_MODE_FILTER => install(program, |enclosed| {
            forward(raw::__NR_seccomp, [SET_MODE_FILTER, flags, enclosed, 0, 0, 0])
        })
        .into(),
        _ => forward(raw::__NR_seccomp, call.arguments).into(),
    }
}

/// Runs prctl(2), as far as it isn't left to the kernel.
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

/// Returns whether the process, in the guest's view, can't gain privileges by an exec. newroot's
/// own no_new_privs doesn't count.
#[must_use]
pub fn no_new_privileges() -> bool {
    if session().has(Flags::FAKE_ROOT) {
        process::current().credentials.no_new_privs()
    } else {
        state::get().no_new_privileges != 0
    }
}

/// Returns the calling thread's seccomp mode in the guest's view: 2 with a filter of the guest,
/// else 0.
#[must_use]
pub fn mode() -> usize {
    const FILTER: usize = 2;
    let question = [raw_prctl::PR_GET_SECCOMP as usize, IS_ANY as usize, 0, 0, 0, 0];
    // SAFETY: newroot's filter lets nothing happen at the probe.
    let there_is =
        any() && unsafe { arch::probe6(raw::__NR_prctl, &question) } == -isize::from(THERE_IS as i16);
    if there_is { FILTER } else { 0 }
}

/// Returns whether the calling thread may restrict itself: it has CAP_SYS_ADMIN, or can't gain
/// privileges.
pub(super) fn may_restrict_itself() -> bool {
    const SYS_ADMIN: u32 = 21;
    let is_admin = || {
        if session().has(Flags::FAKE_ROOT) {
            return process::current().credentials.effective.0 >> SYS_ADMIN & 1 != 0;
        }
        const VERSION_3: u32 = 0x2008_0522;
        let header = [VERSION_3, 0];
        let mut sets = [0u32; 6];
        let arguments = [header.as_ptr() as usize, sets.as_mut_ptr() as usize, 0, 0, 0, 0];
        forward(raw::__NR_capget, arguments).is_ok() && sets[0] >> SYS_ADMIN & 1 != 0
    };
    no_new_privileges() || is_admin()
}

/// Installs the guest's program. `call` makes the system call with the program at an address.
fn install(program: usize, call: impl Fn(usize) -> Result<usize, Errno>) -> Result<usize, Errno> {
    let [len, instructions] = memory::read::<[usize; 2]>(program)?;
    let len = len & 0xffff;
    if len == 0 || len > bpf::MAX_INSNS - GUARD_LEN {
        return Err(Errno::INVAL);
    }
    if !may_restrict_itself() {
        // Invalid flags are reported before that.
        return Err(if call(0) == Err(Errno::INVAL) { Errno::INVAL } else { Errno::ACCES });
    }
    let size = len * size_of::<Insn>();
    memory::check_readable(instructions, size)?;
    const ROOM: usize = bpf::MAX_INSNS * size_of::<Insn>();
    let base = kernel::map_anonymous(ROOM)?;
    // SAFETY: the mapping was made for this number of instructions, is zeroed, which is valid, and
    // no other code knows it. The guest's instructions are readable and fit behind the guard.
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
    unsafe { kernel::munmap(base, ROOM) };
    result
}

/// Returns whether an instruction asks a tracer (SECCOMP_RET_TRACE).
fn asks_tracer(instruction: &Insn) -> bool {
    const TRACE: u32 = 0x7ff0_0000;
    const ACTION: u32 = 0xffff_0000;
    instruction.code == bpf::RET && instruction.k & ACTION == TRACE
}

/// Returns the errno with which the guest's filters answer a trapped call; `None` to run it.
#[must_use]
pub fn verdict(call: &Trapped<'_>) -> Option<Outcome> {
    if !any() {
        return None;
    }
    // SAFETY: a trapped call, of which newroot's filter lets nothing happen at the probe.
    let answer = unsafe { arch::probe6(call.number as u32, &call.arguments) };
    (answer != -isize::from(NO_ANSWER as i16)).then_some(Outcome::Done(answer))
}
