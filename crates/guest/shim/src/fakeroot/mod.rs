//! Fake root: users, groups, capabilities and owners of files, which newroot keeps for a user who
//! can't really grant them (`newroot_fakeroot` has the rules).
//!
//! - `file` has the guest's view of a file. `remember` records it, in an attribute of the file or
//!   in the `sidecar`.
//! - `marks` notes on a descriptor of a made device through which file it was opened.
//! - `procfs` has the owners of a process's files in procfs, and checks who may read them.
//! - `permission` checks whether a user other than root may do what the host would allow, which
//!   knows only one user.
//! - `calls` has the system calls. In a session with fake root they come here first. The ordinary
//!   code does the rest.

mod calls;
pub mod file;
mod list;
mod marks;
pub mod names;
pub mod permission;
mod privileges;
pub mod procfs;
pub mod remember;
pub(crate) mod sidecar;
mod widen_mode;
pub mod written;

use crate::call::Policy;

pub(crate) use calls::clone_came_back;
pub use calls::dispatch;
pub use widen_mode::widen_mode;

/// Fake root's answers to the ordinary code.
pub static POLICY: Policy = Policy {
    search_for_exec: calls::exec::search,
    may_execute: calls::exec::may_execute,
    executed: calls::exec::executed,
    open_refused: calls::open_refused,
    open_stand_in: calls::open_stand_in,
    push_control: calls::push_control,
    show_received: calls::show_received,
    may_follow_link: permission::may_follow_link,
};
