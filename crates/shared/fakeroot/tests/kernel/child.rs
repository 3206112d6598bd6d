//! Children that become somebody, do something and tell.

use std::io::Read as _;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs `body` in a forked child and returns what it writes. `body` gets the descriptor to write to, and
/// may exec. It panics where the kernel and the model differ, which ends the test.
pub(crate) fn in_child(body: impl FnOnce(i32) -> Vec<u8>) -> Vec<u8> {
    let mut ends = [0; 2];
    // SAFETY: `ends` has room for the two descriptors.
    assert_eq!(unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) }, 0);
    // SAFETY: both were just made, and nobody else has them.
    let (read, write) = unsafe { (OwnedFd::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1])) };
    // SAFETY: the process has one thread, so the child is as good a process as its parent.
    let child = unsafe { libc::fork() };
    assert!(child >= 0, "fork failed");
    if child == 0 {
        let fd = write.as_raw_fd();
        let status = match catch_unwind(AssertUnwindSafe(|| body(fd))) {
            // SAFETY: the bytes are there, and the descriptor is open.
            Ok(told) => unsafe {
                i32::from(libc::write(fd, told.as_ptr().cast(), told.len()) != told.len() as isize)
            },
            Err(_) => 101,
        };
        // SAFETY: ends the child without running what its parent has registered.
        unsafe { libc::_exit(status) }
    }
    drop(write);
    let mut told = Vec::new();
    std::fs::File::from(read).read_to_end(&mut told).expect("what the child told");
    let mut status = 0;
    // SAFETY: `child` is ours, and `status` has room for its status.
    assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
    assert!(libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0, "the child ended with {status:#x}");
    told
}

/// What a call returned: its result, or its error number as a negative one.
pub(crate) fn outcome(result: i64) -> i64 {
    if result >= 0 { result } else { -i64::from(std::io::Error::last_os_error().raw_os_error().unwrap_or(0)) }
}
