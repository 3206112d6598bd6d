//! What is remembered of one file, for what the host's kernel won't let an ordinary user have: its
//! owners, its mode, its device number.
//!
//! A record is kept as an extended attribute of the file itself where that goes ([`Record::encode`]),
//! and otherwise as a text in a file beside ([`Record::encode_text`]).

mod message;
mod names;
mod text;

pub use message::{ATTRIBUTE, MESSAGE_MAX};
pub use names::{NAME_MAX, is_hidden, shown_name, stored_name};
pub use text::TEXT_MAX;

use newroot_abi::Errno;

use crate::keep::is_watched;

/// What is remembered of a file. What is `None` is as the host has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// Its owner.
    pub uid: Option<u32>,
    /// Its group.
    pub gid: Option<u32>,
    /// Its whole `st_mode`; with another type than the host's where it is a stand-in for a device, for
    /// instance.
    pub mode: Option<u32>,
    /// Its whole `st_mode` after a write, while the kernel is to report one: see
    /// [`keep::watched_mode`](crate::keep::watched_mode).
    pub written: Option<u32>,
    /// The device that it is: see [`device`].
    pub device: Option<u64>,
    /// When the file was made, in nanoseconds since 1970, as far as the file system tells: a record
    /// that lies beside is another file's if this differs.
    pub birth: Option<u64>,
}

/// A device number as records have it: the major number in the upper half, the minor in the lower. The
/// kernel's own encodings (makedev(3)) differ from call to call.
#[must_use]
pub const fn device(major: u32, minor: u32) -> u64 {
    (major as u64) << 32 | minor as u64
}

/// The major and the minor number of a record's device number.
#[must_use]
pub const fn device_numbers(device: u64) -> (u32, u32) {
    ((device >> 32) as u32, device as u32)
}

impl Record {
    /// Nothing but what the host has.
    pub const NONE: Self =
        Self { uid: None, gid: None, mode: None, written: None, device: None, birth: None };

    /// Whether there is nothing to remember.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::NONE
    }

    /// Returns whether somebody has written to the file since a write was to be reported: its capabilities
    /// are gone as well. `host_file` is the `st_mode` of the host's file.
    #[must_use]
    pub const fn is_written(&self, host_file: u32) -> bool {
        self.written.is_some() && !is_watched(host_file)
    }

    /// Returns the file's `st_mode`, of which the host's file has `host_file`.
    #[must_use]
    pub const fn mode_of(&self, host_file: u32) -> u32 {
        match (self.written, self.mode) {
            (Some(written), _) if self.is_written(host_file) => written,
            (_, Some(mode)) => mode,
            (_, None) => host_file,
        }
    }

    /// Writes the value of [`ATTRIBUTE`] and returns its length.
    #[must_use]
    pub fn encode(&self, out: &mut [u8; MESSAGE_MAX]) -> usize {
        message::encode(self, out)
    }

    /// Reads a value of [`ATTRIBUTE`], written by whomever.
    ///
    /// # Errors
    /// EINVAL if it isn't a whole message.
    pub fn decode(value: &[u8]) -> Result<Self, Errno> {
        message::decode(value)
    }

    /// Writes the record as a text and returns its length. The text is never empty and has neither NUL
    /// nor `/` in it: it can be a file's name or a symbolic link's target.
    #[must_use]
    pub fn encode_text(&self, out: &mut [u8; TEXT_MAX]) -> usize {
        text::encode(self, out)
    }

    /// Reads a record's text. What a newer version may have put there besides is skipped.
    ///
    /// # Errors
    /// EINVAL if it isn't such a text.
    pub fn decode_text(text: &[u8]) -> Result<Self, Errno> {
        text::decode(text)
    }
}

/// Appends to a buffer that is large enough; what isn't would be cut off.
struct Writer<'a> {
    out: &'a mut [u8],
    len: usize,
}

impl Writer<'_> {
    fn byte(&mut self, byte: u8) {
        if let Some(place) = self.out.get_mut(self.len) {
            *place = byte;
            self.len += 1;
        }
    }

    fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.byte(*byte);
        }
    }
}
