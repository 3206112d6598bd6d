//! Runs commands with a time limit.

use std::fmt;
use std::fs::File;
use std::io::{Read as _, Seek as _};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};

use crate::enter::User;

/// Time limit of any command of a test. Generous, because a loaded CI machine is slow and a hang is
/// rare.
const DEADLINE: Duration = Duration::from_secs(60);

/// Output and end of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Everything written to standard output.
    pub stdout: Vec<u8>,
    /// Everything written to standard error.
    pub stderr: Vec<u8>,
    /// Exit status or signal.
    pub ending: Ending,
}

/// End of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It exited with this status.
    Exit(i32),
    /// A signal killed it.
    Signal(i32),
    /// It was still running at the deadline.
    TimedOut,
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exit(status) => write!(f, "exit {status}"),
            Self::Signal(signal) => write!(f, "signal {signal}"),
            Self::TimedOut => write!(f, "timed out"),
        }
    }
}

impl From<ExitStatus> for Ending {
    fn from(status: ExitStatus) -> Self {
        match status.code() {
            Some(code) => Self::Exit(code),
            None => Self::Signal(status.signal().unwrap_or(0)),
        }
    }
}

impl Outcome {
    /// Returns standard output as text, for messages and comparisons.
    #[must_use]
    pub fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Returns standard error as text.
    #[must_use]
    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }

    /// Returns everything, one fact a line, for comparison with another run.
    #[must_use]
    pub fn facts(&self) -> String {
        let mut text = self.stdout();
        for line in self.stderr().lines() {
            text.push_str("stderr: ");
            text.push_str(line);
            text.push('\n');
        }
        text.push_str(&format!("{}\n", self.ending));
        text
    }
}

/// Runs `command` to its end, without standard input.
///
/// Its output goes to files, not to pipes. So a process that the command left behind with its
/// output open keeps nobody waiting.
///
/// # Panics
/// If it can't be started.
#[must_use]
pub fn run(command: &mut Command) -> Outcome {
    run_within(command, DEADLINE)
}

/// Does the same with another time limit.
///
/// # Panics
/// If it can't be started.
#[must_use]
pub fn run_within(command: &mut Command, time: Duration) -> Outcome {
    let mut stdout = tempfile::tempfile().expect("a file for standard output");
    let mut stderr = tempfile::tempfile().expect("a file for standard error");
    command
        .stdin(Stdio::null())
        .stdout(stdout.try_clone().expect("a second descriptor"))
        .stderr(stderr.try_clone().expect("a second descriptor"))
        .process_group(0);
    let mut child = command.spawn().unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
    let ending = wait(&mut child, time * patience());
    Outcome { stdout: contents(&mut stdout), stderr: contents(&mut stderr), ending }
}

/// Returns the factor of all time limits, from `NEWROOT_TEST_PATIENCE`, for slow machines.
fn patience() -> u32 {
    std::env::var("NEWROOT_TEST_PATIENCE").ok().and_then(|text| text.parse().ok()).unwrap_or(1)
}

/// Runs a step of a test that has to succeed.
///
/// # Panics
/// If it fails.
pub fn succeed(command: &mut Command) {
    let status = command.status().unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
    assert!(status.success(), "{command:?}: {status}");
}

/// Returns the command, changed so that nothing that it starts outlives it. Root runs it in a PID
/// namespace, whose end also ends servers that a failed case left behind.
#[must_use]
pub fn contained(inner: Command) -> Command {
    if !User::we_are_root() {
        return inner;
    }
    let mut outer = Command::new("unshare");
    outer.args(["--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--"]);
    // The first process of the namespace has to reap, so it can't be the one under test.
    outer.args(["sh", "-c", "\"$@\"; exit $?", "sh"]).arg(inner.get_program()).args(inner.get_args());
    outer.env_clear().envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
    outer
}

/// Waits for a child that leads a process group, and kills the rest of the group afterwards.
pub(crate) fn wait(child: &mut Child, time: Duration) -> Ending {
    let pid = Pid::from_child(child);
    let pidfd = pidfd_open(pid, PidfdFlags::empty()).expect("a pidfd (Linux 5.3)");
    let deadline = Timespec::try_from(time).expect("minutes fit");
    let ended = loop {
        match poll(&mut [PollFd::new(&pidfd, PollFlags::IN)], Some(&deadline)) {
            Err(rustix::io::Errno::INTR) => {}
            other => break other.expect("poll of a pidfd") > 0,
        }
    };
    // Kills the group, so that no process of one test disturbs the next.
    let _ = kill_process_group(pid, Signal::KILL);
    let status = child.wait().expect("our own child");
    if ended { status.into() } else { Ending::TimedOut }
}

fn contents(file: &mut File) -> Vec<u8> {
    let mut bytes = Vec::new();
    file.rewind().and_then(|()| file.read_to_end(&mut bytes)).expect("our own file");
    bytes
}
