//! The texts of procfs, as the kernel writes them: read, and written again. It opens no file, and allocates nothing.
//!
//! What a text says of a guest's memory or mounts may have been chosen by the guest (a file's name, a process's
//! name), so nothing in one is taken for granted: what can't be read is `None`.
#![no_std]

#[cfg(test)]
extern crate std;

mod decimal;
mod escapes;
mod lines;
mod maps;
mod mount_info;
pub mod stat;
pub mod status;

pub use decimal::Decimal;
pub use escapes::Escapes;
pub use lines::Lines;
pub use maps::Mapping;
pub use mount_info::MountInfo;
