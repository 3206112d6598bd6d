//! Executes programs.
//!
//! # Safety
//! These are raw system calls. Each block says what it relies on.
#![allow(unsafe_code)]

use std::ffi::{CStr, CString, OsString, c_char};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Strings in the form of execve(2): pointers, and a null pointer behind the last.
struct Strings {
    _texts: Vec<CString>,
    pointers: Vec<*const c_char>,
}

impl Strings {
    fn new(texts: &[OsString]) -> io::Result<Self> {
        let texts: Vec<CString> = texts
            .iter()
            .map(|text| CString::new(text.as_bytes()))
            .collect::<Result<_, _>>()
            .map_err(|_| io::Error::from_raw_os_error(libc::EINVAL))?;
        let pointers = texts.iter().map(|text| text.as_ptr()).chain([std::ptr::null()]).collect();
        Ok(Self { _texts: texts, pointers })
    }
}

/// Calls execve(2). Returns only on failure, with the error.
pub(crate) fn execute_path(path: &Path, arguments: &[OsString], environment: &[OsString]) -> io::Error {
    let strings = Strings::new(arguments).and_then(|arguments| {
        let path = CString::new(path.as_os_str().as_bytes()).map_err(io::Error::from)?;
        Ok((path, arguments, Strings::new(environment)?))
    });
    let (path, arguments, environment) = match strings {
        Ok(strings) => strings,
        Err(error) => return error,
    };
    // SAFETY: null-terminated arrays of C strings that live for the call.
    unsafe { libc::execve(path.as_ptr(), arguments.pointers.as_ptr(), environment.pointers.as_ptr()) };
    io::Error::last_os_error()
}

/// Calls execveat(2) on a descriptor. Returns only on failure, with the error.
pub(crate) fn execute_descriptor(
    file: &OwnedFd,
    arguments: &[OsString],
    environment: &[OsString],
) -> io::Error {
    let strings = Strings::new(arguments).and_then(|arguments| Ok((arguments, Strings::new(environment)?)));
    let (arguments, environment) = match strings {
        Ok(strings) => strings,
        Err(error) => return error,
    };
    let empty: &CStr = c"";
    // SAFETY: null-terminated arrays of C strings that live for the call.
    unsafe {
        libc::syscall(
            libc::SYS_execveat,
            file.as_raw_fd(),
            empty.as_ptr(),
            arguments.pointers.as_ptr(),
            environment.pointers.as_ptr(),
            libc::AT_EMPTY_PATH,
        );
    }
    io::Error::last_os_error()
}
