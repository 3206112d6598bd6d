//! The first line of a script, read as the kernel reads it (fs/binfmt_script.c).

use newroot_abi::Errno;

/// How much of a file's head the kernel looks at (BINPRM_BUF_SIZE).
pub const HEAD_LEN: usize = 256;

/// An interpreter and its one optional argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Script<'a> {
    /// Path of the interpreter, as written; empty if the file ends before there is one.
    pub interpreter: &'a [u8],
    /// Everything behind it, as one argument.
    pub argument: Option<&'a [u8]>,
}

impl<'a> Script<'a> {
    /// Reads the line from the head of a file that begins with `#!`.
    ///
    /// # Errors
    /// ENOEXEC if there is no interpreter, or if the line is cut off inside its name.
    pub fn parse(head: &'a [u8]) -> Result<Self, Errno> {
        // The kernel's buffer is zero-filled, so that a short file ends at a NUL.
        let line = head.get(2..).ok_or(Errno::NOEXEC)?;
        let line = line.get(..HEAD_LEN - 2).unwrap_or(line);
        let newline = line.iter().position(|&byte| byte == b'\n');
        let (line, cut) = match newline {
            Some(end) => (line.get(..end).unwrap_or(line), false),
            // Without one the last byte of the buffer doesn't count.
            None => (line.get(..HEAD_LEN - 3).unwrap_or(line), head.len() >= HEAD_LEN),
        };
        let line = line.split(|&byte| byte == 0).next().unwrap_or(line);
        let blank = |byte: &u8| *byte == b' ' || *byte == b'\t';
        let start = match line.iter().position(|byte| !blank(byte)) {
            Some(start) => start,
            // The buffer's NUL is taken for the name's first character.
            None if newline.is_none() && !cut => return Ok(Self { interpreter: &[], argument: None }),
            None => return Err(Errno::NOEXEC),
        };
        let line = line.get(start..).ok_or(Errno::NOEXEC)?;
        let Some(end) = line.iter().position(blank) else {
            // Cut off in the middle of the name, it would run something else.
            return if cut { Err(Errno::NOEXEC) } else { Ok(Self { interpreter: line, argument: None }) };
        };
        let (interpreter, rest) = line.split_at(end);
        let argument = rest.iter().position(|byte| !blank(byte)).and_then(|first| {
            let last = rest.iter().rposition(|byte| !blank(byte))?;
            rest.get(first..=last)
        });
        Ok(Self { interpreter, argument })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(head: &[u8], interpreter: &str, argument: Option<&str>) {
        let script = Script::parse(head).expect("a script");
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
    fn a_line_without_interpreter_is_no_script() {
        assert_eq!(Script::parse(b"#!  \n"), Err(Errno::NOEXEC));
        assert_eq!(Script::parse(b"#!\n"), Err(Errno::NOEXEC));
        assert_eq!(Script::parse(b"#!").map(|script| script.interpreter), Ok(&b""[..]));
    }

    #[test]
    fn a_name_cut_off_by_the_buffer_is_refused_but_an_argument_is_not() {
        let mut head = [b'x'; HEAD_LEN];
        head[..3].copy_from_slice(b"#!/");
        assert_eq!(Script::parse(&head), Err(Errno::NOEXEC));
        head[10] = b' ';
        assert_eq!(Script::parse(&head).map(|script| script.interpreter.len()), Ok(8));
    }
}
