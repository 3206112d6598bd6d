//! Bindings: `HOST[:GUEST[:ro]]`, where a backslash escapes a colon or a backslash.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use newroot_engine::{Access, Binding, GuestLink, Missing};

/// Error in a binding.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::dialects) enum Malformed {
    #[error("no host path before the colon")]
    NoHost,
    #[error("the guest path '{}' is not absolute (read-only at the same path is HOST::ro)", .0.display())]
    RelativeGuest(PathBuf),
    #[error("'{}' is neither 'ro' nor 'rw'", .0.display())]
    Access(OsString),
    #[error("more than two colons (write '\\:' for a colon in a path)")]
    TooManyParts,
}

/// Parses one binding.
pub(in crate::dialects) fn parse(text: &OsStr) -> Result<Binding, Malformed> {
    let mut parts = split(text).into_iter();
    let host = parts.next().unwrap_or_default();
    let guest = parts.next().filter(|part| !part.is_empty());
    let access = parts.next();
    if parts.next().is_some() {
        return Err(Malformed::TooManyParts);
    }
    if host.is_empty() {
        return Err(Malformed::NoHost);
    }
    let guest = guest.map(PathBuf::from);
    if let Some(guest) = guest.as_ref().filter(|path| !path.is_absolute()) {
        return Err(Malformed::RelativeGuest(guest.clone()));
    }
    let access = match access.as_ref().map(|word| word.as_bytes()) {
        None | Some(b"rw") => Access::ReadWrite,
        Some(b"ro") => Access::ReadOnly,
        Some(other) => return Err(Malformed::Access(OsStr::from_bytes(other).to_owned())),
    };
    Ok(Binding {
        host: PathBuf::from(host),
        guest,
        access,
        guest_link: GuestLink::Follow,
        missing: Missing::Fail,
    })
}

/// Splits at the colons that aren't escaped, and removes the backslashes that escape. A backslash
/// before any other byte stands for itself.
fn split(text: &OsStr) -> Vec<OsString> {
    let mut parts = vec![Vec::new()];
    let mut bytes = text.as_bytes().iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        let escaped = if byte == b'\\' { bytes.next_if(|next| matches!(next, b':' | b'\\')) } else { None };
        match (escaped, parts.last_mut()) {
            (None, _) if byte == b':' => parts.push(Vec::new()),
            (literal, Some(part)) => part.push(literal.unwrap_or(byte)),
            (_, None) => {}
        }
    }
    parts.into_iter().map(OsString::from_vec).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks that `text` is a binding of `host` on `guest`.
    fn check(text: &[u8], host: &[u8], guest: Option<&[u8]>, access: Access) {
        let binding = parse(OsStr::from_bytes(text)).expect("well-formed");
        let path = |bytes| PathBuf::from(OsStr::from_bytes(bytes));
        assert_eq!(binding.host, path(host));
        assert_eq!(binding.guest, guest.map(path));
        assert_eq!(binding.access, access);
        assert_eq!(binding.guest_link, GuestLink::Follow);
        assert_eq!(binding.missing, Missing::Fail);
    }

    fn check_malformed(text: &str, expected: &Malformed) {
        assert_eq!(parse(OsStr::new(text)).as_ref(), Err(expected), "{text}");
    }

    #[test]
    fn host_alone_is_bound_at_its_own_path() {
        check(b"/srv", b"/srv", None, Access::ReadWrite);
        check(b".", b".", None, Access::ReadWrite);
    }

    #[test]
    fn guest_path_and_access_follow_colons() {
        check(b"src:/src", b"src", Some(b"/src"), Access::ReadWrite);
        check(b"src:/src:ro", b"src", Some(b"/src"), Access::ReadOnly);
        check(b"src:/src:rw", b"src", Some(b"/src"), Access::ReadWrite);
    }

    #[test]
    fn empty_guest_path_is_the_host_path() {
        check(b"/srv::ro", b"/srv", None, Access::ReadOnly);
        check(b"/srv:", b"/srv", None, Access::ReadWrite);
    }

    #[test]
    fn backslash_takes_the_meaning_from_a_colon() {
        check(br"a\:b:/c\:d", b"a:b", Some(b"/c:d"), Access::ReadWrite);
        check(br"a\\:/b", br"a\", Some(b"/b"), Access::ReadWrite);
        check(br"a\b:/b\", br"a\b", Some(br"/b\"), Access::ReadWrite);
    }

    #[test]
    fn paths_need_not_be_utf_8() {
        check(b"/\xff:/\xfe:ro", b"/\xff", Some(b"/\xfe"), Access::ReadOnly);
    }

    #[test]
    fn malformed_bindings_are_told_apart() {
        check_malformed("", &Malformed::NoHost);
        check_malformed(":/x", &Malformed::NoHost);
        check_malformed("/x:ro", &Malformed::RelativeGuest("ro".into()));
        check_malformed("/x:/y:RO", &Malformed::Access("RO".into()));
        check_malformed("/x:/y:", &Malformed::Access("".into()));
        check_malformed("/x:/y:ro:/z", &Malformed::TooManyParts);
    }
}
