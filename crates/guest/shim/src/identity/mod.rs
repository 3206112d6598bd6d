//! Identities of a session's processes, and the records of its roots and mounts.
//!
//! This module holds data. The rules of what a process may do are in [`fakeroot`](crate::fakeroot).
//!
//! - `process` reads identities, the caller's and those of other processes, from the session file
//!   (`session_file`).
//! - `living` lists the processes that use that file, so that unused blocks can be freed.
//! - `chain` reads and writes the file's records of roots, mounts and their namespaces;
//!   [`mount_view`](crate::mount_view) makes the mounts that a process sees from them.
//! - `memory_file` makes and removes the file systems in memory that are mounted.
//! - `switch` changes a process's identity for an exec.
//! - `stores` writes the paths at which fake root records files.

pub mod chain;
mod living;
pub(crate) mod memory_file;
pub mod process;
pub(crate) mod session_file;
pub(crate) mod stores;
pub mod switch;
