//! A call that the shim runs.

use newroot_sys::arch::SignalContext;

use super::stack::GuestStack;

/// A trapped call: the guest's registers, and the slot in which the shim runs it.
#[derive(Debug)]
pub struct Trapped<'a> {
    /// The signal frame's registers and mask.
    pub context: &'a mut SignalContext,
    /// The call's number.
    pub number: usize,
    /// Its arguments.
    pub arguments: [usize; 6],
    /// Index of the slot.
    pub slot: usize,
    /// The stack on which the guest made the call.
    pub stack: GuestStack,
}
