//! The calls for which there is no safe library, each in a function that can't be misused.
//!
//! Unsafe is allowed here because forking, signal actions and the system calls below are
//! unsafe by nature. What makes them sound: all but [`fork`], [`take_default_sigchld`] and [`is_free`] are
//! called in a child that has one thread, does nothing else, and ends soon.
#![allow(unsafe_code)]

use std::ffi::{CString, c_char, c_int, c_long};
use std::os::fd::{AsRawFd, BorrowedFd};
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};

use newroot_sys::bpf::{Insn, Program};
use rustix::io::Errno;
use rustix::process::{Pid, PrctlMmMap};
use rustix::thread::UnshareFlags;

/// The signal that ends a child after [`end_after`].
pub(super) const ALARM: i32 = libc::SIGALRM;

/// Makes exit statuses of children readable, even if SIGCHLD came to us ignored.
pub(super) fn take_default_sigchld() {
    // SAFETY: the default action runs no code of ours.
    unsafe { libc::signal(libc::SIGCHLD, libc::SIG_DFL) };
}

/// Forks a child that runs `work` and exits with what it returns.
pub(super) fn fork(work: impl FnOnce() -> c_int) -> Result<Pid, Errno> {
    // SAFETY: in the child there is this thread alone. A lock that another one held stays
    // locked, so `work` may only call what takes none; the C library sees to its own. It
    // never returns from here, so nothing of the parent's is dropped twice.
    let pid = unsafe { libc::fork() };
    match pid {
        -1 => Err(last_error()),
        0 => {
            let code = work();
            // SAFETY: it ends the child, without the parent's exit handlers.
            unsafe { libc::_exit(code) }
        }
        _ => Pid::from_raw(pid).ok_or(Errno::CHILD),
    }
}

/// Whether nothing of this process is at an address, or the kernel can't say.
pub(super) fn is_free(address: usize) -> bool {
    const PAGE: usize = 4096;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED_NOREPLACE;
    // SAFETY: what is there stays, and what the kernel maps here, at this address or another, is taken away again.
    unsafe {
        let at = libc::mmap(address as *mut libc::c_void, PAGE, libc::PROT_NONE, flags, -1, 0);
        if at == libc::MAP_FAILED {
            return last_error() != Errno::EXIST;
        }
        libc::munmap(at, PAGE);
        // A kernel before 4.17 takes the address for a wish.
        at as usize == address
    }
}

/// Has the kernel end this process after some seconds.
pub(super) fn end_after(seconds: u32) {
    // SAFETY: the default action of SIGALRM ends the process and runs no code of ours.
    unsafe {
        libc::signal(libc::SIGALRM, libc::SIG_DFL);
        libc::alarm(seconds);
    }
    allow_signal(libc::SIGALRM);
}

/// Waits for a signal.
pub(super) fn pause() {
    // SAFETY: it touches nothing.
    unsafe { libc::pause() };
}

/// Takes a signal out of the mask.
fn allow_signal(signal: c_int) {
    // SAFETY: the set is ours; all zeros is a valid value that sigemptyset overwrites.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        libc::sigaddset(&raw mut set, signal);
        libc::sigprocmask(libc::SIG_UNBLOCK, &raw const set, ptr::null_mut());
    }
}

/// Whether [`on_sigsys`] has run in this process.
static TRAPPED: AtomicBool = AtomicBool::new(false);

extern "C" fn on_sigsys(_signal: c_int) {
    TRAPPED.store(true, Ordering::SeqCst);
}

/// Lets SIGSYS, the signal of a trapped call, only be noted.
pub(super) fn note_traps() -> Result<(), Errno> {
    allow_signal(libc::SIGSYS);
    let handler: extern "C" fn(c_int) = on_sigsys;
    // SAFETY: the handler does no more than store to an atomic.
    let before = unsafe { libc::signal(libc::SIGSYS, handler as libc::sighandler_t) };
    if before == libc::SIG_ERR { Err(last_error()) } else { Ok(()) }
}

/// Whether a call has been trapped.
pub(super) fn has_trapped() -> bool {
    TRAPPED.load(Ordering::SeqCst)
}

/// Installs a seccomp filter for the rest of this process's life.
pub(super) fn install_filter(filter: &[Insn]) -> Result<(), Errno> {
    let program = Program {
        len: u16::try_from(filter.len()).map_err(|_| Errno::INVAL)?,
        instructions: filter.as_ptr().addr(),
    };
    // SAFETY: the program describes `filter`, which the kernel copies.
    let done = checked(unsafe {
        libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, 0, &raw const program)
    });
    done.map(|_| ())
}

/// Makes the system call that traps are tried on.
pub(super) fn call_getppid() {
    // SAFETY: it has no arguments and no effect.
    unsafe { libc::syscall(libc::SYS_getppid) };
}

/// Becomes the program in an open file, by execveat(2).
pub(super) fn execute(file: BorrowedFd<'_>) -> Errno {
    let empty = c"";
    let (arguments, environment) = ([empty.as_ptr(), ptr::null()], [ptr::null::<c_char>()]);
    // SAFETY: both lists end in a null pointer, and all strings in a null byte.
    unsafe {
        libc::syscall(
            libc::SYS_execveat,
            file.as_raw_fd(),
            empty.as_ptr(),
            arguments.as_ptr(),
            environment.as_ptr(),
            libc::AT_EMPTY_PATH,
        );
    }
    last_error()
}

/// Becomes the program in an open file, by execve(2); by execveat(2) where there is no /proc.
pub(super) fn execute_by_link(file: BorrowedFd<'_>) -> Errno {
    let Ok(link) = CString::new(format!("/proc/self/fd/{}", file.as_raw_fd())) else {
        return Errno::INVAL;
    };
    let (arguments, environment) = ([link.as_ptr(), ptr::null()], [ptr::null()]);
    // SAFETY: both lists end in a null pointer, and all strings in a null byte.
    unsafe { libc::execve(link.as_ptr(), arguments.as_ptr(), environment.as_ptr()) };
    match last_error() {
        Errno::NOENT => execute(file),
        errno => errno,
    }
}

/// Gives this process a user namespace of its own, or whatever else `flags` say.
pub(super) fn unshare(flags: UnshareFlags) -> Result<(), Errno> {
    // SAFETY: there is no other thread that could miss a descriptor.
    unsafe { rustix::thread::unshare_unsafe(flags) }
}

const WRITABLE_CODE: c_int = libc::PROT_READ | libc::PROT_WRITE | libc::PROT_EXEC;
const CODE: c_int = libc::PROT_READ | libc::PROT_EXEC;

/// The size of a page.
const PAGE: usize = 4096;

/// Maps memory that can be written and executed, and takes the right to write away.
pub(super) fn make_code() -> Result<(), Errno> {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    // SAFETY: the mapping is new, and nobody's; it goes with the child.
    unsafe {
        let at = libc::mmap(ptr::null_mut(), PAGE, WRITABLE_CODE, flags, -1, 0);
        if at == libc::MAP_FAILED {
            return Err(last_error());
        }
        checked(libc::mprotect(at, PAGE, CODE).into()).map(|_| ())
    }
}

/// Maps this program's file for execution once more, and writes into that mapping.
pub(super) fn change_code() -> Result<(), Errno> {
    let path = c"/proc/self/exe";
    // SAFETY: the mapping is new and private: what is written to it reaches neither the file nor the
    // code that runs.
    unsafe {
        let file = libc::open(path.as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC);
        let at = libc::mmap(ptr::null_mut(), PAGE, CODE, libc::MAP_PRIVATE, file, 0);
        if at == libc::MAP_FAILED {
            return Err(last_error());
        }
        checked(libc::mprotect(at, PAGE, WRITABLE_CODE).into())?;
        at.cast::<u8>().write_volatile(0xcc);
        checked(libc::mprotect(at, PAGE, CODE).into()).map(|_| ())
    }
}

/// Tells the kernel where this process's code, data, heap and stack are.
pub(super) fn set_memory_map() -> Result<(), Errno> {
    static DATA: u64 = 0;
    let code = set_memory_map as *const () as u64;
    let data = (&raw const DATA).addr() as u64;
    let on_stack = 0_u64;
    let stack = (&raw const on_stack).addr() as u64;
    // SAFETY: moving the break by nothing only tells where it is.
    let heap = unsafe { libc::sbrk(0) }.addr() as u64;
    let map = PrctlMmMap {
        start_code: code,
        end_code: code + 1,
        start_data: data,
        end_data: data + 8,
        start_brk: heap,
        brk: heap,
        start_stack: stack,
        arg_start: stack,
        arg_end: stack,
        env_start: stack,
        env_end: stack,
        auxv: ptr::null_mut(),
        auxv_size: 0,
        exe_fd: -1,
    };
    // SAFETY: the kernel only notes the addresses, all of which are of this process. The
    // heap stays where it is.
    unsafe { rustix::process::configure_virtual_memory_map(&map) }
}

/// Reads what another process has at the address of `here`.
pub(super) fn read_memory(process: Pid, here: &u64) -> Result<u64, Errno> {
    let mut found = 0_u64;
    let local = libc::iovec { iov_base: (&raw mut found).cast(), iov_len: size_of::<u64>() };
    let remote = libc::iovec { iov_base: ptr::from_ref(here).cast_mut().cast(), iov_len: size_of::<u64>() };
    // SAFETY: what is written to is `found`; what is read is another process's.
    let read = checked(unsafe {
        libc::process_vm_readv(process.as_raw_pid(), &raw const local, 1, &raw const remote, 1, 0) as c_long
    })?;
    if read as usize == size_of::<u64>() { Ok(found) } else { Err(Errno::FAULT) }
}

/// Has the parent trace this process.
pub(super) fn be_traced() -> Result<(), Errno> {
    // SAFETY: this request looks at no argument.
    checked(unsafe { libc::ptrace(libc::PTRACE_TRACEME) }).map(|_| ())
}

/// Lets a stopped process go on to its next system call.
pub(super) fn trace_to_next_call(process: Pid) -> Result<(), Errno> {
    let null = ptr::null_mut::<libc::c_void>();
    // SAFETY: this request takes no address, and a null pointer for "no signal".
    checked(unsafe { libc::ptrace(libc::PTRACE_SYSCALL, process.as_raw_pid(), null, null) }).map(|_| ())
}

/// The version of Landlock's rules that the kernel knows.
pub(super) fn landlock_version() -> Result<u32, Errno> {
    /// LANDLOCK_CREATE_RULESET_VERSION
    const VERSION: u32 = 1;
    let no_rules = ptr::null::<libc::c_void>();
    // SAFETY: with this flag there is no ruleset to read.
    let version =
        checked(unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, no_rules, 0_usize, VERSION) })?;
    u32::try_from(version).map_err(|_| Errno::INVAL)
}

/// A C library call's result: -1 is a failure.
fn checked(result: c_long) -> Result<c_long, Errno> {
    if result == -1 { Err(last_error()) } else { Ok(result) }
}

fn last_error() -> Errno {
    Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::IO)
}
