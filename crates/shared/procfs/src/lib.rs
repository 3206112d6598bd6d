//! Readers and writers for the texts of procfs, in the kernel's format. They open no file and
//! allocate no memory.
//!
//! The guest may have chosen parts of these texts, such as the name of a file or of a process. The
//! readers therefore assume nothing about them and return `None` for text that they can't read.
//!
//! ```
//! use newroot_procfs::{Decimal, Mapping, stat};
//!
//! let line = b"00400000-00452000 r-xp 00000000 08:02 173521      /usr/bin/dbus-daemon";
//! let mapping = Mapping::parse(line).unwrap();
//! assert_eq!((mapping.start, mapping.end), (0x40_0000, 0x45_2000));
//! assert_eq!(mapping.name, b"/usr/bin/dbus-daemon");
//!
//! // Field 4 of /proc/PID/stat is the parent's process ID.
//! let parent = stat::field(b"12 (a) b) S 34 12", 4).and_then(Decimal::parse);
//! assert_eq!(parent, Some(34));
//! ```
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
