//! The remaining calls: uname(2) and ptrace(2).

use newroot_abi::{Errno, uname};
use newroot_procfs::status;
use newroot_sys::raw;

use crate::call::{Outcome, Trapped, forward};
use crate::kernel::{self, AT_FDCWD, Path};
use crate::memory;
use crate::session::session;
use crate::state;

/// Size of each field of `struct utsname`, in bytes.
const FIELD: usize = 65;

/// Runs uname(2), with the names that the user chose.
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

/// Runs ptrace(2) with PTRACE_TRACEME.
///
/// A debugger's child asks to be traced and then execs. If it is a vfork child, its parent, the
/// debugger, sleeps until that exec. So the parent couldn't wake it from the stop that a SIGSYS
/// means for a traced process. Then the request waits until the exec: see [`crate::calls::exec`].
pub fn traceme(call: &mut Trapped<'_>) -> Outcome {
    if crate::slots::is_owner(crate::kernel::getpid()) {
        return forward(call.number as u32, call.arguments).into();
    }
    // Refused to a process that is traced, or that has asked before.
    if state::get().trace_me != 0 || is_traced() == Ok(true) {
        return Errno::PERM.into();
    }
    state::update(|state| state.trace_me = 1);
    Ok::<usize, Errno>(0).into()
}

/// Returns whether another process traces this one (proc_pid_status(5)).
pub fn is_traced() -> Result<bool, Errno> {
    let path = Path::new(b"/proc/self/status\0");
    let file = kernel::openat(AT_FDCWD, path, raw::O_RDONLY | raw::O_CLOEXEC, 0)?;
    let mut text = [0u8; 1024];
    let len = kernel::read(file.number(), &mut text)?;
    let text = text.get(..len).unwrap_or(&[]);
    let tracer = status::value(text, b"TracerPid").ok_or(Errno::NOENT)?;
    Ok(tracer != b"0")
}
