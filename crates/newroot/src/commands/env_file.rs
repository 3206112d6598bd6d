//! Files with environment variables, in docker's format: a variable in each line.
//!
//! `NAME=VALUE` sets a variable. Everything after the equals sign is the value, including quotes
//! and blanks. `NAME` alone passes the caller's value on. Blanks at the beginning of a line are
//! skipped, and so are empty lines and lines that begin with `#`.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::Read as _;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use crate::failure::Failure;

/// Size of the largest file in bytes: the kernel gives no program more arguments and variables
/// (`bprm_stack_limits` in fs/exec.c).
const LARGEST: u64 = 6 << 20;

/// A variable and its value.
type Variable = (OsString, Option<OsString>);

/// Reads the variables in a file.
pub(super) fn read(path: &Path) -> Result<Vec<Variable>, Failure> {
    let fail = |why: String| Failure::EnvFile { path: path.to_owned(), why };
    let mut text = Vec::new();
    let file = fs::File::open(path).and_then(|file| file.take(LARGEST + 1).read_to_end(&mut text));
    file.map_err(|error| fail(newroot_engine::reason(&error)))?;
    if text.len() as u64 > LARGEST {
        return Err(fail("it is larger than 6 MiB, more than a program can be given".to_owned()));
    }
    parse(&text, |name| std::env::var_os(name)).map_err(fail)
}

fn parse(text: &[u8], callers: impl Fn(&OsStr) -> Option<OsString>) -> Result<Vec<Variable>, String> {
    let mark = "\u{feff}".as_bytes();
    let text = text.strip_prefix(mark).unwrap_or(text);
    let mut variables = Vec::new();
    for (index, line) in text.split(|&byte| byte == b'\n').enumerate() {
        let line = line.strip_suffix(b"\r").unwrap_or(line).trim_ascii_start();
        if matches!(line, [] | [b'#', ..]) {
            continue;
        }
        let fail = |why: &str| Err(format!("line {}: {why}", index + 1));
        let equals = line.iter().position(|&byte| byte == b'=');
        let (name, value) = match equals {
            Some(equals) => (&line[..equals], Some(&line[equals + 1..])),
            None => (line, None),
        };
        if name.is_empty() {
            return fail("a variable needs a name");
        }
        if name.iter().any(u8::is_ascii_whitespace) {
            return fail("there is a blank in the variable's name");
        }
        if line.contains(&0) {
            return fail("there is a NUL byte in the line");
        }
        let name = OsStr::from_bytes(name);
        let value = value.map(|value| OsString::from_vec(value.to_vec())).or_else(|| callers(name));
        if let Some(value) = value {
            variables.push((name.to_owned(), Some(value)));
        }
    }
    Ok(variables)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &[u8], expected: &[(&str, &[u8])]) {
        let callers = |name: &OsStr| (name == "HELD").then(|| OsString::from("mine"));
        let expected: Vec<Variable> = expected
            .iter()
            .map(|(name, value)| (OsString::from(name), Some(OsString::from_vec(value.to_vec()))))
            .collect();
        assert_eq!(parse(text, callers), Ok(expected));
    }

    #[test]
    fn each_line_is_a_variable() {
        check(b"A=1\nB=x=y\n\nC=\n", &[("A", b"1"), ("B", b"x=y"), ("C", b"")]);
        check(b"A='a b' \r\n# A=2\n  #x\n \tB= b", &[("A", b"'a b' "), ("B", b" b")]);
        check(b"\xef\xbb\xbfA=\xff", &[("A", b"\xff")]);
        check(b"", &[]);
    }

    #[test]
    fn name_alone_hands_the_callers_value_on() {
        check(b"HELD\nMISSING\n", &[("HELD", b"mine")]);
    }

    #[test]
    fn line_without_a_sound_name_is_refused_by_its_number() {
        for (text, line) in [(&b"A=1\n=2"[..], "line 2: "), (b"A B=1", "line 1: "), (b"A =1", "line 1: ")] {
            let why = parse(text, |_| None).expect_err("no variable");
            assert!(why.starts_with(line), "{why}");
        }
        assert!(parse(b"A=\0", |_| None).is_err());
    }
}
