//! Child processes that switch identity, do something and report.

use std::io::Read as _;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs `body` in a forked child and returns the bytes that the child reports. `body` gets the
/// descriptor to write to, and may exec. If the kernel and the model differ, `body` panics, which
/// fails the test.
pub(crate) fn in_child(body: impl FnOnce(i32) -> Vec<u8>) -> Vec<u8> {
    let mut ends = [0; 2];
    // SAFETY: `ends` has space for the two descriptors.
    assert_eq!(unsafe { libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC) }, 0);
    // SAFETY: both descriptors were just created, and nothing else owns them.
    let (read, write) = unsafe { (OwnedFd::from_raw_fd(ends[0]), OwnedFd::from_raw_fd(ends[1])) };
    // SAFETY: the process has one thread, so the child is as usable as its parent.
    let child = unsafe { libc::fork() };
    assert!(child >= 0, "fork failed");
    if child == 0 {
        let fd = write.as_raw_fd();
        let status = match catch_unwind(AssertUnwindSafe(|| body(fd))) {
            // SAFETY: the bytes are readable, and the descriptor is open.
            Ok(report) => unsafe {
                i32::from(libc::write(fd, report.as_ptr().cast(), report.len()) != report.len() as isize)
            },
            Err(_) => 101,
        };
        // SAFETY: ends the child without running the parent's exit handlers.
        unsafe { libc::_exit(status) }
    }
    drop(write);
    let mut report = Vec::new();
    std::fs::File::from(read).read_to_end(&mut report).expect("the child's report");
    let mut status = 0;
    // SAFETY: `child` is a child of this process, and `status` has space for its status.
    assert_eq!(unsafe { libc::waitpid(child, &raw mut status, 0) }, child);
    assert!(libc::WIFEXITED(status) && libc::WEXITSTATUS(status) == 0, "the child ended with {status:#x}");
    report
}

/// Returns a call's result, or its error number as a negative number.
pub(crate) fn outcome(result: i64) -> i64 {
    if result >= 0 { result } else { -i64::from(std::io::Error::last_os_error().raw_os_error().unwrap_or(0)) }
}
