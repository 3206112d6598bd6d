//! The questions that the ordinary code asks fake root.
//!
//! The ordinary code lies below fake root and calls it through this table. The table lies in the
//! [session](crate::session::Session), and a session without fake root has none. Code that is
//! generic over a policy would be in the image twice.

use newroot_abi::Errno;
use newroot_fakeroot::Executed;
use newroot_paths::Last;

use super::resume::Builder;
use super::trapped::Trapped;
use crate::kernel::Descriptor;
use crate::slots::Operand;

/// Fake root's functions.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    /// Checks that the directories on the way to a program may be searched: EACCES.
    pub search_for_exec: fn(&mut Operand, i32, Last) -> Result<(), Errno>,
    /// Checks that a program may be executed: EACCES.
    pub may_execute: fn(&Descriptor) -> Result<(), Errno>,
    /// Returns what an exec of a program makes of the calling process.
    pub executed: fn(&Descriptor) -> Result<Executed, Errno>,
    /// Opens the device for which an open found a stand-in, after the kernel refused the open with
    /// ENXIO or EACCES. Returns that error for any other file.
    pub open_refused: fn(&Trapped<'_>, &mut Operand, Errno) -> Result<usize, Errno>,
    /// Opens a made device again by a descriptor's link in procfs, with flags of openat2(2); `None`
    /// for any other link.
    pub open_stand_in: fn(&[u8], u64) -> Result<Option<usize>, Errno>,
    /// Copies a message's control data to the guest's stack, with the credentials that the kernel
    /// accepts. Takes the words of `struct msghdr`, and returns the copy's address; `None` without
    /// credentials.
    pub push_control: fn(&mut Builder, &[usize]) -> Result<Option<usize>, Errno>,
    /// Translates the credentials in a received message into guest terms.
    pub show_received: fn(usize) -> Result<(), Errno>,
    /// Checks that a link in a directory may be followed, by descriptors of the directory and the
    /// link: EACCES.
    pub may_follow_link: fn(i32, i32) -> Result<(), Errno>,
}
