//! The initial stack: where the plan's strings end and the guest's own begin.
//!
//! # Safety
//! The stack is the kernel's own work (argc, pointers, auxiliary vector); every access stays
//! within what its counts and terminators say.
#![allow(unsafe_code)]

use linux_raw_sys::{auxvec, prctl as raw_prctl};
use newroot_sys::raw;

use super::map::Mapped;
use crate::host;
use crate::session::Session;

/// The stack as the kernel laid it out for the exec of the shim.
#[derive(Debug)]
pub struct InitialStack {
    /// Where the guest's argc goes: over the last of the plan's pointers.
    guest: *mut usize,
    arguments: usize,
    environment: *const usize,
    auxiliary: *mut usize,
    /// Pairs in the auxiliary vector, its terminator included.
    pairs: usize,
}

impl InitialStack {
    /// `stack` is the initial stack pointer; the first `plan` arguments are the plan's.
    ///
    /// # Safety
    /// It must be the kernel's.
    #[must_use]
    pub unsafe fn new(stack: *mut usize, plan: usize) -> Self {
        // SAFETY: argc, argc pointers, NULL, the environment's pointers, NULL, pairs.
        unsafe {
            let count = *stack;
            let environment = stack.add(1 + count + 1);
            let mut end = environment;
            while *end != 0 {
                end = end.add(1);
            }
            let auxiliary = end.add(1);
            let mut pairs = 1;
            while *auxiliary.add(2 * (pairs - 1)) != 0 {
                pairs += 1;
            }
            let guest = stack.add(plan);
            *guest = count - plan;
            Self { guest, arguments: count - plan, environment, auxiliary, pairs }
        }
    }

    /// The stack pointer the guest's program starts with.
    #[must_use]
    pub fn guest_pointer(&self) -> usize {
        self.guest as usize
    }

    fn auxiliary(&self, tag: u32) -> Option<*mut usize> {
        (0..self.pairs).find_map(|pair| {
            // SAFETY: within the vector.
            unsafe {
                let pair = self.auxiliary.add(2 * pair);
                (*pair == tag as usize).then(|| pair.add(1))
            }
        })
    }

    /// Random bits from the kernel's own (AT_RANDOM), never zero; but zero where the process
    /// asked for no randomness (personality(2), ADDR_NO_RANDOMIZE).
    #[must_use]
    pub fn random(&self) -> u64 {
        const QUERY: usize = 0xffff_ffff;
        const ADDR_NO_RANDOMIZE: usize = 0x0004_0000;
        // SAFETY: a query touches nothing.
        let personality = unsafe { host::forward(raw::__NR_personality, &[QUERY, 0, 0, 0, 0, 0]) };
        if personality > 0 && personality as usize & ADDR_NO_RANDOMIZE != 0 {
            return 0;
        }
        let Some(at) = self.auxiliary(auxvec::AT_RANDOM) else { return 0 };
        // SAFETY: AT_RANDOM points to sixteen bytes. The guest uses them too, so they are mixed
        // until they tell nothing of what it sees.
        let seed = unsafe { (*at as *const u64).read_unaligned() };
        (seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20) | 1
    }

    /// Rewrites the auxiliary vector.
    pub fn settle(&self, session: &Session, main: &Mapped, interpreter: Option<&Mapped>) {
        let set = |tag: u32, value: u64| {
            if let Some(place) = self.auxiliary(tag) {
                // SAFETY: a word of the vector.
                unsafe { *place = value as usize };
            }
        };
        set(auxvec::AT_PHDR, main.program_headers.0);
        set(auxvec::AT_PHNUM, main.program_headers.1.into());
        set(auxvec::AT_BASE, interpreter.map_or(0, |interpreter| interpreter.start));
        set(auxvec::AT_ENTRY, main.entry as u64);
        set(auxvec::AT_EXECFN, session.name_on_stack as u64);
    }

    /// Tells the kernel where the guest's arguments, environment and heap are (PR_SET_MM_MAP,
    /// which anyone may use who leaves exe_fd alone), so that /proc/PID/cmdline and brk(2)
    /// are the guest's. A kernel that can't leaves them the shim's, which works as well.
    pub fn tell_kernel(&self, main: &Mapped, break_gap: usize) {
        // SAFETY: within the pointers the kernel laid out; strings end with NUL.
        let (argument_start, argument_end, environment_end) = unsafe {
            let first = *self.guest.add(1);
            let end_of = |pointers: *const usize, mut end: usize| {
                let mut at = pointers;
                while *at != 0 {
                    end = *at + crate::memory::initial_string(*at).len() + 1;
                    at = at.add(1);
                }
                end
            };
            let first = if self.arguments == 0 { *self.environment } else { first };
            let argument_end = end_of(self.guest.add(1), first);
            (first, argument_end, end_of(self.environment, argument_end))
        };
        let brk = ((main.end as usize + 4095) & !4095) + break_gap;
        let data = if main.data.0 == 0 { main.code } else { main.data };
        let map = raw_prctl::prctl_mm_map {
            start_code: main.code.0,
            end_code: main.code.1,
            start_data: data.0,
            end_data: data.1,
            start_brk: brk as u64,
            brk: brk as u64,
            start_stack: self.guest as u64,
            arg_start: argument_start as u64,
            arg_end: argument_end as u64,
            env_start: argument_end as u64,
            env_end: environment_end as u64,
            auxv: self.auxiliary.cast(),
            auxv_size: (self.pairs * 2 * size_of::<usize>()) as u32,
            exe_fd: u32::MAX,
        };
        const PR_SET_MM: u32 = 35;
        const PR_SET_MM_MAP: usize = 14;
        // SAFETY: the structure lives for the call, and its addresses are the program's own.
        let _ =
            unsafe { host::prctl(PR_SET_MM, PR_SET_MM_MAP, &raw const map as usize, size_of_val(&map), 0) };
    }

    /// Makes the stack executable, for programs that ask for it in PT_GNU_STACK.
    pub fn make_executable(&self) {
        const PROT_GROWSDOWN: u32 = 0x0100_0000;
        let protection = raw::PROT_READ | raw::PROT_WRITE | raw::PROT_EXEC | PROT_GROWSDOWN;
        // SAFETY: more rights for the page, and by PROT_GROWSDOWN for all below it.
        let _ = unsafe { host::mprotect(self.guest as usize & !4095, 4096, protection) };
    }

    /// Sets the process's name as exec does: the last component of what was executed.
    pub fn name_process(&self, session: &Session) {
        const PR_SET_NAME: u32 = 15;
        let name = session.name;
        let start = name.iter().rposition(|&byte| byte == b'/').map_or(0, |slash| slash + 1);
        let mut comm = [0u8; 16];
        for (place, &byte) in comm.iter_mut().take(15).zip(name.get(start..).unwrap_or(&[])) {
            *place = byte;
        }
        // SAFETY: sixteen bytes, NUL-terminated.
        let _ = unsafe { host::prctl(PR_SET_NAME, comm.as_ptr() as usize, 0, 0, 0) };
    }
}
