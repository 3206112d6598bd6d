//! The words for an I/O error.

use std::io::{Error, ErrorKind};

use rustix::io::Errno;

/// Returns the kernel's words for an I/O error, without Rust's "(os error N)".
///
/// An error that the standard library made has a kind instead of an errno. It gets the words of the
/// errno that the kind stands for, because "entity not found" or "failed to fill whole buffer"
/// means nothing to a user.
#[must_use]
pub fn reason(error: &Error) -> String {
    let is_of_the_library = error.raw_os_error().is_none() && error.get_ref().is_none();
    let number = match error.kind() {
        _ if !is_of_the_library => None,
        ErrorKind::NotFound => Some(Errno::NOENT),
        ErrorKind::PermissionDenied => Some(Errno::ACCESS),
        ErrorKind::AlreadyExists => Some(Errno::EXIST),
        ErrorKind::IsADirectory => Some(Errno::ISDIR),
        ErrorKind::NotADirectory => Some(Errno::NOTDIR),
        ErrorKind::DirectoryNotEmpty => Some(Errno::NOTEMPTY),
        ErrorKind::InvalidInput | ErrorKind::InvalidData => Some(Errno::INVAL),
        ErrorKind::Interrupted => Some(Errno::INTR),
        ErrorKind::OutOfMemory => Some(Errno::NOMEM),
        ErrorKind::Unsupported => Some(Errno::OPNOTSUPP),
        // write(2) wrote nothing.
        ErrorKind::WriteZero => Some(Errno::NOSPC),
        ErrorKind::UnexpectedEof => return "it ends too early".to_owned(),
        _ => Some(Errno::IO),
    };
    let text = number.map_or_else(|| error.to_string(), |number| Error::from(number).to_string());
    match text.find(" (os error") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_the_kernels_whoever_made_the_error() {
        for (error, words) in [
            (Error::from(Errno::ACCESS), "Permission denied"),
            (ErrorKind::NotFound.into(), "No such file or directory"),
            (ErrorKind::IsADirectory.into(), "Is a directory"),
            (std::fs::read("\0").expect_err("no path has a NUL"), "Invalid argument"),
            (
                std::io::Read::read_exact(&mut &b""[..], &mut [0]).expect_err("it is empty"),
                "it ends too early",
            ),
            (Error::other("it is what it is"), "it is what it is"),
        ] {
            assert_eq!(reason(&error), words);
        }
    }
}
