//! The initial stack: the guest's strings, and behind them the plan's.
//!
//! # Safety
//! The kernel made the stack (argc, pointers, auxiliary vector). Every access stays within its
//! counts and terminators.
#![allow(unsafe_code)]

use linux_raw_sys::{auxvec, prctl as raw_prctl};
use newroot_abi::plan::{self, Flags, Header, MAGIC};
use newroot_abi::uname;
use newroot_sys::raw;

use super::map::Mapped;
use crate::identity::process;
use crate::kernel;
use crate::memory::initial_string;
use crate::session::Session;

/// The stack as the kernel laid it out when it executed the shim.
#[derive(Debug)]
pub struct KernelStack {
    /// Address of the argument count.
    pointer: *mut usize,
    /// Pointers to the guest's variables, followed by pointers to the plan's strings.
    environment: *mut usize,
    /// Number of the guest's variables.
    variables: usize,
    header: Header,
}

impl KernelStack {
    /// Finds the plan on the stack; returns `None` if there is none.
    ///
    /// # Safety
    /// `pointer` must be the initial stack pointer.
    #[must_use]
    pub unsafe fn new(pointer: *mut usize) -> Option<Self> {
        // SAFETY: the kernel put argc, argc pointers, NULL, the environment's pointers and NULL
        // there; they point to NUL-terminated strings.
        unsafe {
            let environment = pointer.add(1 + *pointer + 1);
            let mut count = 0;
            while *environment.add(count) != 0 {
                count += 1;
            }
            let header = Header::decode(initial_string(*environment.add(count.checked_sub(1)?)))?;
            let variables = count.checked_sub(header.strings as usize)?;
            let stack = Self { pointer, environment, variables, header };
            (stack.string(0) == MAGIC).then_some(stack)
        }
    }

    /// Returns the plan's header.
    #[must_use]
    pub fn header(&self) -> Header {
        self.header
    }

    /// Returns the pointers to the plan's strings.
    #[must_use]
    pub fn plan(&self) -> &[usize] {
        // SAFETY: `new` counted these pointers.
        unsafe {
            core::slice::from_raw_parts(self.environment.add(self.variables), self.header.strings as usize)
        }
    }

    /// Returns one of the plan's strings; empty if there is no such string.
    #[must_use]
    pub fn string(&self, index: usize) -> &[u8] {
        // SAFETY: a string that the kernel put on the stack.
        self.plan().get(index).map_or(&[], |&at| unsafe { initial_string(at) })
    }

    /// Removes the plan's pointers, by moving up the words below them. It also zeroes the plan's
    /// strings, because they stay part of `/proc/PID/environ` where the kernel can't be given other
    /// bounds. Only the name stays: it becomes the guest's AT_EXECFN.
    #[must_use]
    pub fn without_plan(self) -> InitialStack {
        for (index, &at) in self.plan().iter().enumerate() {
            if index != plan::NAME {
                // SAFETY: the kernel's string. No reference to it is left: the session has copies.
                unsafe { core::ptr::write_bytes(at as *mut u8, 0, initial_string(at).len()) };
            }
        }
        let plan = self.header.strings as usize;
        // SAFETY: the words from the argument count to the guest's last variable move up, to end in
        // front of the NULL. The auxiliary vector follows it: pairs up to a zero tag.
        unsafe {
            let arguments = *self.pointer;
            let words = 1 + arguments + 1 + self.variables;
            let guest = self.pointer.add(plan);
            core::ptr::copy(self.pointer, guest, words);
            let auxiliary = guest.add(words + 1);
            let mut pairs = 1;
            while *auxiliary.add(2 * (pairs - 1)) != 0 {
                pairs += 1;
            }
            InitialStack { guest, arguments, variables: self.variables, auxiliary, pairs }
        }
    }
}

/// The stack as the guest's program finds it.
#[derive(Debug)]
pub struct InitialStack {
    /// Address of the argument count.
    guest: *mut usize,
    arguments: usize,
    variables: usize,
    auxiliary: *mut usize,
    /// Number of pairs in the auxiliary vector, with its terminator.
    pairs: usize,
}

impl InitialStack {
    /// Returns the stack pointer that the guest's program starts with.
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

    /// Returns random bits derived from the kernel's (AT_RANDOM), never zero. The result is zero
    /// only where the process asked for no randomness (personality(2), ADDR_NO_RANDOMIZE) or there
    /// is no AT_RANDOM.
    #[must_use]
    pub fn random(&self) -> u64 {
        const QUERY: usize = 0xffff_ffff;
        const ADDR_NO_RANDOMIZE: usize = 0x0004_0000;
        // SAFETY: a query touches no memory.
        let personality = unsafe { kernel::forward(raw::__NR_personality, &[QUERY, 0, 0, 0, 0, 0]) };
        if personality > 0 && personality as usize & ADDR_NO_RANDOMIZE != 0 {
            return 0;
        }
        let Some(at) = self.auxiliary(auxvec::AT_RANDOM) else { return 0 };
        // SAFETY: AT_RANDOM points to sixteen bytes. The guest uses them too, so they are mixed
        // until they reveal nothing about its copy.
        let seed = unsafe { (*at as *const u64).read_unaligned() };
        (seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20) | 1
    }

    /// Rewrites the auxiliary vector for the guest's program.
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
        if let Some(capabilities) = uname::capabilities(session.uname) {
            set(auxvec::AT_HWCAP, capabilities);
        }
        if session.has(Flags::FAKE_ROOT) {
            let me = process::current().credentials;
            set(auxvec::AT_UID, me.ruid.into());
            set(auxvec::AT_EUID, me.euid.into());
            set(auxvec::AT_GID, me.rgid.into());
            set(auxvec::AT_EGID, me.egid.into());
            set(auxvec::AT_SECURE, session.has(Flags::SECURE).into());
        }
    }

    /// Gives the kernel the addresses of the guest's variables and heap, so that /proc/PID/environ
    /// and brk(2) are right for the guest. It uses PR_SET_MM_MAP, which any process may use if it
    /// leaves exe_fd unset. On a kernel without it the shim's addresses stay, which works as well.
    pub fn set_mm_map(&self, main: &Mapped, break_gap: usize) {
        let environment = 1 + self.arguments + 1;
        // SAFETY: within the pointers that the kernel laid out. Their strings end with NUL and lie
        // one behind the other, in the order of the pointers.
        let (argument_start, argument_end, environment_end) = unsafe {
            let end = |index: usize| {
                let at = *self.guest.add(index);
                at + initial_string(at).len() + 1
            };
            let first = *self.guest.add(1);
            let argument_end = if self.arguments == 0 { first } else { end(self.arguments) };
            let environment_end =
                if self.variables == 0 { argument_end } else { end(environment + self.variables - 1) };
            (first, argument_end, environment_end)
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
        // SAFETY: the structure lives for the call, and its addresses belong to the program.
        let _ =
            unsafe { kernel::prctl(PR_SET_MM, PR_SET_MM_MAP, &raw const map as usize, size_of_val(&map), 0) };
    }

    /// Makes the stack executable, for a program that asks for it in PT_GNU_STACK.
    pub fn make_executable(&self) {
        const PROT_GROWSDOWN: u32 = 0x0100_0000;
        let protection = raw::PROT_READ | raw::PROT_WRITE | raw::PROT_EXEC | PROT_GROWSDOWN;
        // SAFETY: this only adds rights, to the page and, by PROT_GROWSDOWN, to all pages below it.
        let _ = unsafe { kernel::mprotect(self.guest as usize & !4095, 4096, protection) };
    }
}
