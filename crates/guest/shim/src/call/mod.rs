//! A guest's call, as the code that runs it gets it. All modules that run calls import this module.
//!
//! [`Trapped`] has the guest's registers and the call's arguments, and [`Outcome`] is the result.
//! [`resume`] makes a call that may sleep on the guest's own stack. `forward` makes one with the
//! guest's own arguments.

mod forward;
mod image;
mod outcome;
mod policy;
pub mod resume;
mod signal_frame;
mod stack;
mod trapped;

use newroot_sys::table::SIGSYS;

pub(crate) use forward::{descriptor_argument, forward, read_path};
pub use image::shim_range;
pub use outcome::Outcome;
pub use policy::Policy;
pub use signal_frame::{leave_alternate_stack, return_by};
pub use stack::GuestStack;
pub use trapped::Trapped;

/// SIGSYS as a bit of a signal mask.
pub const SIGSYS_BIT: u64 = 1 << (SIGSYS - 1);
/// SIG_IGN.
pub const SIG_IGN: usize = 1;
/// Size of a signal set in bytes, as the kernel expects it.
pub const SIGSET_SIZE: usize = 8;
