//! The value of `-k`: a kernel release, or all names that uname(2) reports, with AT_HWCAP.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::Path;

use newroot_engine::Uname;

use crate::dialects::UsageError;

/// Parses the value of `-k`. PRoot's launchers write all names behind backslashes, AT_HWCAP last.
pub(super) fn parse(value: OsString) -> Result<Uname, UsageError> {
    let Some(rest) = value.as_bytes().strip_prefix(b"\\") else {
        return Ok(Uname::Release(value));
    };
    let malformed = || {
        UsageError::new(format!("cannot use '{}' as the kernel's names", Path::new(&value).display())).hint(
            r"write a release, or '\sysname\nodename\release\version\machine\domainname\hwcap\', with hwcap in hexadecimal",
        )
    };
    let parts: Vec<&[u8]> = rest.split(|&byte| byte == b'\\').collect();
    let [names @ .., capabilities, b""] = &parts[..] else { return Err(malformed()) };
    let names: Vec<OsString> = names.iter().map(|name| OsString::from_vec(name.to_vec())).collect();
    match (names.try_into(), hexadecimal(capabilities)) {
        (Ok(names), Some(number)) => {
            // All bits set stand for the host's value.
            let capabilities = (number != -1).then_some(number.cast_unsigned());
            Ok(Uname::Fields { names, capabilities })
        }
        _ => Err(malformed()),
    }
}

/// Parses a hexadecimal number as strtol(3) does.
fn hexadecimal(text: &[u8]) -> Option<i64> {
    let text = OsStr::from_bytes(text).to_str()?;
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text),
    };
    let digits = digits.strip_prefix("0x").unwrap_or(digits);
    let plain = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    i64::from_str_radix(&format!("{sign}{digits}"), 16).ok().filter(|_| plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(text: &str) -> Result<Uname, UsageError> {
        parse(OsString::from(text))
    }

    fn fields(names: [&str; 6], capabilities: Option<u64>) -> Result<Uname, UsageError> {
        Ok(Uname::Fields { names: names.map(OsString::from), capabilities })
    }

    #[test]
    fn what_begins_without_a_backslash_is_a_release() {
        assert_eq!(parsed(r"6.1\x"), Ok(Uname::Release(r"6.1\x".into())));
    }

    #[test]
    fn names_and_capabilities_stand_behind_backslashes() {
        let names = ["s", "n", "r", "v 1", "m", "d"];
        assert_eq!(parsed(r"\s\n\r\v 1\m\d\0\"), fields(names, Some(0)));
        assert_eq!(parsed(r"\s\n\r\v 1\m\d\0x1F\"), fields(names, Some(0x1f)));
        assert_eq!(parsed(r"\s\n\r\v 1\m\d\-1\"), fields(names, None));
        assert_eq!(parsed(r"\\\\\\\0\"), fields([""; 6], Some(0)));
    }

    #[test]
    fn what_is_missing_or_too_much_is_refused() {
        for text in [
            r"\",
            r"\s\n\r\v\m\d",
            r"\s\n\r\v\m\d\0",
            r"\s\n\r\v\m\0\",
            r"\s\n\r\v\m\d\x\",
            r"\s\n\r\v\m\d\e\0\",
        ] {
            let error = parsed(text).expect_err(text);
            assert_eq!(error.message, format!("cannot use '{text}' as the kernel's names"));
        }
    }
}
