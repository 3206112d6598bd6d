//! Environment variables on the command line: `VAR[=VALUE]`.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use crate::caller::Caller;

/// An environment variable as `--env` names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Variable {
    name: OsString,
    /// `None` stands for the caller's own value.
    value: Option<OsString>,
}

impl Variable {
    /// Parses one argument of `--env`.
    pub(super) fn parse(text: &OsStr) -> Result<Self, &'static str> {
        let bytes = text.as_bytes();
        let (name, value) = match bytes.iter().position(|&byte| byte == b'=') {
            Some(equals) => (&bytes[..equals], Some(&bytes[equals + 1..])),
            None => (bytes, None),
        };
        if name.is_empty() {
            return Err("a variable needs a name");
        }
        Ok(Self {
            name: OsStr::from_bytes(name).to_owned(),
            value: value.map(|value| OsStr::from_bytes(value).to_owned()),
        })
    }

    /// Returns the change to the guest's environment. There is none if the variable has no value of
    /// its own, and the caller doesn't have it either.
    pub(super) fn resolve(self, caller: &Caller) -> Option<(OsString, Option<OsString>)> {
        let value = match self.value {
            Some(value) => value,
            None => caller.variable(&self.name)?.to_owned(),
        };
        Some((self.name, Some(value)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &[u8], name: &[u8], value: Option<&[u8]>) {
        let expected = Variable {
            name: OsStr::from_bytes(name).to_owned(),
            value: value.map(|value| OsStr::from_bytes(value).to_owned()),
        };
        assert_eq!(Variable::parse(OsStr::from_bytes(text)), Ok(expected));
    }

    #[test]
    fn first_equals_sign_ends_the_name() {
        check(b"A=1", b"A", Some(b"1"));
        check(b"A=", b"A", Some(b""));
        check(b"A=b=c", b"A", Some(b"b=c"));
        check(b"A", b"A", None);
    }

    #[test]
    fn values_need_not_be_utf_8() {
        check(b"A=\xff", b"A", Some(b"\xff"));
    }

    #[test]
    fn variable_without_a_name_is_refused() {
        assert!(Variable::parse(OsStr::new("")).is_err());
        assert!(Variable::parse(OsStr::new("=1")).is_err());
    }
}
