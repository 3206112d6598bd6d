//! `--kill-on-exit`: a parent that ends what the command leaves behind.
//!
//! # Safety
//! fork(2) in a process with one thread, and signal handlers that only send signals on.
#![allow(unsafe_code)]

use std::fs;
use std::io;
use std::sync::atomic::{AtomicI32, Ordering};

use crate::error::{Error, Result};

/// The command's process, for the handlers.
static COMMAND: AtomicI32 = AtomicI32::new(0);

/// Signals that are meant for the command when newroot gets them.
const FORWARDED: [i32; 5] = [libc::SIGTERM, libc::SIGHUP, libc::SIGUSR1, libc::SIGUSR2, libc::SIGCONT];

extern "C" fn forward(signal: i32) {
    let command = COMMAND.load(Ordering::Relaxed);
    if command > 0 {
        // SAFETY: kill(2) is async-signal-safe.
        unsafe { libc::kill(command, signal) };
    }
}

/// Runs `become_command` in a child and waits for it; then ends every process the command has
/// left, those that made themselves orphans too. The result is the status to exit with.
///
/// The child is killed if newroot is.
pub(crate) fn run(become_command: impl FnOnce() -> Error) -> Result<u8> {
    let fail = |operation: &str| Error::System {
        operation: operation.to_owned(),
        cause: io::Error::last_os_error(),
    };
    // SAFETY: plain numbers. Orphans of the command become children of ours.
    if unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) } != 0 {
        return Err(fail("take charge of the command's orphans"));
    }
    let parent = std::process::id();
    // SAFETY: newroot has one thread.
    let child = unsafe { libc::fork() };
    if child < 0 {
        return Err(fail("start a process for the command"));
    }
    if child == 0 {
        // SAFETY: plain numbers.
        let orphaned = unsafe {
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL, 0, 0, 0);
            libc::getppid().unsigned_abs() != parent
        };
        if orphaned {
            std::process::exit(125);
        }
        return Err(become_command());
    }
    COMMAND.store(child, Ordering::Relaxed);
    for signal in FORWARDED {
        // SAFETY: the handler is async-signal-safe.
        unsafe { libc::signal(signal, forward as *const () as libc::sighandler_t) };
    }
    for signal in [libc::SIGINT, libc::SIGQUIT] {
        // The terminal sends these to the command as well, and it decides.
        // SAFETY: no handler.
        unsafe { libc::signal(signal, libc::SIG_IGN) };
    }
    let status = wait_for(child)?;
    end_descendants();
    Ok(exit_code(status))
}

fn wait_for(child: i32) -> Result<i32> {
    loop {
        let mut status = 0;
        // SAFETY: the status lives for the call.
        match unsafe { libc::waitpid(-1, &raw mut status, 0) } {
            pid if pid == child => return Ok(status),
            -1 => {
                let cause = io::Error::last_os_error();
                if cause.kind() != io::ErrorKind::Interrupted {
                    return Err(Error::System { operation: "wait for the command".to_owned(), cause });
                }
            }
            _ => {}
        }
    }
}

/// Kills children until there are none: the children of each become ours as it dies.
fn end_descendants() {
    loop {
        for child in children() {
            // SAFETY: a child of ours that hasn't been waited for: its number is its own.
            unsafe { libc::kill(child, libc::SIGKILL) };
        }
        // SAFETY: no status wanted.
        if unsafe { libc::waitpid(-1, std::ptr::null_mut(), 0) } < 0
            && io::Error::last_os_error().kind() != io::ErrorKind::Interrupted
        {
            return;
        }
    }
}

/// Our children. One that is born meanwhile is found the next time.
fn children() -> Vec<i32> {
    let own = std::process::id();
    let Ok(processes) = fs::read_dir("/proc") else { return Vec::new() };
    processes
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|pid: &i32| parent_of(*pid) == Some(own))
        .collect()
}

fn parent_of(pid: i32) -> Option<u32> {
    let stat = fs::read(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold anything; state and parent follow it.
    let after = stat.iter().rposition(|&byte| byte == b')')?;
    let text = std::str::from_utf8(stat.get(after + 2..)?).ok()?;
    text.split(' ').nth(1)?.parse().ok()
}

fn exit_code(status: i32) -> u8 {
    if libc::WIFSIGNALED(status) {
        128 + libc::WTERMSIG(status) as u8
    } else {
        libc::WEXITSTATUS(status) as u8
    }
}
