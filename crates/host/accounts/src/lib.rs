//! Parses the files of users and groups: passwd(5), group(5), subuid(5) and subgid(5), as bytes.
//!
//! The C library looks names up through modules (nsswitch.conf(5)). Inside a root it would load the
//! root's modules and run their code with the launcher's privileges. This crate parses contents
//! that the caller has read, and never opens a file.
//!
//! ```
//! use newroot_accounts::Database;
//!
//! let passwd = b"ada:x:1000:1000::/home/ada:/bin/sh\n".to_vec();
//! let database = Database::new(passwd, b"staff:x:50:ada\n".to_vec());
//! let ada = database.user_named(b"ada").expect("the entry above");
//! assert_eq!(ada.uid, 1000);
//! assert_eq!(database.groups_of(&ada.name, ada.gid), [1000, 50]);
//! ```

#![forbid(unsafe_code)]

mod database;
mod records;

pub use database::{Database, User};
pub use records::{is_entry, number, records, subordinate, user_numbered};
