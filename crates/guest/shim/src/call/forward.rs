//! Arguments that most calls have, and the calls' access to the gate.

use newroot_abi::Errno;

use crate::memory;
use crate::slots::Operand;

/// Returns a directory descriptor argument. The kernel reads 32 bits of it.
#[must_use]
pub(crate) fn descriptor_argument(argument: usize) -> i32 {
    argument as i32
}

/// Reads the path at `address` into the operand.
///
/// # Errors
/// EFAULT for a bad address, ENAMETOOLONG, ENOENT for an empty path.
pub(crate) fn read_path(operand: &mut Operand, address: usize) -> Result<(), Errno> {
    memory::read_path(address, &mut operand.text)?;
    if operand.text.is_empty() { Err(Errno::NOENT) } else { Ok(()) }
}

/// Makes a call whose arguments are the guest's own or live until it returns.
pub(crate) fn forward(number: u32, arguments: [usize; 6]) -> Result<usize, Errno> {
    Errno::check(gate::forward(number, &arguments))
}

/// The gate, for calls with the guest's own arguments.
///
/// # Safety
/// The kernel checks a pointer that the guest passed. A pointer to the shim's memory lives longer
/// than the call.
mod gate {
    #![allow(unsafe_code)]

    pub(super) fn forward(number: u32, arguments: &[usize; 6]) -> isize {
        // SAFETY: see the head of the module.
        unsafe { crate::kernel::forward(number, arguments) }
    }
}
