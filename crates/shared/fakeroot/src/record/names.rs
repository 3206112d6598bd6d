//! Names of extended attributes. An attribute that an ordinary user may not set is stored under a
//! name in `user.`, and the guest sees it only under its own name.

use newroot_abi::Errno;

use super::ATTRIBUTE;
use crate::acl;

/// Length of the longest name that the kernel accepts: `XATTR_NAME_MAX` of `linux/limits.h`.
pub const NAME_MAX: usize = 255;

/// Prefix of a name under which an attribute is stored in `user.`.
const PREFIX: &[u8] = b"user.newroot.";

/// Checks whether an attribute of this name needs privileges, and is therefore stored under another
/// name.
fn is_privileged(name: &[u8]) -> bool {
    let within = |class: &[u8]| name.len() > class.len() && name.starts_with(class);
    within(b"security.") || within(b"trusted.") || name == acl::ACCESS || name == acl::DEFAULT
}

/// Writes the name under which the attribute `name` is stored to `out`, and returns it. Returns
/// `None` if the attribute is stored under its own name.
///
/// # Errors
/// ERANGE, with which setxattr(2) rejects a name that is too long.
pub fn stored_name<'a>(name: &[u8], out: &'a mut [u8; NAME_MAX]) -> Result<Option<&'a [u8]>, Errno> {
    if !is_privileged(name) {
        return Ok(None);
    }
    let len = PREFIX.len().saturating_add(name.len());
    let stored = out.get_mut(..len).ok_or(Errno::RANGE)?;
    let (front, back) = stored.split_at_mut_checked(PREFIX.len()).ok_or(Errno::RANGE)?;
    front.copy_from_slice(PREFIX);
    back.copy_from_slice(name);
    Ok(Some(stored))
}

/// Returns the name under which the guest knows the attribute `stored`, or `None` if it isn't
/// stored under another name.
#[must_use]
pub fn shown_name(stored: &[u8]) -> Option<&[u8]> {
    stored.strip_prefix(PREFIX).filter(|name| is_privileged(name))
}

/// Checks whether `name` belongs to newroot on the host, and must not appear to the guest.
#[must_use]
pub fn is_hidden(name: &[u8]) -> bool {
    name == ATTRIBUTE || name.starts_with(PREFIX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_name_maps_back() {
        for name in [&b"security.capability"[..], b"trusted.overlay.opaque", acl::ACCESS, acl::DEFAULT] {
            let mut out = [0; NAME_MAX];
            let stored = stored_name(name, &mut out).unwrap().unwrap();
            assert!(is_hidden(stored));
            assert_eq!(shown_name(stored), Some(name));
        }
    }

    #[test]
    fn other_names_are_unchanged() {
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
    fn a_name_that_becomes_too_long_is_rejected() {
        let mut name = [b'x'; NAME_MAX];
        name[..8].copy_from_slice(b"trusted.");
        let mut out = [0; NAME_MAX];
        let longest = NAME_MAX - PREFIX.len();
        assert_eq!(stored_name(&name[..longest], &mut out).map(|name| name.map(<[u8]>::len)), Ok(Some(255)));
        assert_eq!(stored_name(&name[..=longest], &mut out), Err(Errno::RANGE));
    }
}
