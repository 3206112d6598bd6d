//! The first line of a script, read as the kernel reads it (fs/binfmt_script.c).

use newroot_abi::Errno;

/// Number of bytes at the head of a file that the kernel reads (BINPRM_BUF_SIZE).
pub const HEAD_LEN: usize = 256;

/// An interpreter and its one optional argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Script<'a> {
    /// Path of the interpreter, as written; empty if the file ends before it.
    pub interpreter: &'a [u8],
    /// The text behind the interpreter, as one argument; it may be empty.
    pub argument: Option<&'a [u8]>,
}

impl<'a> Script<'a> {
    /// Reads the line from the head of a file that begins with `#!`.
    ///
    /// # Errors
    /// ENOEXEC if the line names no interpreter, or is cut off inside its name.
    pub fn parse(head: &'a [u8]) -> Result<Self, Errno> {
        let head = head.get(..HEAD_LEN).unwrap_or(head);
        let text = head.get(2..).ok_or(Errno::NOEXEC)?;
        // The kernel's buffer is filled up with zeros. A short file therefore ends at a NUL, and a
        // newline after a NUL doesn't count.
        let end = text.iter().position(|byte| matches!(byte, b'\n' | 0)).unwrap_or(text.len());
        let line = text.get(..end).unwrap_or(text);
        match text.get(end) {
            Some(b'\n') => Self::of_line(line).ok_or(Errno::NOEXEC),
            // The last byte of the buffer doesn't count.
            _ if end >= HEAD_LEN - 3 => {
                let name = line.iter().position(|byte| !is_blank(byte)).ok_or(Errno::NOEXEC)?;
                // A name that is cut off would run another program.
                if end == HEAD_LEN - 2 && !line.iter().skip(name).any(is_blank) {
                    return Err(Errno::NOEXEC);
                }
                line.get(..HEAD_LEN - 3).and_then(Self::of_line).ok_or(Errno::NOEXEC)
            }
            _ => Ok(Self::of_string(line)),
        }
    }

    /// Reads a line that ends in a newline. Returns `None` for a blank line.
    fn of_line(line: &'a [u8]) -> Option<Self> {
        let last = line.iter().rposition(|byte| !is_blank(byte))?;
        Some(Self::of_string(line.get(..=last)?))
    }

    /// Reads a line that ends at a NUL. The kernel takes the NUL for the first character of a name
    /// or argument too: both may be empty, and blanks in front of the NUL belong to the argument.
    fn of_string(text: &'a [u8]) -> Self {
        let skip = |text: &'a [u8]| {
            let start = text.iter().position(|byte| !is_blank(byte)).unwrap_or(text.len());
            text.get(start..).unwrap_or(&[])
        };
        let text = skip(text);
        match text.iter().position(is_blank).and_then(|end| text.split_at_checked(end)) {
            Some((interpreter, rest)) => Self { interpreter, argument: Some(skip(rest)) },
            None => Self { interpreter: text, argument: None },
        }
    }
}

fn is_blank(byte: &u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(head: &[u8], interpreter: &str, argument: Option<&str>) {
        let script = Script::parse(head).expect("a valid script");
        assert_eq!(script.interpreter, interpreter.as_bytes());
        assert_eq!(script.argument, argument.map(str::as_bytes));
    }

    #[test]
    fn the_rest_of_the_line_is_one_argument() {
        check(b"#!/bin/sh\n", "/bin/sh", None);
        check(b"#! \t/usr/bin/env -S a b \t\nrest", "/usr/bin/env", Some("-S a b"));
        check(b"#!/bin/sh   \n", "/bin/sh", None);
        check(b"#!sh", "sh", None);
    }

    #[test]
    fn a_trailing_blank_at_the_end_of_the_file_makes_an_empty_argument() {
        check(b"#!/bin/sh ", "/bin/sh", Some(""));
        check(b"#!/bin/sh \t\0", "/bin/sh", Some(""));
        check(b"#!/bin/sh x ", "/bin/sh", Some("x "));
    }

    #[test]
    fn a_newline_after_a_nul_does_not_count() {
        check(b"#!/bin/sh x \0y\n", "/bin/sh", Some("x "));
        check(b"#! \0\n", "", None);
    }

    #[test]
    fn a_name_that_fills_the_buffer_is_complete_if_a_blank_or_nul_follows() {
        for end in *b" \t\0\n" {
            let mut head = [b'x'; HEAD_LEN];
            head[..3].copy_from_slice(b"#!/");
            head[HEAD_LEN - 1] = end;
            let script = Script::parse(&head).map(|script| (script.interpreter.len(), script.argument));
            assert_eq!(script, Ok((HEAD_LEN - 3, None)), "{end}");
        }
    }

    #[test]
    fn a_line_without_an_interpreter_is_rejected() {
        assert_eq!(Script::parse(b"#!  \n"), Err(Errno::NOEXEC));
        assert_eq!(Script::parse(b"#!\n"), Err(Errno::NOEXEC));
        assert_eq!(Script::parse(b"#!").map(|script| script.interpreter), Ok(&b""[..]));
    }

    #[test]
    fn a_name_cut_off_by_the_buffer_is_rejected_but_a_cut_off_argument_is_not() {
        let mut head = [b'x'; HEAD_LEN];
        head[..3].copy_from_slice(b"#!/");
        assert_eq!(Script::parse(&head), Err(Errno::NOEXEC));
        head[10] = b' ';
        assert_eq!(Script::parse(&head).map(|script| script.interpreter.len()), Ok(8));
    }
}
