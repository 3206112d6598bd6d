//! One attempt: a child tries something, and its parent reads the outcome.
//!
//! The child writes each step to a pipe before it takes it, and its result at the end. If it
//! doesn't get there, its exit status says the rest: the status of the program it executed, or the
//! signal that killed it. An alarm ends a child that hangs.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::io::Errno;
use rustix::pipe::PipeFlags;
use rustix::process::{WaitOptions, WaitStatus};

use super::Outcome;
use super::raw;
use crate::spec::reason;

/// Seconds until the alarm ends a child.
const PATIENCE: u32 = 10;

/// On the pipe: the end of a step's name.
const END_OF_STEP: u8 = b'\n';
/// On the pipe: the result of a successful child follows.
const SUCCESS: u8 = 0;
/// On the pipe: the errno of a failed step follows.
const FAILURE: u8 = 1;

/// The child's end of the pipe.
pub(super) struct Narrator<'a> {
    pipe: BorrowedFd<'a>,
}

impl Narrator<'_> {
    /// Reports the next step, as it reads after "cannot".
    pub(super) fn begin(&self, step: &str) {
        let _ = rustix::io::write(self.pipe, step.as_bytes());
        let _ = rustix::io::write(self.pipe, &[END_OF_STEP]);
    }

    /// Reports the result.
    fn end(&self, result: Result<u32, Errno>) {
        let (kind, number) = match result {
            Ok(answer) => (SUCCESS, answer.to_le_bytes()),
            Err(errno) => (FAILURE, errno.raw_os_error().to_le_bytes()),
        };
        let [a, b, c, d] = number;
        let _ = rustix::io::write(self.pipe, &[kind, a, b, c, d]);
    }
}

/// The outcome of an attempt.
#[derive(Debug)]
pub(super) struct Attempt {
    /// The last step that was begun.
    step: String,
    ending: Ending,
}

#[derive(Debug, PartialEq, Eq)]
enum Ending {
    /// The probe's result.
    Answer(Result<u32, Errno>),
    /// The child ended without a result: the program that it executed exited with this status.
    Exited(i32),
    /// This signal killed the child.
    Killed(i32),
    /// fork(2) failed.
    NotStarted(Errno),
}

/// Runs `probe` in a child.
pub(super) fn attempt(probe: impl FnOnce(&Narrator<'_>) -> Result<u32, Errno>) -> Attempt {
    let not_started = |errno| Attempt { step: "start a child".to_owned(), ending: Ending::NotStarted(errno) };
    let (reader, writer) = match rustix::pipe::pipe_with(PipeFlags::CLOEXEC) {
        Ok(ends) => ends,
        Err(errno) => return not_started(errno),
    };
    let child = raw::fork(|| {
        raw::end_after(PATIENCE);
        let narrator = Narrator { pipe: writer.as_fd() };
        narrator.end(probe(&narrator));
        0
    });
    let child = match child {
        Ok(child) => child,
        Err(errno) => return not_started(errno),
    };
    drop(writer);
    let story = read_all(reader);
    let status = loop {
        match rustix::process::waitpid(Some(child), WaitOptions::empty()) {
            Err(Errno::INTR) => {}
            Ok(Some((_, status))) => break Some(status),
            Ok(None) | Err(_) => break None,
        }
    };
    interpret(&story, status)
}

fn read_all(reader: OwnedFd) -> Vec<u8> {
    let mut story = Vec::new();
    // Bytes read before an error still count.
    let _ = io::Read::read_to_end(&mut std::fs::File::from(reader), &mut story);
    story
}

fn interpret(story: &[u8], status: Option<WaitStatus>) -> Attempt {
    let (told, end) = match story.iter().position(|&byte| byte == SUCCESS || byte == FAILURE) {
        Some(at) => story.split_at(at),
        None => (story, &[][..]),
    };
    let step = told.split(|&byte| byte == END_OF_STEP).rfind(|step| !step.is_empty());
    let step = String::from_utf8_lossy(step.unwrap_or(b"start")).into_owned();
    let ending = match *end {
        [SUCCESS, a, b, c, d] => Ending::Answer(Ok(u32::from_le_bytes([a, b, c, d]))),
        [FAILURE, a, b, c, d] => {
            let errno = i32::from_le_bytes([a, b, c, d]);
            Ending::Answer(Err(Errno::from_raw_os_error(errno)))
        }
        _ => match status {
            Some(status) => match (status.exit_status(), status.terminating_signal()) {
                (Some(code), _) => Ending::Exited(code),
                (None, signal) => Ending::Killed(signal.unwrap_or_default()),
            },
            None => Ending::NotStarted(Errno::CHILD),
        },
    };
    Attempt { step, ending }
}

impl Attempt {
    /// Returns the outcome of a probe that succeeds with a number.
    pub(super) fn outcome(self, detail: impl FnOnce(u32) -> String) -> Outcome {
        match self.ending {
            Ending::Answer(Ok(answer)) => Outcome::Works(detail(answer)),
            _ => Outcome::Fails(self.failure()),
        }
    }

    /// Returns the outcome of a probe that succeeds by executing a program that exits with `code`.
    pub(super) fn outcome_of_exec(self, code: i32, detail: String) -> Outcome {
        match self.ending {
            Ending::Exited(found) if found == code => Outcome::Works(detail),
            _ => Outcome::Fails(self.failure()),
        }
    }

    fn failure(&self) -> String {
        let why = match &self.ending {
            Ending::Answer(Err(errno)) | Ending::NotStarted(errno) => reason(&io::Error::from(*errno)),
            Ending::Answer(Ok(answer)) => format!("unexpected answer {answer}"),
            Ending::Exited(code) => format!("unexpected exit status {code}"),
            Ending::Killed(signal) if *signal == raw::ALARM => "it takes too long".to_owned(),
            Ending::Killed(signal) => format!("killed by signal {signal}"),
        };
        format!("cannot {}: {why}", self.step)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answer_of_the_child_arrives() {
        let outcome = attempt(|narrator| {
            narrator.begin("count");
            Ok(0x0102_0300)
        })
        .outcome(|answer| format!("{answer:#x}"));
        assert_eq!(outcome, Outcome::Works("0x1020300".to_owned()));
    }

    #[test]
    fn failure_names_the_last_step() {
        let outcome = attempt(|narrator| {
            narrator.begin("open the door");
            narrator.begin("enter the room");
            Err(Errno::NOENT)
        })
        .outcome(|_| String::new());
        assert_eq!(outcome, Outcome::Fails("cannot enter the room: No such file or directory".to_owned()));
    }

    #[test]
    fn death_of_the_child_is_reported() {
        let outcome = attempt(|narrator| {
            narrator.begin("live");
            let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
            Ok(0)
        })
        .outcome(|_| String::new());
        assert_eq!(outcome, Outcome::Fails("cannot live: killed by signal 9".to_owned()));
    }
}
