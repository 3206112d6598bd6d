//! Signals. SIGSYS stays open for newroot, while the guest sees its own.
//!
//! With SIGSYS blocked or ignored, the next trapped call would kill the process. So the kernel's
//! mask and action never have it blocked or changed. The shim keeps what the guest wanted, shows it
//! on request, and acts on it when a SIGSYS comes that isn't a trap.

use newroot_abi::Errno;
use newroot_sys::arch::{self, Delivery, SignalAction, SignalContext};
use newroot_sys::raw;
use newroot_sys::table::SIGSYS;

use crate::call::resume::{Afterwards, Builder};
use crate::call::{
    Outcome, SIG_IGN, SIGSET_SIZE, SIGSYS_BIT, Trapped, forward, leave_alternate_stack, return_by,
};
use crate::memory;
use crate::state;
use crate::{handlers, kernel, report};

const SIG_DFL: usize = 0;
/// SIGKILL and SIGSTOP can't be blocked.
const UNBLOCKABLE: u64 = 1 << 8 | 1 << 18;

/// Runs rt_sigaction(2).
pub fn sigaction(call: &mut Trapped<'_>) -> Outcome {
    let [signal, new, old, size, ..] = call.arguments;
    sigaction_inner(signal, new, old, size).map(|()| 0).into()
}

fn sigaction_inner(signal: usize, new: usize, old: usize, size: usize) -> Result<(), Errno> {
    if size != SIGSET_SIZE {
        return Err(Errno::INVAL);
    }
    let wanted = if new == 0 { None } else { Some(memory::read::<SignalAction>(new)?) };
    if signal as u32 == SIGSYS {
        let before = state::get().sigsys;
        if let Some(wanted) = wanted {
            let mask = wanted.mask & !UNBLOCKABLE;
            state::update(|state| state.sigsys = SignalAction { mask, ..wanted });
            if wanted.handler == SIG_IGN {
                state::update(|state| state.pending = 0);
            }
        }
        return if old == 0 { Ok(()) } else { memory::write(old, &before) };
    }
    // Read before the change, because the old action is reported with its own mask.
    let bit = (signal as u32).checked_sub(1).and_then(|index| 1u64.checked_shl(index)).unwrap_or(0);
    let had = state::cares_for_sigsys() && state::get().masks_with_sigsys & bit != 0;
    let new = wanted.map(|wanted| SignalAction { mask: wanted.mask & !SIGSYS_BIT, ..wanted });
    handlers::set(signal, new.as_ref(), old)?;
    if old != 0 && had {
        let told: SignalAction = memory::read(old)?;
        memory::write(old, &SignalAction { mask: told.mask | SIGSYS_BIT, ..told })?;
    }
    if let Some(wanted) = wanted {
        let has = wanted.mask & SIGSYS_BIT != 0;
        if has != had {
            state::update(|state| state.masks_with_sigsys ^= bit);
        }
    }
    Ok(())
}

/// Runs rt_sigprocmask(2), on the mask that returning from the handler installs.
pub fn sigprocmask(call: &mut Trapped<'_>) -> Outcome {
    let [how, new, old, size, ..] = call.arguments;
    sigprocmask_inner(call, [how, new, old, size]).map(|()| 0).into()
}

fn sigprocmask_inner(call: &mut Trapped<'_>, [how, new, old, size]: [usize; 4]) -> Result<(), Errno> {
    if size != SIGSET_SIZE {
        return Err(Errno::INVAL);
    }
    let set = if new == 0 { None } else { Some(memory::read::<u64>(new)?) };
    let kernel = call.context.mask & !SIGSYS_BIT;
    let blocked = state::sigsys_blocked();
    let before = kernel | if blocked { SIGSYS_BIT } else { 0 };
    if let Some(set) = set {
        let set = set & !UNBLOCKABLE;
        let after = match how as u32 {
            raw::SIG_BLOCK => before | set,
            raw::SIG_UNBLOCK => before & !set,
            raw::SIG_SETMASK => set,
            _ => return Err(Errno::INVAL),
        };
        call.context.mask = after & !SIGSYS_BIT;
        let blocks = after & SIGSYS_BIT != 0;
        if blocks != blocked {
            state::set_sigsys_blocked(blocks);
        }
        if !blocks && state::is_pending() {
            send_again();
        }
    }
    if old == 0 { Ok(()) } else { memory::write(old, &before) }
}

/// Prepares the entry of a guest's handler for another signal: SIGSYS in the mask that its return
/// installs, and in its own mask.
pub fn entered(signal: usize, context: &mut SignalContext) {
    if !state::cares_for_sigsys() {
        return;
    }
    let blocked = state::sigsys_blocked();
    if blocked {
        context.mask |= SIGSYS_BIT;
    }
    let bit = 1u64.checked_shl(signal as u32 - 1).unwrap_or(0);
    if !blocked && state::get().masks_with_sigsys & bit != 0 {
        state::set_sigsys_blocked(true);
    }
}

/// Runs rt_sigreturn(2). The mask that it installs says whether SIGSYS is blocked, as the handler
/// found it or changed it.
pub fn sigreturn(call: &mut Trapped<'_>) -> Outcome {
    let mask_at = mask_to_return_to(call.context);
    if let Ok(mask) = memory::read::<u64>(mask_at) {
        if mask & SIGSYS_BIT != 0 {
            state::set_sigsys_blocked(true);
            let _ = memory::write(mask_at, &(mask & !SIGSYS_BIT));
        } else if state::cares_for_sigsys() && !handlers::some_are_direct() && state::sigsys_blocked() {
            state::set_sigsys_blocked(false);
            if state::is_pending() {
                send_again();
            }
        }
    }
    call.context.registers.set_number(raw::__NR_rt_sigreturn);
    call.context.registers.set_ip(arch::sigreturn());
    Outcome::Continue
}

/// Prepares a repetition of the guest's rt_sigreturn(2): puts back into the mask what [`sigreturn`]
/// took from it.
pub fn unreturn(context: &SignalContext) {
    let mask_at = mask_to_return_to(context);
    if state::cares_for_sigsys()
        && state::sigsys_blocked()
        && let Ok(mask) = memory::read::<u64>(mask_at)
    {
        let _ = memory::write(mask_at, &(mask | SIGSYS_BIT));
    }
}

/// Returns the address of the mask that a rt_sigreturn(2) will install. The frame begins at the
/// stack pointer: the restorer's address was popped.
fn mask_to_return_to(context: &SignalContext) -> usize {
    context.registers.sp() + core::mem::offset_of!(SignalContext, mask)
}

/// Runs rt_sigpending(2).
pub fn sigpending(call: &mut Trapped<'_>) -> Outcome {
    let [out, size, ..] = call.arguments;
    let result = forward(raw::__NR_rt_sigpending, [out, size, 0, 0, 0, 0]).and_then(|value| {
        if state::is_pending() && size == SIGSET_SIZE {
            let set: u64 = memory::read(out)?;
            memory::write(out, &(set | SIGSYS_BIT))?;
        }
        Ok(value)
    });
    result.into()
}

/// Runs rt_sigtimedwait(2), for sets with SIGSYS in them.
pub fn sigtimedwait(call: &mut Trapped<'_>) -> Outcome {
    sigtimedwait_inner(call).unwrap_or_else(Outcome::from)
}

fn sigtimedwait_inner(call: &mut Trapped<'_>) -> Result<Outcome, Errno> {
    let [set, info, _, size, ..] = call.arguments;
    let waits_for_it = size == SIGSET_SIZE && memory::read::<u64>(set)? & SIGSYS_BIT != 0;
    if waits_for_it && state::is_pending() {
        return take_pending(info).map(|signal| Outcome::Done(signal as isize));
    }
    // The handler notes a SIGSYS that comes during the wait, and it ends the wait.
    let afterwards = if waits_for_it { Afterwards::Always } else { Afterwards::Never };
    let arguments = call.arguments;
    Builder::new(call).finish(call, raw::__NR_rt_sigtimedwait, arguments, afterwards, [0; 4])
}

/// Handles the end of a wait for a set with SIGSYS in it.
pub fn sigtimedwait_came_back(call: &mut Trapped<'_>, result: isize) -> Outcome {
    let [_, info, ..] = call.arguments;
    if result == Errno::INTR.to_return() && state::is_pending() {
        return take_pending(info).into();
    }
    Outcome::Done(result)
}

/// Accepts the pending SIGSYS, and returns its number. Its sender isn't kept.
fn take_pending(info: usize) -> Result<usize, Errno> {
    state::update(|state| state.pending = 0);
    if info != 0 {
        let mut words = [0u64; 16];
        words[0] = SIGSYS.into();
        memory::write(info, &words)?;
    }
    Ok(SIGSYS as usize)
}

/// Prepares a call that waits with a mask. Returns true if a pending SIGSYS that the mask lets
/// through ends the call before it begins.
#[must_use]
pub fn interrupts(mask: u64) -> bool {
    if mask & SIGSYS_BIT != 0 || !state::is_pending() {
        return false;
    }
    if state::sigsys_blocked() {
        state::set_sigsys_blocked(false);
        state::update(|state| state.block_again = 1);
    }
    send_again();
    true
}

/// Sends the process the SIGSYS that came while the guest had it blocked.
fn send_again() {
    state::update(|state| state.pending = 0);
    let arguments = [kernel::getpid() as usize, kernel::gettid() as usize, SIGSYS as usize, 0, 0, 0];
    let _ = forward(raw::__NR_tgkill, arguments);
}

/// Handles a SIGSYS that isn't a trap: from another process, or (`forced`) from a filter of the
/// guest. Returns how to enter the guest's handler, if it is to run.
pub fn deliver(forced: bool, context: &mut SignalContext) -> Option<Delivery> {
    let state::State { sigsys: action, block_again, .. } = state::get();
    let blocked = state::sigsys_blocked();
    if block_again != 0 {
        state::update(|state| state.block_again = 0);
        state::set_sigsys_blocked(true);
    }
    if !forced && blocked {
        state::update(|state| state.pending = 1);
        return None;
    }
    match action.handler {
        SIG_IGN if !forced => None,
        // force_sig_info(): a forced signal that is blocked or ignored kills.
        SIG_DFL | SIG_IGN => die(),
        _ if blocked => die(),
        handler => {
            let has = |flag: u32| action.flags & flag as usize != 0;
            if has(raw::SA_RESETHAND) {
                state::update(|state| state.sigsys.handler = SIG_DFL);
            }
            let mask = (context.mask | action.mask) & !SIGSYS_BIT;
            if block_again != 0 {
                context.mask |= SIGSYS_BIT;
            }
            return_by(context, action.restorer);
            let moved = if has(raw::SA_ONSTACK) { 0 } else { leave_alternate_stack(context)? };
            if !has(raw::SA_NODEFER) || action.mask & SIGSYS_BIT != 0 {
                state::set_sigsys_blocked(true);
            }
            Some(Delivery { handler, moved, mask })
        }
    }
}

/// Dies of SIGSYS as the kernel would let it: with that signal as the status, and a core file if
/// the limits allow one.
fn die() -> ! {
    // SIG_DFL needs no valid handler.
    let action = SignalAction::default();
    let arguments = [SIGSYS as usize, &raw const action as usize, 0, SIGSET_SIZE, 0, 0];
    let _ = forward(raw::__NR_rt_sigaction, arguments);
    kernel::set_mask(!SIGSYS_BIT);
    send_again();
    report::fatal(&[b"SIGSYS did not end the process"])
}
