//! path_resolution(7) and mounts in memory: what the kernel would find.

pub(crate) mod forest;
pub(crate) mod world;
