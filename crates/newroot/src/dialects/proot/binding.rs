//! Bindings in PRoot's form: `host[:guest[!][:ro]]`. The first colon ends the host path; the guest
//! path may have more. PRoot has no `:ro` at the end, but its users don't mean a guest path that
//! ends so either. As in the other dialects, such a binding is read-only.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use newroot_engine::{Access, Binding, GuestLink, Missing};

use crate::dialects::UsageError;

/// Parses one binding.
pub(super) fn parse(text: &OsStr) -> Result<Binding, UsageError> {
    let malformed = |why: &str| {
        UsageError::new(format!("cannot bind '{}': {why}", Path::new(text).display()))
            .hint("a binding is written host[:guest[!][:ro]]")
    };
    let bytes = text.as_bytes();
    let Some(colon) = bytes.iter().position(|&byte| byte == b':') else {
        return Ok(binding(bytes, None, GuestLink::Follow));
    };
    let (host, guest) = (&bytes[..colon], &bytes[colon + 1..]);
    let (guest, access) = match (guest.strip_suffix(b":ro"), guest.strip_suffix(b":rw")) {
        (Some(guest), _) => (guest, Some(Access::ReadOnly)),
        (_, Some(guest)) => (guest, Some(Access::ReadWrite)),
        _ => (guest, None),
    };
    let (guest, guest_link) = match guest.strip_suffix(b"!") {
        Some(guest) => (guest, GuestLink::Keep),
        None => (guest, GuestLink::Follow),
    };
    if host.is_empty() {
        return Err(malformed("no host path before the colon"));
    }
    if guest.is_empty() && (access.is_none() || guest_link == GuestLink::Keep) {
        return Err(malformed("no guest path after the colon"));
    }
    let guest = Some(guest).filter(|guest| !guest.is_empty());
    Ok(Binding { access: access.unwrap_or(Access::ReadWrite), ..binding(host, guest, guest_link) })
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
    fn access_may_follow_the_guest_path() {
        for (text, guest, guest_link, access) in [
            ("a:/b:ro", Some(&b"/b"[..]), GuestLink::Follow, Access::ReadOnly),
            ("a:/b:rw", Some(b"/b"), GuestLink::Follow, Access::ReadWrite),
            ("a:/b!:ro", Some(b"/b"), GuestLink::Keep, Access::ReadOnly),
            ("a::ro", None, GuestLink::Follow, Access::ReadOnly),
            ("a:/b:ro/", Some(b"/b:ro/"), GuestLink::Follow, Access::ReadWrite),
            ("a:ro", Some(b"ro"), GuestLink::Follow, Access::ReadWrite),
        ] {
            let expected = Binding { access, ..binding(b"a", guest, guest_link) };
            assert_eq!(parse(OsStr::new(text)), Ok(expected), "{text}");
        }
    }

    #[test]
    fn paths_need_not_be_utf_8() {
        check(b"/\xff:/\xfe!", b"/\xff", Some(b"/\xfe"), GuestLink::Keep);
    }

    #[test]
    fn half_a_binding_is_refused() {
        for text in [":", ":/b", "a:", "a:!", "a:!:ro", ":/b:ro"] {
            assert!(parse(OsStr::new(text)).is_err(), "{text}");
        }
    }
}
