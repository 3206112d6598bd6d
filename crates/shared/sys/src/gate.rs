//! The gate: the shim makes every system call of its own through [`syscall!`](crate::syscall).

/// Makes a system call with up to six arguments, each cast to `usize`.
///
/// ```text
/// let fd = syscall!(raw::__NR_openat, AT_FDCWD, path.as_ptr(), flags)?;
/// ```
///
/// The result is `Result<usize, Errno>`. The macro expands to an unsafe call, so each use states
/// who is responsible for the memory that the call touches.
#[macro_export]
macro_rules! syscall {
    ($number:expr $(, $argument:expr)* $(,)?) => {
        ::newroot_abi::Errno::check($crate::arch::syscall6(
            $number,
            &$crate::gate::arguments([$($argument as usize),*]),
        ))
    };
}

/// Pads a list of arguments with zeros.
#[must_use]
#[inline(always)]
pub const fn arguments<const N: usize>(given: [usize; N]) -> [usize; 6] {
    let mut all = [0; 6];
    let mut i = 0;
    while i < N {
        all[i] = given[i];
        i += 1;
    }
    all
}
