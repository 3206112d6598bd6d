//! The calls, one file a subject. Each function takes a trapped call and says what becomes of it.

pub mod attributes;
pub mod directory;
pub mod exec;
mod exec_nested;
pub mod filters;
pub mod landlock;
pub mod list;
pub mod names;
pub mod namespaces;
pub mod newer;
pub mod open;
pub mod path;
pub(crate) mod precedence;
pub mod procfs_files;
pub mod readlink;
pub mod signal;
pub mod socket;
pub mod stat;
pub mod system;
pub(crate) mod times;
pub mod user_dispatch;
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
