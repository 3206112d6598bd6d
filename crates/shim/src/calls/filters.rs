//! Seccomp filters of the guest's own.
//!
//! The kernel takes the most restrictive answer of all filters, so a guest's allow-list would kill
//! the shim's calls. A guest's program is installed behind a prologue that lets the shim's code
//! through. A call we trap never meets it in the form the guest made it: so the program is
//! kept, and evaluated before the call is run. (Its KILL and TRAP need no evaluating: they outrank
//! our TRAP and take effect in the kernel.)
//!
//! The programs survive an exec as the kernel's filters do; but their copies don't, yet: after an
//! exec a trapped call no longer meets a guest's ERRNO.
//!
//! # Safety
//! The list grows by one whole pointer at a time and never shrinks.
#![allow(unsafe_code)]

use core::sync::atomic::{AtomicUsize, Ordering};

use newroot_abi::Errno;
use newroot_sys::arch;
use newroot_sys::bpf::{self, Data, Insn};
use newroot_sys::filter::{GUARD_LEN, guard};
use newroot_sys::raw;

use super::forward;
use crate::host;
use crate::memory;
use crate::trap::{Outcome, Trapped, shim_range};

const SET_MODE_STRICT: usize = 0;
const SET_MODE_FILTER: usize = 1;
const PR_SET_SECCOMP: usize = 22;

/// A guest's program: a word with its length, then its instructions, then those before it.
struct Kept {
    previous: usize,
    len: usize,
}

/// Address of the newest program kept; 0 for none.
static NEWEST: AtomicUsize = AtomicUsize::new(0);

/// seccomp(2).
pub fn seccomp(call: &mut Trapped<'_>) -> Outcome {
    let [operation, flags, program, ..] = call.arguments;
    match operation as u32 as usize {
        // Strict mode allows read, write and exit alone: not even returning from our handler.
        SET_MODE_STRICT => Errno::INVAL.into(),
        SET_MODE_FILTER => {
            install(program, |guarded| forward(raw::__NR_seccomp, [SET_MODE_FILTER, flags, guarded, 0, 0, 0]))
                .into()
        }
        _ => forward(raw::__NR_seccomp, call.arguments).into(),
    }
}

/// prctl(2) with PR_SET_SECCOMP.
pub fn prctl(call: &mut Trapped<'_>) -> Outcome {
    let [_, mode, program, ..] = call.arguments;
    if mode != 2 {
        return Errno::INVAL.into();
    }
    install(program, |guarded| forward(raw::__NR_prctl, [PR_SET_SECCOMP, mode, guarded, 0, 0, 0])).into()
}

fn install(program: usize, call: impl FnOnce(usize) -> Result<usize, Errno>) -> Result<usize, Errno> {
    let [len, instructions] = memory::read::<[usize; 2]>(program)?;
    let len = len & 0xffff;
    if len == 0 || len + GUARD_LEN > bpf::MAX_INSNS {
        return Err(Errno::INVAL);
    }
    let size = len * size_of::<Insn>();
    memory::check_readable(instructions, size)?;
    let head = size_of::<Kept>();
    let room = (head + (GUARD_LEN + len) * size_of::<Insn>()).next_multiple_of(4096);
    let base = host::map_anonymous(room)?;
    let at = base + head;
    for (index, insn) in guard(shim_range()).iter().enumerate() {
        // SAFETY: the mapping was made with room for it.
        unsafe { (at as *mut Insn).add(index).write(*insn) };
    }
    // SAFETY: the guest's instructions are readable, the mapping has room for them.
    unsafe {
        core::ptr::copy_nonoverlapping(
            instructions as *const u8,
            (at as *mut Insn).add(GUARD_LEN).cast(),
            size,
        );
    }
    let guarded = bpf::Program { len: (GUARD_LEN + len) as u16, instructions: at };
    match call(&raw const guarded as usize) {
        Ok(value) => {
            // SAFETY: the head of the mapping.
            unsafe {
                (base as *mut Kept)
                    .write(Kept { previous: NEWEST.load(Ordering::Acquire), len: GUARD_LEN + len });
            }
            NEWEST.store(base, Ordering::Release);
            Ok(value)
        }
        Err(error) => {
            // SAFETY: nobody else knows of the mapping.
            unsafe { host::munmap(base, room) };
            Err(error)
        }
    }
}

/// What the guest's own filters answer to a call: an errno to be given instead of running it.
#[must_use]
pub fn verdict(call: &Trapped<'_>) -> Option<Outcome> {
    let mut at = NEWEST.load(Ordering::Acquire);
    if at == 0 {
        return None;
    }
    const ACTION: u32 = 0xffff_0000;
    let data = Data {
        number: call.number as u32,
        arch: arch::AUDIT_ARCH,
        ip: call.context.registers.ip() as u64,
        arguments: call.arguments.map(|argument| argument as u64),
    };
    let mut strictest: Option<u32> = None;
    while at != 0 {
        // SAFETY: mappings made by `install` and never unmapped.
        let (kept, program) = unsafe {
            let kept = &*(at as *const Kept);
            let first = (at + size_of::<Kept>()) as *const Insn;
            (kept, core::slice::from_raw_parts(first, kept.len))
        };
        let answer = bpf::run(program, &data);
        // Signed, smaller is stricter: KILL_PROCESS is negative (kernel/seccomp.c).
        if strictest.is_none_or(|so_far| ((answer & ACTION) as i32) < ((so_far & ACTION) as i32)) {
            strictest = Some(answer);
        }
        at = kept.previous;
    }
    let answer = strictest?;
    (answer & ACTION == newroot_sys::filter::ERRNO).then(|| Outcome::Done(-((answer & 0xfff) as isize)))
}
