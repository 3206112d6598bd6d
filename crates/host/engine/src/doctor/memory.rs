//! What a process may do with its own memory and with others'.

use rustix::io::Errno;

use super::Outcome;
use super::attempt::attempt;
use super::processes::Idle;
use super::raw;

/// prctl(PR_SET_MM_MAP), by which the shim makes a guest's own argv the one that ps shows.
pub(super) fn memory_map() -> Outcome {
    attempt(|narrator| {
        narrator.begin("set the memory map");
        raw::set_memory_map()?;
        Ok(0)
    })
    .outcome(|_| String::new())
}

/// Changing code: without it every system call the trap engine wants takes a signal.
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

/// process_vm_readv(2) of a child.
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
