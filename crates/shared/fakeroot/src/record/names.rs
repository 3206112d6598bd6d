//! Names of extended attributes. Those that an ordinary user may not set are kept under names in
//! `user.`, and what is kept so the guest sees only as what it is.

use newroot_abi::Errno;

use super::ATTRIBUTE;
use crate::acl;

/// The longest name the kernel takes: `XATTR_NAME_MAX` of `linux/limits.h`.
pub const NAME_MAX: usize = 255;

/// What stands before a name that is kept in `user.`.
const PREFIX: &[u8] = b"user.newroot.";

/// Whether an attribute of this name needs privilege, so that we keep it under another one.
fn is_kept(name: &[u8]) -> bool {
    let within = |class: &[u8]| name.len() > class.len() && name.starts_with(class);
    within(b"security.") || within(b"trusted.") || name == acl::ACCESS || name == acl::DEFAULT
}

/// The name under which the attribute `name` is kept, written to `out`; `None` for one that is kept
/// under its own.
///
/// # Errors
/// ERANGE, with which setxattr(2) refuses a name that is too long.
pub fn stored_name<'a>(name: &[u8], out: &'a mut [u8; NAME_MAX]) -> Result<Option<&'a [u8]>, Errno> {
    if !is_kept(name) {
        return Ok(None);
    }
    let len = PREFIX.len().saturating_add(name.len());
    let room = out.get_mut(..len).ok_or(Errno::RANGE)?;
    let (front, back) = room.split_at_mut_checked(PREFIX.len()).ok_or(Errno::RANGE)?;
    front.copy_from_slice(PREFIX);
    back.copy_from_slice(name);
    Ok(Some(room))
}

/// The name that the guest knows the kept attribute `stored` by; `None` for one that isn't kept so.
#[must_use]
pub fn shown_name(stored: &[u8]) -> Option<&[u8]> {
    stored.strip_prefix(PREFIX).filter(|name| is_kept(name))
}

/// Whether `name` is ours on the host, and no attribute to the guest.
#[must_use]
pub fn is_hidden(name: &[u8]) -> bool {
    name == ATTRIBUTE || name.starts_with(PREFIX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_comes_back() {
        for name in [&b"security.capability"[..], b"trusted.overlay.opaque", acl::ACCESS, acl::DEFAULT] {
            let mut out = [0; NAME_MAX];
            let stored = stored_name(name, &mut out).unwrap().unwrap();
            assert!(is_hidden(stored));
            assert_eq!(shown_name(stored), Some(name));
        }
    }

    #[test]
    fn other_names_stay() {
        let mut out = [0; NAME_MAX];
        for name in [&b"user.x"[..], b"security.", b"trusted.", b"system.nfs4_acl", b"securit", b""] {
            assert_eq!(stored_name(name, &mut out), Ok(None));
            assert!(!is_hidden(name));
            assert_eq!(shown_name(name), None);
        }
        assert_eq!(shown_name(b"user.newroot.user.x"), None);
        assert!(is_hidden(b"user.rootlesscontainers"));
        assert!(!is_hidden(b"user.rootlesscontainers2"));
    }

    #[test]
    fn a_name_that_grows_too_long_is_refused() {
        let mut name = [b'x'; NAME_MAX];
        name[..8].copy_from_slice(b"trusted.");
        let mut out = [0; NAME_MAX];
        let longest = NAME_MAX - PREFIX.len();
        assert_eq!(stored_name(&name[..longest], &mut out).map(|name| name.map(<[u8]>::len)), Ok(Some(255)));
        assert_eq!(stored_name(&name[..=longest], &mut out), Err(Errno::RANGE));
    }
}
