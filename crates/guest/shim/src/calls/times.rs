//! The times of utimensat(2).

use newroot_abi::Errno;

use crate::memory;

const NOW: usize = (1 << 30) - 1;
const OMIT: usize = (1 << 30) - 2;

/// The nanoseconds of a file's access and modification, which say whether a time is set at all.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Times([usize; 2]);

impl Times {
    /// Reads both `struct timespec`. Null means now for both.
    ///
    /// # Errors
    /// EFAULT.
    pub(crate) fn read(times: usize) -> Result<Self, Errno> {
        if times == 0 {
            return Ok(Self([NOW; 2]));
        }
        let [_, access, _, modification]: [usize; 4] = memory::read(times)?;
        Ok(Self([access, modification]))
    }

    /// Returns whether both are set to now.
    pub(crate) fn are_now(self) -> bool {
        self.0 == [NOW; 2]
    }

    /// Returns whether both stay as they are.
    pub(crate) fn are_omitted(self) -> bool {
        self.0 == [OMIT; 2]
    }

    /// Returns whether the kernel accepts them (nsec_valid() in fs/utimes.c).
    pub(crate) fn are_valid(self) -> bool {
        self.0.iter().all(|&nanoseconds| matches!(nanoseconds, 0..1_000_000_000 | NOW | OMIT))
    }
}
