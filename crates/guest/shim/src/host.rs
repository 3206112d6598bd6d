//! The host kernel's calls that the shim makes for itself, with Rust's types.
//!
//! # Safety
//! Every function here passes the kernel only memory it has borrowed for the time of the
//! call; those that can't are `unsafe` and say what the caller answers for.
#![allow(unsafe_code)]

mod files;
mod listing;
pub mod mounts;

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

/// The working directory as a directory descriptor.
pub const AT_FDCWD: i32 = raw::AT_FDCWD;

/// A descriptor of the shim's own, closed when it goes out of scope.
#[derive(Debug)]
pub struct Descriptor(i32);

impl Descriptor {
    /// Its number.
    #[must_use]
    pub fn number(&self) -> i32 {
        self.0
    }

    /// Its number, to be closed by someone else.
    #[must_use]
    pub fn into_number(self) -> i32 {
        let number = self.0;
        core::mem::forget(self);
        number
    }

    /// Takes charge of a descriptor that is open.
    #[must_use]
    pub fn from_number(number: i32) -> Self {
        Self(number)
    }
}

impl Drop for Descriptor {
    fn drop(&mut self) {
        // SAFETY: the descriptor is ours.
        let _ = unsafe { syscall!(raw::__NR_close, self.0) };
    }
}

fn descriptor(result: usize) -> Descriptor {
    Descriptor(result as i32)
}

/// A path as the kernel wants it: the bytes end with a NUL. What comes from a buffer's
/// `with_nul` does; anything else is EFAULT rather than a read beyond its end.
#[derive(Clone, Copy)]
pub struct Path<'a>(&'a [u8]);

impl<'a> Path<'a> {
    /// `bytes` must end with NUL; otherwise the path is empty.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(if bytes.last() == Some(&0) { bytes } else { b"\0" })
    }

    /// Address of the first byte.
    #[must_use]
    pub fn address(self) -> usize {
        self.0.as_ptr() as usize
    }

    /// The bytes, without the NUL.
    #[must_use]
    pub fn bytes(self) -> &'a [u8] {
        self.0.strip_suffix(b"\0").unwrap_or(self.0)
    }
}

/// write(2).
///
/// # Errors
/// The call's.
pub fn write(fd: i32, bytes: &[u8]) -> Result<usize, Errno> {
    // SAFETY: `bytes` is borrowed.
    unsafe { syscall!(raw::__NR_write, fd, bytes.as_ptr(), bytes.len()) }
}

/// exit_group(2).
pub fn exit(status: i32) -> ! {
    loop {
        // SAFETY: it doesn't return.
        let _ = unsafe { syscall!(raw::__NR_exit_group, status) };
    }
}

/// openat2(2).
///
/// # Errors
/// The call's.
pub fn openat2(dir: i32, path: Path<'_>, flags: u64, mode: u64, resolve: u64) -> Result<Descriptor, Errno> {
    let how = [flags, mode, resolve];
    // SAFETY: path and how are borrowed for the call.
    unsafe {
        syscall!(raw::__NR_openat2, dir, path.address(), how.as_ptr(), size_of_val(&how)).map(descriptor)
    }
}

/// openat(2).
///
/// # Errors
/// The call's.
pub fn openat(dir: i32, path: Path<'_>, flags: u32, mode: u32) -> Result<Descriptor, Errno> {
    // SAFETY: the path is borrowed for the call.
    unsafe { syscall!(raw::__NR_openat, dir, path.address(), flags, mode).map(descriptor) }
}

/// readlinkat(2) into `out`; the result is the length.
///
/// # Errors
/// The call's.
pub fn readlinkat(dir: i32, path: Path<'_>, out: &mut [u8]) -> Result<usize, Errno> {
    // SAFETY: both are borrowed for the call, and the kernel writes at most out.len() bytes.
    unsafe { syscall!(raw::__NR_readlinkat, dir, path.address(), out.as_mut_ptr(), out.len()) }
}

/// getcwd(2) into `out`; the result is the length without the NUL.
///
/// # Errors
/// The call's.
pub fn getcwd(out: &mut [u8]) -> Result<usize, Errno> {
    // SAFETY: the kernel writes at most out.len() bytes.
    let len = unsafe { syscall!(raw::__NR_getcwd, out.as_mut_ptr(), out.len())? };
    Ok(len.saturating_sub(1))
}

/// `struct stat`.
pub type Stat = raw::stat;

/// What kind of file a mode tells of (inode(7)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileType {
    /// S_IFREG.
    Regular,
    /// S_IFDIR.
    Directory,
    /// S_IFLNK.
    Symlink,
    /// Devices, FIFOs, sockets.
    Other,
}

impl FileType {
    /// Reads it from a `struct stat`.
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

/// fstat(2).
///
/// # Errors
/// The call's.
pub fn fstat(fd: i32) -> Result<Stat, Errno> {
    let mut stat = MaybeUninit::<Stat>::uninit();
    // SAFETY: the kernel fills the whole structure when it succeeds.
    unsafe {
        syscall!(raw::__NR_fstat, fd, stat.as_mut_ptr())?;
        Ok(stat.assume_init())
    }
}

/// newfstatat(2).
///
/// # Errors
/// The call's.
pub fn fstatat(dir: i32, path: Path<'_>, flags: u32) -> Result<Stat, Errno> {
    let mut stat = MaybeUninit::<Stat>::uninit();
    // SAFETY: the path is borrowed, and the kernel fills the structure when it succeeds.
    unsafe {
        syscall!(raw::__NR_newfstatat, dir, path.address(), stat.as_mut_ptr(), flags)?;
        Ok(stat.assume_init())
    }
}

/// faccessat(2), which follows a symlink at the end.
///
/// # Errors
/// The call's.
pub fn faccessat(dir: i32, path: Path<'_>, mode: u32) -> Result<(), Errno> {
    // SAFETY: the path is borrowed.
    unsafe { syscall!(raw::__NR_faccessat, dir, path.address(), mode).map(|_| ()) }
}

/// fchdir(2).
///
/// # Errors
/// The call's.
pub fn fchdir(fd: i32) -> Result<(), Errno> {
    // SAFETY: touches no memory.
    unsafe { syscall!(raw::__NR_fchdir, fd).map(|_| ()) }
}

/// chdir(2).
///
/// # Errors
/// The call's.
pub fn chdir(path: Path<'_>) -> Result<(), Errno> {
    // SAFETY: the path is borrowed.
    unsafe { syscall!(raw::__NR_chdir, path.address()).map(|_| ()) }
}

/// pread64(2).
///
/// # Errors
/// The call's.
pub fn pread(fd: i32, out: &mut [u8], offset: u64) -> Result<usize, Errno> {
    // SAFETY: the kernel writes at most out.len() bytes.
    unsafe { syscall!(raw::__NR_pread64, fd, out.as_mut_ptr(), out.len(), offset) }
}

/// read(2).
///
/// # Errors
/// The call's.
pub fn read(fd: i32, out: &mut [u8]) -> Result<usize, Errno> {
    // SAFETY: the kernel writes at most out.len() bytes.
    unsafe { syscall!(raw::__NR_read, fd, out.as_mut_ptr(), out.len()) }
}

/// lseek(2).
///
/// # Errors
/// The call's.
pub fn lseek(fd: i32, offset: i64, whence: u32) -> Result<usize, Errno> {
    // SAFETY: touches no memory.
    unsafe { syscall!(raw::__NR_lseek, fd, offset, whence) }
}

/// getdents64(2) into `out`; the result is the length.
///
/// # Errors
/// The call's.
pub fn getdents64(fd: i32, out: &mut [u8]) -> Result<usize, Errno> {
    // SAFETY: the kernel writes at most out.len() bytes.
    unsafe { syscall!(raw::__NR_getdents64, fd, out.as_mut_ptr(), out.len()) }
}

/// memfd_create(2).
///
/// # Errors
/// The call's.
fn memfd_create(name: Path<'_>, flags: u32) -> Result<Descriptor, Errno> {
    // SAFETY: the name is borrowed.
    unsafe { syscall!(raw::__NR_memfd_create, name.address(), flags).map(descriptor) }
}

/// A file under no name that may be executed; in memory, where it can be sealed if that is wanted.
///
/// # Errors
/// memfd_create(2)'s.
pub fn program_file(name: Path<'_>, sealed: bool) -> Result<Descriptor, Errno> {
    // Linux 6.3: include/uapi/linux/memfd.h.
    const MFD_EXEC: u32 = 16;
    let flags = raw::MFD_CLOEXEC | if sealed { raw::MFD_ALLOW_SEALING } else { 0 };
    match memfd_create(name, flags | MFD_EXEC).or_else(|_| memfd_create(name, flags)) {
        Err(_) if !sealed => nameless_file(name, true),
        answer => answer,
    }
}

/// A file under no name: in memory or, where a policy denies that, where anyone may make one.
///
/// # Errors
/// memfd_create(2)'s.
pub fn nameless_file(name: Path<'_>, close_on_exec: bool) -> Result<Descriptor, Errno> {
    const PLACES: [&[u8]; 2] = [b"/dev/shm\0", b"/tmp\0"];
    let in_place = |place: &&[u8]| {
        let close_on_exec = if close_on_exec { raw::O_CLOEXEC } else { 0 };
        openat(AT_FDCWD, Path::new(place), raw::O_TMPFILE | raw::O_RDWR | close_on_exec, 0o600).ok()
    };
    match memfd_create(name, if close_on_exec { raw::MFD_CLOEXEC } else { 0 }) {
        // The last is vm.memfd_noexec's.
        Err(error @ (Errno::NOSYS | Errno::PERM | Errno::ACCES)) => {
            PLACES.iter().find_map(in_place).ok_or(error)
        }
        answer => answer,
    }
}

/// fcntl(2) with a command that takes a number, and gives one back.
///
/// # Errors
/// The call's.
pub fn fcntl(fd: i32, command: u32, argument: usize) -> Result<usize, Errno> {
    // SAFETY: such a command touches no memory.
    unsafe { syscall!(raw::__NR_fcntl, fd, command, argument) }
}

/// fcntl(2) with F_DUPFD: a copy that an exec leaves open.
///
/// # Errors
/// The call's.
pub fn dup_across_exec(fd: i32, lowest: i32) -> Result<Descriptor, Errno> {
    // SAFETY: touches no memory.
    unsafe { syscall!(raw::__NR_fcntl, fd, raw::F_DUPFD, lowest).map(descriptor) }
}

/// getpid(2).
#[must_use]
pub fn getpid() -> u32 {
    // SAFETY: touches no memory.
    unsafe { syscall!(raw::__NR_getpid) }.unwrap_or(0) as u32
}

/// getppid(2).
#[must_use]
pub fn getppid() -> u32 {
    // SAFETY: touches no memory.
    unsafe { syscall!(raw::__NR_getppid) }.unwrap_or(0) as u32
}

/// gettid(2).
#[must_use]
pub fn gettid() -> u32 {
    // SAFETY: touches no memory.
    unsafe { syscall!(raw::__NR_gettid) }.unwrap_or(0) as u32
}

/// geteuid(2): the real user.
#[must_use]
pub fn geteuid() -> u32 {
    // SAFETY: touches no memory.
    unsafe { syscall!(raw::__NR_geteuid) }.unwrap_or(0) as u32
}

/// The `f_flags` of statfs(2): with which options the mount of what a path leads to is mounted.
///
/// # Errors
/// The call's.
pub fn mount_flags(path: Path<'_>) -> Result<u64, Errno> {
    // struct statfs (include/uapi/asm-generic/statfs.h) in words.
    const FLAGS: usize = 10;
    let mut words = [0u64; 15];
    // SAFETY: the kernel writes one such structure.
    unsafe { syscall!(raw::__NR_statfs, path.address(), words.as_mut_ptr()) }?;
    Ok(words[FLAGS])
}

/// Whether no other thread or process runs in this memory. unshare(2) of memory is nothing to do for who
/// is alone in it, and refused to anyone else (check_unshare_flags() in kernel/fork.c). Where unshare
/// itself is refused, nobody is sure to be alone.
#[must_use]
pub fn is_alone() -> bool {
    // SAFETY: touches no memory, and changes nothing.
    unsafe { syscall!(raw::__NR_unshare, raw::CLONE_VM) }.is_ok()
}

/// mmap(2) of private anonymous memory, readable and writable.
///
/// # Errors
/// The call's.
pub fn map_anonymous(len: usize) -> Result<usize, Errno> {
    // SAFETY: the kernel chooses a place where nothing is.
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

/// mmap(2) as it is.
///
/// # Safety
/// With MAP_FIXED, whatever is mapped there now is gone: the caller owns the range.
///
/// # Errors
/// The call's.
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

/// mremap(2): maps what a shared mapping shows a second time, from its start, to a length that may be another.
///
/// # Safety
/// A shared mapping must begin at `at`.
///
/// # Errors
/// The call's.
pub unsafe fn map_again(at: usize, len: usize) -> Result<usize, Errno> {
    // SAFETY: the caller's contract; the kernel chooses a place where nothing is.
    unsafe { syscall!(raw::__NR_mremap, at, 0, len, raw::MREMAP_MAYMOVE) }
}

/// munmap(2).
///
/// # Safety
/// The caller owns the range and nobody uses it any more.
pub unsafe fn munmap(at: usize, len: usize) {
    // SAFETY: the caller's contract.
    let _ = unsafe { syscall!(raw::__NR_munmap, at, len) };
}

/// mprotect(2).
///
/// # Safety
/// The caller owns the range and needs no right it takes away.
///
/// # Errors
/// The call's.
pub unsafe fn mprotect(at: usize, len: usize, protection: u32) -> Result<(), Errno> {
    // SAFETY: the caller's contract.
    unsafe { syscall!(raw::__NR_mprotect, at, len, protection).map(|_| ()) }
}

/// madvise(2).
///
/// # Safety
/// The caller owns the range and can do with what the advice does to it.
pub unsafe fn madvise(at: usize, len: usize, advice: u32) {
    // SAFETY: the caller's contract. The advice is only that: its failure changes nothing.
    let _ = unsafe { syscall!(raw::__NR_madvise, at, len, advice) };
}

/// sched_yield(2).
pub fn sched_yield() {
    // SAFETY: touches no memory.
    let _ = unsafe { syscall!(raw::__NR_sched_yield) };
}

/// prctl(2) with plain numbers.
///
/// # Safety
/// Arguments that are addresses must fit the operation.
///
/// # Errors
/// The call's.
pub unsafe fn prctl(operation: u32, a: usize, b: usize, c: usize, d: usize) -> Result<usize, Errno> {
    // SAFETY: the caller's contract.
    unsafe { syscall!(raw::__NR_prctl, operation, a, b, c, d) }
}

/// prctl(2) with PR_SET_NAME: names the calling thread.
pub fn set_name(name: &[u8; 16]) {
    // SAFETY: the kernel reads at most sixteen bytes.
    let _ = unsafe { syscall!(raw::__NR_prctl, linux_raw_sys::prctl::PR_SET_NAME, name.as_ptr()) };
}

/// rt_sigaction(2): the new action in, the old one out.
///
/// # Safety
/// A handler must be fit to run at any moment.
///
/// # Errors
/// The call's.
pub unsafe fn sigaction(signal: u32, new: Option<&SignalAction>) -> Result<SignalAction, Errno> {
    let mut old = SignalAction::default();
    let new = new.map_or(core::ptr::null(), core::ptr::from_ref);
    // SAFETY: both structures live for the call; the caller answers for the handler.
    unsafe { syscall!(raw::__NR_rt_sigaction, signal, new, &raw mut old, 8)? };
    Ok(old)
}

/// rt_sigprocmask(2): sets the whole mask; the result is the old one.
pub fn set_mask(mask: u64) -> u64 {
    let mut old = 0u64;
    // SAFETY: both words live for the call.
    let _ = unsafe { syscall!(raw::__NR_rt_sigprocmask, raw::SIG_SETMASK, &raw const mask, &raw mut old, 8) };
    old
}

/// The running kernel's idea of the signal mask.
#[must_use]
pub fn mask() -> u64 {
    let mut old = 0u64;
    // SAFETY: the word lives for the call.
    let _ = unsafe { syscall!(raw::__NR_rt_sigprocmask, raw::SIG_BLOCK, 0, &raw mut old, 8) };
    old
}

/// Makes any other call as it stands, for the guest and in its words.
///
/// # Safety
/// The arguments are the guest's own, or memory that lives for the call.
pub unsafe fn forward(number: u32, arguments: &[usize; 6]) -> isize {
    // SAFETY: the caller's contract.
    unsafe { newroot_sys::arch::syscall6(number, arguments) }
}
