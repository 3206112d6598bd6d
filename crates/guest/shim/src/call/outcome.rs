//! The result of a call.

use newroot_abi::Errno;

/// The result of a trapped call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The call returns this value.
    Done(isize),
    /// The registers were set. The guest continues from them.
    Continue,
}

impl Outcome {
    /// Returns the result as a value or an errno. A call that sets registers has the value 0.
    ///
    /// # Errors
    /// The errno of the call, if it failed.
    pub fn result(self) -> Result<usize, Errno> {
        match self {
            Self::Done(result) => Errno::check(result),
            Self::Continue => Ok(0),
        }
    }
}

impl From<Result<usize, Errno>> for Outcome {
    fn from(result: Result<usize, Errno>) -> Self {
        match result {
            Ok(value) => Self::Done(value as isize),
            Err(error) => Self::Done(error.to_return()),
        }
    }
}

impl From<Errno> for Outcome {
    fn from(error: Errno) -> Self {
        Self::Done(error.to_return())
    }
}
