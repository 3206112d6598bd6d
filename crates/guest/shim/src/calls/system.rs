//! What is left: uname(2) and ptrace(2).

use newroot_abi::{Errno, uname};
use newroot_sys::raw;

use super::forward;
use crate::memory;
use crate::session::session;
use crate::trap::{Outcome, Trapped};
use crate::{patch, state};

/// Bytes of each field of `struct utsname`.
const FIELD: usize = 65;

/// uname(2) with the names the user wants, if any.
pub fn uname(call: &mut Trapped<'_>) -> Outcome {
    let [out, ..] = call.arguments;
    let result = forward(raw::__NR_uname, [out, 0, 0, 0, 0, 0]).and_then(|value| {
        for index in 0..uname::NAMES {
            let Some(name) = uname::name(session().uname, index) else { continue };
            let mut field = [0u8; FIELD];
            for (place, &byte) in field.iter_mut().take(FIELD - 1).zip(name) {
                *place = byte;
            }
            memory::write_bytes(out + index * FIELD, &field)?;
        }
        Ok(value)
    });
    result.into()
}

/// ptrace(2) with PTRACE_TRACEME.
///
/// A debugger's child asks to be traced and then execs. If it is a vfork child, its parent, the
/// debugger, sleeps until that exec, and so couldn't wake it from the stop that a SIGSYS means for a
/// traced process. The request is put off until the exec then: see [`crate::calls::exec`].
pub fn traceme(call: &mut Trapped<'_>) -> Outcome {
    if crate::slots::is_owner(crate::host::getpid()) {
        return forward(call.number as u32, call.arguments).into();
    }
    // Whom somebody traces, or who has asked before, is refused.
    if state::get().trace_me != 0 || patch::is_traced() == Ok(true) {
        return Errno::PERM.into();
    }
    state::update(|state| state.trace_me = 1);
    Ok::<usize, Errno>(0).into()
}
