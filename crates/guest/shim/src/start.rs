//! The start of every program: from the plan on the initial stack to the guest's entry point.
//!
//! # Safety
//! It runs once, alone, on the first slot's stack.
#![allow(unsafe_code)]

use newroot_abi::Errno;
use newroot_abi::plan::{self, Flags};
use newroot_sys::arch;

use crate::call::{SIG_IGN, SIGSYS_BIT};
use crate::identity::process;
use crate::loader::{self, KernelStack};
use crate::report::{fatal, fatal_error};
use crate::resolve::merged;
use crate::session::{self, session};
use crate::{fakeroot, mount_view, slots, state, trap};

/// Starts the guest's program. The entry point calls this with the initial stack pointer.
///
/// # Safety
/// `stack` must be the stack pointer that the kernel set, and no other code may have run yet.
pub unsafe extern "C" fn start(stack: *mut usize) -> ! {
    // SAFETY: the caller's contract.
    let Some(stack) = (unsafe { KernelStack::new(stack) }) else {
        fatal(&[b"this is newroot's shim; run newroot itself"]);
    };
    // Before anything else, because other processes can see the name.
    loader::name_process(stack.string(plan::NAME));
    let header = stack.header();
    let policy = header.flags.has(Flags::FAKE_ROOT).then_some(&fakeroot::POLICY);
    // SAFETY: no other thread and no handler runs yet.
    if unsafe { session::install(stack.plan(), header, policy) }.is_err() {
        fatal(&[b"internal error: the plan can't be read"]);
    }
    merged::note_hints(session().links_in_root);
    slots::take_first();
    slots::wipe_on_fork();
    adopt_inherited_state();
    if session().has(Flags::FAKE_ROOT) {
        if let Err(error) = process::start() {
            let hint: &[u8] = if error == Errno::NOENT { b"\nhint: its file was removed" } else { b"" };
            fatal_error(b"join the session", b"", error, hint);
        }
        if let Err(error) = mount_view::enter(slots::FIRST) {
            fatal_error(b"see the session's mounts", b"", error, b"");
        }
    }
    let session = session();
    if session.has(Flags::LAUNCH) {
        trap::install_filter();
        slots::trim_first();
    }
    // SAFETY: `take_first` has just taken the slot.
    let scratch = unsafe { slots::scratch(slots::FIRST) };
    let stack = stack.without_plan();
    let random = stack.random();
    let program = loader::load(session, random, scratch);
    let entry = loader::settle(session, &stack, &program, random);
    trap::install_handler();
    let mask = session.header.mask & !SIGSYS_BIT;
    mount_view::leave(slots::FIRST);
    slots::release_first();
    // SAFETY: the loader set up program and stack as execve(2) would.
    unsafe { arch::enter(entry, stack.guest_pointer(), mask) }
}

/// Takes over the state from before the exec, as far as an exec keeps it.
fn adopt_inherited_state() {
    let header = session().header;
    state::update(|state| {
        state.cwd_mount = header.cwd_mount;
        if header.flags.has(Flags::SIGSYS_IGNORED) {
            state.sigsys.handler = SIG_IGN;
        }
        state.no_new_privileges = header.flags.has(Flags::NO_NEW_PRIVILEGES).into();
    });
    if header.flags.has(Flags::SIGSYS_BLOCKED) {
        state::set_sigsys_blocked(true);
    }
}
