//! A command on a terminal of its own, and the user at that terminal.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

use crate::run::{Ending, wait};

/// Time limit for every wait of the user.
const PATIENCE: Duration = Duration::from_secs(30);

/// The user's side of the terminal.
pub struct Terminal {
    person: File,
    child: Child,
    seen: String,
}

impl Terminal {
    /// Starts `command` as the leader of a session, on a terminal of this size. Only the command's
    /// program, arguments and variables count.
    ///
    /// # Panics
    /// If there is no terminal, or the command can't be started.
    #[must_use]
    pub fn start(command: &Command, size: (u16, u16)) -> Self {
        let person =
            openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).expect("a terminal");
        grantpt(&person).and_then(|()| unlockpt(&person)).expect("its other side");
        let name = ptsname(&person, Vec::new()).expect("its name");
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let side: OwnedFd = rustix::fs::open(&name, flags, Mode::empty()).expect("the other side");
        set_size(&person, size);

        let copy = || Stdio::from(side.try_clone().expect("a second descriptor"));
        let mut outer = Command::new("setsid");
        outer.arg("-c").arg(command.get_program()).args(command.get_args());
        outer.env_clear().envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        outer.stdin(copy()).stdout(copy()).stderr(copy());
        let child = outer.spawn().expect("setsid");
        Self { person: person.into(), child, seen: String::new() }
    }

    /// Types a text.
    ///
    /// # Panics
    /// If no process reads it.
    pub fn type_in(&mut self, text: &str) {
        self.person.write_all(text.as_bytes()).expect("a terminal that is open");
    }

    /// Changes the size of the terminal: rows and columns.
    ///
    /// # Panics
    /// If it can't be changed.
    pub fn resize(&self, size: (u16, u16)) {
        set_size(&self.person, size);
    }

    /// Waits until `text` shows, and discards everything up to its end.
    ///
    /// # Panics
    /// If it doesn't show in time.
    pub fn expect(&mut self, text: &str) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(at) = self.seen.find(text) {
                self.seen.drain(..at + text.len());
                return;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            let left = Timespec::try_from(left).expect("minutes fit");
            let ready = poll(&mut [PollFd::new(&self.person, PollFlags::IN)], Some(&left)).expect("poll");
            assert!(ready > 0, "no {text:?} in {:?}", self.seen);
            let mut bytes = [0; 4096];
            // Reading fails when the last process has closed the terminal.
            match self.person.read(&mut bytes) {
                Ok(len) => self.seen.push_str(&String::from_utf8_lossy(&bytes[..len])),
                Err(error) => panic!("no {text:?} in {:?}: {error}", self.seen),
            }
        }
    }

    /// Waits for the command's end.
    ///
    /// # Panics
    /// If it doesn't end in time.
    #[must_use]
    pub fn end(mut self) -> Ending {
        wait(&mut self.child, PATIENCE)
    }
}

fn set_size(terminal: &impl std::os::fd::AsFd, (rows, columns): (u16, u16)) {
    let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(terminal, size).expect("a size for the terminal");
}
