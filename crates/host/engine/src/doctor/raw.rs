//! System calls that no library makes safe, each in a function that can't be misused.
//!
//! Unsafe is allowed here because forking, signal actions and the system calls below are unsafe by
//! nature. They are sound because all functions but [`fork`], [`take_default_sigchld`] and
//! [`is_free`] are called in a child that has one thread, does nothing else, and ends soon.
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

/// Makes the exit statuses of children readable, even if the parent process left SIGCHLD ignored.
pub(super) fn take_default_sigchld() {
    // SAFETY: the default action runs no code of this process.
    unsafe { libc::signal(libc::SIGCHLD, libc::SIG_DFL) };
}

/// Forks a child that runs `work` and exits with its result.
pub(super) fn fork(work: impl FnOnce() -> c_int) -> Result<Pid, Errno> {
    // SAFETY: the child has only this thread. A lock that another thread held stays locked, so
    // `work` must not call anything that takes a lock; the C library handles its own locks. `work`
    // never returns to the parent's code, so nothing is dropped twice.
    let pid = unsafe { libc::fork() };
    match pid {
        -1 => Err(last_error()),
        0 => {
            let code = work();
            // SAFETY: ends the child without the parent's exit handlers.
            unsafe { libc::_exit(code) }
        }
        _ => Pid::from_raw(pid).ok_or(Errno::CHILD),
    }
}

/// Returns whether nothing is mapped at an address. Also true if the kernel can't say.
pub(super) fn is_free(address: usize) -> bool {
    const PAGE: usize = 4096;
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_FIXED_NOREPLACE;
    // SAFETY: MAP_FIXED_NOREPLACE replaces no mapping, and the new one, at this address or another,
    // is unmapped again.
    unsafe {
        let at = libc::mmap(address as *mut libc::c_void, PAGE, libc::PROT_NONE, flags, -1, 0);
        if at == libc::MAP_FAILED {
            return last_error() != Errno::EXIST;
        }
        libc::munmap(at, PAGE);
        // A kernel before 4.17 takes the address as a hint.
        at as usize == address
    }
}

/// Lets the kernel end this process after this number of seconds.
pub(super) fn end_after(seconds: u32) {
    // SAFETY: the default action of SIGALRM ends the process and runs none of its code.
    unsafe {
        libc::signal(libc::SIGALRM, libc::SIG_DFL);
        libc::alarm(seconds);
    }
    allow_signal(libc::SIGALRM);
}

/// Waits for a signal.
pub(super) fn pause() {
    // SAFETY: pause(2) has no arguments.
    unsafe { libc::pause() };
}

/// Removes a signal from the signal mask.
fn allow_signal(signal: c_int) {
    // SAFETY: the set is a local variable; all zeros is a valid value, which sigemptyset
    // overwrites.
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

/// Installs a handler of SIGSYS, the signal of a trapped call, that only notes that it ran.
pub(super) fn note_traps() -> Result<(), Errno> {
    allow_signal(libc::SIGSYS);
    let handler: extern "C" fn(c_int) = on_sigsys;
    // SAFETY: the handler only stores to an atomic.
    let before = unsafe { libc::signal(libc::SIGSYS, handler as libc::sighandler_t) };
    if before == libc::SIG_ERR { Err(last_error()) } else { Ok(()) }
}

/// Returns whether a call was trapped.
pub(super) fn has_trapped() -> bool {
    TRAPPED.load(Ordering::SeqCst)
}

/// Installs a seccomp filter, which stays until this process ends.
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

/// Makes the system call that the test filter traps.
pub(super) fn call_getppid() {
    // SAFETY: getppid(2) has no arguments and no effect.
    unsafe { libc::syscall(libc::SYS_getppid) };
}

/// Executes the program in an open file, by execveat(2). Returns only on failure.
pub(super) fn execute(file: BorrowedFd<'_>) -> Errno {
    let empty = c"";
    let (arguments, environment) = ([empty.as_ptr(), ptr::null()], [ptr::null::<c_char>()]);
    // SAFETY: both lists end in a null pointer, and all strings in a NUL.
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

/// Executes the program in an open file by its link in /proc, or by execveat(2) where there is no
/// /proc.
pub(super) fn execute_by_link(file: BorrowedFd<'_>) -> Errno {
    let Ok(link) = CString::new(format!("/proc/self/fd/{}", file.as_raw_fd())) else {
        return Errno::INVAL;
    };
    let (arguments, environment) = ([link.as_ptr(), ptr::null()], [ptr::null()]);
    // SAFETY: both lists end in a null pointer, and all strings in a NUL.
    unsafe { libc::execve(link.as_ptr(), arguments.as_ptr(), environment.as_ptr()) };
    match last_error() {
        Errno::NOENT => execute(file),
        errno => errno,
    }
}

/// Moves this process to new namespaces, as `flags` say.
pub(super) fn unshare(flags: UnshareFlags) -> Result<(), Errno> {
    // SAFETY: no other thread could miss a descriptor.
    unsafe { rustix::thread::unshare_unsafe(flags) }
}

const WRITABLE_CODE: c_int = libc::PROT_READ | libc::PROT_WRITE | libc::PROT_EXEC;
const CODE: c_int = libc::PROT_READ | libc::PROT_EXEC;

/// Page size in bytes.
const PAGE: usize = 4096;

/// Maps memory that is writable and executable, and removes the write permission.
pub(super) fn make_code() -> Result<(), Errno> {
    let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
    // SAFETY: the mapping is new and no other code uses it. It goes with the child.
    unsafe {
        let at = libc::mmap(ptr::null_mut(), PAGE, WRITABLE_CODE, flags, -1, 0);
        if at == libc::MAP_FAILED {
            return Err(last_error());
        }
        checked(libc::mprotect(at, PAGE, CODE).into()).map(|_| ())
    }
}

/// Maps this program's file a second time, for execution, and writes to that mapping.
pub(super) fn change_code() -> Result<(), Errno> {
    let path = c"/proc/self/exe";
    // SAFETY: the mapping is new and private. A write to it changes neither the file nor the
    // running code.
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

/// Sets where this process's code, data, heap and stack are, to their present addresses.
pub(super) fn set_memory_map() -> Result<(), Errno> {
    static DATA: u64 = 0;
    let code = set_memory_map as *const () as u64;
    let data = (&raw const DATA).addr() as u64;
    let on_stack = 0_u64;
    let stack = (&raw const on_stack).addr() as u64;
    // SAFETY: an increment of zero only returns the program break.
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
    // SAFETY: the kernel only notes the addresses, all of which are this process's. The heap
    // doesn't move.
    unsafe { rustix::process::configure_virtual_memory_map(&map) }
}

/// Reads from another process the value at the address of `here`.
pub(super) fn read_memory(process: Pid, here: &u64) -> Result<u64, Errno> {
    let mut found = 0_u64;
    let local = libc::iovec { iov_base: (&raw mut found).cast(), iov_len: size_of::<u64>() };
    let remote = libc::iovec { iov_base: ptr::from_ref(here).cast_mut().cast(), iov_len: size_of::<u64>() };
    // SAFETY: the kernel writes to `found`, and reads another process's memory.
    let read = checked(unsafe {
        libc::process_vm_readv(process.as_raw_pid(), &raw const local, 1, &raw const remote, 1, 0) as c_long
    })?;
    if read as usize == size_of::<u64>() { Ok(found) } else { Err(Errno::FAULT) }
}

/// Lets the parent trace this process.
pub(super) fn be_traced() -> Result<(), Errno> {
    // SAFETY: this request has no arguments.
    checked(unsafe { libc::ptrace(libc::PTRACE_TRACEME) }).map(|_| ())
}

/// Lets a stopped process run until its next system call.
pub(super) fn trace_to_next_call(process: Pid) -> Result<(), Errno> {
    let null = ptr::null_mut::<libc::c_void>();
    // SAFETY: this request takes no address, and a null pointer for "no signal".
    checked(unsafe { libc::ptrace(libc::PTRACE_SYSCALL, process.as_raw_pid(), null, null) }).map(|_| ())
}

/// Returns the kernel's version of Landlock's rules.
pub(super) fn landlock_version() -> Result<u32, Errno> {
    /// LANDLOCK_CREATE_RULESET_VERSION
    const VERSION: u32 = 1;
    let no_rules = ptr::null::<libc::c_void>();
    // SAFETY: with this flag the kernel reads no ruleset.
    let version =
        checked(unsafe { libc::syscall(libc::SYS_landlock_create_ruleset, no_rules, 0_usize, VERSION) })?;
    u32::try_from(version).map_err(|_| Errno::INVAL)
}

/// Turns the C library's -1 into an errno.
fn checked(result: c_long) -> Result<c_long, Errno> {
    if result == -1 { Err(last_error()) } else { Ok(result) }
}

fn last_error() -> Errno {
    Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::IO)
}
