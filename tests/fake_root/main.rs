//! Fake root for an ordinary user: recorded owners, emulated mounts, and the view of other
//! processes.

mod mounts;
mod peers;
mod records;
