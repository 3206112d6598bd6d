//! A few descriptors more than the process may have, for a moment.
//!
//! Where the kernel needs no descriptor and we do, a process that has used up its soft limit
//! (RLIMIT_NOFILE) may have some of what its hard limit still allows, until the guard is dropped. Where
//! that is used up, too, a child helps out: it borrows the memory and has descriptors of its own, some
//! of which it can do without.
//!
//! # Safety
//! prlimit(2) with structures that live for the call. A helper's child runs what it is given to its end
//! while its parent waits.
#![allow(unsafe_code)]

use newroot_sys::arch;
use newroot_sys::raw;

use crate::host::{self, Descriptor};
use crate::session;
use newroot_abi::Errno;

const RLIMIT_NOFILE: usize = 7;
const RLIMIT_DATA: usize = 2;
const RLIMIT_AS: usize = 9;
const RLIMIT_STACK: usize = 3;
const EXTRA: u64 = 8;

/// The raised limit; dropping it restores the old one.
#[derive(Debug)]
pub struct Spare {
    old: [u64; 2],
}

impl Spare {
    /// Raises the soft limit; `None` if the hard one forbids it.
    #[must_use]
    pub fn new() -> Option<Self> {
        let mut old = [0u64; 2];
        if !prlimit(RLIMIT_NOFILE, None, Some(&mut old)) || old[0] >= old[1] {
            return None;
        }
        prlimit(RLIMIT_NOFILE, Some(&[(old[0] + EXTRA).min(old[1]), old[1]]), None).then_some(Self { old })
    }
}

impl Drop for Spare {
    fn drop(&mut self) {
        prlimit(RLIMIT_NOFILE, Some(&self.old), None);
    }
}

/// Runs `work` in a child that shares nothing with us but the memory, and that has closed descriptors
/// at the upper end of the limit, except `keep`. `None` if there is no such child to be had, or something
/// ended it.
///
/// A descriptor that `work` opens is the child's and ends with it; what it maps stays.
pub fn with_fewer_descriptors<T>(keep: [i32; 2], work: impl FnOnce() -> T) -> Option<T> {
    struct Errand<W, T> {
        keep: [i32; 2],
        work: Option<W>,
        result: Option<T>,
    }
    unsafe extern "C" fn run<T, W: FnOnce() -> T>(errand: usize) {
        // SAFETY: the parent lent it and waits.
        let errand = unsafe { &mut *(errand as *mut Errand<W, T>) };
        close_some(errand.keep);
        errand.result = errand.work.take().map(|work| work());
    }
    fn errand_of<T, W: FnOnce() -> T>(_: &Errand<W, T>) -> unsafe extern "C" fn(usize) {
        run::<T, W>
    }
    let mut errand = Errand { keep, work: Some(work), result: None };
    let run = errand_of(&errand);
    // Nobody is told of it: no signal at its end, no tracer at its beginning.
    // SAFETY: `run` is given what it was made for.
    let child = unsafe { arch::borrow_memory(raw::CLONE_UNTRACED, run, (&raw mut errand) as usize) };
    if child > 0 {
        let arguments = [child as usize, 0, raw::__WALL as usize, 0, 0, 0];
        // SAFETY: touches no memory.
        while unsafe { host::forward(raw::__NR_wait4, &arguments) } == Errno::INTR.to_return() {}
    }
    errand.result
}

/// Does what needs a descriptor or two for a moment, also where none is left. `keep` are the guest's that it needs.
///
/// # Errors
/// What `work` gives.
pub fn with_descriptors<T>(keep: [i32; 2], work: impl Fn() -> Result<T, Errno>) -> Result<T, Errno> {
    let mut result = work();
    if !matches!(result, Err(Errno::MFILE)) {
        return result;
    }
    if let Some(_spare) = Spare::new() {
        result = work();
        if !matches!(result, Err(Errno::MFILE)) {
            return result;
        }
    }
    with_fewer_descriptors(keep, work).unwrap_or(Err(Errno::MFILE))
}

fn close_some(keep: [i32; 2]) {
    let mut limit = [0u64; 2];
    if !prlimit(RLIMIT_NOFILE, None, Some(&mut limit)) {
        return;
    }
    let end = i32::try_from(limit[0]).unwrap_or(i32::MAX);
    for number in (end - EXTRA as i32).max(0)..end {
        if !keep.contains(&number) {
            drop(Descriptor::from_number(number));
        }
    }
}

unsafe extern "C" {
    #[link_name = "__executable_start"]
    static IMAGE_START: u8;
    #[link_name = "end"]
    static IMAGE_END: u8;
}

/// Checks that the kernel can map the shim anew. Where it can't, it notices only when the process has nothing left to
/// go back to, and sends SIGSEGV. `strings` says how many bytes the arguments and variables take on the new
/// stack; it is asked only where that matters.
///
/// # Errors
/// ENOMEM.
pub fn check_image_fits(strings: impl FnOnce() -> usize) -> Result<(), Errno> {
    /// Where the limit is higher, the strings aren't counted: the kernel takes 6 MiB of them at most.
    const AMPLE: u64 = 8 << 20;
    /// Pages of the kernel's own in every address space (vdso and vvar), and the page above the strings.
    const KERNELS_OWN: u64 = 16 * 4096;
    /// What the stack has below the strings from the start (setup_arg_pages() in fs/exec.c).
    const STACK: u64 = 128 * 1024;
    let address = |symbol: *const u8| symbol.addr() as u64;
    let pages = |from: u64, to: u64| to.next_multiple_of(4096) - (from & !4095);
    let start = address(&raw const IMAGE_START);
    let (text, end) = (arch::dispatch_end() as u64, address(&raw const IMAGE_END));
    let data = pages(text.next_multiple_of(4096), end);
    let limit = |which| {
        let mut limit = [0u64; 2];
        if prlimit(which, None, Some(&mut limit)) { limit } else { [u64::MAX; 2] }
    };
    // A soft limit of 0 isn't enforced, but the hard one is then (may_expand_vm() in mm/mmap.c).
    let [soft, hard] = limit(RLIMIT_DATA);
    if (if soft == 0 { hard } else { soft }) < data {
        return Err(Errno::NOMEM);
    }
    let [space, _] = limit(RLIMIT_AS);
    if space >= AMPLE {
        return Ok(());
    }
    let stack = STACK.min(limit(RLIMIT_STACK)[0]) + (strings() as u64).next_multiple_of(4096);
    let table = session::table_len().next_multiple_of(4096) as u64;
    if pages(start, text) + data + table + stack + KERNELS_OWN > space { Err(Errno::NOMEM) } else { Ok(()) }
}

/// Whether the process may not map as much as it likes (RLIMIT_AS); also where that can't be found out.
#[must_use]
pub fn is_space_limited() -> bool {
    let mut limit = [0u64; 2];
    !prlimit(RLIMIT_AS, None, Some(&mut limit)) || limit[0] != u64::MAX
}

/// How far the main stack may grow, in bytes.
#[must_use]
pub fn stack() -> usize {
    let mut old = [0u64; 2];
    if prlimit(RLIMIT_STACK, None, Some(&mut old)) { old[0] as usize } else { 0 }
}

fn prlimit(which: usize, new: Option<&[u64; 2]>, old: Option<&mut [u64; 2]>) -> bool {
    let new = new.map_or(0, |new| new.as_ptr() as usize);
    let old = old.map_or(0, |old| old.as_mut_ptr() as usize);
    // SAFETY: both structures are borrowed for the call.
    unsafe { host::forward(raw::__NR_prlimit64, &[0, which, new, old, 0, 0]) == 0 }
}
