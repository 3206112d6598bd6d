//! The record of a file: the owners, mode and device number that the host's kernel doesn't let an
//! ordinary user set.
//!
//! A record is stored as an extended attribute of the file itself where possible
//! ([`Record::encode`]), and otherwise as a text in a file beside it ([`Record::encode_text`]).

mod message;
mod names;
mod text;

pub use message::{ATTRIBUTE, MESSAGE_MAX};
pub use names::{NAME_MAX, is_hidden, shown_name, stored_name};
pub use text::TEXT_MAX;

use newroot_abi::Errno;

use crate::record_policy::is_watched;

/// The record of a file. A field that is `None` has the host file's value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// Owner of the file.
    pub uid: Option<u32>,
    /// Group of the file.
    pub gid: Option<u32>,
    /// The whole `st_mode`. Its type differs from the host file's if that is a stand-in, for
    /// example for a device.
    pub mode: Option<u32>,
    /// The whole `st_mode` after a write, while the kernel is to detect one: see
    /// [`record_policy::watched_mode`](crate::record_policy::watched_mode).
    pub written: Option<u32>,
    /// Device number of a device file: see [`device`].
    pub device: Option<u64>,
    /// Time at which the file was created, in nanoseconds since 1970, if the file system reports
    /// it. If it differs, a record beside the file belongs to another file.
    pub birth: Option<u64>,
}

/// Returns a device number in the format of records: the major number in the upper half, the minor
/// number in the lower. The kernel's own encodings (makedev(3)) differ from call to call.
#[must_use]
pub const fn device(major: u32, minor: u32) -> u64 {
    (major as u64) << 32 | minor as u64
}

/// Returns the major and the minor number of a record's device number.
#[must_use]
pub const fn device_numbers(device: u64) -> (u32, u32) {
    ((device >> 32) as u32, device as u32)
}

impl Record {
    /// The empty record: every field has the host file's value.
    pub const NONE: Self =
        Self { uid: None, gid: None, mode: None, written: None, device: None, birth: None };

    /// Checks whether the record is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::NONE
    }

    /// Checks whether the file was written to since it was watched. Its capabilities are then gone
    /// as well. `host_file` is the `st_mode` of the host file.
    #[must_use]
    pub const fn is_written(&self, host_file: u32) -> bool {
        self.written.is_some() && !is_watched(host_file)
    }

    /// Returns the `st_mode` that the guest sees, where `host_file` is that of the host file.
    #[must_use]
    pub const fn mode_of(&self, host_file: u32) -> u32 {
        match (self.written, self.mode) {
            (Some(written), _) if self.is_written(host_file) => written,
            (_, Some(mode)) => mode,
            (_, None) => host_file,
        }
    }

    /// Writes the value of [`ATTRIBUTE`] to `out` and returns its length.
    #[must_use]
    pub fn encode(&self, out: &mut [u8; MESSAGE_MAX]) -> usize {
        message::encode(self, out)
    }

    /// Reads a value of [`ATTRIBUTE`], which may come from any program.
    ///
    /// # Errors
    /// EINVAL if it isn't a complete message.
    pub fn decode(value: &[u8]) -> Result<Self, Errno> {
        message::decode(value)
    }

    /// Writes the record as a text to `out` and returns its length. The text is never empty and
    /// contains neither NUL nor `/`, so it can be a file's name or a symbolic link's target.
    #[must_use]
    pub fn encode_text(&self, out: &mut [u8; TEXT_MAX]) -> usize {
        text::encode(self, out)
    }

    /// Reads a record's text. Unknown keys, which a newer version may have written, are skipped.
    ///
    /// # Errors
    /// EINVAL if it isn't such a text.
    pub fn decode_text(text: &[u8]) -> Result<Self, Errno> {
        text::decode(text)
    }
}

/// Appends to a buffer. The caller provides one that is large enough; bytes beyond its end are
/// dropped.
struct Writer<'a> {
    out: &'a mut [u8],
    len: usize,
}

impl Writer<'_> {
    fn byte(&mut self, byte: u8) {
        if let Some(slot) = self.out.get_mut(self.len) {
            *slot = byte;
            self.len += 1;
        }
    }

    fn bytes(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.byte(*byte);
        }
    }
}
