//! A model of identities and file permissions for fake root: the credentials that the guest
//! believes it has, the access that they give by recorded owners and modes, and the format of those
//! records.
//!
//! - [`credentials`]: a process's IDs and capabilities, and how system calls and execs change them.
//! - [`permission`]: the operations that these credentials allow on a file of given owner, mode and
//!   ACL.
//! - [`acl`]: POSIX access control lists, in the format of the kernel's extended attributes.
//! - [`record`]: the record of a file, as an extended attribute and as a text.
//! - [`record_policy`]: the choice of what is recorded and of the host file's mode.
//! - [`session`]: the data that all processes on a root share, in an [`arena`]; [`tree`]: its roots
//!   and mounts.
//! - [`status`]: the lines of `/proc/PID/status` that show credentials.
//!
//! The model is that of Linux 6.18 in the initial user namespace. A comment at the code points out
//! where older kernels differ. This crate makes no system call; its tests compare it with the
//! kernel.
//!
//! ```
//! use newroot_fakeroot::{Credentials, Owned, Want, Who, permission};
//!
//! let shadow = Owned { uid: 0, gid: 42, mode: 0o100_640, acl: None };
//!
//! let user = Credentials::user(1000, 1000);
//! let user = Who { credentials: &user, groups: &[4] };
//! assert!(permission::may(&user, &shadow, Want::READ).is_err());
//!
//! // The guest's root has CAP_DAC_OVERRIDE.
//! let root = Credentials::root();
//! let root = Who { credentials: &root, groups: &[] };
//! assert_eq!(permission::may(&root, &shadow, Want::READ), Ok(()));
//! ```

#![no_std]
#![forbid(unsafe_code)]

mod access;
pub mod acl;
pub mod arena;
mod capabilities;
pub mod credentials;
mod mode;
pub mod permission;
pub mod record;
pub mod record_policy;
pub mod session;
pub mod status;
pub mod tree;

pub use access::{Owned, Want, Who};
pub use capabilities::Capabilities;
pub use credentials::{Credentials, Executed, FileCapabilities, Program};
pub use record::Record;
