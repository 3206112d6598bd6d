//! Spare descriptors for a moment, for a process that has used up its limit.
//!
//! A call for which the kernel needs no descriptor can need one in the shim. If the process has
//! used up its soft limit (RLIMIT_NOFILE), the shim raises it, up to the hard limit, until the
//! guard is dropped. If the hard limit is used up as well, a child does the work: it shares the
//! memory but has its own descriptor table, and closes some of its descriptors.
//!
//! # Safety
//! prlimit(2) gets structures that live for the call. A helper child runs its work to the end while
//! its parent waits.
#![allow(unsafe_code)]

use newroot_sys::arch;
use newroot_sys::raw;

use crate::kernel::{self, Descriptor};
use newroot_abi::Errno;

const RLIMIT_NOFILE: usize = 7;
const RLIMIT_DATA: usize = 2;
const RLIMIT_AS: usize = 9;
const RLIMIT_STACK: usize = 3;
const EXTRA: u64 = 8;

/// The raised limit. Dropping it restores the old one.
#[derive(Debug)]
pub struct Spare {
    old: [u64; 2],
}

impl Spare {
    /// Raises the soft limit; returns `None` if the hard limit doesn't allow it.
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

/// Runs `work` in a child that shares only the memory with the caller, and that has closed the
/// descriptors at the upper end of the limit, except `keep`. Returns `None` if no such child can be
/// made, or if something killed it.
///
/// A descriptor that `work` opens belongs to the child and is closed when it ends. Mappings that
/// `work` makes stay.
pub fn with_fewer_descriptors<T>(keep: [i32; 2], work: impl FnOnce() -> T) -> Option<T> {
    struct Errand<W, T> {
        keep: [i32; 2],
        work: Option<W>,
        result: Option<T>,
    }
    unsafe extern "C" fn run<T, W: FnOnce() -> T>(errand: usize) {
        // SAFETY: the parent lent the errand and waits.
        let errand = unsafe { &mut *(errand as *mut Errand<W, T>) };
        close_some(errand.keep);
        errand.result = errand.work.take().map(|work| work());
    }
    fn errand_of<T, W: FnOnce() -> T>(_: &Errand<W, T>) -> unsafe extern "C" fn(usize) {
        run::<T, W>
    }
    let mut errand = Errand { keep, work: Some(work), result: None };
    let run = errand_of(&errand);
    // No other process notices the child: its end sends no signal, and no tracer is attached at its
    // start.
    // SAFETY: `run` gets the errand whose types it was made for.
    let child = unsafe { arch::borrow_memory(raw::CLONE_UNTRACED, run, (&raw mut errand) as usize) };
    if child > 0 {
        let arguments = [child as usize, 0, raw::__WALL as usize, 0, 0, 0];
        // SAFETY: touches no memory.
        while unsafe { kernel::forward(raw::__NR_wait4, &arguments) } == Errno::INTR.to_return() {}
    }
    errand.result
}

/// Runs `work`, which needs one or two descriptors for a moment, even where none is left. `keep`
/// has the guest's descriptors that it uses.
///
/// # Errors
/// The errno of `work`; EMFILE if no descriptor can be had.
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

/// Checks that the kernel can map the shim anew. The kernel notices a lack of memory only after the
/// process has lost its old program, and then sends SIGSEGV. `table` is the size of the mounts
/// behind the image, in bytes. `strings` returns the size of the arguments and variables on the new
/// stack in bytes. It is only called where that matters.
///
/// # Errors
/// ENOMEM if a limit leaves too little memory.
pub fn check_image_fits(table: usize, strings: impl FnOnce() -> usize) -> Result<(), Errno> {
    /// Limit from which the strings aren't counted: the kernel accepts at most 6 MiB of them.
    const AMPLE: u64 = 8 << 20;
    /// Bytes that the kernel maps in every address space (vdso and vvar), and the page above the
    /// strings.
    const KERNELS_OWN: u64 = 16 * 4096;
    /// Bytes that the stack has below the strings from the start (setup_arg_pages() in fs/exec.c).
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
    // The kernel doesn't enforce a soft limit of 0, but then enforces the hard one (may_expand_vm()
    // in mm/mmap.c).
    let [soft, hard] = limit(RLIMIT_DATA);
    if (if soft == 0 { hard } else { soft }) < data {
        return Err(Errno::NOMEM);
    }
    let [space, _] = limit(RLIMIT_AS);
    if space >= AMPLE {
        return Ok(());
    }
    let stack = STACK.min(limit(RLIMIT_STACK)[0]) + (strings() as u64).next_multiple_of(4096);
    let table = table.next_multiple_of(4096) as u64;
    if pages(start, text) + data + table + stack + KERNELS_OWN > space { Err(Errno::NOMEM) } else { Ok(()) }
}

/// Returns whether the size of the address space is limited (RLIMIT_AS); true also where that can't
/// be found out.
#[must_use]
pub fn is_space_limited() -> bool {
    let mut limit = [0u64; 2];
    !prlimit(RLIMIT_AS, None, Some(&mut limit)) || limit[0] != u64::MAX
}

/// Returns the size that the main stack may grow to, in bytes; 0 if that can't be found out.
#[must_use]
pub fn stack() -> usize {
    let mut old = [0u64; 2];
    if prlimit(RLIMIT_STACK, None, Some(&mut old)) { old[0] as usize } else { 0 }
}

fn prlimit(which: usize, new: Option<&[u64; 2]>, old: Option<&mut [u64; 2]>) -> bool {
    let new = new.map_or(0, |new| new.as_ptr() as usize);
    let old = old.map_or(0, |old| old.as_mut_ptr() as usize);
    // SAFETY: both structures are borrowed for the call.
    unsafe { kernel::forward(raw::__NR_prlimit64, &[0, which, new, old, 0, 0]) == 0 }
}
