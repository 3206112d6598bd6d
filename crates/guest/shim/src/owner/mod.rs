//! Fake root: users, groups, capabilities and the owners of files, as newroot keeps them for a user who has
//! none of these to give (`newroot_fakeroot` has the rules).
//!
//! - `process` tells who the calling process is, from the [session's file](session_file).
//! - `living` tells which processes there are, so that what nobody needs in that file can be given back.
//! - `chain` has its records of roots, mounts and their namespaces; [`outlook`](crate::outlook) makes of them what a
//!   process sees.
//! - `file` tells what a file is to the guest; `remember` records it, in an attribute of the file or in the
//!   `sidecar`.
//! - `stand_in` finds the file that a descriptor of a made device was opened by.
//! - `procfs` shows processes as who they seem to be.
//! - `permission` asks whether who isn't root may do what the host, who knows but one user, would let them.
//! - `calls` has the system calls. In a session with fake root they come here before they go to the ordinary
//!   code, which does what is left.

mod calls;
pub mod chain;
pub mod file;
mod list;
mod living;
pub mod names;
pub mod permission;
mod privileges;
pub mod process;
pub mod procfs;
pub mod remember;
mod session_file;
pub(crate) mod sidecar;
pub(crate) mod stand_in;
mod unlock;
pub mod written;

pub(crate) use calls::{clone_came_back, open_stand_in, opens_device, push_control, show_received};
pub use calls::{dispatch, exec};
pub use unlock::unlock;
