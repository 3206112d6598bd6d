//! Running a command with a deadline, and what came of it.

use std::fmt;
use std::fs::File;
use std::io::{Read as _, Seek as _};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};

use crate::enter::User;

/// How long any command of a test may take. Generous: a loaded CI machine is slow, and a
/// hang is rare.
const DEADLINE: Duration = Duration::from_secs(60);

/// What a command printed and how it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Everything written to standard output.
    pub stdout: Vec<u8>,
    /// Everything written to standard error.
    pub stderr: Vec<u8>,
    /// How it ended.
    pub ending: Ending,
}

/// How a command ended.
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
    /// Standard output as text, for messages and for comparing with text.
    #[must_use]
    pub fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Standard error as text.
    #[must_use]
    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }

    /// Everything observed, one fact a line: what two runs are compared by.
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

/// Runs `command` to its end, with no standard input.
///
/// Its output goes to files rather than pipes: a process that the command left behind and
/// that still holds them keeps nobody waiting.
///
/// # Panics
/// When it can't be started.
#[must_use]
pub fn run(command: &mut Command) -> Outcome {
    run_within(command, DEADLINE)
}

/// The same for a command that may need longer than others.
///
/// # Panics
/// When it can't be started.
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

/// How often the time may be had that is otherwise right; `NEWROOT_TEST_PATIENCE` says it where the machine is slow.
fn patience() -> u32 {
    std::env::var("NEWROOT_TEST_PATIENCE").ok().and_then(|text| text.parse().ok()).unwrap_or(1)
}

/// Runs a step of a test that has to succeed.
///
/// # Panics
/// When it doesn't.
pub fn succeed(command: &mut Command) {
    let status = command.status().unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
    assert!(status.success(), "{command:?}: {status}");
}

/// The same command where nothing it starts outlives it: as root, in a PID namespace, whose
/// end is the end of the servers that a failed case may leave.
#[must_use]
pub fn contained(inner: Command) -> Command {
    if !User::we_are_root() {
        return inner;
    }
    let mut outer = Command::new("unshare");
    outer.args(["--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "--"]);
    // The first process of the namespace has to reap; it must not be the one under test.
    outer.args(["sh", "-c", "\"$@\"; exit $?", "sh"]).arg(inner.get_program()).args(inner.get_args());
    outer.env_clear().envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
    outer
}

/// Waits for a child that leads a process group, and kills what is left of it afterwards.
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
    // The group dies with its leader, so that no test's leftovers disturb the next one.
    let _ = kill_process_group(pid, Signal::KILL);
    let status = child.wait().expect("our own child");
    if ended { status.into() } else { Ending::TimedOut }
}

fn contents(file: &mut File) -> Vec<u8> {
    let mut bytes = Vec::new();
    file.rewind().and_then(|()| file.read_to_end(&mut bytes)).expect("our own file");
    bytes
}
