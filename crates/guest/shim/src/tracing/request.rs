//! The requests of ptrace(2) that the guest makes.

use newroot_abi::Errno;
use newroot_sys::raw;

use super::stops;
use super::table::{self, Phase, Record};
use crate::call::{Outcome, Trapped, forward};
use crate::calls::system;
use crate::memory;

// Numbers from include/uapi/linux/ptrace.h and arch/x86/include/uapi/asm/ptrace-abi.h.
const TRACEME: u32 = 0;
pub(super) const PEEKDATA: u32 = 2;
pub(super) const POKEDATA: u32 = 5;
pub(super) const CONT: u32 = 7;
const KILL: u32 = 8;
pub(super) const SINGLESTEP: u32 = 9;
pub(super) const GETREGS: u32 = 12;
pub(super) const SETREGS: u32 = 13;
/// PTRACE_ATTACH.
pub const ATTACH: u32 = 16;
pub(super) const DETACH: u32 = 17;
pub(super) const SYSCALL: u32 = 24;
pub(super) const SYSEMU: u32 = 31;
pub(super) const SYSEMU_SINGLESTEP: u32 = 32;
pub(super) const SINGLEBLOCK: u32 = 33;
pub(super) const SETOPTIONS: u32 = 0x4200;
pub(super) const GETEVENTMSG: u32 = 0x4201;
pub(super) const GETSIGINFO: u32 = 0x4202;
/// PTRACE_SEIZE.
pub const SEIZE: u32 = 0x4206;
pub(super) const INTERRUPT: u32 = 0x4207;
pub(super) const LISTEN: u32 = 0x4208;
pub(super) const PEEKSIGINFO: u32 = 0x4209;
pub(super) const GETSIGMASK: u32 = 0x420a;
pub(super) const SETSIGMASK: u32 = 0x420b;
const GET_SYSCALL_INFO: u32 = 0x420e;

pub(super) const O_TRACESYSGOOD: u32 = 1;
const O_TRACESECCOMP: usize = 1 << 7;

/// Runs a guest's ptrace(2).
pub fn ptrace(call: &mut Trapped<'_>) -> Outcome {
    let [request, tid, ..] = call.arguments;
    let run = |data: usize| {
        let [request, tid, address, _, e, f] = call.arguments;
        forward(raw::__NR_ptrace, [request, tid, address, data, e, f])
    };
    let [.., data, _, _] = call.arguments;
    let tid = tid as u32;
    match request as u32 {
        TRACEME => system::traceme(call),
        ATTACH => begin(tid, 0, run(data)).into(),
        // A kernel without seccomp filters returns these errnos, and tracers can handle them: see
        // `calls/filters.rs`.
        SEIZE if data & O_TRACESECCOMP != 0 => Errno::IO.into(),
        SETOPTIONS if data & O_TRACESECCOMP != 0 => Errno::INVAL.into(),
        SEIZE => begin(tid, data as u32, run(data | O_TRACESYSGOOD as usize)).into(),
        KILL | INTERRUPT => run(data).into(),
        request => match table::get(tid) {
            // Natively the tracee would be running now, so the request would fail.
            Some(record) if record.shown == 0 => Errno::SRCH.into(),
            Some(record) => of_stopped(tid, record, request, data, run).into(),
            None => run(data).into(),
        },
    }
}

/// Records a new tracee and the options that it was attached with.
fn begin(tid: u32, options: u32, result: Result<usize, Errno>) -> Result<usize, Errno> {
    if result.is_ok() {
        table::put(tid, &Record { options, ..Record::default() });
    }
    result
}

fn of_stopped(
    tid: u32,
    mut record: Record,
    request: u32,
    data: usize,
    run: impl Fn(usize) -> Result<usize, Errno>,
) -> Result<usize, Errno> {
    match request {
        CONT | SYSCALL | SINGLESTEP | SINGLEBLOCK | SYSEMU | SYSEMU_SINGLESTEP | LISTEN | DETACH => {
            stops::restart(tid, record, request, data, run)
        }
        SETOPTIONS => {
            let result = run(data | O_TRACESYSGOOD as usize)?;
            record.options = data as u32;
            record.prepared = 1;
            table::put(tid, &record);
            Ok(result)
        }
        GETSIGINFO => {
            let result = run(data)?;
            if record.code != 0 {
                const CODE: usize = 8;
                memory::write(data + CODE, &record.code)?;
            }
            Ok(result)
        }
        GETEVENTMSG => match record.message.checked_sub(1) {
            Some(message) => memory::write(data, &message).map(|()| 0),
            None => run(data),
        },
        GET_SYSCALL_INFO if record.phase == Phase::AtExec => {
            let result = run(data)?;
            // Reports PTRACE_SYSCALL_INFO_NONE, and no data behind the stack pointer.
            const HEAD: usize = 24;
            if result > 0 {
                memory::write(data, &0u8)?;
            }
            Ok(result.min(HEAD))
        }
        _ => run(data),
    }
}
