//! Input and output on pipes that a signal can interrupt.
//!
//! The caller may block signals for the duration of an import or export. A read(2) or write(2) that
//! waits for the other end of a pipe would then ignore the user's Ctrl-C. So these functions call
//! poll(2) first, with a timeout.

use std::io::{self, Read, Write};
use std::os::fd::AsFd;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{FileType, fstat};
use rustix::io::Errno;

/// Returns whether the user wants to stop.
pub(crate) type Ended<'a> = &'a dyn Fn() -> bool;

/// Longest time until a wish to stop is noticed.
const NOTICE: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
/// Bytes that a writable pipe accepts without blocking: `PIPE_BUF`.
const PIPE_BUF: usize = 4096;

/// A file whose reads and writes don't block once the user wants to stop.
pub(crate) struct InterruptibleIo<'a, F> {
    file: F,
    waits: bool,
    ended: Ended<'a>,
}

/// The error of a wait that the user stopped.
#[derive(Debug, thiserror::Error)]
#[error("interrupted")]
pub(crate) struct Interrupted;

impl<'a, F: AsFd> InterruptibleIo<'a, F> {
    pub(crate) fn new(file: F, ended: Ended<'a>) -> Self {
        let is_file = |mode| FileType::from_raw_mode(mode) == FileType::RegularFile;
        let waits = !fstat(&file).is_ok_and(|stat| is_file(stat.st_mode));
        Self { file, waits, ended }
    }

    fn wait(&self, event: PollFlags) -> io::Result<()> {
        if !self.waits {
            return Ok(());
        }
        loop {
            match poll(&mut [PollFd::new(&self.file, event)], Some(&NOTICE)) {
                Ok(0) if (self.ended)() => return Err(io::Error::other(Interrupted)),
                Ok(0) | Err(Errno::INTR) => {}
                Ok(_) => return Ok(()),
                Err(error) => return Err(error.into()),
            }
        }
    }
}

impl<F: AsFd + Read> Read for InterruptibleIo<'_, F> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.wait(PollFlags::IN)?;
        self.file.read(out)
    }
}

impl<F: AsFd + Write> Write for InterruptibleIo<'_, F> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.wait(PollFlags::OUT)?;
        let most = if self.waits { bytes.len().min(PIPE_BUF) } else { bytes.len() };
        self.file.write(&bytes[..most])
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn end_is_noticed_while_nothing_comes_and_nothing_goes() {
        let (reader, writer) = io::pipe().unwrap();
        let error = InterruptibleIo::new(reader.try_clone().unwrap(), &|| true).read(&mut [0]).unwrap_err();
        assert_eq!(error.to_string(), "interrupted");
        let mut writer = InterruptibleIo::new(writer, &|| true);
        let full = (0..1 << 20).find_map(|_| writer.write(&[0; 1 << 16]).err());
        assert_eq!(full.unwrap().to_string(), "interrupted");
    }

    #[test]
    fn what_comes_is_read() {
        let (reader, mut writer) = io::pipe().unwrap();
        writer.write_all(b"x").unwrap();
        drop(writer);
        let mut text = String::new();
        InterruptibleIo::new(reader, &|| true).read_to_string(&mut text).unwrap();
        assert_eq!(text, "x");
    }
}
