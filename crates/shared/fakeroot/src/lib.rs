//! A fake root that remembers: who the guest believes to be, what it may do to files by the owners
//! and modes that were recorded for them, and what a record looks like.
//!
//! - [`credentials`]: a process's ids and capabilities, and how calls and execs change them.
//! - [`permission`]: what these credentials allow with a file of given owner, mode and ACL.
//! - [`acl`]: POSIX access control lists, as the kernel's extended attributes hold them.
//! - [`record`]: what is remembered of a file, as an extended attribute and as a text.
//! - [`keep`]: what of a file has to be recorded, and what the host's file is to be like.
//! - [`session`]: what the processes on a root share, in an [`arena`]; [`tree`]: roots and mounts in it.
//! - [`status`]: the lines of `/proc/PID/status` that tell credentials.
//!
//! The model is that of Linux 6.18 in the initial user namespace; where older kernels differ, the
//! place says so. This crate makes no system call. Its tests ask the kernel whether it is right.

#![no_std]
#![forbid(unsafe_code)]

pub mod acl;
pub mod arena;
mod capabilities;
pub mod credentials;
pub mod keep;
mod mode;
pub mod permission;
pub mod record;
pub mod session;
pub mod status;
pub mod tree;

pub use capabilities::Capabilities;
pub use credentials::{Credentials, Executed, FileCapabilities, Program};
pub use permission::{Owned, Want, Who};
pub use record::Record;
