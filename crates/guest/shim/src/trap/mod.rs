//! The trap: the way from a SIGSYS to the code that runs the call, and back.
//!
//! # Safety
//! The handler borrows the kernel's signal frame while it runs. The frame lies on a stack of the
//! guest thread that made the call and waits for it.
#![allow(unsafe_code)]

pub mod dispatch;
mod take_back;

use newroot_abi::plan::Flags;
use newroot_sys::arch::{self, CallFrame, Delivery, SignalAction, SignalContext, unwind};
use newroot_sys::bpf::{Insn, Program};
use newroot_sys::filter::{self, MARK};
use newroot_sys::table::SIGSYS;

use crate::call::{GuestStack, Outcome, Trapped, shim_range};
use crate::calls::{filters, signal, user_dispatch};
use crate::report::fatal;
use crate::session::session;
use crate::tracing::delegate;
use crate::{handlers, kernel, memory, patch, slots};

unsafe extern "C" {
    fn newroot_trap_entry();
}

/// `siginfo_t`, as far as the shim reads it.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct SignalInfo {
    signal: i32,
    errno: i32,
    code: i32,
    pad: i32,
    /// For SYS_SECCOMP: the address behind the call, the call's number and the architecture.
    call_address: usize,
    call: i32,
    arch: u32,
}

impl SignalInfo {
    /// Returns the value that a process sent with the signal.
    fn value(&self) -> usize {
        self.call as u32 as usize | (self.arch as usize) << 32
    }
}

const SYS_SECCOMP: i32 = 1;
const SYS_USER_DISPATCH: i32 = 2;

/// Makes the guest repeat a call whose trap was lost: while one SIGSYS is pending, the kernel
/// doesn't queue another. In that case all registers but the instruction pointer are as they were
/// before the call.
fn remake_lost_call(context: &mut SignalContext) {
    let ip = context.registers.ip();
    let site = ip.wrapping_sub(arch::SYSTEM_CALL);
    if patch::is_ours(context.registers.number())
        && context.registers.is_behind_call()
        && memory::read::<u16>(site) == Ok(arch::SYSTEM_CALL_CODE)
    {
        context.registers.set_ip(site);
    }
}

/// Installs the filter, once in each session. Out of line: keeps this large frame out of the start
/// of every program.
#[inline(never)]
pub fn install_filter() {
    const PR_SET_NO_NEW_PRIVS: u32 = 38;
    const SECCOMP_SET_MODE_FILTER: usize = 1;
    const SPEC_ALLOW: usize = 4;
    let session = session();
    let mut out = [Insn::default(); filter::CAPACITY];
    let release = !session.uname.is_empty();
    let Some(len) = filter::build(session.header.flags, release, shim_range(), &mut out) else {
        fatal(&[b"internal error: the filter outgrew its buffer"]);
    };
    let program = Program { len: len as u16, instructions: out.as_ptr() as usize };
    // SAFETY: plain numbers.
    if unsafe { kernel::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) }.is_err() {
        fatal(&[
            b"cannot give up new privileges (prctl PR_SET_NO_NEW_PRIVS): this kernel has none to give up",
        ]);
    }
    // SPEC_ALLOW leaves the speculation settings as they were, because the filter is no security
    // boundary. Kernels before 4.17 don't know the flag.
    for flags in [SPEC_ALLOW, 0] {
        let arguments = [SECCOMP_SET_MODE_FILTER, flags, &raw const program as usize, 0, 0, 0];
        // SAFETY: the program and its instructions live for the call.
        if unsafe { kernel::forward(newroot_sys::raw::__NR_seccomp, &arguments) } == 0 {
            return;
        }
    }
    const PR_SET_SECCOMP: u32 = 22;
    // SAFETY: as above. Kernels since 3.5 have this form.
    if unsafe { kernel::prctl(PR_SET_SECCOMP, 2, &raw const program as usize, 0, 0) }.is_ok() {
        return;
    }
    fatal(&[
        b"cannot install a seccomp filter: this host allows none\n",
        b"hint: `newroot doctor` tells which engines can run here",
    ]);
}

/// Installs the handler for SIGSYS.
pub fn install_handler() {
    use newroot_sys::raw::{SA_ONSTACK, SA_SIGINFO};
    let action = SignalAction {
        handler: newroot_trap_entry as *const () as usize,
        flags: (SA_SIGINFO | SA_ONSTACK) as usize | arch::SA_RESTORER,
        restorer: arch::restorer(),
        mask: arch::BLOCKED_IN_HANDLER,
    };
    // SAFETY: the handler is the entry code that was written for SIGSYS.
    if unsafe { kernel::sigaction(SIGSYS, Some(&action)) }.is_err() {
        fatal(&[b"cannot install the handler of SIGSYS"]);
    }
}

/// Runs a call, from a trap or from a patched call site.
///
/// # Safety
/// No other call uses the slot.
unsafe fn run(call: &mut Trapped<'_>) -> Outcome {
    // SAFETY: the caller's contract.
    let scratch = unsafe { slots::scratch(call.slot) };
    let outcome = dispatch::dispatch(call, scratch);
    if session().has(Flags::TRACE) {
        dispatch::trace(call, outcome);
    }
    outcome
}

/// Handles SIGSYS. Returns true if a handler of the guest must be entered as `delivery` describes.
///
/// # Safety
/// Only the entry code calls this, with the kernel's frame and the index of a slot that it has
/// taken.
pub unsafe extern "C" fn trap(
    info: *const SignalInfo,
    context: *mut SignalContext,
    slot: usize,
    delivery: *mut Delivery,
) -> bool {
    // SAFETY: the kernel's frame, which no other code touches while the handler runs.
    let (info, context) = unsafe { (&*info, &mut *context) };
    if info.code == delegate::SI_QUEUE
        && info.errno == i32::from(MARK)
        && delegate::answer(info.call_address as u32, info.value())
    {
        remake_lost_call(context);
        return false;
    }
    let dispatched = info.code == SYS_USER_DISPATCH && info.call_address == context.registers.ip();
    if dispatched {
        match user_dispatch::place_of(info.call_address) {
            Ok(Some(place)) => {
                context.registers.set_ip(place);
                return false;
            }
            Ok(None) => {}
            Err(_) => fatal(&[b"calls spared from user dispatch come from too many places"]),
        }
    }
    if info.code != SYS_SECCOMP || info.errno != i32::from(MARK) {
        // A guest's SIGSYS is handled like any other signal, except for the way its handler is
        // entered.
        // SAFETY: the kernel's frame, and the slot belongs to this trap.
        unsafe { take_back(context, slot) };
        let Some(delivered) = signal::deliver(info.code == SYS_SECCOMP || dispatched, context) else {
            return false;
        };
        // SAFETY: the entry code owns the structure.
        unsafe { delivery.write(delivered) };
        return true;
    }
    let mut call = Trapped {
        number: info.call as u32 as usize,
        arguments: context.registers.arguments(),
        stack: GuestStack::under_signal(context),
        context,
        slot,
    };
    // SAFETY: the slot belongs to this trap.
    let outcome = unsafe { run(&mut call) };
    if let Outcome::Done(result) = outcome {
        call.context.registers.set_result(result);
    }
    // The number that the kernel saw: a call that slept comes back with another number.
    patch::came_from(info.call_address, info.call as u32 as usize);
    false
}

/// Prepares the context of a guest handler that is about to be entered. The entry code calls this
/// if the signal arrived in the shim's code, or if the guest has used SIGSYS
/// ([`cares_for_sigsys`](crate::state::cares_for_sigsys)).
///
/// # Safety
/// Only the entry code calls this, with the kernel's frame and the index of a slot that it has
/// taken.
pub unsafe extern "C" fn entering(signal: usize, context: *mut SignalContext, slot: usize) {
    // SAFETY: the kernel's frame.
    let context = unsafe { &mut *context };
    // SAFETY: the kernel's frame; the slot belongs to the caller.
    unsafe { take_back(context, slot) };
    signal::entered(signal, context);
}

/// Changes the context of a signal that arrived in the shim's code, so that the handler finds the
/// guest at its own system call: about to make it, or with its result. If the signal arrived when
/// the handler of another signal was about to be entered, it finds the beginning of that handler.
/// The other signal's context is fixed, too, because this handler may never return.
///
/// # Safety
/// The context belongs to a signal frame of the calling thread, which holds the slot.
pub unsafe fn take_back(context: &mut SignalContext, slot: usize) {
    // SAFETY: the caller's contract.
    if let Some(entering) = unsafe { unwind::enter_handler(context, handlers::handler) } {
        // SAFETY: the context of the other signal, which is still on the stack.
        let other = unsafe { &mut *entering.context };
        if !entering.is_seen_to {
            // SAFETY: the same; the slot belongs to the caller.
            unsafe { take_back(other, slot) };
            signal::entered(entering.signal, other);
        }
        return;
    }
    if slots::is_slot(context.registers.sp()) {
        return;
    }
    let shim = shim_range();
    // SAFETY: the caller's contract.
    unsafe { unwind::take_back(context, shim.start as usize..shim.end as usize, patch::stub_containing) };
    if unwind::leave_restorer(context) {
        return signal::unreturn(context);
    }
    // SAFETY: the slot belongs to the caller, and no part of its scratch space is in use.
    let scratch = unsafe { slots::scratch(slot) };
    take_back::resumed(context, slot, scratch);
    arch::leave_dispatch_place(&mut context.registers);
}

/// Answer of the fast path, in two registers.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Answer {
    result: isize,
    what: What,
}

/// The next step for a call on the fast path. The entry code knows the numbers.
#[repr(usize)]
#[derive(Clone, Copy, Debug)]
enum What {
    /// The call takes the slow path, [`call`].
    Unknown = 0,
    /// The call has its result.
    Done = 1,
    /// The guest makes the call with its own `syscall` instruction.
    Guests = 2,
}

/// Runs a call from a patched call site on the fast path.
///
/// # Safety
/// Only the entry code calls this, with its own frame.
pub unsafe extern "C" fn fast(frame: *mut CallFrame) -> Answer {
    // SAFETY: the entry code's frame, to which no other code has a reference.
    let frame = unsafe { &*frame };
    if patch::is_bypassed() {
        return Answer { result: 0, what: What::Guests };
    }
    match crate::fast::call(frame) {
        Some(result) => Answer { result, what: What::Done },
        None => Answer { result: 0, what: What::Unknown },
    }
}

/// Runs a call from a patched call site on the slow path, by the same code as for a trap.
///
/// # Safety
/// Only the entry code calls this, with its own frame and the index of a slot that it has taken.
pub unsafe extern "C" fn call(frame: *mut CallFrame, slot: usize) {
    // SAFETY: the entry code's frame, to which no other code has a reference.
    let frame = unsafe { &mut *frame };
    let mut context = SignalContext::new(frame.registers(), frame.mask);
    let mut call = Trapped {
        number: context.registers.number(),
        arguments: context.registers.arguments(),
        context: &mut context,
        slot,
        stack: GuestStack::under_call(core::ptr::from_ref(frame).addr()),
    };
    // The guest's own filters and user dispatch must see the call itself. And the number can be
    // any: the call may be one that the shim must not make.
    if filters::any() || user_dispatch::any() || !patch::is_ours(call.number) {
        return frame.make_the_call();
    }
    // SAFETY: the slot belongs to this call.
    let outcome = unsafe { run(&mut call) };
    match outcome {
        Outcome::Done(result) => frame.set_result(result),
        Outcome::Continue => frame.go_on_with(&context.registers),
    }
    frame.mask = context.mask;
}
