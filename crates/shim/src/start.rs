//! The start of every program: from the plan on the initial stack to the guest's entry point.
//!
//! # Safety
//! Runs once, alone, on the stack the kernel made for the exec.
#![allow(unsafe_code)]

use newroot_abi::plan::{Flags, MAGIC};
use newroot_sys::arch;

use crate::loader::{self, InitialStack};
use crate::report::fatal;
use crate::session::{self, session};
use crate::{host, memory, slots, state, trap};

/// Called by the entry point with the initial stack pointer.
///
/// # Safety
/// It must be the kernel's, and nothing else may have run yet.
pub unsafe extern "C" fn start(stack: *mut usize) -> ! {
    // SAFETY: this is the kernel's initial stack: argc and the argument pointers.
    let arguments = unsafe { core::slice::from_raw_parts(stack.add(1), *stack) };
    // SAFETY: the kernel's strings.
    let magic = arguments.first().map(|&at| unsafe { memory::initial_string(at) });
    if magic != Some(MAGIC) {
        fatal(&[b"this is newroot's shim; run newroot itself"]);
    }
    // SAFETY: nobody else runs yet.
    if unsafe { session::install(arguments) }.is_err() {
        fatal(&[b"internal error: the plan can't be read"]);
    }
    let session = session();
    slots::take_first();
    slots::wipe_owners_on_fork();
    adopt_inherited_state();
    if session.has(Flags::LAUNCH) {
        trap::install_filter();
    }
    // SAFETY: slot 0 was just taken.
    let scratch = unsafe { slots::scratch(0) };
    // SAFETY: the plan's strings are the first on this stack.
    let stack = unsafe { InitialStack::new(stack, session.strings.len()) };
    let program = loader::load(session, &stack, scratch);
    let entry = loader::settle(session, &stack, &program);
    trap::install_handler();
    slots::release_first();
    host::set_mask(session.header.mask & !trap::SIGSYS_BIT);
    // SAFETY: the loader set both up as execve(2) would.
    unsafe { arch::enter(entry, stack.guest_pointer()) }
}

/// What the process was before the exec, as far as an exec keeps it.
fn adopt_inherited_state() {
    const SIG_IGN: usize = 1;
    let header = session().header;
    state::update(|state| {
        state.cwd_mount = header.cwd_mount;
        if header.flags.has(Flags::SIGSYS_IGNORED) {
            state.sigsys.handler = SIG_IGN;
        }
    });
    if header.flags.has(Flags::SIGSYS_BLOCKED) {
        state::set_sigsys_blocked(true);
    }
}
