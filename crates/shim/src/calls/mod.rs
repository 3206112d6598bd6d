//! The calls, one file a subject. Each function takes a trapped call and says what becomes of it.

pub mod attributes;
pub mod directory;
pub mod exec;
mod exec_nested;
pub mod filters;
pub mod list;
pub mod names;
pub mod newer;
pub mod open;
pub mod path;
pub mod procfs_files;
pub mod readlink;
pub mod signal;
pub mod socket;
pub mod stat;
pub mod system;
pub mod wait;

use newroot_abi::Errno;

use crate::memory;
use crate::slots::Operand;

/// A directory descriptor argument: the kernel reads 32 bits of it.
#[must_use]
pub(crate) fn descriptor_argument(argument: usize) -> i32 {
    argument as i32
}

/// Reads the path at `address` into the operand.
///
/// # Errors
/// EFAULT, ENAMETOOLONG; ENOENT if it is empty.
pub(crate) fn read_path(operand: &mut Operand, address: usize) -> Result<(), Errno> {
    memory::read_path(address, &mut operand.text)?;
    if operand.text.is_empty() { Err(Errno::NOENT) } else { Ok(()) }
}

/// Makes a call whose arguments are the guest's own or live until it returns.
pub(crate) fn forward(number: u32, arguments: [usize; 6]) -> Result<usize, Errno> {
    Errno::check(gate::forward(number, &arguments))
}

/// What a call that failed with `error` says for good. The kernel looks at flags and the like before it looks at
/// a path, so it is asked what it thinks of the call if only the paths, at these indices, can't be read.
///
/// # Errors
/// Its answer; `error` where it would have come to the paths.
pub(crate) fn failed(
    number: usize,
    mut arguments: [usize; 6],
    paths: &[u8],
    error: Errno,
) -> Result<usize, Errno> {
    for &index in paths {
        if let Some(path) = arguments.get_mut(usize::from(index)) {
            *path = usize::MAX;
        }
    }
    match forward(number as u32, arguments) {
        Err(Errno::FAULT | Errno::NOSYS) => Err(error),
        answer => answer,
    }
}

/// The one way from the calls' code to the gate, for calls made in the guest's words.
///
/// # Safety
/// A pointer the guest gave is the guest's to answer for: the kernel checks it. A pointer of ours
/// lives longer than the call.
mod gate {
    #![allow(unsafe_code)]

    pub(super) fn forward(number: u32, arguments: &[usize; 6]) -> isize {
        // SAFETY: see the head of the module.
        unsafe { crate::host::forward(number, arguments) }
    }
}
