//! Standard descriptors that the caller has closed.
//!
//! The next file opened would get such a number, and a message would end up in that file. newroot
//! does its own work with /dev/null in their place. A launched command gets the descriptors as the
//! caller left them.

use std::os::fd::{AsRawFd, OwnedFd};

use rustix::fs::{Mode, OFlags};

/// /dev/null at the numbers that were free, closed again when this goes out of scope.
pub(super) struct Placeholders {
    _descriptors: Vec<OwnedFd>,
}

/// Occupies the numbers 0 to 2 where they are free.
pub(super) fn occupy() -> Placeholders {
    let mut descriptors = Vec::new();
    // A new descriptor gets the lowest free number.
    while let Ok(null) = rustix::fs::open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty()) {
        if null.as_raw_fd() > 2 {
            break;
        }
        descriptors.push(null);
    }
    Placeholders { _descriptors: descriptors }
}
