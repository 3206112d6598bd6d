//! The trap: from a SIGSYS to the code that runs the call, and back.
//!
//! # Safety
//! The kernel's signal frame is borrowed for the time of the handler. It lies on the guest's
//! stack, of the thread that made the call and waits for it.
#![allow(unsafe_code)]

pub mod dispatch;
pub mod resume;
mod signal_frame;
mod stack;

use newroot_abi::Errno;
use newroot_abi::plan::Flags;
use newroot_sys::arch::{self, CallFrame, Delivery, SignalAction, SignalContext, unwind};
use newroot_sys::bpf::{Insn, Program};
use newroot_sys::filter::{self, MARK};
use newroot_sys::table::SIGSYS;

use crate::calls::{filters, signal, user_dispatch};
use crate::report::fatal;
use crate::session::session;
use crate::tracing::delegate;
use crate::{handlers, host, memory, patch, slots};

pub use signal_frame::{leave_alternate_stack, return_by};
pub use stack::GuestStack;

/// SIGSYS as a bit of a signal mask.
pub const SIGSYS_BIT: u64 = bit(SIGSYS);

const fn bit(signal: u32) -> u64 {
    1 << (signal - 1)
}

unsafe extern "C" {
    fn newroot_trap_entry();
    #[link_name = "__executable_start"]
    static IMAGE_START: u8;
    #[link_name = "etext"]
    static TEXT_END: u8;
}

/// Where the shim's own code lies.
#[must_use]
pub fn shim_range() -> filter::Shim {
    filter::Shim {
        start: (&raw const IMAGE_START).addr() as u32,
        end: (&raw const TEXT_END).addr() as u32,
        probe: arch::probe() as u32,
    }
}

/// `siginfo_t` as far as it is read here.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct SignalInfo {
    signal: i32,
    errno: i32,
    code: i32,
    pad: i32,
    /// For SYS_SECCOMP: the address behind the call, the call's number, the architecture.
    call_address: usize,
    call: i32,
    arch: u32,
}

impl SignalInfo {
    /// What a process has sent along.
    fn value(&self) -> usize {
        self.call as u32 as usize | (self.arch as usize) << 32
    }
}

const SYS_SECCOMP: i32 = 1;
const SYS_USER_DISPATCH: i32 = 2;

/// Has the guest make a call once more whose trap was lost: while one SIGSYS is pending, the kernel doesn't queue another.
/// The registers are as they were before the call then, but for the instruction pointer.
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

/// Installs the filter, once a session. Its room is not to be the start's of every program.
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
    if unsafe { host::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) }.is_err() {
        fatal(&[
            b"cannot give up new privileges (prctl PR_SET_NO_NEW_PRIVS): this kernel has none to give up",
        ]);
    }
    // Speculation stays as it was (SPEC_ALLOW): the filter protects nothing. Kernels before
    // 4.17 don't know the flag.
    for flags in [SPEC_ALLOW, 0] {
        let arguments = [SECCOMP_SET_MODE_FILTER, flags, &raw const program as usize, 0, 0, 0];
        // SAFETY: program and instructions live for the call.
        if unsafe { host::forward(newroot_sys::raw::__NR_seccomp, &arguments) } == 0 {
            return;
        }
    }
    const PR_SET_SECCOMP: u32 = 22;
    // SAFETY: as above. Kernels from 3.5 on have this form.
    if unsafe { host::prctl(PR_SET_SECCOMP, 2, &raw const program as usize, 0, 0) }.is_ok() {
        return;
    }
    fatal(&[
        b"cannot install a seccomp filter: this host allows none\n",
        b"hint: `newroot doctor` tells which engines can run here",
    ]);
}

/// Installs the handler of SIGSYS.
pub fn install_handler() {
    use newroot_sys::raw::{SA_ONSTACK, SA_SIGINFO};
    let action = SignalAction {
        handler: newroot_trap_entry as *const () as usize,
        flags: (SA_SIGINFO | SA_ONSTACK) as usize | arch::SA_RESTORER,
        restorer: arch::restorer(),
        mask: arch::BLOCKED_IN_HANDLER,
    };
    // SAFETY: the handler is made for this.
    if unsafe { host::sigaction(SIGSYS, Some(&action)) }.is_err() {
        fatal(&[b"cannot install the handler of SIGSYS"]);
    }
}

/// A trapped call: the guest's registers, and the slot it is worked on in.
#[derive(Debug)]
pub struct Trapped<'a> {
    /// The signal frame's registers and mask.
    pub context: &'a mut SignalContext,
    /// The call's number.
    pub number: usize,
    /// Its arguments.
    pub arguments: [usize; 6],
    /// Index of the slot.
    pub slot: usize,
    /// The stack the guest made it on.
    pub stack: GuestStack,
}

/// What becomes of a trapped call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It has a result.
    Done(isize),
    /// The registers were set: the guest goes on from them.
    Continue,
}

impl Outcome {
    /// What the call has as its result. Of one that sets registers there is none to speak of.
    ///
    /// # Errors
    /// The call's.
    pub fn result(self) -> Result<usize, Errno> {
        match self {
            Self::Done(result) => Errno::check(result),
            Self::Continue => Ok(0),
        }
    }
}

impl From<Result<usize, Errno>> for Outcome {
    fn from(result: Result<usize, Errno>) -> Self {
        match result {
            Ok(value) => Self::Done(value as isize),
            Err(error) => Self::Done(error.to_return()),
        }
    }
}

impl From<Errno> for Outcome {
    fn from(error: Errno) -> Self {
        Self::Done(error.to_return())
    }
}

/// Runs a call, however it came.
///
/// # Safety
/// The slot is the call's alone.
unsafe fn run(call: &mut Trapped<'_>) -> Outcome {
    // SAFETY: the caller's contract.
    let scratch = unsafe { slots::scratch(call.slot) };
    let outcome = dispatch::dispatch(call, scratch);
    if session().has(Flags::TRACE) {
        dispatch::trace(call, outcome);
    }
    outcome
}

/// The handler of SIGSYS. True if a handler of the guest's own is to be entered, as `delivery` says.
///
/// # Safety
/// Called by the entry code alone, with the kernel's frame and the index of a slot taken.
pub unsafe extern "C" fn trap(
    info: *const SignalInfo,
    context: *mut SignalContext,
    slot: usize,
    delivery: *mut Delivery,
) -> bool {
    // SAFETY: the kernel's frame, which nobody else touches while the handler runs.
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
        // A handler like any other, but for the way it is entered.
        // SAFETY: the kernel's frame, and the slot is this trap's.
        unsafe { take_back(context, slot) };
        let Some(delivered) = signal::deliver(info.code == SYS_SECCOMP || dispatched, context) else {
            return false;
        };
        // SAFETY: the entry code's.
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
    // SAFETY: the slot is this trap's.
    let outcome = unsafe { run(&mut call) };
    if let Outcome::Done(result) = outcome {
        call.context.registers.set_result(result);
    }
    // The number the kernel saw: a call that slept comes back by another.
    patch::came_from(info.call_address, info.call as u32 as usize);
    false
}

/// Called before a handler of the guest's, where the signal came in the shim's code, or the guest cares for SIGSYS.
///
/// # Safety
/// Called by the entry code alone, with the kernel's frame and the index of a slot taken.
pub unsafe extern "C" fn entering(signal: usize, context: *mut SignalContext, slot: usize) {
    // SAFETY: the kernel's frame.
    let context = unsafe { &mut *context };
    // SAFETY: the same; the slot is the caller's.
    unsafe { take_back(context, slot) };
    signal::entered(signal, context);
}

/// Has a signal that came in the shim's code find the guest at its own system call: about to make it, or with its result.
/// A signal that came as another one's handler was about to be entered finds the beginning of that handler; and the other
/// one's context is seen to, for this handler may never return.
///
/// # Safety
/// The context is that of a signal frame of the calling thread, which holds the slot.
pub unsafe fn take_back(context: &mut SignalContext, slot: usize) {
    // SAFETY: the caller's contract.
    if let Some(entering) = unsafe { unwind::enter_handler(context, handlers::handler) } {
        // SAFETY: the other signal's context.
        let other = unsafe { &mut *entering.context };
        if !entering.is_seen_to {
            // SAFETY: the same.
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
    // SAFETY: the slot is the caller's, and nothing of its scratch space is in use.
    let scratch = unsafe { slots::scratch(slot) };
    resume::take_back(context, slot, scratch);
    arch::leave_dispatch_place(&mut context.registers);
}

/// The answer of the fast path, in two registers.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Answer {
    result: isize,
    what: What,
}

/// What becomes of a call on the fast path; the numbers are known to the entry code.
#[repr(usize)]
#[derive(Clone, Copy, Debug)]
enum What {
    /// It takes the slow path, [`call`].
    Unknown = 0,
    /// It has its result.
    Done = 1,
    /// The guest makes it, by its own `syscall` instruction.
    Guests = 2,
}

/// Where patched call sites come in.
///
/// # Safety
/// Called by the entry code alone, with its own frame.
pub unsafe extern "C" fn fast(frame: *mut CallFrame) -> Answer {
    // SAFETY: the entry code's frame, which nobody else knows of.
    let frame = unsafe { &*frame };
    if patch::is_bypassed() {
        return Answer { result: 0, what: What::Guests };
    }
    match crate::fast::call(frame) {
        Some(result) => Answer { result, what: What::Done },
        None => Answer { result: 0, what: What::Unknown },
    }
}

/// The slow path of a patched call site. The same code runs the call as for a trap.
///
/// # Safety
/// Called by the entry code alone, with its own frame and the index of a slot taken.
pub unsafe extern "C" fn call(frame: *mut CallFrame, slot: usize) {
    // SAFETY: the entry code's frame, which nobody else knows of.
    let frame = unsafe { &mut *frame };
    let mut context = SignalContext::new(frame.registers(), frame.mask);
    let mut call = Trapped {
        number: context.registers.number(),
        arguments: context.registers.arguments(),
        context: &mut context,
        slot,
        stack: GuestStack::under_call(core::ptr::from_ref(frame).addr()),
    };
    // A guest's own filters, and user dispatch, have to see the call as it is; and a number that comes from who
    // knows where may be of a call that isn't ours to make.
    if filters::any() || user_dispatch::any() || !patch::is_ours(call.number) {
        return frame.make_the_call();
    }
    // SAFETY: the slot is this call's.
    let outcome = unsafe { run(&mut call) };
    match outcome {
        Outcome::Done(result) => frame.set_result(result),
        Outcome::Continue => frame.go_on_with(&context.registers),
    }
    frame.mask = context.mask;
}
