//! A process's list of mappings, read from `/proc/PID/maps`.

use newroot_abi::Errno;
use newroot_procfs::{Lines, Mapping};

use crate::kernel::{self, Descriptor};

/// The lines of a `maps` file.
pub struct Maps {
    file: Descriptor,
    lines: Lines<8192>,
}

impl Maps {
    /// Makes one from a `maps` file that was just opened.
    #[must_use]
    pub fn new(file: Descriptor) -> Self {
        Self { file, lines: Lines::new() }
    }

    /// Returns the next mapping, in the order of addresses; `None` after the last one.
    ///
    /// # Errors
    /// The errnos of read(2); EINVAL for a line that can't be parsed.
    pub fn next_mapping(&mut self) -> Result<Option<Mapping<'_>>, Errno> {
        match self.lines.next(|buffer| kernel::read(self.file.number(), buffer))? {
            Some(line) => Mapping::parse(line).map(Some).ok_or(Errno::INVAL),
            None => Ok(None),
        }
    }
}
