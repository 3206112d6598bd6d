//! Parents of the command, for a command that needs one: to end the processes that it leaves behind
//! (`--kill-on-exit`), or as the init of its PID namespace.
//!
//! # Safety
//! fork(2) is called in a process with one thread. Signal handlers only forward signals.
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

/// Signals to newroot that are meant for the command.
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

/// Becomes the command, or runs it in a child if it is to be supervised.
pub(crate) fn become_or_run(
    spec: &LaunchSpec,
    supervised: bool,
    become_command: impl FnOnce() -> Error,
) -> Result<u8> {
    if supervised { run(spec, become_command) } else { Err(become_command()) }
}

/// Runs `become_command` in a child and waits for it. Then ends every process that the command has
/// left, including those that made themselves orphans. Returns the status with which to exit.
///
/// The kernel kills the child if newroot is killed, and newroot with its parent if
/// `die_with_parent` is set.
pub(crate) fn run(spec: &LaunchSpec, become_command: impl FnOnce() -> Error) -> Result<u8> {
    die_with(spec.isolation.die_with_parent.then(std::os::unix::process::parent_id));
    // Orphans of the command become children of this process.
    // SAFETY: the call takes plain numbers only.
    if unsafe { libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) } != 0 {
        return Err(Error::system("take charge of the command's orphans", io::Error::last_os_error()));
    }
    let status = fork_and_wait(become_command)?;
    end_descendants();
    Ok(exit_code(status))
}

/// Does the same as the first process of a PID namespace, whose end ends all others in it. Waits
/// for the command, and meanwhile for every orphan (pid_namespaces(7)).
pub(crate) fn run_as_init(become_command: impl FnOnce() -> Error) -> Result<u8> {
    // Otherwise the command could read newroot's memory and its program file through /proc/1.
    // SAFETY: the call takes plain numbers only.
    unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 0, 0, 0, 0) };
    fork_and_wait(become_command).map(exit_code)
}

/// Makes the kernel kill this process when its parent ends, if the parent is `guardian`. If the
/// parent has ended already, the process exits at once.
///
/// Each change of identity undoes the setting (prctl(2), PR_SET_PDEATHSIG), so this must be called
/// again after it.
pub(crate) fn die_with(guardian: Option<u32>) {
    if let Some(guardian) = guardian {
        request_death_signal();
        if std::os::unix::process::parent_id() != guardian {
            std::process::exit(125);
        }
    }
}

fn request_death_signal() {
    // SAFETY: the call takes plain numbers only.
    unsafe { libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL, 0, 0, 0) };
}

/// Starts a child that becomes the command, forwards signals to it, and returns its wait status.
fn fork_and_wait(become_command: impl FnOnce() -> Error) -> Result<i32> {
    let (reader, writer) =
        io::pipe().map_err(|cause| Error::system("start a process for the command", cause))?;
    // If the signal were ignored, the kernel would discard the command's status.
    // SAFETY: no handler is set.
    let inherited = unsafe { libc::signal(libc::SIGCHLD, libc::SIG_DFL) };
    // The command may run before its parent has set its signal handlers. Until then signals wait.
    let mask = block(&[&FORWARDED[..], &FROM_TERMINAL].concat());
    // SAFETY: newroot has one thread.
    let child = unsafe { libc::fork() };
    if child < 0 {
        set_mask(&mask);
        return Err(Error::system("start a process for the command", io::Error::last_os_error()));
    }
    if child == 0 {
        drop(writer);
        // SAFETY: this restores the inherited disposition, which is no handler of this program.
        unsafe { libc::signal(libc::SIGCHLD, inherited) };
        set_mask(&mask);
        request_death_signal();
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
        // The command decides what these signals do.
        // SAFETY: no handler is set.
        unsafe { libc::signal(signal, libc::SIG_IGN) };
    }
    set_mask(&mask);
    let status = wait_for(child);
    drop(writer);
    status
}

/// Blocks these signals and returns the previous mask.
fn block(signals: &[i32]) -> libc::sigset_t {
    // SAFETY: the sets are initialized before they are read, and live for the calls.
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
    // SAFETY: the set is borrowed for the call.
    unsafe { libc::sigprocmask(libc::SIG_SETMASK, mask, std::ptr::null_mut()) };
}

/// Returns whether the parent, which holds the pipe's other end, has ended.
fn has_hung_up(reader: &PipeReader) -> bool {
    let mut poll = libc::pollfd { fd: reader.as_raw_fd(), events: 0, revents: 0 };
    // SAFETY: the call gets one structure, which lives for the call.
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

/// Kills children until none are left. The children of each become children of this process as it
/// dies.
fn end_descendants() {
    loop {
        for child in children() {
            // SAFETY: this process hasn't waited for this child yet, so no other process can have
            // its number.
            unsafe { libc::kill(child, libc::SIGKILL) };
        }
        // SAFETY: a null pointer means that no status is wanted.
        if unsafe { libc::waitpid(-1, std::ptr::null_mut(), 0) } < 0
            && io::Error::last_os_error().kind() != io::ErrorKind::Interrupted
        {
            return;
        }
    }
}

/// Returns the children of this process. The next call finds those that are born meanwhile.
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
