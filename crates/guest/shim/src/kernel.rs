//! Typed wrappers for the host kernel's system calls that the shim makes for itself.
//!
//! # Safety
//! Every function here passes the kernel only memory that it has borrowed for the time of the call.
//! Functions that can't guarantee this are `unsafe` and name the caller's obligations.
#![allow(unsafe_code)]

pub mod entries;
mod files;
mod listing;
mod lock;

use core::mem::MaybeUninit;

use newroot_abi::Errno;
use newroot_sys::arch::SignalAction;
use newroot_sys::{raw, syscall};

pub use files::{
    birth, chown_to_nobody, fallocate, fchmodat, fgetxattr, flock, getxattr, limits_of, linkat, listxattr,
    mkdirat, mknodat, nanoseconds, pwrite, removexattr, rename, seconds, set_limits, set_modified, setxattr,
    symlinkat, unlinkat,
};
pub(crate) use listing::Listing;
pub use lock::Lock;

/// The working directory, as a directory descriptor.
pub const AT_FDCWD: i32 = raw::AT_FDCWD;

/// A descriptor that belongs to the shim and is closed when it goes out of scope.
#[derive(Debug)]
pub struct Descriptor(i32);

impl Descriptor {
    /// Returns its number.
    #[must_use]
    pub fn number(&self) -> i32 {
        self.0
    }

    /// Returns its number, without closing it: the caller must.
    #[must_use]
    pub fn into_number(self) -> i32 {
        let number = self.0;
        core::mem::forget(self);
        number
    }

    /// Takes ownership of an open descriptor.
    #[must_use]
    pub fn from_number(number: i32) -> Self {
        Self(number)
    }
}

impl Drop for Descriptor {
    fn drop(&mut self) {
        // SAFETY: the shim owns the descriptor.
        let _ = unsafe { syscall!(raw::__NR_close, self.0) };
    }
}

fn descriptor(result: usize) -> Descriptor {
    Descriptor(result as i32)
}

/// A path for the kernel: bytes that end with NUL, as a buffer's `with_nul` returns them. Any other
/// bytes become the empty path (ENOENT), so the kernel never reads past their end.
#[derive(Clone, Copy)]
pub struct Path<'a>(&'a [u8]);

impl<'a> Path<'a> {
    /// Makes a path of `bytes`, which must end with NUL; otherwise the path is empty.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(if bytes.last() == Some(&0) { bytes } else { b"\0" })
    }

    /// Returns the address of the first byte.
    #[must_use]
    pub fn address(self) -> usize {
        self.0.as_ptr() as usize
    }

    /// Returns the bytes without the NUL.
    #[must_use]
    pub fn bytes(self) -> &'a [u8] {
        self.0.strip_suffix(b"\0").unwrap_or(self.0)
    }
}

/// Calls write(2).
///
/// # Errors
/// The errnos of write(2).
pub fn write(fd: i32, bytes: &[u8]) -> Result<usize, Errno> {
    // SAFETY: `bytes` is borrowed.
    unsafe { syscall!(raw::__NR_write, fd, bytes.as_ptr(), bytes.len()) }
}

/// Calls exit_group(2).
pub fn exit(status: i32) -> ! {
    loop {
        // SAFETY: it doesn't return.
        let _ = unsafe { syscall!(raw::__NR_exit_group, status) };
    }
}

/// Calls openat2(2).
///
/// # Errors
/// The errnos of openat2(2).
pub fn openat2(dir: i32, path: Path<'_>, flags: u64, mode: u64, resolve: u64) -> Result<Descriptor, Errno> {
    let how = [flags, mode, resolve];
    // SAFETY: path and how are borrowed for the call.
    unsafe {
        syscall!(raw::__NR_openat2, dir, path.address(), how.as_ptr(), size_of_val(&how)).map(descriptor)
    }
}

/// Calls openat(2).
///
/// # Errors
/// The errnos of openat(2).
pub fn openat(dir: i32, path: Path<'_>, flags: u32, mode: u32) -> Result<Descriptor, Errno> {
    // SAFETY: the path is borrowed for the call.
    unsafe { syscall!(raw::__NR_openat, dir, path.address(), flags, mode).map(descriptor) }
}

/// Calls readlinkat(2) with `out`; returns the length of the text in bytes.
///
/// # Errors
/// The errnos of readlinkat(2).
pub fn readlinkat(dir: i32, path: Path<'_>, out: &mut [u8]) -> Result<usize, Errno> {
    // SAFETY: both are borrowed for the call, and the kernel writes at most out.len() bytes.
    unsafe { syscall!(raw::__NR_readlinkat, dir, path.address(), out.as_mut_ptr(), out.len()) }
}

/// Calls getcwd(2) with `out`; returns the length of the path without its NUL.
///
/// # Errors
/// The errnos of getcwd(2).
pub fn getcwd(out: &mut [u8]) -> Result<usize, Errno> {
    // SAFETY: the kernel writes at most out.len() bytes.
    let len = unsafe { syscall!(raw::__NR_getcwd, out.as_mut_ptr(), out.len())? };
    Ok(len.saturating_sub(1))
}

/// `struct stat`.
pub type Stat = raw::stat;

/// File type, as a mode encodes it (inode(7)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileType {
    /// S_IFREG.
    Regular,
    /// S_IFDIR.
    Directory,
    /// S_IFLNK.
    Symlink,
    /// A device, a FIFO or a socket.
    Other,
}

impl FileType {
    /// Returns the type of the file that a `struct stat` describes.
    #[must_use]
    pub fn of(stat: &Stat) -> Self {
        match stat.st_mode & raw::S_IFMT {
            raw::S_IFREG => Self::Regular,
            raw::S_IFDIR => Self::Directory,
            raw::S_IFLNK => Self::Symlink,
            _ => Self::Other,
        }
    }
}

/// Calls fstat(2).
///
/// # Errors
/// The errnos of fstat(2).
pub fn fstat(fd: i32) -> Result<Stat, Errno> {
    let mut stat = MaybeUninit::<Stat>::uninit();
    // SAFETY: the kernel fills the whole structure when it succeeds.
    unsafe {
        syscall!(raw::__NR_fstat, fd, stat.as_mut_ptr())?;
        Ok(stat.assume_init())
    }
}

/// Calls newfstatat(2).
///
/// # Errors
/// The errnos of newfstatat(2).
pub fn fstatat(dir: i32, path: Path<'_>, flags: u32) -> Result<Stat, Errno> {
    let mut stat = MaybeUninit::<Stat>::uninit();
    // SAFETY: the path is borrowed, and the kernel fills the structure when it succeeds.
    unsafe {
        syscall!(raw::__NR_newfstatat, dir, path.address(), stat.as_mut_ptr(), flags)?;
        Ok(stat.assume_init())
    }
}

/// Calls faccessat(2), which follows a symlink at the end.
///
/// # Errors
/// The errnos of faccessat(2).
pub fn faccessat(dir: i32, path: Path<'_>, mode: u32) -> Result<(), Errno> {
    // SAFETY: the path is borrowed.
    unsafe { syscall!(raw::__NR_faccessat, dir, path.address(), mode).map(|_| ()) }
}

/// Calls fchdir(2).
///
/// # Errors
/// The errnos of fchdir(2).
pub fn fchdir(fd: i32) -> Result<(), Errno> {
    // SAFETY: touches no memory.
    unsafe { syscall!(raw::__NR_fchdir, fd).map(|_| ()) }
}

/// Calls chdir(2).
///
/// # Errors
/// The errnos of chdir(2).
pub fn chdir(path: Path<'_>) -> Result<(), Errno> {
    // SAFETY: the path is borrowed.
    unsafe { syscall!(raw::__NR_chdir, path.address()).map(|_| ()) }
}

/// Calls pread64(2).
///
/// # Errors
/// The errnos of pread64(2).
pub fn pread(fd: i32, out: &mut [u8], offset: u64) -> Result<usize, Errno> {
    // SAFETY: the kernel writes at most out.len() bytes.
    unsafe { syscall!(raw::__NR_pread64, fd, out.as_mut_ptr(), out.len(), offset) }
}

/// Calls read(2).
///
/// # Errors
/// The errnos of read(2).
pub fn read(fd: i32, out: &mut [u8]) -> Result<usize, Errno> {
    // SAFETY: the kernel writes at most out.len() bytes.
    unsafe { syscall!(raw::__NR_read, fd, out.as_mut_ptr(), out.len()) }
}

/// Calls lseek(2).
///
/// # Errors
/// The errnos of lseek(2).
pub fn lseek(fd: i32, offset: i64, whence: u32) -> Result<usize, Errno> {
    // SAFETY: touches no memory.
    unsafe { syscall!(raw::__NR_lseek, fd, offset, whence) }
}

/// Calls getdents64(2) with `out`; returns the length of the entries in bytes.
///
/// # Errors
/// The errnos of getdents64(2).
pub fn getdents64(fd: i32, out: &mut [u8]) -> Result<usize, Errno> {
    // SAFETY: the kernel writes at most out.len() bytes.
    unsafe { syscall!(raw::__NR_getdents64, fd, out.as_mut_ptr(), out.len()) }
}

/// Calls memfd_create(2).
///
/// # Errors
/// The errnos of memfd_create(2).
fn memfd_create(name: Path<'_>, flags: u32) -> Result<Descriptor, Errno> {
    // SAFETY: the name is borrowed.
    unsafe { syscall!(raw::__NR_memfd_create, name.address(), flags).map(descriptor) }
}

/// Creates a file without a name that can be executed. It is in memory if it must be `sealed`
/// later; else, where a policy denies that, on a file system.
///
/// # Errors
/// The errnos of memfd_create(2).
pub fn program_file(name: Path<'_>, sealed: bool) -> Result<Descriptor, Errno> {
    // Linux 6.3: include/uapi/linux/memfd.h.
    const MFD_EXEC: u32 = 16;
    let flags = raw::MFD_CLOEXEC | if sealed { raw::MFD_ALLOW_SEALING } else { 0 };
    match memfd_create(name, flags | MFD_EXEC).or_else(|_| memfd_create(name, flags)) {
        Err(_) if !sealed => nameless_file(name, true),
        answer => answer,
    }
}

/// Creates a file without a name: in memory or, where a policy denies that, in a directory where
/// any user may create one (/dev/shm, /tmp).
///
/// # Errors
/// The errnos of memfd_create(2).
pub fn nameless_file(name: Path<'_>, close_on_exec: bool) -> Result<Descriptor, Errno> {
    const PLACES: [&[u8]; 2] = [b"/dev/shm\0", b"/tmp\0"];
    let in_place = |place: &&[u8]| {
        let close_on_exec = if close_on_exec { raw::O_CLOEXEC } else { 0 };
        openat(AT_FDCWD, Path::new(place), raw::O_TMPFILE | raw::O_RDWR | close_on_exec, 0o600).ok()
    };
    match memfd_create(name, if close_on_exec { raw::MFD_CLOEXEC } else { 0 }) {
        // EACCES comes from the sysctl vm.memfd_noexec.
        Err(error @ (Errno::NOSYS | Errno::PERM | Errno::ACCES)) => {
            PLACES.iter().find_map(in_place).ok_or(error)
        }
        answer => answer,
    }
}

/// Calls fcntl(2) with a command that takes a number and returns one.
///
/// # Errors
/// The errnos of fcntl(2).
pub fn fcntl(fd: i32, command: u32, argument: usize) -> Result<usize, Errno> {
    // SAFETY: such a command touches no memory.
    unsafe { syscall!(raw::__NR_fcntl, fd, command, argument) }
}

/// Duplicates a descriptor to the lowest free number from `lowest` on; an exec leaves the copy open
/// (fcntl(2), F_DUPFD).
///
/// # Errors
/// The errnos of fcntl(2).
pub fn dup_across_exec(fd: i32, lowest: i32) -> Result<Descriptor, Errno> {
    // SAFETY: touches no memory.
    unsafe { syscall!(raw::__NR_fcntl, fd, raw::F_DUPFD, lowest).map(descriptor) }
}

/// Calls getpid(2).
#[must_use]
pub fn getpid() -> u32 {
    // SAFETY: touches no memory.
    unsafe { syscall!(raw::__NR_getpid) }.unwrap_or(0) as u32
}

/// Calls getppid(2).
#[must_use]
pub fn getppid() -> u32 {
    // SAFETY: touches no memory.
    unsafe { syscall!(raw::__NR_getppid) }.unwrap_or(0) as u32
}

/// Calls gettid(2).
#[must_use]
pub fn gettid() -> u32 {
    // SAFETY: touches no memory.
    unsafe { syscall!(raw::__NR_gettid) }.unwrap_or(0) as u32
}

/// Calls geteuid(2). The result is the host user, also under fake root.
#[must_use]
pub fn geteuid() -> u32 {
    // SAFETY: touches no memory.
    unsafe { syscall!(raw::__NR_geteuid) }.unwrap_or(0) as u32
}

/// Returns the `f_flags` of statfs(2): the options of the mount that a path leads to.
///
/// # Errors
/// The errnos of statfs(2).
pub fn mount_flags(path: Path<'_>) -> Result<u64, Errno> {
    // Index in struct statfs (include/uapi/asm-generic/statfs.h), counted in words.
    const FLAGS: usize = 10;
    let mut words = [0u64; 15];
    // SAFETY: the kernel writes one such structure.
    unsafe { syscall!(raw::__NR_statfs, path.address(), words.as_mut_ptr()) }?;
    Ok(words[FLAGS])
}

/// Returns whether no other thread or process runs in this memory. unshare(2) of the memory does
/// nothing if the caller is alone in it, and fails otherwise (check_unshare_flags() in
/// kernel/fork.c). Where a policy denies unshare(2) itself, the answer is false.
#[must_use]
pub fn is_alone() -> bool {
    // SAFETY: touches no memory, and changes nothing.
    unsafe { syscall!(raw::__NR_unshare, raw::CLONE_VM) }.is_ok()
}

/// Maps private anonymous memory, readable and writable (mmap(2)); returns its address.
///
/// # Errors
/// The errnos of mmap(2).
pub fn map_anonymous(len: usize) -> Result<usize, Errno> {
    // SAFETY: the kernel chooses a range where nothing is mapped.
    unsafe {
        syscall!(
            raw::__NR_mmap,
            0,
            len,
            raw::PROT_READ | raw::PROT_WRITE,
            raw::MAP_PRIVATE | raw::MAP_ANONYMOUS,
            usize::MAX,
            0
        )
    }
}

/// Calls mmap(2) with the arguments as they are.
///
/// # Safety
/// With MAP_FIXED, existing mappings in the range are replaced: the caller must own the range.
///
/// # Errors
/// The errnos of mmap(2).
pub unsafe fn mmap(
    at: usize,
    len: usize,
    protection: u32,
    flags: u32,
    fd: i32,
    offset: u64,
) -> Result<usize, Errno> {
    // SAFETY: the caller's contract.
    unsafe { syscall!(raw::__NR_mmap, at, len, protection, flags, fd as isize, offset) }
}

/// Maps the contents of a shared mapping a second time, from its start and with any length
/// (mremap(2)); returns the new address.
///
/// # Safety
/// A shared mapping must begin at `at`.
///
/// # Errors
/// The errnos of mremap(2).
pub unsafe fn map_again(at: usize, len: usize) -> Result<usize, Errno> {
    // SAFETY: the caller's contract; the kernel chooses a range where nothing is mapped.
    unsafe { syscall!(raw::__NR_mremap, at, 0, len, raw::MREMAP_MAYMOVE) }
}

/// Calls munmap(2).
///
/// # Safety
/// The caller owns the range, and no code uses it any more.
pub unsafe fn munmap(at: usize, len: usize) {
    // SAFETY: the caller's contract.
    let _ = unsafe { syscall!(raw::__NR_munmap, at, len) };
}

/// Calls mprotect(2).
///
/// # Safety
/// The caller owns the range, and no code needs a right that this call takes away.
///
/// # Errors
/// The errnos of mprotect(2).
pub unsafe fn mprotect(at: usize, len: usize, protection: u32) -> Result<(), Errno> {
    // SAFETY: the caller's contract.
    unsafe { syscall!(raw::__NR_mprotect, at, len, protection).map(|_| ()) }
}

/// Calls madvise(2), and ignores its failure.
///
/// # Safety
/// The caller owns the range and accepts the effect of the advice on it.
pub unsafe fn madvise(at: usize, len: usize, advice: u32) {
    // SAFETY: the caller's contract. Nothing depends on the advice, so its failure changes nothing.
    let _ = unsafe { syscall!(raw::__NR_madvise, at, len, advice) };
}

/// Calls sched_yield(2).
pub fn sched_yield() {
    // SAFETY: touches no memory.
    let _ = unsafe { syscall!(raw::__NR_sched_yield) };
}

/// Calls prctl(2) with plain numbers.
///
/// # Safety
/// Arguments that are addresses must be valid for the operation.
///
/// # Errors
/// The errnos of prctl(2).
pub unsafe fn prctl(operation: u32, a: usize, b: usize, c: usize, d: usize) -> Result<usize, Errno> {
    // SAFETY: the caller's contract.
    unsafe { syscall!(raw::__NR_prctl, operation, a, b, c, d) }
}

/// Names the calling thread (prctl(2), PR_SET_NAME).
pub fn set_name(name: &[u8; 16]) {
    // SAFETY: the kernel reads at most sixteen bytes.
    let _ = unsafe { syscall!(raw::__NR_prctl, linux_raw_sys::prctl::PR_SET_NAME, name.as_ptr()) };
}

/// Sets a signal's action if `new` has one; returns the old one (rt_sigaction(2)).
///
/// # Safety
/// A handler must be able to run at any moment.
///
/// # Errors
/// The errnos of rt_sigaction(2).
pub unsafe fn sigaction(signal: u32, new: Option<&SignalAction>) -> Result<SignalAction, Errno> {
    let mut old = SignalAction::default();
    let new = new.map_or(core::ptr::null(), core::ptr::from_ref);
    // SAFETY: both structures live for the call; the caller guarantees that the handler can run.
    unsafe { syscall!(raw::__NR_rt_sigaction, signal, new, &raw mut old, 8)? };
    Ok(old)
}

/// Sets the whole signal mask; returns the old one (rt_sigprocmask(2)).
pub fn set_mask(mask: u64) -> u64 {
    let mut old = 0u64;
    // SAFETY: both words live for the call.
    let _ = unsafe { syscall!(raw::__NR_rt_sigprocmask, raw::SIG_SETMASK, &raw const mask, &raw mut old, 8) };
    old
}

/// Returns the kernel's signal mask of the calling thread.
#[must_use]
pub fn mask() -> u64 {
    let mut old = 0u64;
    // SAFETY: the word lives for the call.
    let _ = unsafe { syscall!(raw::__NR_rt_sigprocmask, raw::SIG_BLOCK, 0, &raw mut old, 8) };
    old
}

/// Makes any other call with the arguments as they are; returns the raw result, a negative errno on
/// failure.
///
/// # Safety
/// The arguments are the guest's own, or addresses of memory that lives for the call.
pub unsafe fn forward(number: u32, arguments: &[usize; 6]) -> isize {
    // SAFETY: the caller's contract.
    unsafe { newroot_sys::arch::syscall6(number, arguments) }
}
