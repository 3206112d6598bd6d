//! Users and groups as their files have them: passwd(5), group(5), subuid(5), subgid(5), read as bytes.
//!
//! The C library would look a name up by modules that it loads from wherever it is at that moment:
//! inside a root, code of the root's would run with the launcher's privileges. This crate is given
//! what is in the files, and never opens anything.

#![forbid(unsafe_code)]

mod database;
mod records;

pub use database::{Database, User};
pub use records::{is_entry, number, records, subordinate, user_numbered};
