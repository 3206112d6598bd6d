//! The rows, a file for each group of calls.

mod attributes;
mod files;
mod filters;
mod identity;
mod legacy;
mod machine;
mod mounts;
mod processes;
mod signals;
mod sockets;

use super::row::Row;

/// All groups. Their order doesn't matter.
pub(super) const GROUPS: &[&[Row]] = &[
    legacy::ROWS,
    files::ROWS,
    attributes::ROWS,
    processes::ROWS,
    signals::ROWS,
    sockets::ROWS,
    filters::ROWS,
    identity::ROWS,
    machine::ROWS,
    mounts::ROWS,
];

// Errnos that the filter answers (include/uapi/asm-generic/errno-base.h and errno.h).
const EPERM: u16 = 1;
const ENOSYS: u16 = 38;
const EPROTONOSUPPORT: u16 = 93;
