//! Parents of the command, where it needs one: to end what it leaves behind (`--kill-on-exit`), or
//! as the init of its PID namespace.
//!
//! # Safety
//! fork(2) in a process with one thread, and signal handlers that only send signals on.
#![allow(unsafe_code)]

use std::fs;
use std::io::{self, PipeReader};
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicI32, Ordering};

use newroot_procfs::{Decimal, stat};

use crate::error::{Error, Result};
use crate::spec::LaunchSpec;

/// The command's process, for the handlers.
static COMMAND: AtomicI32 = AtomicI32::new(0);

/// Signals that are meant for the command when newroot gets them.
const FORWARDED: [i32; 5] = [libc::SIGTERM, libc::SIGHUP, libc::SIGUSR1, libc::SIGUSR2, libc::SIGCONT];

/// Signals that the terminal sends to newroot and the command alike.
const FROM_TERMINAL: [i32; 2] = [libc::SIGINT, libc::SIGQUIT];

extern "C" fn forward(signal: i32) {
    let command = COMMAND.load(Ordering::Relaxed);
    if command > 0 {
        // SAFETY: kill(2) is async-signal-safe.
        unsafe { libc::kill(command, signal) };
    }
}

/// Becomes the command, or runs it in a child where that is to be supervised.
pub(crate) fn become_or_run(spec: &LaunchSpec, become_command: impl FnOnce() -> Error) -> Result<u8> {
    if spec.kill_on_exit { run(spec, become_command) } else { Err(become_command()) }
}

/// Runs `become_command` in a child and waits for it; then ends every process the command has
/// left, those that made themselves orphans too. The result is the status to exit with.
///
/// The child is killed if newroot is, and newroot with its parent where that was asked for.
pub(crate) fn run(spec: &LaunchSpec, become_command: impl FnOnce() -> Error) -> Result<u8> {
    stay_with(spec.isolation.die_with_parent.then(std::os::unix::process::parent_id));
    // SAFETY: plain numbers. Orphans of the command become children of ours.
    if unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) } != 0 {
        return Err(Error::system("take charge of the command's orphans", io::Error::last_os_error()));
    }
    let status = fork_and_wait(become_command)?;
    end_descendants();
    Ok(exit_code(status))
}

/// The same as the first process of a PID namespace, whose end ends all others in it: waits for the
/// command and meanwhile for every orphan (pid_namespaces(7)).
pub(crate) fn run_as_init(become_command: impl FnOnce() -> Error) -> Result<u8> {
    // The command could read newroot's memory and file through /proc/1 otherwise.
    // SAFETY: plain numbers.
    unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0) };
    fork_and_wait(become_command).map(exit_code)
}

/// Has the kernel kill this process when its parent ends, if that is to be `guardian`.
///
/// To be said again after each change of identity, which undoes it (prctl(2), PR_SET_PDEATHSIG). Who
/// was orphaned meanwhile ends at once.
pub(crate) fn stay_with(guardian: Option<u32>) {
    if let Some(guardian) = guardian {
        die_with_parent();
        if std::os::unix::process::parent_id() != guardian {
            std::process::exit(125);
        }
    }
}

fn die_with_parent() {
    // SAFETY: plain numbers.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL, 0, 0, 0) };
}

/// The wait status of a child that becomes the command. Signals meant for it are sent on.
fn fork_and_wait(become_command: impl FnOnce() -> Error) -> Result<i32> {
    let (reader, writer) =
        io::pipe().map_err(|cause| Error::system("start a process for the command", cause))?;
    // Ignored, it would have the kernel throw the command's status away.
    // SAFETY: no handler.
    let inherited = unsafe { libc::signal(libc::SIGCHLD, libc::SIG_DFL) };
    // The command may be quicker than its parent is to say what becomes of signals: until then they wait.
    let mask = block(&[&FORWARDED[..], &FROM_TERMINAL].concat());
    // SAFETY: newroot has one thread.
    let child = unsafe { libc::fork() };
    if child < 0 {
        set_mask(&mask);
        return Err(Error::system("start a process for the command", io::Error::last_os_error()));
    }
    if child == 0 {
        drop(writer);
        // SAFETY: what it was.
        unsafe { libc::signal(libc::SIGCHLD, inherited) };
        set_mask(&mask);
        die_with_parent();
        if has_hung_up(&reader) {
            std::process::exit(125);
        }
        drop(reader);
        return Err(become_command());
    }
    drop(reader);
    COMMAND.store(child, Ordering::Relaxed);
    for signal in FORWARDED {
        // SAFETY: the handler is async-signal-safe.
        unsafe { libc::signal(signal, forward as *const () as libc::sighandler_t) };
    }
    for signal in FROM_TERMINAL {
        // The command decides.
        // SAFETY: no handler.
        unsafe { libc::signal(signal, libc::SIG_IGN) };
    }
    set_mask(&mask);
    let status = wait_for(child);
    drop(writer);
    status
}

/// Has signals wait; the result is the mask as it was.
fn block(signals: &[i32]) -> libc::sigset_t {
    // SAFETY: the sets are made before they are read, and live for the calls.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        let mut old: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut set);
        for &signal in signals {
            libc::sigaddset(&raw mut set, signal);
        }
        libc::sigprocmask(libc::SIG_BLOCK, &raw const set, &raw mut old);
        old
    }
}

fn set_mask(mask: &libc::sigset_t) {
    // SAFETY: the set is borrowed.
    unsafe { libc::sigprocmask(libc::SIG_SETMASK, mask, std::ptr::null_mut()) };
}

/// Whether the parent, who has the pipe's other end, is gone already.
fn has_hung_up(reader: &PipeReader) -> bool {
    let mut poll = libc::pollfd { fd: reader.as_raw_fd(), events: 0, revents: 0 };
    // SAFETY: one structure, which lives for the call.
    unsafe { libc::poll(&raw mut poll, 1, 0) };
    poll.revents & libc::POLLHUP != 0
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
    let text = fs::read(format!("/proc/{pid}/stat")).ok()?;
    let parent = stat::field(&text, 4).and_then(Decimal::parse)?;
    parent.try_into().ok()
}

fn exit_code(status: i32) -> u8 {
    if libc::WIFSIGNALED(status) {
        128 + libc::WTERMSIG(status) as u8
    } else {
        libc::WEXITSTATUS(status) as u8
    }
}
