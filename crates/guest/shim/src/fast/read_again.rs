//! Seeking, and reading at an offset. The kernel makes these calls as they are, except for copies
//! of procfs files that are read from the beginning.

use newroot_abi::Errno;

use crate::call::{descriptor_argument, forward};
use crate::calls::synthetic_proc::{copy, is_from_beginning};

pub(super) fn run(number: u32, arguments: [usize; 6]) -> Option<Result<usize, Errno>> {
    if copy::are_possible()
        && is_from_beginning(number, arguments)
        && copy::may_be_one(descriptor_argument(arguments[0]))
    {
        return None;
    }
    Some(forward(number, arguments))
}
