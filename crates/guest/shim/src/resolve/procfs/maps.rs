//! A process's map of memory, read from `/proc/PID/maps`.

use newroot_abi::Errno;
use newroot_procfs::{Lines, Mapping};

use crate::host::{self, Descriptor};

/// The lines of a map.
pub struct Maps {
    file: Descriptor,
    lines: Lines<8192>,
}

impl Maps {
    /// Reads from a `maps` file that was just opened.
    #[must_use]
    pub fn new(file: Descriptor) -> Self {
        Self { file, lines: Lines::new() }
    }

    /// The next mapping, in the order of addresses; `None` behind the last.
    ///
    /// # Errors
    /// read(2)'s; EINVAL for a line that can't be read.
    pub fn next_mapping(&mut self) -> Result<Option<Mapping<'_>>, Errno> {
        match self.lines.next(|room| host::read(self.file.number(), room))? {
            Some(line) => Mapping::parse(line).map(Some).ok_or(Errno::INVAL),
            None => Ok(None),
        }
    }
}
