//! The `#!` line of a script.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use newroot_image::HEAD_LEN;

/// The parts of a `#!` line.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Script {
    /// The interpreter, as written.
    pub(crate) interpreter: PathBuf,
    /// The rest of the line, which the kernel passes as one argument.
    pub(crate) argument: Option<OsString>,
}

/// Reads the `#!` line of the file at `path`, if it has one.
pub(crate) fn read(path: &Path) -> io::Result<Option<Script>> {
    let mut start = Vec::new();
    File::open(path)?.take(HEAD_LEN as u64).read_to_end(&mut start)?;
    Ok(parse(&start))
}

fn parse(start: &[u8]) -> Option<Script> {
    if !start.starts_with(b"#!") {
        return None;
    }
    let newroot_image::Script { interpreter, argument } = newroot_image::Script::parse(start).ok()?;
    (!interpreter.is_empty()).then(|| Script {
        interpreter: OsString::from_vec(interpreter.to_vec()).into(),
        argument: argument.map(|argument| OsString::from_vec(argument.to_vec())),
    })
}

impl Script {
    /// Returns the program that env(1) will look for in `PATH`, if env is the interpreter.
    pub(crate) fn program_for_env(&self) -> Option<OsString> {
        if self.interpreter.file_name() != Some(OsStr::new("env")) {
            return None;
        }
        let argument = self.argument.as_ref()?.as_bytes();
        let split = ["-S", "--split-string=", "-vS"]
            .iter()
            .find_map(|option| argument.strip_prefix(option.as_bytes()));
        let Some(words) = split else {
            // The kernel passes one argument. env only splits it with -S.
            return (!argument.starts_with(b"-")).then(|| OsString::from_vec(argument.to_vec()));
        };
        let mut words = words.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        while let Some(word) = words.next() {
            match word {
                b"-u" | b"--unset" | b"-C" | b"--chdir" => {
                    words.next();
                }
                _ if word.starts_with(b"-") || word.contains(&b'=') => {}
                _ => return Some(OsString::from_vec(word.to_vec())),
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn script(line: &str) -> Script {
        parse(line.as_bytes()).expect("a script")
    }

    #[test]
    fn line_is_split_once_like_the_kernel_does() {
        let script = script("#! /bin/awk  -f  -v x \nprint");
        assert_eq!(script.interpreter, Path::new("/bin/awk"));
        assert_eq!(script.argument, Some("-f  -v x".into()));
    }

    #[test]
    fn line_without_interpreter_is_no_script() {
        assert_eq!(parse(b"#!\nls"), None);
        assert_eq!(parse(b"#ls"), None);
        assert_eq!(parse(b""), None);
    }

    #[test]
    fn what_ends_lines_elsewhere_belongs_to_the_name() {
        assert_eq!(script("#!/bin/sh\r\necho").interpreter, Path::new("/bin/sh\r"));
    }

    #[test]
    fn name_that_is_cut_off_is_none() {
        let line = [b"#!/".as_slice(), &[b'x'; HEAD_LEN]].concat();
        assert_eq!(parse(&line[..HEAD_LEN]), None);
    }

    #[test]
    fn env_names_the_program() {
        for (line, program) in [
            ("#!/usr/bin/env python3", Some("python3")),
            ("#!/usr/bin/env -S perl -w", Some("perl")),
            ("#!/usr/bin/env -S -u HOME -i A=b node --x", Some("node")),
            ("#!/usr/bin/env -Sruby -w", Some("ruby")),
            ("#!/usr/bin/env -i", None),
            ("#!/usr/bin/env", None),
            ("#!/bin/sh env", None),
        ] {
            assert_eq!(script(line).program_for_env(), program.map(OsString::from), "{line}");
        }
    }
}
