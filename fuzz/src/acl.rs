//! Access control lists in the kernel's format. Any program may set one with setxattr(2), and
//! archives contain them.

use newroot_fakeroot::acl::{self, Equivalent};
use newroot_fakeroot::permission::{Owned, Want, Who};
use newroot_fakeroot::{Credentials, permission};

/// Reads a mode and a umask from the first four bytes, and the rest as an access control list.
///
/// # Panics
/// If a list derived from a valid list isn't valid, or grants more than the original.
pub fn check(bytes: &[u8]) {
    let Some((&[m0, m1, u0, u1], list)) = bytes.split_first_chunk() else { return };
    let mode = u32::from(u16::from_le_bytes([m0, m1])) & 0o7777;
    let umask = u32::from(u16::from_le_bytes([u0, u1])) & 0o777;
    let mut out = vec![0; list.len()];

    // Invalid lists come from attributes that other programs have written.
    for who in [Credentials::root(), Credentials::user(7, 8)] {
        let who = Who { credentials: &who, groups: &[9] };
        let file = Owned { uid: 7, gid: 9, mode: 0o100_000 | mode, acl: Some(list) };
        for want in 0..8 {
            let _ = permission::may(&who, &file, Want(want));
        }
    }
    let created = acl::on_creation(Some(list), 0o100_000 | mode, umask, &mut out);
    if acl::check(list) != Ok(true) {
        assert!(created.is_err(), "a list that can't be set must not be inherited");
        return;
    }

    let created = created.expect("the list fits");
    assert_eq!(created.mode & !(0o100_000 | mode), 0, "the mode must limit the list");
    if let Some(len) = created.access {
        assert_eq!(acl::check(&out[..len]), Ok(true));
        assert_eq!(bits(acl::equivalent(&out[..len])), created.mode & 0o777);
    }
    let len = acl::normal(list, &mut out).expect("the list fits");
    assert_eq!(acl::check(&out[..len]), Ok(true));
    assert_eq!(acl::equivalent(&out[..len]), acl::equivalent(list));
    let len = acl::after_chmod(list, mode, &mut out).expect("the list fits");
    assert_eq!(acl::check(&out[..len]), Ok(true));
    // The group's bits belong to the mask if there is one. Without a mask, a list that names a user
    // or group isn't valid.
    assert_eq!(bits(acl::equivalent(&out[..len])), mode & 0o777);
    if let Some(short) = list.len().checked_sub(1) {
        assert!(acl::normal(list, &mut out[..short]).is_err(), "a list must not be truncated");
    }
}

const fn bits(equivalent: Equivalent) -> u32 {
    match equivalent {
        Equivalent::Mode(bits) | Equivalent::Mask(bits) => bits,
    }
}
