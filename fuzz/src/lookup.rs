//! A model of path_resolution(7) and of mounts in memory: the result that the kernel would return.

pub(crate) mod forest;
pub(crate) mod world;
