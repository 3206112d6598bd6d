//! Finds out whether a process of a session file lives.
//!
//! # Safety
//! These are raw system calls on memory that lives for the call.
#![allow(unsafe_code)]

use std::fs;
use std::os::unix::ffi::OsStrExt;

use newroot_fakeroot::session::{self, Header};

/// Returns whether the limit of some process names a record of the file. Also true if that can't be
/// found out. All processes of the file were launched in the caller's PID namespace.
pub(super) fn is_anybody(header: &Header) -> bool {
    // A process that is forked while the others are visited can only be missed if its id is lower
    // than its parent's.
    let before = last_number();
    find(header).unwrap_or(true) || last_number() < before
}

fn find(header: &Header) -> Option<bool> {
    // Where procfs hides processes, the list lacks some of the user's own, too (proc(5)).
    if fs::read("/proc/self/mountinfo").ok()?.windows(8).any(|window| window == b"hidepid=") {
        return None;
    }
    let mut numbers: Vec<u32> = Vec::new();
    for entry in fs::read_dir("/proc").ok()? {
        let name = entry.ok()?.file_name();
        numbers.extend(std::str::from_utf8(name.as_bytes()).ok().and_then(|name| name.parse::<u32>().ok()));
        if let Some(&process) = numbers.last()
            && let Some(limit) = soft_limit(process)
            && session::from_limit(header.tag, limit).is_some()
        {
            return Some(true);
        }
    }
    (!numbers.is_empty()).then_some(false)
}

/// Returns a process's limit. `None` if it doesn't exist or isn't the user's.
fn soft_limit(process: u32) -> Option<u64> {
    let mut limit = libc::rlimit64 { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the structure lives for the call.
    let answer = unsafe {
        libc::prlimit64(i32::try_from(process).ok()?, session::RESOURCE, std::ptr::null(), &raw mut limit)
    };
    (answer == 0).then_some(limit.rlim_cur)
}

/// Returns the id of the youngest process (proc_loadavg(5)), or 0 if procfs doesn't say.
fn last_number() -> u64 {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().last().and_then(|number| number.parse().ok()).unwrap_or(0)
}
