//! Access to child processes.

use rustix::io::Errno;
use rustix::process::{Pid, Signal, WaitOptions, WaitStatus};

use super::Outcome;
use super::attempt::attempt;
use super::raw;

/// A child that waits until it is dropped.
pub(super) struct Idle(Pid);

impl Idle {
    /// Starts a child.
    pub(super) fn fork() -> Result<Self, Errno> {
        raw::fork(|| {
            // An alarm ends the child even if its parent is killed.
            raw::end_after(30);
            loop {
                raw::pause();
            }
        })
        .map(Self)
    }

    /// Returns its process id.
    pub(super) fn id(&self) -> Pid {
        self.0
    }
}

impl Drop for Idle {
    fn drop(&mut self) {
        let _ = rustix::process::kill_process(self.0, Signal::KILL);
        let _ = wait(self.0, WaitOptions::empty());
    }
}

/// Tries ptrace(2) on a child that asks to be traced.
pub(super) fn ptrace() -> Outcome {
    attempt(|narrator| {
        narrator.begin("fork");
        let child = raw::fork(|| match raw::be_traced() {
            Ok(()) => {
                let _ = rustix::process::kill_process(rustix::process::getpid(), Signal::STOP);
                0
            }
            Err(errno) => errno.raw_os_error(),
        })?;
        narrator.begin("have a child traced");
        let status = wait(child, WaitOptions::UNTRACED)?;
        if let Some(errno) = status.exit_status() {
            return Err(Errno::from_raw_os_error(errno));
        }
        if !status.stopped() {
            return Err(Errno::PERM);
        }
        narrator.begin("stop a traced child at a system call");
        let stopped = raw::trace_to_next_call(child).and_then(|()| wait(child, WaitOptions::UNTRACED));
        let _ = rustix::process::kill_process(child, Signal::KILL);
        wait(child, WaitOptions::empty())?;
        if stopped?.stopped() { Ok(0) } else { Err(Errno::SRCH) }
    })
    .outcome(|_| String::new())
}

/// Waits until a child ends or stops.
fn wait(child: Pid, options: WaitOptions) -> Result<WaitStatus, Errno> {
    loop {
        match rustix::process::waitpid(Some(child), options) {
            Err(Errno::INTR) => {}
            Ok(Some((_, status))) => return Ok(status),
            Ok(None) => return Err(Errno::CHILD),
            Err(errno) => return Err(errno),
        }
    }
}
