//! `host[:guest[!]]`. The first colon ends the host path; a guest path may hold more.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use newroot_engine::{Access, Binding, GuestLink, Missing};

use crate::dialects::UsageError;

/// Parses one binding.
pub(super) fn parse(text: &OsStr) -> Result<Binding, UsageError> {
    let malformed = |why: &str| {
        UsageError::new(format!("cannot bind '{}': {why}", Path::new(text).display()))
            .hint("a binding is written host[:guest[!]]")
    };
    let bytes = text.as_bytes();
    let Some(colon) = bytes.iter().position(|&byte| byte == b':') else {
        return Ok(binding(bytes, None, GuestLink::Follow));
    };
    let (host, guest) = (&bytes[..colon], &bytes[colon + 1..]);
    let (guest, guest_link) = match guest.strip_suffix(b"!") {
        Some(guest) => (guest, GuestLink::Keep),
        None => (guest, GuestLink::Follow),
    };
    if host.is_empty() {
        return Err(malformed("no host path before the colon"));
    }
    if guest.is_empty() {
        return Err(malformed("no guest path after the colon"));
    }
    Ok(binding(host, Some(guest), guest_link))
}

fn binding(host: &[u8], guest: Option<&[u8]>, guest_link: GuestLink) -> Binding {
    let path = |bytes| PathBuf::from(OsStr::from_bytes(bytes));
    Binding {
        host: path(host),
        guest: guest.map(path),
        access: Access::ReadWrite,
        guest_link,
        missing: Missing::Warn,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &[u8], host: &[u8], guest: Option<&[u8]>, guest_link: GuestLink) {
        let parsed = parse(OsStr::from_bytes(text));
        assert_eq!(parsed, Ok(binding(host, guest, guest_link)), "{text:?}");
    }

    #[test]
    fn host_alone_is_bound_at_its_own_path() {
        check(b"/srv", b"/srv", None, GuestLink::Follow);
        check(b".", b".", None, GuestLink::Follow);
    }

    #[test]
    fn first_colon_ends_the_host_path() {
        check(b"a:/b", b"a", Some(b"/b"), GuestLink::Follow);
        check(b"a:/b:c", b"a", Some(b"/b:c"), GuestLink::Follow);
        check(br"a\:/b", br"a\", Some(b"/b"), GuestLink::Follow);
    }

    #[test]
    fn exclamation_mark_keeps_the_link_at_the_guest_path() {
        check(b"a:/b!", b"a", Some(b"/b"), GuestLink::Keep);
        check(b"a:/b!!", b"a", Some(b"/b!"), GuestLink::Keep);
    }

    #[test]
    fn exclamation_mark_belongs_to_a_host_path() {
        check(b"a!", b"a!", None, GuestLink::Follow);
        check(b"a!:/b", b"a!", Some(b"/b"), GuestLink::Follow);
    }

    #[test]
    fn paths_need_not_be_utf_8() {
        check(b"/\xff:/\xfe!", b"/\xff", Some(b"/\xfe"), GuestLink::Keep);
    }

    #[test]
    fn half_a_binding_is_refused() {
        for text in [":", ":/b", "a:", "a:!"] {
            assert!(parse(OsStr::new(text)).is_err(), "{text}");
        }
    }
}
