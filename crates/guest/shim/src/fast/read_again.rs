//! Seeking and reading at an offset: the kernel's own affair, but for copies of procfs's files read
//! from the beginning.

use newroot_abi::Errno;

use crate::calls::procfs_files::{copy, is_from_beginning};
use crate::calls::{descriptor_argument, forward};

pub(super) fn run(number: u32, arguments: [usize; 6]) -> Option<Result<usize, Errno>> {
    if copy::are_possible()
        && is_from_beginning(number, arguments)
        && copy::may_be_one(descriptor_argument(arguments[0]))
    {
        return None;
    }
    Some(forward(number, arguments))
}
