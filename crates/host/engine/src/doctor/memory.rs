//! Access to the process's own memory, and to that of others.

use rustix::io::Errno;

use super::Outcome;
use super::attempt::attempt;
use super::processes::Idle;
use super::raw;

/// Tries prctl(PR_SET_MM_MAP), with which the shim makes ps show a guest's own argv.
pub(super) fn memory_map() -> Outcome {
    attempt(|narrator| {
        narrator.begin("set the memory map");
        raw::set_memory_map()?;
        Ok(0)
    })
    .outcome(|_| String::new())
}

/// Tries to change code. Where that is denied, every call that the trap engine handles costs a
/// signal.
pub(super) fn writable_code() -> Outcome {
    attempt(|narrator| {
        narrator.begin("map memory for code");
        raw::make_code()?;
        narrator.begin("change a program's code in memory");
        raw::change_code()?;
        Ok(0)
    })
    .outcome(|_| String::new())
}

/// Tries process_vm_readv(2) on a child.
pub(super) fn process_vm_readv() -> Outcome {
    const WRITTEN: u64 = 0x0123_4567_89ab_cdef;
    let word = WRITTEN;
    attempt(|narrator| {
        narrator.begin("fork");
        let child = Idle::fork()?;
        narrator.begin("read a child's memory");
        let read = raw::read_memory(child.id(), &word)?;
        if read == WRITTEN { Ok(0) } else { Err(Errno::IO) }
    })
    .outcome(|_| String::new())
}
